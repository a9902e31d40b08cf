"""The rows of a sample in a model's columns: imputed, merged and scaled by the sample's own weighted moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Floats, Places
from algorithms.contract import Rows, Shape, as_dense
from algorithms.families.pipeline import pipeline
from algorithms.lazily import sklearn
from algorithms.memo import MEMO
from algorithms.preparing.column_map import ColumnMap, Gaps, gaps_of
from algorithms.preparing.column_maps import column_map
from algorithms.preparing.filled import Filled
from algorithms.preparing.preprocess import Preprocess, unused_fields
from algorithms.ranges import Range
from algorithms.summaries.moments import check_finite
from algorithms.summaries.sample import SampleState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True, eq=False)
class Prepared:
    """The rows of a sample in a model's columns.

    Attributes
    ----------
    sample : the rows as they were encoded.
    columns : the map to the model's columns.
    scaler : fitted; None where columns keep their scale.
    X : shape (n, q), bit by bit what the pipeline makes of the same rows.
    """

    sample: SampleState
    columns: ColumnMap
    scaler: StandardScaler | None
    X: Floats

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.X.nbytes) + self.columns.nbytes

    def pipeline_of(self, model: BaseEstimator) -> BaseEstimator:
        """Return the fitted pipeline over the encoded columns that ends in the model."""
        return pipeline(self.columns, self.sample.shape.d, self.scaler, model)

    def place(self, rows: Rows) -> Floats:
        """Return other rows in the same columns."""
        return _placed(rows, self.columns, self.scaler)


@dataclass(frozen=True, eq=False)
class _Sums:
    """The means and squares of a sample's columns: what a column map asks of a state."""

    shape: Shape
    weight: float
    mean: Array
    squares: Array


def as_given(state: SampleState) -> SampleState:
    """Return the kept rows in the order of the data, for models that draw rows by their places."""
    return MEMO.get(state, "as given", lambda: state.as_given)


def prepare(state: SampleState, how: Preprocess) -> Prepared:
    """Return the rows of a sample as a preprocessing makes them, by the sample's own weighted moments."""
    held, w = as_dense(state.held), state.sample_weight
    X = held.astype(np.float64)
    columns = column_map(_sums(X, w, state.shape), how.impute, how.min_frequency)
    if how.impute != "zero":
        columns = _with_means(columns, X, w, state.shape)
    scaler = None
    if how.standardize and columns.names:
        near = columns.rows(held).astype(np.float64)
        scaler = sklearn.preprocessing.StandardScaler().fit(near, sample_weight=w if state.weighted else None)
        scaler.mean_ = scaler.mean_ + columns.origin
    return Prepared(state, columns, scaler, _placed(state, columns, scaler))


def _with_means(columns: ColumnMap, X: Array, w: Array, shape: Shape) -> ColumnMap:
    """Return a map that fills gaps by the means of the rows that have a value, to their last digit.

    A mean by way of sums over all rows is a digit off, and a row filled with it no longer at the place of one that
    has that very value, which a neighbour at distance zero depends on.
    """
    gaps = gaps_of(shape.columns)
    if (filled := columns.filled) is not None:
        return replace(columns, filled=replace(filled, fill=_means(filled, X, w, gaps)))
    matrix = columns.matrix.copy()
    for value, indicator in zip(gaps.values, gaps.indicators, strict=True):
        own = matrix.indices[matrix.indptr[value] : matrix.indptr[value + 1]]
        beside = slice(matrix.indptr[indicator], matrix.indptr[indicator + 1])
        at = beside.start + np.flatnonzero(np.isin(matrix.indices[beside], own))
        present = w * (X[:, indicator] == 0.0)
        if len(at) and present.any():
            fill = matrix.data[at[0]]
            matrix.data[at[0]] = fill + present @ (X[:, value] - fill) / present.sum()
    return replace(columns, merged=matrix)


def _means(filled: Filled, X: Array, w: Array, gaps: Gaps) -> Array:
    """Return what stands beside the columns of T; of numbers whose gaps are filled the means of rows without."""
    fill = filled.fill.copy()
    for k in np.flatnonzero(np.isin(filled.beside, gaps.indicators)):
        value, indicator = filled.pick[filled.at[k]], filled.beside[k]
        present = w * (X[:, indicator] == 0.0)
        if present.any():
            fill[k] += present @ (X[:, value] - fill[k]) / present.sum()
    return fill


def check_squares(state: SampleState) -> None:
    """Raise TooLarge, naming the column, where a sample's values have squares without a finite sum."""
    check_finite(_sums(as_dense(state.held).astype(np.float64), state.sample_weight, state.shape))


def _sums(X: Array, w: Array, shape: Shape) -> _Sums:
    with np.errstate(over="ignore", invalid="ignore"):
        mean = w @ X / w.sum()
        return _Sums(shape, float(w.sum()), mean, w @ (X - mean) ** 2)


def _placed(state: Rows, columns: ColumnMap, scaler: StandardScaler | None) -> Floats:
    """Return rows as the steps of the pipeline make them: a row of the model is at no distance from itself."""
    X = as_dense(state.X)
    mapped = X if columns.keeps_all(X.shape[1]) else columns.rows(X.astype(np.float64))
    return np.ascontiguousarray(mapped) if scaler is None else np.asarray(scaler.transform(mapped))


def without_effect(state: SampleState) -> Mapping[str, Range | None]:
    """Return the fields of the preprocessing that change nothing on this sample."""
    return unused_fields(state.shape, np.count_nonzero(as_dense(state.held), axis=0))


def codes(sample: Rows) -> Places:
    """Return the places of a sample's labels among the classes, shape (n,)."""
    return sample.target.astype(np.intp)
