"""Fold scores of estimators over one table and its splits, from states that are read once for all of them."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, cast

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv

from algorithms import registry
from algorithms.arrays import Array, Values
from algorithms.contract import Column, Shape, Summary
from algorithms.errors import AlgorithmError
from hpo.api import tune
from hpo.drop_in.counterparts import Counterpart, Unanswered, counterpart
from hpo.drop_in.words import Split
from hpo.errors import HpoError
from hpo.trials.scorer import Scorer

SPEED, SOLUTION = 1e10, 20.0
"""Operations of a second, and of a solution beside the multiplication of a matrix."""

DIGITS = 1e-8
"""Share of a score, or of one, that rounding may have moved it by."""

CLOSE = 1e-3
"""Share of a score, or of one, by which a fit may differ from an answer: solvers stop before the optimum."""


class Scoring(Protocol):
    """What says the scores of candidates."""

    def scores(self, candidate: BaseEstimator) -> Mapping[str, Array]:
        """Return the scores of each split by metric; raises Unanswered."""
        ...


@dataclass(frozen=True)
class NoAnswers:
    """Answers to nothing, and why."""

    why: str

    def scores(self, candidate: BaseEstimator) -> Mapping[str, Array]:
        """Raise Unanswered."""
        raise Unanswered(self.why)


@dataclass(frozen=True)
class Table:
    """Rows that states answer for.

    Attributes
    ----------
    X : numbers, an array or a sparse matrix.
    y : one column without gaps.
    """

    X: Values
    y: Values

    @classmethod
    def of(cls, X: ArrayLike, y: ArrayLike) -> Table:
        """Return the table; raises Unanswered for features that are no numbers, or targets without values."""
        table = cast(Values, scipy.sparse.csr_array(X)) if issparse(X) else np.asarray(X)
        target = np.asarray(y)
        if table.ndim != 2 or table.dtype.kind not in "fiub":
            raise Unanswered("X is no table of numbers")
        if target.ndim != 1:
            raise Unanswered("y is not one column")
        if target.dtype.kind == "f" and not np.isfinite(target).all():
            raise Unanswered("y has values that are missing or infinite")
        return cls(table, target)

    @property
    def has_gaps(self) -> bool:
        """Whether values of X are missing."""
        values = self.X.data if issparse(self.X) else self.X
        return self.X.dtype.kind == "f" and bool(np.isnan(values).any())

    def expected_seconds(self, asked: Counterpart, splits: int) -> float:
        """Return about how long it takes to read the rows, and to solve once for each split.

        A state of m numbers costs about m operations a row, and a solution of it m^1.5, as those of a matrix do.
        """
        rows, width = self.X.shape
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
    table : the rows.
    splits : rows to train on and to test on.
    metrics : names of scores.
    store : where states are kept.
    fitted : returns the scores of the first split, by metric, of a candidate that is fitted.
    """

    table: Table
    splits: Sequence[Split]
    metrics: Sequence[str]
    store: str
    fitted: Callable[[BaseEstimator], Mapping[str, float]]
    begun: ClassVar[bool] = False
    """Whether this process has read rows before: the first time takes longer."""
    _refused: dict[tuple[str, Summary], str] = field(default_factory=dict)
    _scorers: dict[tuple[str, Summary], Scorer] = field(default_factory=dict)
    _compared: set[tuple[str, Summary]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._gaps = self.table.has_gaps
        self._least = min(len(train) for train, _ in self.splits)

    @property
    def rows_read(self) -> int:
        """Rows read so far."""
        return sum(scorer.rows_read for scorer in self._scorers.values())

    def scores(self, candidate: BaseEstimator) -> Mapping[str, Array]:
        """Return the scores of each split by metric; raises Unanswered where states do not say them."""
        asked = counterpart(candidate)
        self._check(asked)
        scorer = self._scorers.get(asked.key) or self._read(asked)
        found = self._found(scorer, asked)
        if asked.key not in self._compared:
            self._compare(candidate, asked, found)
        return found

    def _check(self, asked: Counterpart) -> None:
        if self._gaps and not asked.imputes:
            raise Unanswered("values are missing, and no step fills them")
        if issparse(self.table.X) and not asked.sparse:
            raise Unanswered("X is sparse")
        asked.check_table(self._least, self.table.X.shape[1])
        if asked.key in self._refused:
            raise Unanswered(self._refused[asked.key])

    def _found(self, scorer: Scorer, asked: Counterpart) -> Mapping[str, Array]:
        try:
            found = scorer.score((asked.name, asked.fields))
        except (AlgorithmError, HpoError) as error:
            raise Unanswered(str(error)) from None
        every = {self.metrics[0]: found, **found.also}
        for name, one in every.items():
            values, bounds = np.abs(one.folds), np.array(one.bounds or 0.0)
            if not np.isfinite(values).all() or (bounds > DIGITS * np.maximum(values, 1.0)).any():
                raise Unanswered(f"{name!r} is not known to eight digits from states")
        return {name: np.array(one.folds) for name, one in every.items()}

    def _compare(self, candidate: BaseEstimator, asked: Counterpart, found: Mapping[str, Array]) -> None:
        """Fit one candidate for one split, and refuse all of its kind if states say something else.

        What stands for an estimator is declared, not known: another version, or a table that it treats in its own
        way, would else give other scores without a word.
        """
        for name, fitted in self.fitted(candidate).items():
            ours = float(found[name][0])
            if not abs(fitted - ours) <= CLOSE * max(abs(ours), 1.0):
                self._refused[asked.key] = (
                    f"a fit of it has a {name} of {fitted:.6g}, and states say {ours:.6g}"
                )
                raise Unanswered(self._refused[asked.key])
        self._compared.add(asked.key)

    def _read(self, asked: Counterpart) -> Scorer:
        """Return what scores settings of an algorithm, after one reading of the rows."""
        table = self.table
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                result = tune(
                    (table.X, table.y), algorithm=asked.name, trials=1, folds=check_cv(list(self.splits)),
                    search={f"{asked.name}.{name}": [value] for name, value in asked.fields.items()},
                    scoring=list(self.metrics), refit=self.metrics[0], scoring_rows=max(4, table.X.shape[0]),
                    store=self.store, progress=False, polish=False,
                )  # fmt: skip
            except HpoError as error:
                self._refused[asked.key] = str(error)
                raise Unanswered(str(error)) from None
        Answers.begun = True
        self._scorers[asked.key] = result.run.tuner.scorer
        return result.run.tuner.scorer
