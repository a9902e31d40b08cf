"""Fold scores of estimators over one table and its splits, from states that are read once for all of them."""

from __future__ import annotations

import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv

from algorithms import registry
from algorithms.arrays import Array, Values
from algorithms.contract import Column, Shape, Summary
from algorithms.errors import AlgorithmError
from hpo.api import tune
from hpo.drop_in.counterparts import Counterpart, Unanswered
from hpo.drop_in.prepared import Asked, Table, tables_of
from hpo.drop_in.weights import Weights
from hpo.drop_in.words import Split
from hpo.errors import HpoError
from hpo.trials.scorer import Scorer

Key: TypeAlias = tuple[str, Summary]
"""An algorithm and what its states are of."""

SPEED, SOLUTION = 1e10, 20.0
"""Operations of a second, and of a solution beside the multiplication of a matrix."""

DIGITS = 1e-8
"""Share of a score, or of one, that rounding may have moved it by."""

HELD = 1 << 30
"""Bytes of tables that steps before a model made, which are kept at a time; one kind of them always is."""

CLOSE = 1e-3
"""Share of a score, or of one, by which a fit may differ from an answer: solvers stop before the optimum."""


@dataclass(frozen=True)
class Question:
    """What is asked for a candidate.

    Attributes
    ----------
    key : what candidates have in common that are asked in a row.
    scores : returns the scores of each split by metric; raises Unanswered.
    """

    key: object
    scores: Callable[[], Mapping[str, Array]]


class Scoring(Protocol):
    """What says the scores of candidates."""

    def asked(self, candidate: BaseEstimator) -> Question:
        """Return what is asked for a candidate; raises Unanswered."""
        ...


@dataclass(frozen=True)
class NoAnswers:
    """Answers to nothing, and why."""

    why: str

    def asked(self, candidate: BaseEstimator) -> Question:
        """Raise Unanswered."""
        raise Unanswered(self.why)


def expected_seconds(asked: Counterpart, rows: int, width: int, splits: int) -> float:
    """Return about how long it takes to read rows of so many columns, and to solve once for each split.

    A state of m numbers costs about m operations a row, and a solution of it m^1.5, as those of a matrix do.
    """
    columns = tuple(Column(f"c{i}", f"c{i}") for i in range(width))
    classes = ("a", "b") if registry.get(asked.name).tags.task == "classification" else ()
    numbers = asked.summary.nbytes(Shape(columns, ("y",), classes)) / 8
    return float((2.0 * rows * numbers + SOLUTION * splits * numbers**1.5) / SPEED)


@contextmanager
def place_of(store: str | None) -> Iterator[str]:
    """Give where states are kept: a place of the caller's, or one that is gone afterwards."""
    if store is not None:
        yield store
        return
    with tempfile.TemporaryDirectory() as folder:
        yield folder


@dataclass
class Answers:
    """What states say of candidates.

    Attributes
    ----------
    X, y : the rows, as they were given.
    target : one column without gaps; None where y is none.
    splits : rows to train on and to test on.
    metrics : names of scores.
    own : whether the score is what an estimator's own ``score`` gives.
    weights : of the rows.
    store : where states are kept.
    fitted : returns the scores of the first split, by metric, of a candidate that is fitted.
    """

    X: ArrayLike
    y: ArrayLike | None
    target: Values | None
    splits: Sequence[Split]
    metrics: Sequence[str]
    own: bool
    weights: Weights
    store: str
    fitted: Callable[[BaseEstimator], Mapping[str, float]]
    begun: ClassVar[bool] = False
    """Whether this process has read rows before: the first time takes longer."""
    prepared: int = 0
    _kinds: OrderedDict[object, Kind] = field(default_factory=OrderedDict)
    _gone: int = 0

    @property
    def rows_read(self) -> int:
        """Rows read so far."""
        return self._gone + sum(kind.rows_read for kind in self._kinds.values())

    def asked(self, candidate: BaseEstimator) -> Question:
        """Return what states are asked for; raises Unanswered where there is no such thing."""
        asked = Asked.of(candidate, alone=bool(self.weights))
        if not self.own and not asked.answering.has_target:
            raise Unanswered(f"{', '.join(self.metrics)}: is no score of a model without a target")
        if self.own and asked.answering.own_score != self.metrics[0]:
            raise Unanswered(f"its own score is {asked.answering.own_score}, not {self.metrics[0]}")
        return Question(asked.key, partial(self.scores, candidate, asked))

    def scores(self, candidate: BaseEstimator, asked: Asked) -> Mapping[str, Array]:
        """Return the scores of each split by metric; raises Unanswered where states do not say them."""
        kind = self._kind(asked)
        found = kind.scores(asked.answering)
        if asked.answering.key not in kind.compared:
            kind.compare(asked.answering, found, self.fitted(candidate))
        return found

    def _kind(self, asked: Asked) -> Kind:
        """Return what is known of candidates with the same steps before; the least recently used go."""
        key = asked.key
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = Kind(self, asked.before)
            self.prepared += len(self.splits) if asked.before else 0
            while len(self._kinds) > 1 and sum(one.nbytes for one in self._kinds.values()) > HELD:
                self._gone += self._kinds.popitem(last=False)[1].rows_read
        self._kinds.move_to_end(key)
        return kind


