"""Centred rows of wide data, dense or sparse, in the columns that they have: what a sketch asks of them.

==== =============================================================
d    encoded columns
k    those that the rows have; they are zero in the others
A    directions, shape (k, s)
P    products of centred rows with directions, shape (n, s)
==== =============================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from algorithms.arrays import Array, Floats, Places
from algorithms.contract import Batch, Shape, SparseBatch
from algorithms.lazily import scipy
from algorithms.preparing.within import places_of, present

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Centred(Protocol):
    """Rows about their mean.

    Attributes
    ----------
    n : number of rows.
    total : sum of their weights.
    places : the encoded columns that they have, shape (k,).
    mean, scatter : of these, shape (k,).
    """

    n: int
    total: float
    places: Places
    mean: Array
    scatter: Array

    def squared(self, A: Array) -> Array:
        """Return S·A, shape (k, s), with S the scatter."""
        ...


class _Dense:
    """Rows in an array, multiplied in float64 whatever their type."""

    def __init__(self, values: Floats, places: Places, w: Array | None) -> None:
        self.n, self.places, self._w = len(values), places, w
        self.total = float(self.n) if w is None else float(w.sum())
        first = values[0].astype(np.float64) if self.n else np.zeros(values.shape[1])
        # about the first row, so that a column of one value has no scatter at all
        with np.errstate(over="ignore", invalid="ignore"):  # what has overflowed is refused by name
            self._away = np.subtract(values, values[:1], dtype=np.float64)
            delta = self._weighted(self._away) / self.total if self.n else first
            self.mean = first + delta
            self._away -= delta
            self.scatter = self._weighted(self._away**2)

    def squared(self, A: Array) -> Array:
        P: Array = self._away @ A
        return np.asarray(self._away.T @ (P if self._w is None else P * self._w[:, None]))

    def _weighted(self, values: Floats) -> Array:
        if self._w is None:
            return np.asarray(values.sum(axis=0, dtype=np.float64))
        return np.asarray(self._w @ values)


class _Sparse:
    """Rows in a CSR matrix, float64: zeros cost nothing, and nothing is centred but products."""

    def __init__(self, X: csr_array, places: Places, w: Array | None) -> None:
        self._X, self.places, self._w = X, places, w
        self.n, k = X.shape
        self.total = float(self.n) if w is None else float(w.sum())
        each = None if w is None else np.repeat(w, np.diff(X.indptr))
        self.mean = np.bincount(X.indices, X.data if each is None else X.data * each, k) / max(self.total, 1e-300)
        # of stored values and of zeros apart: nothing cancels
        away = (X.data - self.mean[X.indices]) ** 2
        stored = np.bincount(X.indices, each, k)
        zeros = np.maximum(self.total - stored, 0.0) * self.mean**2
        self.scatter = np.bincount(X.indices, away if each is None else away * each, k) + zeros

    def squared(self, A: Array) -> Array:
        P: Array = self._X @ A
        P -= self.mean @ A
        if self._w is not None:
            P = P * self._w[:, None]
        made: Array = self._X.T @ P
        made -= np.multiply.outer(self.mean, P.sum(axis=0))
        return made


def centred(batch: Batch, shape: Shape) -> Centred:
    """Return a batch's encoded columns about their means: missing numbers are zero, their indicators one.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape = Shape((Column("x", "x"), Column("x?", "x", "indicator")))
    >>> rows = centred(Batch(np.array([[1.0, 0.0], [3.0, 0.0]]), d=2), shape)
    >>> rows.mean.tolist(), rows.squared(np.eye(2)).tolist()
    ([2.0, 0.0], [[2.0, 0.0], [0.0, 0.0]])
    """
    if isinstance(batch, SparseBatch):
        X = batch.matrix
        held = np.flatnonzero(np.bincount(X.indices, minlength=X.shape[1]))
        indices = places_of(held, X.shape[1]).astype(np.int32)[X.indices]
        made = scipy.sparse.csr_array((X.data, indices, X.indptr), shape=(X.shape[0], len(held)))
        return _Sparse(made, held, batch.weight)
    columns = present(batch, shape.p)
    inside = np.flatnonzero(columns < shape.d)
    values = batch.values if len(inside) == batch.values.shape[1] else batch.values[:, inside]
    return _Dense(values, columns[inside], batch.weight)
