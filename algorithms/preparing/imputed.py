"""Imputed rows of wide data, dense or sparse: missing numbers filled in, and what a sketch asks of them.

==== =============================================================
q    columns that are no missing indicators
A    directions, shape (q, s)
P    products of centred rows with directions, shape (n, s)
==== =============================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from algorithms.arrays import Array, Floats, Mask, Places
from algorithms.contract import INDICATOR, Batch, Shape, SparseBatch
from algorithms.lazily import scipy
from algorithms.memo import MEMO
from algorithms.preparing.column_map import gaps_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array



class Imputed(Protocol):
    """Imputed rows.

    Attributes
    ----------
    n : number of rows.
    total : sum of their weights.
    """

    n: int
    total: float

    def moments(self) -> tuple[Array, Array]:
        """Return mean and scatter of the columns, shape (q,) each."""
        ...

    def squared(self, mean: Array, A: Array) -> Array:
        """Return S·A, with S the scatter about that mean."""
        ...


def value_columns(shape: Shape) -> Places:
    """Return the places of the encoded columns that are no missing indicators.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> value_columns(Shape((Column("x", "x"), Column("gone", "x", "indicator")))).tolist()
    [0]
    """
    return np.array([j for j, c in enumerate(shape.columns) if c.role != INDICATOR], np.intp)


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where encoded columns go: column j counts times factor[j] towards imputed column place[j]."""

    place: Places
    indicator: Mask

    @property
    def nbytes(self) -> int:
        return self.place.nbytes + self.indicator.nbytes

    def factor(self, fill: Array) -> Array:
        return np.where(self.indicator, fill[self.place], 1.0)


def _layout(shape: Shape) -> _Layout:
    return MEMO.get(shape, "sketch", lambda: _laid_out(shape))


def _laid_out(shape: Shape) -> _Layout:
    values = value_columns(shape)
    of_source = {shape.columns[j].source: i for i, j in enumerate(values)}
    place = np.array([of_source[c.source] for c in shape.columns], np.intp)
    place[values] = np.arange(len(values))
    indicator = np.ones(shape.d, np.bool_)
    indicator[values] = False
    return _Layout(place, indicator)


class _Dense:
    """Imputed rows in an array: those columns alone that are not zero throughout."""

    def __init__(self, values: Floats, places: Places, q: int, w: Array | None) -> None:
        self.n, self.q, self.places, self._w = len(values), q, places, w
        self.total = float(self.n) if w is None else float(w.sum())
        self._first = values[0].astype(np.float64) if self.n else np.zeros(values.shape[1])
        # about the first row, so that a column of one value has no scatter at all
        self._away = values - values[:1]
        delta = self._weighted(self._away) / self.total if self.n else self._first
        self._mean = self._first + delta
        self._away -= delta.astype(values.dtype)

    def moments(self) -> tuple[Array, Array]:
        mean, scatter = np.zeros(self.q), np.zeros(self.q)
        mean[self.places] = self._mean
        scatter[self.places] = self._weighted(self._away**2)
        return mean, scatter

    def centred(self, mean: Array, A: Array) -> Array:
        made: Array = self._away @ A[self.places].astype(self._away.dtype)
        return made

    def back(self, mean: Array, P: Array) -> Array:
        made = np.zeros((self.q, P.shape[1]))
        made[self.places] = self._away.T @ (P if self._w is None else P * self._w[:, None].astype(P.dtype))
        return made

    def squared(self, mean: Array, A: Array) -> Array:
        return self.back(mean, self.centred(mean, A))

    def _weighted(self, values: Floats) -> Array:
        if self._w is None:
            return np.asarray(values.sum(axis=0, dtype=np.float64))
        return np.asarray(self._w @ values)


