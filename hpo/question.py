"""A study's question, resolved before anything is read: data, algorithms, folds, metric."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.base import Summary
from hpo.data.folds import FoldScheme
from hpo.errors import TuneError
from hpo.search import Searched, resolve
from state_store import StateStore, digest
from studies.definition import definition
from studies.masking import mask
from studies.spec import StudySpec

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
    metric : the score.
    store : where states are kept.
    """

    spec: StudySpec
    dataset: Dataset
    searched: Sequence[Searched]
    folds: FoldScheme
    metric: str
    store: StateStore

    @property
    def summaries(self) -> list[Summary[Any]]:
        """Every summary of the study, once."""
        return list(dict.fromkeys(s for searched in self.searched for s in searched.summaries()))

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
        asked["scoring"] = self.metric
        asked["state of the data"] = self.data_state
        return {key: masked(value) for key, value in asked.items()}


def make_spec(values: Mapping[str, Any]) -> StudySpec:
    """Return the validated description of a study given in Python.

    Data in memory is named so; a sampler or splitter object by its type. Raises ``SpecError``.
    """
    from studies.spec import build

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
    return build({k: v for k, v in plain.items() if v is not None}, "hpo.tune")


def resolve_metric(asked: str | None, searched: Sequence[Searched]) -> str:
    """Return the metric: the one asked for, or the algorithms' own default.

    Raises
    ------
    TuneError
        If an algorithm's states cannot tell it exactly, or the algorithms do different tasks.
    """
    tasks = {s.algorithm.task: s.name for s in searched}
    if len(tasks) > 1:
        pairs = ", ".join(f"{name!r} does {task}" for task, name in tasks.items())
        raise TuneError(f"the algorithms of one study must do the same: {pairs}; tune them in two studies")
    shared = [m for m in searched[0].algorithm.metrics if all(m in s.algorithm.metrics for s in searched)]
    if asked is None:
        return str(shared[0])
    if asked not in shared:
        from studies.located import nearest

        raise TuneError(
            f"scoring={asked!r} cannot be told from the states of {', '.join(s.name for s in searched)}"
            f"{nearest(asked, shared)}; exact are {', '.join(shared)}. Metrics that need the rows "
            "themselves, such as a median or absolute error, can be had from result.confirm(data, scoring=…)"
        )
    return asked


def check_task(searched: Sequence[Searched], dataset: Dataset) -> None:
    """Refuse a regression without one target, and a decomposition with one."""
    task, targets = searched[0].algorithm.task, dataset.targets
    if task == "regression" and len(targets) != 1:
        raise TuneError(
            f"{searched[0].name!r} predicts one target, and target={list(targets) or None!r}; "
            "name one column with target="
        )
    if task == "decomposition" and targets:
        raise TuneError(
            f"{searched[0].name!r} has no target, and target={list(targets)!r}; leave target out "
            "(drop the column, or keep it as a feature)"
        )


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
