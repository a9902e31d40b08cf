"""Counts: sums of the columns for each class, from which the naive Bayes models of counts follow exactly."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.base import EXACT, VALUE, Array, Batch, Shape


@dataclass(frozen=True, eq=False)
class CountsState:
    """The state of :class:`Counts`.

    Attributes
    ----------
    shape : the columns.
    rows : number of rows seen (int).
    weights : shape (C,), weight of each class.
    sums : shape (C, d), weighted sums of the columns, or of where they exceed the threshold.
    lowest : shape (d,), smallest value of each column; the largest number before the first row.
    """

    shape: Shape = field(metadata={"static": True})
    rows: int
    weights: Array
    sums: Array
    lowest: Array

    @property
    def weight(self) -> float:
        """Sum of the row weights."""
        return float(self.weights.sum())

    @cached_property
    def pick(self) -> NDArray[np.intp]:
        """The columns that say something: numbers, and of the others those that are anywhere other than zero."""
        number = np.array([column.role == VALUE for column in self.shape.columns], np.bool_)
        return np.flatnonzero(number | self.sums.any(axis=0))

    @property
    def kept(self) -> Array:
        """Their sums, shape (C, q)."""
        return self.sums[:, self.pick]


@dataclass(frozen=True)
class Counts:
    """Weighted sums of the columns for each class.

    Parameters
    ----------
    binarize : sum where a value exceeds this threshold, not the values; None sums the values.

    Examples
    --------
    >>> from algorithms.base import Column
    >>> shape, counts = Shape((Column("x", "x"),), ("y",), classes=("a", "b")), Counts()
    >>> state = counts.update(counts.init(shape), Batch(np.array([[3.0, 0.0], [2.0, 0.0], [5.0, 1.0]]), d=1))
    >>> state.sums.ravel().tolist(), state.weights.tolist()
    ([5.0, 5.0], [2.0, 1.0])
    """

    binarize: float | None = None

    version: ClassVar[int] = 1
    tolerance: ClassVar[float] = 1e-9
    sync_every: ClassVar[int | None] = None
    family: ClassVar[str] = EXACT

    def init(self, shape: Shape) -> CountsState:
        """Return the state of no rows."""
        c, d = len(shape.classes), shape.d
        return CountsState(shape, 0, np.zeros(c), np.zeros((c, d)), np.full(d, sys.float_info.max))

    def update(self, state: CountsState, batch: Batch) -> CountsState:
        """Return the state of the rows seen before and those of ``batch``."""
        if not batch.n:
            return state
        shape, values = state.shape, batch.dense(state.shape.p).astype(np.float64)
        c, x = len(shape.classes), values[:, : shape.d]
        member = np.zeros((batch.n, c))
        member[np.arange(batch.n), values[:, shape.d].astype(np.intp)] = batch.weights
        counted = x if self.binarize is None else (x > self.binarize).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = member.T @ counted
        lowest = x.min(axis=0, initial=sys.float_info.max)
        lifted = CountsState(shape, batch.n, member.sum(axis=0), sums, lowest)
        return self.merge(state, lifted)

    def merge(self, a: CountsState, b: CountsState) -> CountsState:
        """Return the state of both states' rows."""
        lowest = np.minimum(a.lowest, b.lowest)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = a.sums + b.sums
        return CountsState(a.shape, a.rows + b.rows, a.weights + b.weights, sums, lowest)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state."""
        return 8 * (1 + len(shape.classes) * (1 + shape.d) + shape.d)
