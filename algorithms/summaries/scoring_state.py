"""The rows of each fold that are kept for scores that need rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from algorithms.ageing import NEVER
from algorithms.arrays import Array, Mask
from algorithms.contract import Aged
from algorithms.summaries._drawn import LAST, Priorities
from algorithms.summaries._reserved import edge_of, ends_of, lookalikes, reserved, scrambled
from algorithms.summaries.sample import SampleState


@dataclass(frozen=True, eq=False)
class ScoringState(SampleState, Aged):
    """The state of :class:`ScoringSample`.

    Attributes
    ----------
    shape, rows, weight, priority, kept, weights : as of :class:`SampleState`.
    counts : shape (C,) int64, rows of each class among all that were seen; empty where the target is not a class.
    totals : shape (C,), their weight.
    likenesses : shape (size,), how much a kept row of another class looks like the rare one; zero for most.
    reach : the clock of the newest row, of rows that age.
    """

    counts: NDArray[np.int64]
    totals: Array
    likenesses: Array
    reach: float = NEVER

    def faded(self, factor: float) -> Self:
        """Return the state as if every row weighed so many times what it does."""
        weight, weights = self.weight * factor, self.weights * factor
        return replace(self, weight=weight, weights=weights, totals=self.totals * factor)

    @cached_property
    def factors(self) -> Array:
        """How many rows each kept one stands for, shape (n,); ones where every row is kept."""
        if self.complete or not self.shape.targets:
            return np.ones(self.n)
        w, target = self.weights[: self.n], self.target
        if self.shape.classes:
            codes = target.astype(np.intp)
            kept = np.bincount(codes, minlength=len(self.counts))
            whole = kept == self.counts
            alone = self._lookalikes
            alone &= (np.bincount(codes[~alone], minlength=len(kept)) > 0)[codes]  # else they stand for the others
            held, apart = (np.bincount(codes[some], w[some], len(kept)) for some in (~alone, alone))
            with np.errstate(invalid="ignore", divide="ignore"):
                each = np.where(whole, 1.0, (self.totals - apart) / held)
            return np.where(alone, 1.0, each[codes])
        extreme = reserved(self.shape, target, self.priority[: self.n], len(self.priority))
        rest = (self.weight - w[extreme].sum()) / w[~extreme].sum()
        return np.where(extreme, 1.0, rest)

    @cached_property
    def sample_weight(self) -> Array:
        """The weights of the kept rows times the rows that each stands for, shape (n,)."""
        return np.asarray(self.weights[: self.n] * self.factors)

    @property
    def _lookalikes(self) -> Mask:
        """Which of the kept rows were kept as lookalikes, whatever else they were kept as, shape (n,)."""
        n, size = self.n, len(self.priority)
        return lookalikes(self.likenesses[:n], self.priority[:n], size)

    @property
    def alike(self) -> SampleState:
        """The rows but those kept as lookalikes alone, so that those of a class all stand for as many."""
        alone = np.zeros(self.n, np.bool_) if self.complete else self._lookalikes
        if not alone.any():
            return self
        codes, last = self.target.astype(np.intp), np.full(len(self.counts), -1)
        drawn = np.flatnonzero(~alone)
        np.maximum.at(last, codes[drawn], drawn)
        kept = np.flatnonzero((np.arange(self.n) <= last[codes]) | (last[codes] < 0))
        made = self.priority[kept], self.kept[kept], self.sample_weight[kept]
        return SampleState(self.shape, self.rows, self.weight, *made)

    @property
    def uniform(self) -> SampleState:
        """The rows of smallest priority among all rows: a uniform sample, smaller than this one."""
        if self.complete:
            return self.prefix(self.n)
        held = reserved(self.shape, self.target, self.priority[: self.n], len(self.priority)) | self._lookalikes
        return self.prefix(int(np.flatnonzero(~held)[-1]) + 1)

    @property
    def class_rows(self) -> Array | None:
        """Rows of each class among all that were seen."""
        return self.counts.astype(np.float64) if self.shape.classes else None

    @cached_property
    def limit(self) -> _Limit | None:
        """What a further row must have to be kept; None while there is room for every row."""
        if self.n < len(self.priority) or not self.shape.targets:
            return None
        return _limit(self)


@dataclass(frozen=True, eq=False)
class _Limit:
    """Bounds that rule most further rows out.

    Attributes
    ----------
    priority : shape (C,), or of one number: a row of the class at or above it has no place.
    low, high : a smaller target than ``low``, or a larger one than minus ``high``, has a reserved place: pairs of
        a target and what decides between equal ones.
    likeness : a row that looks as much like the rare class has a reserved place.
    """

    priority: Priorities
    low: tuple[float, int] = (-np.inf, 0)
    high: tuple[float, int] = (-np.inf, 0)
    likeness: float = np.inf

    def may(self, priority: Priorities, target: Array, likenesses: Array) -> Mask:
        """Return which rows may have a place."""
        if len(self.priority) > 1:
            return np.asarray(
                (priority < self.priority[target.astype(np.intp)])
                | ((likenesses >= self.likeness) & (likenesses > 0.0))
            )
        found = priority < self.priority[0]
        for towards, (edge, last), turned in ((target, self.low, np.uint64(0)), (-target, self.high, LAST)):
            found |= towards < edge
            equal = np.flatnonzero(towards == edge)
            found[equal] |= scrambled(priority[equal]) ^ turned < np.uint64(last)
        return np.asarray(found)


def _limit(state: ScoringState) -> _Limit:
    target, priority, size = state.target, state.priority, len(state.priority)
    held, alike = reserved(state.shape, target, priority, size), lookalikes(state.likenesses, priority, size)
    rest = ~(held | alike)
    last = priority[rest][-1] if rest.any() else np.uint64(0)
    if not state.shape.classes:
        low, high = ends_of(target, priority, size)
        first = edge_of(target[low], priority[low], np.uint64(0))
        return _Limit(np.array([last], np.uint64), first, edge_of(-target[high], priority[high], LAST))
    codes, c = target.astype(np.intp), max(2, len(state.counts))
    place = np.zeros(c, np.intp)
    drawn = np.flatnonzero(held | rest)
    np.maximum.at(place, codes[drawn], drawn)
    bound = max(last, priority[held][-1]) if held.any() else last
    limits = np.maximum(priority[place], bound) + np.uint64(1)
    kept = np.bincount(codes, minlength=c)
    full = kept[: len(state.counts)] == state.counts
    limits[: len(full)][full] = LAST
    edge = state.likenesses[alike].min() if np.count_nonzero(alike) == size // 4 > 0 else 0.0
    return _Limit(limits, likeness=float(edge))
