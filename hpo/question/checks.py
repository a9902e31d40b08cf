"""What a study must satisfy, as one list: checked before anything is read, and again once labels are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from algorithms import registry
from algorithms.batches import Label
from algorithms.chained import EPOCHS
from algorithms.extras import check_extra
from algorithms.tasks import CLASS, TASKS
from hpo.data.dataset import Dataset
from hpo.data.encoding.hashed import AUTO, Hashed
from hpo.data.sources.roles import check_class, check_number
from hpo.errors import DataError, SearchError, TuneError
from hpo.question.half_life import check_half_life
from hpo.question.matrices import check_matrix
from hpo.question.prefix_values import axes_of, every_value
from hpo.question.question import Asked, without_hashing
from hpo.question.scores_asked import one_task
from hpo.question.search import Searched
from hpo.question.suitability import Labels, check_scoring
from studies.masking import mask
from studies.spec.engines import THREADS
from studies.spec.spec import StudySpec

POPULATION = "population"
"""The fidelity of population-based training."""

LEAST_TRIALS = 10
"""Trials of a population, at least."""


def check(asked: Asked, labels: Sequence[Label] = ()) -> None:
    """Refuse a question that cannot be answered.

    Parameters
    ----------
    asked : the question.
    labels : of a target that is a class; none where they are not known yet.

    Raises
    ------
    TuneError, SearchError, DataError
        Names what is wrong, and what to use.
    """
    for one in CHECKS:
        one(asked, tuple(labels))


def check_task(searched: Sequence[Searched], dataset: Dataset) -> None:
    """Refuse data whose target is not what the algorithms need."""
    task, targets = TASKS[one_task(searched)], dataset.targets
    task = task if targets else task.without_target()
    if task.target is None and targets:
        raise TuneError(
            f"{searched[0].name!r} has no target, and target={list(targets)!r}; leave target out "
            "(drop the column, or keep it as a feature)"
        )
    if task.target is None:
        return
    if len(targets) != 1:
        raise TuneError(
            f"{searched[0].name!r} predicts one target, and target={list(targets) or None!r}; "
            "name one column with target="
        )
    if task.target == CLASS:
        check_class(dataset.labels_field(targets[0]))
    else:
        check_number(
            dataset.schema,
            targets[0],
            "target",
            "; for classes, tune a classifier: algorithm='auto' picks some",
        )


def check_hashing(searched: Sequence[Searched], hash_columns: Hashed) -> None:
    """Refuse columns to hash that an algorithm of the study cannot take."""
    lacking = without_hashing(searched)
    if hash_columns in (None, AUTO) or not lacking:
        return
    task = one_task(searched)
    able = [n for n in registry.of_task(task) if registry.get(n).tags.hashes]
    who = f"of the task {task!r} {', '.join(able)} can" if able else f"none of the task {task!r} can"
    raise SearchError(
        f"hash_columns={list(hash_columns or ())!r}: {', '.join(lacking)} cannot take hashed columns; {who}. "
        "Leave the others, or hash_columns, out"
    )


def check_fidelity(name: str | None, searched: Sequence[Searched], goals: int) -> None:
    """Refuse parts of a sample where several scores are optimised together, or no algorithm is fitted to one."""
    if name is None:
        return
    if goals > 1:
        raise TuneError(f"fidelity={name!r} stops settings by one score, and refit=False optimises several")
    if name == POPULATION:
        _check_population(searched)
        return
    if not any(summary.nests for one in searched for summary in one.summaries()):
        names = ", ".join(one.name for one in searched)
        raise TuneError(
            f"fidelity={name!r} tries settings on parts of a sample, and {names} is answered from all rows at "
            "once; leave fidelity out"
        )


def _check_population(searched: Sequence[Searched]) -> None:
    asked = f"fidelity={POPULATION!r}"
    for one in searched:
        if EPOCHS not in one.fields:
            raise TuneError(
                f"{asked} changes settings while they are trained in epochs, and {one.name} is not; leave it out"
            )
        if EPOCHS in one.asked:
            raise TuneError(
                f"{asked} trains every member as long; give one number for {one.name}.{EPOCHS}, not several"
            )
        if not isinstance(one.constants.get(EPOCHS, one.fields[EPOCHS].default), int):
            raise TuneError(
                f"{asked} trains in epochs; say for how many, such as search={{'{one.name}.{EPOCHS}': 20}}"
            )


def check_replay(spec: StudySpec, searched: Sequence[Searched]) -> None:
    """Refuse to continue with training where nothing is trained in epochs, or nothing is remembered."""
    if spec.replay is None:
        return
    asked = f"replay={spec.replay:g}"
    if not any(EPOCHS in one.fields for one in searched):
        names = ", ".join(one.name for one in searched)
        raise TuneError(f"{asked} continues with what is trained in epochs, and {names} is not; leave replay out")
    if spec.name is None:
        raise TuneError(f"{asked} continues from the last edition of a study, and this has no name; give name='…'")
    if spec.fidelity is not None:
        raise TuneError(
            f"{asked} and fidelity={spec.fidelity!r}: rungs are epochs from the beginning; leave one of them out"
        )


def check_engine(name: str | None, dataset: Dataset, options: Mapping[str, object]) -> None:
    """Refuse workers for data that they cannot reach by themselves."""
    if name is None or name in THREADS:
        return
    if dataset.in_memory:
        raise TuneError(
            f"engine={name!r}: data in memory is in this process alone, and workers read files; write it to one, "
            "such as frame.to_parquet('data.parquet'), and give its path, or leave engine out"
        )
    if options or any(mask(segment.uri) != segment.uri for segment in dataset.segments[:1]):
        raise TuneError(
            f"engine={name!r}: credentials in storage_options or in an address are not sent to workers; set them "
            "in the environment of each worker, and leave them out here"
        )


def _extras(asked: Asked, _labels: Labels) -> None:
    for one in asked.searched:
        check_extra(one.algorithm.tags.extra, one.name)


def _task(asked: Asked, _labels: Labels) -> None:
    check_task(asked.searched, asked.dataset)


def _matrix(asked: Asked, _labels: Labels) -> None:
    check_matrix(asked.searched, asked.dataset, asked.spec)


def _scoring(asked: Asked, labels: Labels) -> None:
    check_scoring(asked.scoring, asked.searched, asked.dataset, labels)


def _features(asked: Asked, _labels: Labels) -> None:
    if not asked.dataset.features and asked.spec.time is None:
        raise DataError("no feature is left after target, weight and drop; ask for fewer of them")


def _hashing(asked: Asked, _labels: Labels) -> None:
    check_hashing(asked.searched, asked.spec.hash_columns)


def _fidelity(asked: Asked, _labels: Labels) -> None:
    check_fidelity(asked.spec.fidelity, asked.searched, asked.scoring.goals)
    if asked.spec.fidelity == POPULATION and asked.spec.trials < LEAST_TRIALS:
        raise TuneError(
            f"fidelity={POPULATION!r} is five generations of two members or more, and trials={asked.spec.trials}; "
            f"give {LEAST_TRIALS} or more"
        )


def _replay(asked: Asked, _labels: Labels) -> None:
    check_replay(asked.spec, asked.searched)


def _half_life(asked: Asked, _labels: Labels) -> None:
    check_half_life(asked.spec, asked.searched, asked.dataset.schema)


def _engine(asked: Asked, _labels: Labels) -> None:
    check_engine(asked.spec.engine, asked.dataset, asked.spec.storage_options)


def _along_axes(asked: Asked, _labels: Labels) -> None:
    """Refuse a way to choose along a prefix axis where none is solved."""
    spec = asked.spec
    given = {"early_stopping_rounds": spec.early_stopping_rounds, "one_std_err": spec.one_std_err}
    words = " and ".join(f"{name}={value!r}" for name, value in given.items() if value is not None)
    if not words:
        return
    if every_value(spec.sampler) or asked.scoring.goals > 1:
        every = f"sampler={spec.sampler!r} keeps every value"
        why = every if asked.scoring.goals == 1 else "several scores are optimised"
        raise TuneError(f"{words} chooses a number of trees for each trial, and {why}; leave one of them out")
    axes = axes_of(asked.searched)
    if not axes:
        names = ", ".join(one.name for one in asked.searched)
        raise TuneError(
            f"{words} chooses along a hyperparameter that one fit answers, and none of {names} is searched; "
            "give several values of n_estimators or max_iter of boosted trees or forests, or leave it out"
        )
    if spec.early_stopping_rounds is not None and not any(axis.grows for axis in axes.values()):
        raise TuneError(
            f"early_stopping_rounds={spec.early_stopping_rounds!r} stops trees from being added, and "
            f"{', '.join(axes)} adds none: one tree is grown in full and pruned; leave early_stopping_rounds out"
        )


CHECKS: Sequence[Callable[[Asked, Labels], None]] = (
    _extras, _features, _task, _matrix, _scoring, _hashing, _fidelity, _replay, _half_life, _engine, _along_axes,
)  # fmt: skip
"""Every check, in the order in which they are made."""
