"""Counts: sums of the columns for each class, from which the naive Bayes models of counts follow exactly."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from algorithms.ageing import NEVER
from algorithms.contract import EXACT, INDICATOR, Aged, Ageing, Array, Batch, Shape, SparseBatch, Summary
from algorithms.lazily import scipy
from algorithms.noise import Bounds
from algorithms.preparing.column_map import gaps_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class CountsState(Aged):
    """The state of :class:`Counts`.

    Attributes
    ----------
    shape : the columns.
    rows : number of rows seen (int).
    weights : shape (C,), weight of each class.
    sums : shape (C, d), weighted sums of the columns, or of where they exceed the threshold; of indicators always
        the former.
    totals : shape (d,), weighted sums of the columns, whatever the threshold.
    lowest : shape (d,), smallest value of each column; the largest number before the first row.
    reach : the clock of the newest row, of rows that age.

    Values are less the origins of their columns, but the threshold is that of the values themselves; a missing one
    exceeds nothing.
    """

    shape: Shape = field(metadata={"static": True})
    rows: int
    weights: Array
    sums: Array
    totals: Array
    lowest: Array
    reach: float = NEVER

    def faded(self, factor: float) -> Self:
        """Return the state as if every row weighed so many times what it does."""
        sums, totals = self.sums * factor, self.totals * factor
        return replace(self, weights=self.weights * factor, sums=sums, totals=totals)

    @property
    def class_rows(self) -> Array:
        """The weight of each class."""
        return self.weights

    @property
    def weight(self) -> float:
        """Sum of the row weights."""
        return float(self.weights.sum())

    @cached_property
    def mean(self) -> Array:
        """Mean of all rows, shape (d,)."""
        return self.totals / max(self.weight, 1e-300)

    @property
    def squares(self) -> Array:
        """Zeros, shape (d,): sums know no squares."""
        return np.zeros(self.shape.d)


@dataclass(frozen=True, repr=False)
class Counts(Ageing, Summary[CountsState]):
    """Weighted sums of the columns for each class.

    Parameters
    ----------
    binarize : sum where a value exceeds this threshold, not the values; None sums the values.
    half_life, clock : as in :class:`~algorithms.ageing.Ageing`.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape, counts = Shape((Column("x", "x"),), ("y",), classes=("a", "b")), Counts()
    >>> state = counts.update(counts.init(shape), Batch(np.array([[3.0, 0.0], [2.0, 0.0], [5.0, 1.0]]), d=1))
    >>> state.sums.ravel().tolist(), state.weights.tolist()
    ([5.0, 5.0], [2.0, 1.0])
    """

    binarize: float | None = None

    version: ClassVar[int] = 2
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = EXACT
    sums: ClassVar[bool] = True
    sparse: ClassVar[bool] = True

    def init(self, shape: Shape) -> CountsState:
        """Return the state of no rows."""
        c, d = len(shape.classes), shape.d
        none = np.zeros(d)
        return CountsState(shape, 0, np.zeros(c), np.zeros((c, d)), none, np.full(d, sys.float_info.max))

    def update(self, state: CountsState, batch: Batch) -> CountsState:
        """Return the state of the rows seen before and those of ``batch``."""
        if not batch.n:
            return state
        if isinstance(batch, SparseBatch) and self.binarize is not None and self.binarize < 0.0:
            # most zeros exceed the threshold
            return functools.reduce(self.update, map(_whole, batch.pieces()), state)
        batch, reach = self.weighed(batch)
        shape = state.shape
        lifted = self._sparse(shape, batch) if isinstance(batch, SparseBatch) else self._lift(shape, batch)
        return self.merge(state, replace(lifted, reach=reach))

    def _lift(self, shape: Shape, batch: Batch) -> CountsState:
        values = batch.dense(shape.p).astype(np.float64)
        member, x = _members(batch, shape), values[:, : shape.d]
        counted = x if self.binarize is None else _above(x, shape, self.binarize)
        with np.errstate(over="ignore", invalid="ignore"):
            sums, totals = member.T @ counted, batch.weights @ x
        lowest = x.min(axis=0, initial=sys.float_info.max)
        return CountsState(shape, batch.n, member.sum(axis=0), sums, totals, lowest)

    def _sparse(self, shape: Shape, batch: SparseBatch) -> CountsState:
        """Return the state of the rows of a sparse batch, none of which is made dense."""
        member, x = _members(batch, shape), batch.matrix.astype(np.float64)
        counted = x if self.binarize is None else _above_sparse(x, shape, self.binarize)
        with np.errstate(over="ignore", invalid="ignore"):
            sums, totals = np.asarray((counted.T @ member).T), np.asarray(x.T @ batch.weights)
        found = np.bincount(x.indices, minlength=shape.d)
        lowest = np.where(found == batch.n, sys.float_info.max, 0.0)
        np.minimum.at(lowest, x.indices, x.data)
        return CountsState(shape, batch.n, member.sum(axis=0), sums, totals, lowest)

    def merge(self, a: CountsState, b: CountsState) -> CountsState:
        """Return the state of both states' rows."""
        if a.rows and b.rows:
            a, b = self.together(a, b)
        lowest, reach = np.minimum(a.lowest, b.lowest), max(a.reach, b.reach)
        with np.errstate(over="ignore", invalid="ignore"):
            sums, totals = a.sums + b.sums, a.totals + b.totals
        return CountsState(a.shape, a.rows + b.rows, a.weights + b.weights, sums, totals, lowest, reach)

    def sensitivity(self, shape: Shape) -> float:
        """Return the length of (1, z) at most, and of z again where other than the values are summed."""
        return float(np.sqrt(1.0 + shape.d * (1 if self.binarize is None else 2)))

    def noised(self, state: CountsState, bounds: Bounds, sigma: float, rng: np.random.Generator) -> CountsState:
        """Return the sums of each class with noise; the least value of a column is its lower bound."""
        plain = self.binarize is None
        inside = bounds if plain else Bounds(np.zeros(state.shape.d), np.ones(state.shape.d))
        rows = np.round(state.weights + sigma * rng.normal(size=state.weights.shape)).clip(0.0)
        sums = _noised_sums(state.sums, state.weights[:, None], rows[:, None], inside, sigma, rng)
        totals = sums.sum(axis=0)
        if not plain:
            totals = _noised_sums(state.totals, state.weight, float(rows.sum()), bounds, sigma, rng)
        return CountsState(state.shape, int(rows.sum()), rows, sums, totals, bounds.low.copy())

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state."""
        return 8 * (2 + len(shape.classes) * (1 + shape.d) + 2 * shape.d)


def _noised_sums(
    sums: Array, before: Array | float, rows: Array | float, bounds: Bounds, sigma: float, rng: np.random.Generator
) -> Array:
    """Return sums of so many rows with noise, brought to what so many rows within bounds can have."""
    z = (sums - before * bounds.middle) / bounds.half + sigma * rng.normal(size=sums.shape)
    return np.asarray(np.clip(z, -rows, rows) * bounds.half + rows * bounds.middle)


def _members(batch: Batch, shape: Shape) -> Array:
    """Return the weight of each row in the column of its class, shape (n, C)."""
    member = np.zeros((batch.n, len(shape.classes)))
    member[np.arange(batch.n), batch.target(shape.d).astype(np.intp)] = batch.weights
    return member


def _whole(batch: SparseBatch) -> Batch:
    return Batch(batch.values, batch.d, batch.weight, batch.present, batch.priority, batch.clock)


def _above_sparse(x: csr_array, shape: Shape, threshold: float) -> csr_array:
    """Return 1 where a stored value exceeds a threshold that is not negative; indicators as they are."""
    indicator = np.array([column.role == INDICATOR for column in shape.columns], np.bool_)[x.indices]
    above = np.where(indicator, x.data, (x.data > threshold).astype(np.float64))
    return scipy.sparse.csr_array((above, x.indices, x.indptr), shape=x.shape)


def _above(x: Array, shape: Shape, threshold: float) -> Array:
    """Return 1 where a value, its origin given back, is there and exceeds the threshold."""
    above = (x + shape.origin > threshold).astype(np.float64)
    gaps = gaps_of(shape.columns)
    above[:, gaps.indicators] = x[:, gaps.indicators]
    above[:, gaps.values] *= x[:, gaps.indicators] == 0.0
    return above