class _Sparse:
    """Imputed rows in a CSR matrix, float64: zeros cost nothing, and nothing is centred but products."""

    def __init__(self, X: csr_array, w: Array | None) -> None:
        self._X, self._w = X, w
        self.n, self.q = X.shape
        self.total = float(self.n) if w is None else float(w.sum())

    def moments(self) -> tuple[Array, Array]:
        """Return mean and scatter, the latter of stored values and of zeros apart: nothing cancels."""
        X, q = self._X, self.q
        w = None if self._w is None else np.repeat(self._w, np.diff(X.indptr))
        mean = np.bincount(X.indices, X.data if w is None else X.data * w, q) / max(self.total, 1e-300)
        away = (X.data - mean[X.indices]) ** 2
        stored = np.bincount(X.indices, w, q)
        scatter = np.bincount(X.indices, away if w is None else away * w, q)
        return mean, scatter + np.maximum(self.total - stored, 0.0) * mean**2

    def centred(self, mean: Array, A: Array) -> Array:
        P: Array = self._X @ A
        P -= mean @ A
        return P

    def back(self, mean: Array, P: Array) -> Array:
        if self._w is not None:
            P = P * self._w[:, None]
        made: Array = self._X.T @ P
        made -= np.multiply.outer(mean, P.sum(axis=0))
        return made

    def squared(self, mean: Array, A: Array) -> Array:
        return self.back(mean, self.centred(mean, A))


def imputed(batch: Batch, shape: Shape, fill: Array) -> Imputed:
    """Return a batch's imputed columns."""
    layout, q = _layout(shape), len(fill)
    factor = layout.factor(fill)
    if isinstance(batch, SparseBatch):
        X = batch.matrix
        made = scipy.sparse.csr_array(
            (X.data * factor[X.indices], layout.place.astype(np.int32)[X.indices], X.indptr.copy()),
            shape=(X.shape[0], q),
        )
        if layout.indicator[X.indices].any():
            made.sum_duplicates()
        return _Sparse(made, batch.weight)
    columns = np.arange(shape.p) if batch.present is None else batch.present
    inside = np.flatnonzero(columns < shape.d)
    columns = columns[inside]
    values = batch.values if len(inside) == batch.values.shape[1] else batch.values[:, inside]
    if not layout.indicator[columns].any():
        return _Dense(values, layout.place[columns], q, batch.weight)
    places, where = np.unique(layout.place[columns], return_inverse=True)
    merged = scipy.sparse.csr_array(
        (factor[columns], (where, np.arange(len(columns)))), shape=(len(places), len(columns))
    )
    filled = np.ascontiguousarray((merged @ values.T).T).astype(values.dtype, copy=False)
    return _Dense(filled, places, q, batch.weight)


def fills(sample: Batch, shape: Shape, impute: str) -> Array:
    """Return what stands for a missing number in each imputed column less its origin: its mean, or zero."""
    layout, q = _layout(shape), len(value_columns(shape))
    if impute == "zero" or not sample.n:
        return 0.0 - shape.origin[value_columns(shape)] * (impute == "zero")
    means = _column_means(sample, shape)
    share = np.zeros(q)
    share[layout.place[layout.indicator]] = means[layout.indicator]
    fill = means[~layout.indicator] / np.where(share < 1.0, 1.0 - share, 1.0)
    nullable = np.zeros(q, np.bool_)
    nullable[layout.place[layout.indicator]] = True
    return np.where(nullable & np.isfinite(fill), fill, 0.0)


def gap_fills(sample: Batch, shape: Shape, impute: str) -> Array:
    """Return what stands for a missing number in each encoded column less its origin, shape (d,); else zero.

    It is the mean of the sampled rows that have the number, or with ``impute="zero"`` what makes it zero.
    """
    gaps, made = gaps_of(shape.columns), np.zeros(shape.d)
    if impute == "zero":
        made[gaps.values] = -shape.origin[gaps.values]
    elif sample.n:
        means = _column_means(sample, shape)
        there = 1.0 - means[gaps.indicators]
        made[gaps.values] = np.where(there > 0.0, means[gaps.values] / np.where(there > 0.0, there, 1.0), 0.0)
    return np.where(np.isfinite(made), made, 0.0)


def _column_means(batch: Batch, shape: Shape) -> Array:
    w, means = batch.weights, np.zeros(shape.p)
    with np.errstate(over="ignore", invalid="ignore"):
        if isinstance(batch, SparseBatch):
            means[: shape.d] = batch.matrix.T @ w / batch.total
        else:
            present: slice | Places = slice(None) if batch.present is None else batch.present
            means[present] = w @ batch.values / batch.total
    return means[: shape.d]
