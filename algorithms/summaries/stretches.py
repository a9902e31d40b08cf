"""Stretches of steps without a gap, of which the first and the last values are kept.

Two stretches of a series of which one begins at the step after the other's last are one. So which windows lie
across a border follows from the steps alone: stretches may come in any order, whole series or some steps, and
may fill each other's gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Mask, Places
from algorithms.contract import Batch
from algorithms.errors import AlgorithmError, RepeatedStep

Steps = NDArray[np.int64]
Codes = NDArray[np.uint64]

T = TypeVar("T", bound=np.generic)

LEAST_KEPT = 1 << 12
"""Bytes of the stretches of a few rows."""


@dataclass(frozen=True, eq=False)
class Stretches:
    """Stretches of steps, by series, then by their first step; no two of them touch.

    Attributes
    ----------
    edge : how many of the first, and of the last, values of a stretch are kept; all of a stretch of twice as many.
    series : shape (f,), the hash of the name of each stretch's series.
    start : shape (f,), the first step.
    length : shape (f,), how many steps.
    values : shape (k, 1 + c), what is kept, stretch by stretch: the target, then its covariates.
    """

    edge: int = field(metadata={"static": True})
    series: Codes = field(metadata={"varies": True})
    start: Steps = field(metadata={"varies": True})
    length: Steps = field(metadata={"varies": True})
    values: Array = field(metadata={"varies": True})

    @classmethod
    def none(cls, edge: int, width: int = 1) -> Self:
        """Return no stretches, of so many columns."""
        none = np.zeros(0, np.int64)
        return cls(edge, np.zeros(0, np.uint64), none, none, np.zeros((0, width)))

    @classmethod
    def of(cls, edge: int, batch: Batch, covariates: Sequence[int] = ()) -> Self:
        """Return each row of a batch as a stretch of its own, with some of its columns; they may touch."""
        if batch.series is None or batch.clock is None:
            raise AlgorithmError("rows that follow one another need a series and the number of their step")
        start = batch.clock.astype(np.int64)
        if not np.array_equal(start, batch.clock):
            raise AlgorithmError("the clock of rows that follow one another must be whole numbers of steps")
        values = np.empty((batch.n, 1 + len(covariates)))
        values[:, 0] = batch.target(batch.d)
        for j, place in enumerate(covariates):
            values[:, 1 + j] = batch.target(place)
        return cls(edge, batch.series, start, np.ones(batch.n, np.int64), values)

    @property
    def kept(self) -> Steps:
        """How many values of each stretch are kept, shape (f,)."""
        found: Steps = np.minimum(self.length, 2 * self.edge)
        return found

    @property
    def stop(self) -> Steps:
        """The step after the last of each stretch, shape (f,)."""
        found: Steps = self.start + self.length
        return found

    def sorted(self) -> tuple[Self, Places]:
        """Return the stretches by series and first step, and where each stood before."""
        order = np.lexsort((self.start, self.series))
        found = self.values[_places(np.cumsum(self.kept) - self.kept, self.kept, order)]
        return type(self)(self.edge, self.series[order], self.start[order], self.length[order], found), order

    def latest(self, n: int) -> tuple[Codes, Steps, Array]:
        """Return the last n ≤ edge rows of each series whose last stretch has as many, and the step after them."""
        last = np.append(self.series[1:] != self.series[:-1], np.ones(min(1, len(self.series)), bool))
        long = last & (self.length >= n)
        ends = np.cumsum(self.kept)[long]
        return self.series[long], self.stop[long], self.values[ends[:, None] - np.arange(n, 0, -1)]


def most_bytes(rows: int, width: int) -> int:
    """Return the bytes of the stretches of so many rows and columns at most: each may be a stretch of its own."""
    return 8 * (3 + width) * rows


def usual_bytes(rows: int, width: int) -> int:
    """Return the bytes of the stretches of so many rows that are four times as long as what is kept of an end."""
    return 8 * width * rows // 2 + LEAST_KEPT


@dataclass(frozen=True, eq=False)
class Joined:
    """Stretches of two states that were put together, value by value.

    Attributes
    ----------
    runs : with those that touch made one.
    values : what both keep, by series and step, shape (k, 1 + c).
    step : the step of each, shape (k,).
    run : which of the stretches each is of now, shape (k,).
    before : which of both states' stretches it was of, shape (k,).
    second : whether each value is one of the second's, shape (k,).
    """

    runs: Stretches
    values: Array
    step: Steps
    run: Places
    before: Places
    second: Mask

    def across(self, apart: int) -> Places:
        """Return where apart + 1 steps without a gap begin that do not lie in one stretch of either state."""
        n = max(0, len(self.step) - apart)
        whole = (self.run[:n] == self.run[apart:]) & (self.step[apart:] - self.step[:n] == apart)
        return np.flatnonzero(whole & (self.before[:n] != self.before[apart:]))

    def following(self, context: int, horizon: int) -> Places:
        """Return where windows across a border begin whose values after the context are all of the second."""
        starts, before = self.across(context + horizon - 1), np.append(0, np.cumsum(self.second))
        found: Places = starts[before[starts + context + horizon] - before[starts + context] == horizon]
        return found

    def windows(self, starts: Places, width: int) -> Array:
        """Return the target in windows of so many steps that begin there, shape (n, width)."""
        made, target = np.empty((len(starts), width), order="F"), np.ascontiguousarray(self.values[:, 0])
        for j in range(width):
            np.take(target, starts + j, out=made[:, j])
        return made

    def beside(self, starts: Places, width: int) -> Array:
        """Return the covariates of windows that begin there, shape (n, width, c)."""
        if self.values.shape[1] == 1:
            return np.zeros((len(starts), width, 0))
        return self.values[starts[:, None] + np.arange(width), 1:]


def joined(a: Stretches, b: Stretches) -> Joined:
    """Put the stretches of two states together; those of ``b`` may touch one another.

    Raises
    ------
    RepeatedStep
        A series has two values for one step.
    """
    both, order = _both(a, b).sorted()
    again = both.series[1:] == both.series[:-1]
    gap = both.start[1:] - both.stop[:-1]
    if np.any(again & (gap < 0)):
        at = int(np.argmax(again & (gap < 0)))
        raise RepeatedStep(int(both.series[at]), int(both.start[at + 1]))
    begins = np.append(np.ones(min(1, len(both.series)), bool), ~(again & (gap == 0)))
    run = np.repeat(np.arange(len(both.series)), both.kept)
    step = _steps(both)
    chain = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    length = np.add.reduceat(both.length, first) if len(first) else both.length
    made = Stretches(a.edge, both.series[first], both.start[first], length, both.values[:0])
    of = chain[run]
    keep = (step - made.start[of] < a.edge) | (made.stop[of] - step <= a.edge)
    made = Stretches(a.edge, made.series, made.start, made.length, both.values[keep])
    return Joined(made, both.values, step, of, run, (order >= len(a.series))[run])


def _both(a: Stretches, b: Stretches) -> Stretches:
    def put(x: NDArray[T], y: NDArray[T]) -> NDArray[T]:
        return np.concatenate([x, y])

    return Stretches(
        a.edge, put(a.series, b.series), put(a.start, b.start), put(a.length, b.length), put(a.values, b.values)
    )


def _steps(runs: Stretches) -> Steps:
    """Return the step of each value that is kept."""
    kept = runs.kept
    within = np.arange(int(kept.sum())) - np.repeat(np.cumsum(kept) - kept, kept)
    hidden = np.repeat(runs.length - kept, kept)
    found: Steps = np.repeat(runs.start, kept) + within + np.where(within >= runs.edge, hidden, 0)
    return found


def _places(offset: Steps, kept: Steps, order: Places) -> Places:
    """Return the places of the values of stretches in another order."""
    kept = kept[order]
    found: Places = np.arange(int(kept.sum())) + np.repeat(offset[order] - (np.cumsum(kept) - kept), kept)
    return found
