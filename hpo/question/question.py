"""A study's question, resolved before anything is read: data, algorithms, folds, metric."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from algorithms.contract import Summary
from algorithms.imports import allow, listed
from algorithms.tasks import CLASS, TASKS
from hpo.data.calendar import Calendar
from hpo.data.encoding.hashed import AUTO, Hashed
from hpo.data.folds.schemes import FoldScheme
from hpo.data.sources.named import IN_MEMORY, data_names
from hpo.process.engine import Engine
from hpo.question.given import check_mappings, named, resolve, with_weights
from hpo.question.half_life import search_of
from hpo.question.layout import Layout
from hpo.question.scores_asked import one_task, resolve_scoring
from hpo.question.scoring import Scoring
from hpo.question.search import Searched
from hpo.question.series import search_of as series_of
from state_store import StateStore, digest
from studies.masking import mask
from studies.spec.engines import DASK
from studies.spec.plain import in_full
from studies.spec.spec import StudySpec, build

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of which data, before folds are dealt.

    Attributes
    ----------
    spec : what was asked, as one value.
    dataset : where the rows are.
    searched : the algorithms and what is searched of each.
    scoring : the score, and the sample it needs.
    """

    spec: StudySpec
    dataset: Dataset
    searched: Sequence[Searched]
    scoring: Scoring

    @property
    def metric(self) -> str:
        """Name of the score."""
        return self.scoring.metric

    @property
    def classify(self) -> bool:
        """Whether the target is a class."""
        return bool(self.dataset.targets) and TASKS[one_task(self.searched)].target == CLASS

    @property
    def hash_columns(self) -> Hashed:
        """Which columns are hashed; none by themselves unless every algorithm can take them."""
        asked = self.spec.hash_columns
        return None if asked == AUTO and without_hashing(self.searched) else asked

    @property
    def summaries(self) -> list[Summary]:
        """Every summary of the study, once; that of scoring last."""
        return summaries_of(self.searched, self.scoring)


@dataclass(frozen=True, eq=False)
class Question(Asked):
    """Everything that a study asks.

    Attributes
    ----------
    folds : how rows are divided.
    store : where states are kept.
    chosen : what ``algorithm="auto"`` stands for here, and why; empty where algorithms were named.
    layout : how columns are encoded and folds cut, where that was agreed on; None where it is learned.
    stand_ins : which algorithms are answered by another, since their states do not fit in memory.
    engine : where passes run.
    calendar : the series and their times; None where rows do not follow one another.
    """

    folds: FoldScheme
    store: StateStore
    chosen: str = ""
    layout: Layout | None = None
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    engine: Engine = field(default_factory=Engine)
    calendar: Calendar | None = None

    @property
    def data_state(self) -> str:
        """What identifies the data as it is now, in words that end in a digest of its segments."""
        segments, rows = self.dataset.segments, self.dataset.rows
        found = digest([segment.fingerprint for segment in segments])
        counted = "" if rows is None else f", {rows:,} rows"
        return f"{len(segments):,} segments{counted}, digest {found[:16]}"

    def definition(self) -> dict[str, object]:
        """Return what makes it the same study, the data's state included."""
        asked = self.spec.definition()
        asked["folds"] = self.folds.to_dict()
        metrics = list(self.scoring.metrics)
        asked["scoring"] = metrics if len(metrics) > 1 else self.metric
        if self.scoring.goals > 1:
            asked["refit"] = False
        else:
            asked.pop("refit", None)
        asked["state of the data"] = self.data_state
        return {key: masked(value) for key, value in asked.items()}


def summaries_of(searched: Sequence[Searched], scoring: Scoring) -> list[Summary]:
    """Return every summary that algorithms and their scoring need, once."""
    found = solved_from(searched)
    return list(dict.fromkeys([*found, *([scoring.sample] if scoring.sample is not None else [])]))


def solved_from(searched: Sequence[Searched]) -> list[Summary]:
    """Return every summary that algorithms are solved from, once."""
    return list(dict.fromkeys(s for one in searched for s in one.summaries()))


def make_spec(values: Mapping[str, object]) -> StudySpec:
    """Return the validated description of a study given in Python.

    Data in memory is named so; a sampler or splitter object by its type. Raises ``SpecError``.
    """
    plain = {k: _as_yaml(v) for k, v in values.items()}
    allow(listed(values.get("allow_imports")))
    plain["data"] = data_names(values["data"])
    plain["algorithm"] = named(values["algorithm"])
    if not isinstance(plain["sampler"], str):
        plain["sampler"] = f"custom:{type(plain['sampler']).__name__}"
    if not isinstance(plain["folds"], (int, Mapping)):
        plain["folds"] = 5
    if plain["weight"] is not None and not isinstance(plain["weight"], str):
        plain["weight"] = IN_MEMORY
    if plain["engine"] is not None and not isinstance(plain["engine"], str):
        plain["engine"] = DASK
    for key in ("store", "storage"):
        place = plain[key]
        plain[key] = os.fspath(place) if isinstance(place, (str, os.PathLike)) else None
    plain = {**in_full(plain)}
    plain["search"] = with_weights(plain["algorithm"], plain["search"])
    check_mappings(plain["algorithm"], plain["search"])
    return build({k: v for k, v in plain.items() if v is not None}, "hpo.tune")


def _as_yaml(value: object) -> object:
    """Return NumPy's numbers and any mapping as YAML has them; anything else as it is."""
    if isinstance(value, np.generic):
        return value.item()
    return dict(value) if isinstance(value, Mapping) else value


def without_hashing(searched: Sequence[Searched]) -> list[str]:
    """Return the algorithms that cannot take hashed columns."""
    return [one.name for one in searched if not one.algorithm.tags.hashes]


def resolved(spec: StudySpec, *, labelled: bool = True) -> tuple[list[Searched], Scoring]:
    """Return the algorithms of a spec with what is searched of each, and how they are scored.

    ``labelled`` says whether there is a target, which may as well be that of the data.
    """
    searched = resolve(spec.algorithm, searches(spec))
    return searched, resolve_scoring(spec.scoring, searched, spec.scoring_rows, spec.refit, labelled=labelled)


def searches(spec: StudySpec) -> dict[str, object]:
    """Return what a study searches, with what its half-life and its series say of every algorithm as constants."""
    return {**series_of(spec), **search_of(spec)}


def masked(value: object) -> object:
    """Return text, or lists and mappings of it, without the passwords of addresses; anything else as it is.

    Examples
    --------
    >>> masked(["s3://bucket/x?secret_key=abc"])
    ['s3://bucket/x?secret_key=***']
    """
    if isinstance(value, list):
        return [masked(v) for v in value]
    if isinstance(value, dict):
        return {key: masked(v) for key, v in value.items()}
    return mask(value) if isinstance(value, str) else value
