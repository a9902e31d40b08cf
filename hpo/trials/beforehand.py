"""What is checked, narrowed and warned of once the states are there, before the first trial."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

from optuna.distributions import BaseDistribution

from algorithms.fields import bounds_of
from algorithms.ranges import Range
from hpo.data.folds.schemes import RowFolds
from hpo.data.look_words import sentences
from hpo.data.looks import looks_of, of_target
from hpo.errors import ColumnWarning, DataError, DataWarning, TuneError
from hpo.question.question import Question, without_hashing
from hpo.question.search import Searched
from hpo.question.series import covariate_options
from hpo.question.space import asked_for, space_of, widest
from hpo.states.contexts import Evidence
from hpo.states.learned.pilot import Pilot
from hpo.states.pass_result import PassResult
from studies.counting import counted


def warn_of_looks(question: Question, pilot: Pilot) -> None:
    """Warn of features that look like an id, free text, a group or a constant, but those asked for by name."""
    if question.spec.features is not None:
        return
    hashed = pilot.encoder.hashed
    named = covariate_options(question.spec)
    found = [
        replace(look, option=named.get(look.column, look.option))
        for look in {(k.kind, k.column): k for k in (*pilot.looks, *looks_of(question.dataset))}.values()
        if look.column not in hashed and not (look.kind == "number" and question.dataset.is_text)
    ]
    hashes = not without_hashing(question.searched)
    for words in sentences(found, groups=isinstance(question.folds, RowFolds), hashes=hashes):
        warnings.warn(words, ColumnWarning, stacklevel=4)


def warn_of_targets(question: Question, found: Evidence) -> None:
    """Warn of features that look like the target itself, by the states; but not of those asked for by name."""
    names = {field.name for field in question.dataset.features}
    for states in found.states.values() if question.spec.features is None else ():
        whole = states.whole
        if (shares := whole.likeness) is not None:
            sources = [column.source for column in whole.shape.columns]
            like = [k for k in of_target(sources, shares.tolist(), int(whole.rows)) if k.column in names]
            for words in sentences(like, groups=False, hashes=False):
                warnings.warn(words, ColumnWarning, stacklevel=4)
            return


def warn_of_unused(question: Question, found: Evidence) -> None:
    """Warn of rows that models of the study learn nothing of, by the states; else by what was seen at opening."""
    said = dict.fromkeys(states.whole.unused for states in found.states.values() if states.whole.unused)
    for words in said or [question.dataset.remark]:
        if words:
            warnings.warn(words, DataWarning, stacklevel=4)


def study_space(searched: Sequence[Searched], found: Evidence) -> dict[str, BaseDistribution]:
    """Return what is searched, narrowed by what the states know."""

    def bounds(one: Searched) -> Mapping[str, Range | None]:
        each = []
        for algorithm in one.variants:
            states = found.states[algorithm.summary].for_algorithm(algorithm)
            each.append(bounds_of(algorithm, one.algorithm, states.whole))
        return widest(each)

    return space_of(searched, bounds)


def check_asked(searched: Sequence[Searched], found: Evidence) -> None:
    """Refuse what is asked of a hyperparameter that the rows of the data rule out, whatever else is tried.

    Raises
    ------
    SearchError
        For a value, or an end of a range, that no training state can take.
    """
    train = {summary: states.train for summary, states in found.states.items()}
    for one in searched:
        for name, values in one.values.items():
            with asked_for(one, name):
                for value in () if one.fields[name].needs_pass else values:
                    one.check(name, value, train)


def check_rows(found: Evidence, result: PassResult, metric: str) -> None:
    """Refuse data without usable rows, folds without rows, and R² of a single row."""
    states = found.any_states
    if not states.whole.rows:
        raise DataError(f"no row can be used: {_unusable(result, found.pilot.shape.targets)}")
    for i, (train, test) in enumerate(zip(states.train, states.test, strict=True), start=1):
        if not train.rows or not test.rows:
            empty = "train" if not train.rows else "test"
            raise DataError(
                f"split {i} of {len(states.train)} has no rows to {empty} on: "
                f"{counted(states.whole.rows, 'usable row')} in {found.pilot.folds.describe()}"
                f"{found.pilot.folds.why_empty(i - 1, empty)}"
            )
        if metric == "r2" and test.rows < 2:
            raise TuneError(
                f"split {i} of {len(states.train)} has one row to test on, and R² needs two for a variance; "
                "use scoring='neg_mean_squared_error', or fewer folds"
            )


def _unusable(result: PassResult, targets: Sequence[str]) -> str:
    """Return why no row of the data can be used, and what to check."""
    why, check = [], []
    if result.without_target:
        why.append(f"{result.without_target:,} have no value for the target {', '.join(map(repr, targets))}")
        check.append("the target's name")
    if result.without_weight:
        why.append(f"{result.without_weight:,} have weight zero")
        check.append("the weights")
    named = f"{', '.join(check)} and " if check else ""
    return f"{' and '.join(why) or 'there is none'}; check {named}the data"
