"""A study's question, resolved before anything is read: data, algorithms, folds, metric."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms import registry
from algorithms.contract import Summary
from algorithms.tasks import CLASS, TASKS
from hpo.data.encoding.hashed import AUTO, Hashed
from hpo.data.folds.schemes import FoldScheme
from hpo.data.sources.roles import check_class, check_number
from hpo.errors import SearchError, TuneError
from hpo.question.scoring import Scoring, one_task
from hpo.question.search import Searched, check_mappings, resolve
from state_store import StateStore, digest
from studies.masking import mask
from studies.spec.definition import definition
from studies.spec.spec import StudySpec

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset

IN_MEMORY = "in memory"


@dataclass(frozen=True, eq=False)
class Question:
    """Everything that a study asks.

    Attributes
    ----------
    spec : what was asked, as one value.
    dataset : where the rows are.
    searched : the algorithms and what is searched of each.
    folds : how rows are divided.
    scoring : the score, and the sample it needs.
    store : where states are kept.
    chosen : what ``algorithm="auto"`` stands for here, and why; empty where algorithms were named.
    wide : which algorithms are answered by another, since their states do not fit in memory.
    """

    spec: StudySpec
    dataset: Dataset
    searched: Sequence[Searched]
    folds: FoldScheme
    scoring: Scoring
    store: StateStore
    chosen: str = ""
    wide: Mapping[str, str] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """Name of the score."""
        return self.scoring.metric

    @property
    def classify(self) -> bool:
        """Whether the target is a class."""
        return TASKS[one_task(self.searched)].target == CLASS

    @property
    def hash_columns(self) -> Hashed:
        """Which columns are hashed; none by themselves unless every algorithm can take them."""
        asked = self.spec.hash_columns
        return None if asked == AUTO and _without_hashing(self.searched) else asked

    @property
    def summaries(self) -> list[Summary[Any]]:
        """Every summary of the study, once; that of scoring last."""
        return summaries_of(self.searched, self.scoring)

    @property
    def data_state(self) -> str:
        """What identifies the data as it is now, in words that end in a digest of its segments."""
        segments, rows = self.dataset.segments, self.dataset.rows
        found = digest([segment.fingerprint for segment in segments])
        counted = "" if rows is None else f", {rows:,} rows"
        return f"{len(segments):,} segments{counted}, digest {found[:16]}"

    def definition(self) -> dict[str, Any]:
        """Return what makes it the same study, the data's state included."""
        asked = definition(self.spec)
        asked["folds"] = self.folds.to_dict()
        metrics = list(self.scoring.metrics)
        asked["scoring"] = metrics if len(metrics) > 1 else self.metric
        if self.scoring.goals > 1:
            asked["refit"] = False
        else:
            asked.pop("refit", None)
        asked["state of the data"] = self.data_state
        return {key: masked(value) for key, value in asked.items()}


def summaries_of(searched: Sequence[Searched], scoring: Scoring) -> list[Summary[Any]]:
    """Return every summary that algorithms and their scoring need, once."""
    found = [s for one in searched for s in one.summaries()]
    return list(dict.fromkeys([*found, *([scoring.sample] if scoring.sample is not None else [])]))


def make_spec(values: Mapping[str, Any]) -> StudySpec:
    """Return the validated description of a study given in Python.

    Data in memory is named so; a sampler or splitter object by its type. Raises ``SpecError``.
    """
    from studies.spec.spec import build

    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in values.items()}
    plain["data"] = _data_names(plain["data"])
    if not isinstance(plain["sampler"], str):
        plain["sampler"] = f"custom:{type(plain['sampler']).__name__}"
    if not isinstance(plain["folds"], (int, Mapping)):
        plain["folds"] = 5
    if plain["weight"] is not None and not isinstance(plain["weight"], str):
        plain["weight"] = IN_MEMORY
    for key in ("store", "storage"):
        plain[key] = os.fspath(plain[key]) if isinstance(plain[key], (str, os.PathLike)) else None
    check_mappings(plain["algorithm"], plain["search"])
    return build({k: v for k, v in plain.items() if v is not None}, "hpo.tune")


def check_task(searched: Sequence[Searched], dataset: Dataset) -> None:
    """Refuse data whose target is not what the algorithms need."""
    task, targets = TASKS[one_task(searched)], dataset.targets
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
            dataset.schema, targets[0], "target", "; or tune a classifier, for a target that is a class"
        )


def check_hashing(searched: Sequence[Searched], hash_columns: Hashed) -> None:
    """Refuse columns to hash that an algorithm of the study cannot take."""
    lacking = _without_hashing(searched)
    if hash_columns in (None, AUTO) or not lacking:
        return
    task = one_task(searched)
    able = [n for n in registry.of_task(task) if getattr(registry.get(n), "hashes", False)]
    who = f"of the task {task!r} {', '.join(able)} can" if able else f"none of the task {task!r} can"
    raise SearchError(
        f"hash_columns={list(hash_columns or ())!r}: {', '.join(lacking)} cannot take hashed columns; {who}. "
        "Leave the others, or hash_columns, out"
    )


def _without_hashing(searched: Sequence[Searched]) -> list[str]:
    return [one.name for one in searched if not getattr(one.algorithm, "hashes", False)]


def resolve_search(spec: StudySpec) -> list[Searched]:
    """Return the algorithms of a spec with what is searched of each."""
    return resolve(spec.algorithm, spec.search)


def masked(value: Any) -> Any:
    """Return text, or a list of it, without the passwords of addresses; anything else as it is.

    Examples
    --------
    >>> masked(["s3://bucket/x?secret_key=abc"])
    ['s3://bucket/x?secret_key=***']
    """
    if isinstance(value, list):
        return [masked(v) for v in value]
    return mask(value) if isinstance(value, str) else value


def _data_names(data: Any) -> Any:
    if isinstance(data, (str, os.PathLike)):
        return os.fspath(data)
    if isinstance(data, (list, tuple)) and data and all(isinstance(d, (str, os.PathLike)) for d in data):
        return [os.fspath(d) for d in data]
    return IN_MEMORY