class Kind:
    """Candidates whose steps before are the same.

    Attributes
    ----------
    compared : algorithms of which an answer was compared with a fit.
    """

    def __init__(self, answers: Answers, before: Sequence[BaseEstimator]) -> None:
        self.compared: set[Key] = set()
        self._metrics, self._store = answers.metrics, answers.store
        self._refused: dict[Key, str] = {}
        self._scorers: dict[Key, list[Scorer]] = {}
        self._why, self._tables = "", list[Table]()
        try:
            self._tables = tables_of(
                before, answers.X, answers.y, answers.target, answers.splits, answers.weights
            )  # fmt: skip
        except Unanswered as error:
            self._why = str(error)

    @property
    def nbytes(self) -> int:
        """Bytes of the tables that steps made."""
        return sum(table.nbytes for table in self._tables)

    @property
    def rows_read(self) -> int:
        """Rows read so far."""
        return sum(scorer.rows_read for scorers in self._scorers.values() for scorer in scorers)

    def scores(self, asked: Counterpart) -> Mapping[str, Array]:
        """Return the scores of each split by metric; raises Unanswered."""
        if why := self._why or self._refused.get(asked.key):
            raise Unanswered(why)
        for table in self._tables:
            table.check_scaled(asked)
        scorers = self._scorers.get(asked.key) or self._read_all(asked)
        each = [self._found(scorer, asked) for scorer in scorers]
        return {name: np.concatenate([one[name] for one in each]) for name in self._metrics}

    def compare(self, asked: Counterpart, found: Mapping[str, Array], fitted: Mapping[str, float]) -> None:
        """Refuse all candidates of an algorithm if a fit says something else.

        What stands for an estimator is declared, not known: another version, or a table that it treats in its own
        way, would else give other scores without a word.
        """
        for name, score in fitted.items():
            ours = float(found[name][0])
            if not abs(score - ours) <= CLOSE * max(abs(ours), 1.0):
                self._refused[asked.key] = (
                    f"a fit of it has a {name} of {score:.6g}, and states say {ours:.6g}"
                )
                raise Unanswered(self._refused[asked.key])
        self.compared.add(asked.key)

    def _found(self, scorer: Scorer, asked: Counterpart) -> Mapping[str, Array]:
        try:
            found = scorer.score((asked.name, asked.fields))
        except (AlgorithmError, HpoError) as error:
            raise Unanswered(str(error)) from None
        _check_fitted(scorer, asked)
        every = {self._metrics[0]: found, **found.also}
        for name, one in every.items():
            values, bounds = np.abs(one.folds), np.array(one.bounds or 0.0)
            if not np.isfinite(values).all() or (bounds > DIGITS * np.maximum(values, 1.0)).any():
                raise Unanswered(f"{name!r} is not known to eight digits from states")
        return {name: np.array(one.folds) for name, one in every.items()}

    def _read_all(self, asked: Counterpart) -> list[Scorer]:
        """Return what scores settings of an algorithm, after one reading of each table."""
        tables = [table.suited(asked) for table in self._tables]
        try:
            self._scorers[asked.key] = [self._read(asked, table) for table in tables]
        except HpoError as error:
            self._refused[asked.key] = str(error)
            raise Unanswered(str(error)) from None
        Answers.begun = True
        return self._scorers[asked.key]

    def _read(self, asked: Counterpart, table: Table) -> Scorer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = tune(
                (table.X, table.y) if asked.has_target else table.X, algorithm=asked.name, trials=1,
                folds=check_cv(list(table.splits)), weight=table.weights,
                search={f"{asked.name}.{name}": [value] for name, value in asked.fields.items()},
                scoring=list(self._metrics), refit=self._metrics[0], scoring_rows=max(4, table.X.shape[0]),
                store=self._store, progress=False, polish=False,
            )  # fmt: skip
        return result.run.tuner.scorer


def _check_fitted(scorer: Scorer, asked: Counterpart) -> None:
    """Raise Unanswered where scikit-learn refuses the rows of a split, and states do not."""
    if asked.refused is None:
        return
    algorithm, states = scorer.build(asked.name, asked.fields)
    for state in states.train:
        if (why := asked.refused(algorithm, algorithm.solve(state), asked.params)) is not None:
            raise Unanswered(why)
