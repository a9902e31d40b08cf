"""Fold scores of estimators over one table and its splits, from states that are read once for all of them."""

from __future__ import annotations

import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv

from algorithms import registry
from algorithms.arrays import Array, Values
from algorithms.contract import Column, Shape, Summary
from algorithms.errors import AlgorithmError
from hpo.api import tune
from hpo.data.encoding.transformer import Encoder
from hpo.drop_in.counterparts import Counterpart, Unanswered
from hpo.drop_in.prepared import Asked, Given, Table, as_numbers
from hpo.drop_in.targets import Transformed
from hpo.errors import HpoError
from hpo.trials.scorer import Scorer

Key: TypeAlias = tuple[str, Summary]
"""An algorithm and what its states are of."""

Scored: TypeAlias = Callable[[BaseEstimator, ArrayLike, Values, Values | None], Mapping[str, float]]
"""What scores a fitted model on rows, by metric."""

SPEED, SOLUTION = 1e10, 20.0
"""Operations of a second, and of a solution beside the multiplication of a matrix."""

DIGITS = 1e-8
"""Share of a score, or of one, that rounding may have moved it by."""

HELD = 1 << 30
"""Bytes of tables that steps before a model made, which are kept at a time; one kind of them always is."""

OF_TRAINING = "r2"
"""The score by which digits of a model of a transformed target are judged."""

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
    given : the rows, and their splits.
    metrics : names of scores.
    own : whether the score is what an estimator's own ``score`` gives.
    store : where states are kept.
    fitted : returns the scores of the first split, by metric, of a candidate that is fitted.
    scored : returns the scores by metric of a fitted model, given rows, their target and their weights.
    """

    given: Given
    metrics: Sequence[str]
    own: bool
    store: str
    fitted: Callable[[BaseEstimator], Mapping[str, float]]
    scored: Scored
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
        asked = Asked.of(candidate, alone=bool(self.given.weights))
        if not self.own and not asked.answering.has_target:
            raise Unanswered(f"{', '.join(self.metrics)}: is not a score of a model without a target")
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
            kind = self._kinds[key] = Kind(self, asked)
            self.prepared += len(self.given.splits) if asked.fitted else 0
            while len(self._kinds) > 1 and sum(one.nbytes for one in self._kinds.values()) > HELD:
                self._gone += self._kinds.popitem(last=False)[1].rows_read
        self._kinds.move_to_end(key)
        return kind


@dataclass(frozen=True)
class _Reading:
    """What was read of a table for an algorithm.

    Attributes
    ----------
    scorer : scores settings from its states.
    table : what was read.
    rows : what is scored on where the target is transformed, as models over the encoded columns take it.
    """

    scorer: Scorer
    table: Table
    rows: Values | None = None


class Kind:
    """Candidates whose steps before are the same.

    Attributes
    ----------
    compared : algorithms of which an answer was compared with a fit.
    """

    def __init__(self, answers: Answers, asked: Asked) -> None:
        self.compared: set[Key] = set()
        self._metrics, self._store, self._scored = answers.metrics, answers.store, answers.scored
        self._refused: dict[Key, str] = {}
        self._readings: dict[Key, list[_Reading]] = {}
        self._why, self._tables = "", list[Table]()
        try:
            self._tables = answers.given.tables(asked)
        except Unanswered as error:
            self._why = str(error)

    @property
    def nbytes(self) -> int:
        """Bytes of the tables that steps made."""
        return sum(table.nbytes for table in self._tables)

    @property
    def rows_read(self) -> int:
        """Rows read so far."""
        return sum(one.scorer.rows_read for readings in self._readings.values() for one in readings)

    def scores(self, asked: Counterpart) -> Mapping[str, Array]:
        """Return the scores of each split by metric; raises Unanswered."""
        if why := self._why or self._refused.get(asked.key):
            raise Unanswered(why)
        for table in self._tables:
            table.check_scaled(asked)
        each = [self._found(one, asked) for one in self._readings.get(asked.key) or self._read_all(asked)]
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

    def _found(self, reading: _Reading, asked: Counterpart) -> Mapping[str, Array]:
        """Return the scores of the splits of a table by metric."""
        ask = self._of_states if reading.table.transformed is None else self._of_models
        try:
            found = ask(reading, asked)
            _check_fitted(reading.scorer, asked)
        except (AlgorithmError, HpoError) as error:
            raise Unanswered(str(error)) from None
        for name, one in found.items():
            if not np.isfinite(one).all():
                raise Unanswered(f"{name!r} is not known to eight digits from states")
        return found

    def _of_states(self, reading: _Reading, asked: Counterpart) -> Mapping[str, Array]:
        found = reading.scorer.score((asked.name, asked.fields))
        every = {self._metrics[0]: found, **found.also}
        for name, one in every.items():
            _check_digits(name, one.folds, one.bounds or (0.0,))
        return {name: np.array(one.folds) for name, one in every.items()}

    def _of_models(self, reading: _Reading, asked: Counterpart) -> Mapping[str, Array]:
        """Return the scores of a model of the transformed target, whose predictions are transformed back."""
        apart = cast(Transformed, reading.table.transformed)
        ((known, model),) = reading.scorer.models((asked.name, asked.fields))
        if known is not None:
            _check_digits(OF_TRAINING, (known.value,), (known.bound,))
        try:
            found = self._scored(apart.of(model), cast(Values, reading.rows), apart.y, apart.weights)
        except Exception as error:  # noqa: BLE001 -- whatever it is, a fit raises it again, or counts it
            raise Unanswered(f"{type(error).__name__}: {error}") from None
        return {name: np.array([score]) for name, score in found.items()}

    def _read_all(self, asked: Counterpart) -> list[_Reading]:
        """Return what scores settings of an algorithm, after one reading of each table."""
        tables = [table.suited(asked) for table in self._tables]
        try:
            self._readings[asked.key] = [self._read(asked, table) for table in tables]
        except (AlgorithmError, HpoError) as error:
            self._refused[asked.key] = str(error)
            raise Unanswered(str(error)) from None
        Answers.begun = True
        return self._readings[asked.key]

    def _read(self, asked: Counterpart, table: Table) -> _Reading:
        metrics = list(self._metrics) if table.transformed is None else [OF_TRAINING]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = tune(
                (table.X, table.y) if asked.has_target else table.X, algorithm=asked.name, trials=1,
                folds=check_cv(list(table.splits)), weight=table.weights,
                search={f"{asked.name}.{name}": [value] for name, value in asked.fields.items()},
                scoring=metrics, refit=metrics[0], scoring_rows=max(4, table.X.shape[0]),
                store=self._store, progress=False, polish=False,
            )  # fmt: skip
        scorer = result.run.tuner.scorer
        if table.transformed is None:
            return _Reading(scorer, table)
        encoder = Encoder.of(result.run.evidence.pilot.encoder)
        return _Reading(scorer, table, encoder.transform(as_numbers(table.transformed.X)))


def _check_digits(name: str, values: Sequence[float], bounds: Sequence[float]) -> None:
    """Raise Unanswered for scores that are not known to eight digits."""
    sizes = np.maximum(np.abs(np.array(values)), 1.0)
    if not np.isfinite(sizes).all() or (np.array(bounds) > DIGITS * sizes).any():
        raise Unanswered(f"{name!r} is not known to eight digits from states")


def _check_fitted(scorer: Scorer, asked: Counterpart) -> None:
    """Raise Unanswered where scikit-learn refuses the rows of a split, and states do not."""
    if asked.refused is None:
        return
    algorithm, states = scorer.build(asked.name, asked.fields)
    for state in states.train:
        if (why := asked.refused(algorithm, algorithm.solve(state), asked.params)) is not None:
            raise Unanswered(why)
