"""Fold scores of estimators over one table and its splits, from states that are read once for all of them."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from scipy.sparse import issparse, spmatrix
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


def numbers_in(X: ArrayLike) -> int:
    """Return how many numbers a table has."""
    return int(cast(spmatrix, X).nnz) if issparse(X) else np.asarray(X).size


def as_table(X: ArrayLike) -> Values:
    """Return a table as an array, or as the sparse matrix that it is."""
    return cast(Values, scipy.sparse.csr_array(X)) if issparse(X) else np.asarray(X)


def check_table(X: ArrayLike, y: ArrayLike) -> None:
    """Raise Unanswered for features that are not numbers alone, and for a target of several columns."""
    table = as_table(X)
    if table.ndim != 2 or table.dtype.kind not in "fiub":
        raise Unanswered("X is no table of numbers")
    if np.asarray(y).ndim != 1:
        raise Unanswered("y is not one column")


def expected_seconds(asked: Counterpart, X: ArrayLike, splits: int) -> float:
    """Return about how long it takes to read rows for an algorithm, and to solve once for each split.

    A state of m numbers costs about m operations a row, and a solution of it m^1.5, as those of a matrix do.
    """
    rows, width = as_table(X).shape
    columns = tuple(Column(f"c{i}", f"c{i}") for i in range(width))
    classes = ("a", "b") if registry.get(asked.name).tags.task == "classification" else ()
    numbers = asked.summary.nbytes(Shape(columns, ("y",), classes)) / 8
    return float((2.0 * rows * numbers + SOLUTION * splits * numbers**1.5) / SPEED)


@dataclass
class Answers:
    """What states say of candidates.

    Attributes
    ----------
    X, y : the rows.
    splits : rows to train on and to test on.
    metrics : names of scores.
    store : where states are kept; None for a place that is gone with this.
    rows_read : rows read so far.
    """

    X: Values
    y: Values
    splits: Sequence[Split]
    metrics: Sequence[str]
    store: str | None = None
    rows_read: int = 0
    begun: ClassVar[bool] = False
    """Whether this process has read rows before: the first time takes longer."""
    _refused: dict[tuple[str, Summary], str] = field(default_factory=dict)
    _scorers: dict[tuple[str, Summary], Scorer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = self.X.data if issparse(self.X) else self.X
        self._gaps = self.X.dtype.kind == "f" and bool(np.isnan(values).any())

    def scores(self, candidate: BaseEstimator) -> Mapping[str, Array]:
        """Return the scores of each split by metric; raises Unanswered where states do not say them."""
        asked = counterpart(candidate)
        if self._gaps and not asked.imputes:
            raise Unanswered("values are missing, and no step fills them")
        if issparse(self.X) and not asked.sparse:
            raise Unanswered("X is sparse")
        key = asked.name, asked.summary
        if key in self._refused:
            raise Unanswered(self._refused[key])
        scorer = self._scorers.get(key) or self._read(asked)
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

    def _read(self, asked: Counterpart) -> Scorer:
        """Return what scores settings of an algorithm, after one reading of the rows."""
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                result = tune(
                    (self.X, self.y), algorithm=asked.name, trials=1, folds=check_cv(list(self.splits)),
                    search={f"{asked.name}.{name}": [value] for name, value in asked.fields.items()},
                    scoring=list(self.metrics), refit=self.metrics[0], scoring_rows=max(4, self.X.shape[0]),
                    store=self.store or str(Path(folder)), progress=False, polish=False,
                )  # fmt: skip
            except HpoError as error:
                self._refused[asked.name, asked.summary] = str(error)
                raise Unanswered(str(error)) from None
        Answers.begun = True
        self.rows_read += result.cost.rows_read
        scorer = self._scorers[asked.name, asked.summary] = result.run.tuner.scorer
        return scorer
