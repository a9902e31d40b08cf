"""A uniform sample of windows, and how much each series changes: what forecasts are scored on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Places
from algorithms.contract import APPROXIMATE, Batch, Shape, State, Summary
from algorithms.covariates import Covariates
from algorithms.held import S
from algorithms.mixing import mixed
from algorithms.ranges import Integer, Legal
from algorithms.summaries.stretches import Codes, Joined, Steps, Stretches, joined, most_bytes, usual_bytes

MOST = 1 << 20
"""Rows of data that does not say how many it has, for the bytes of a state."""


@dataclass(frozen=True, eq=False)
class Changes:
    """How much series change over a season: the sum of absolute differences, and how many there are.

    Attributes
    ----------
    series : shape (s,), sorted hashes of names.
    total, count : shape (s,).
    """

    series: Codes = field(metadata={"varies": True})
    total: Array = field(metadata={"varies": True})
    count: Array = field(metadata={"varies": True})

    @classmethod
    def none(cls) -> Changes:
        """Return those of no series."""
        return cls(np.zeros(0, np.uint64), np.zeros(0), np.zeros(0))

    def plus(self, series: Codes, total: Array, count: Array) -> Changes:
        """Return these with further ones; a series may be among them more than once."""
        found, place = np.unique(np.concatenate([self.series, series]), return_inverse=True)
        totals, counts = np.concatenate([self.total, total]), np.concatenate([self.count, count])
        made = [np.bincount(place, each, len(found)).astype(np.float64) for each in (totals, counts)]
        return Changes(found, *made)

    def mean(self, series: Codes) -> Array:
        """Return the mean absolute difference of some series; NaN of one that none is known of."""
        if not len(self.series):
            return np.full(len(series), np.nan)
        place = np.minimum(np.searchsorted(self.series, series), len(self.series) - 1)
        known = (self.series[place] == series) & (self.count[place] > 0)
        return np.where(known, self.total[place] / np.maximum(self.count[place], 1.0), np.nan)


@dataclass(frozen=True, eq=False)
class WindowSampleState(State):
    """The state of :class:`WindowSample`.

    Attributes
    ----------
    shape : of the rows.
    context : past values of a window.
    places : of the covariates among the columns of rows.
    rows : number of windows.
    priority : shape (n,), ascending.
    series : shape (n,), the hash of the name of each window's series.
    step : shape (n,), the first step of each window.
    windows : shape (n, L + H).
    beside : shape (n, L + H, c), the covariates of windows.
    changes : of the series: of held-out windows those that were known before them.
    runs : the stretches without a gap, and the values at their ends.
    """

    shape: Shape = field(metadata={"static": True})
    context: int = field(metadata={"static": True})
    places: tuple[int, ...] = field(metadata={"static": True})
    rows: int
    priority: NDArray[np.uint64] = field(metadata={"varies": True})
    series: Codes = field(metadata={"varies": True})
    step: Steps = field(metadata={"varies": True})
    windows: Array = field(metadata={"varies": True})
    beside: Array = field(metadata={"varies": True})
    changes: Changes
    runs: Stretches

    @property
    def weight(self) -> float:
        """As many as there are windows."""
        return float(self.rows)

    @property
    def n(self) -> int:
        """Number of windows kept."""
        return len(self.priority)

    @property
    def complete(self) -> bool:
        """Whether every window is kept."""
        return self.n == self.rows


@dataclass(frozen=True)
class WindowSample(Summary[WindowSampleState]):
    """The windows of smallest priority, a hash of their series and step: the same however rows are cut.

    Parameters
    ----------
    size : windows kept of each fold.
    context, horizon : past and next values of a window.
    season : steps of a season: what differences are taken over.
    """

    size: Annotated[int, Legal(ge=1), Integer(1, None, searched=False)] = 4096
    context: Annotated[int, Legal(ge=1), Integer(1, None, searched=False)] = 24
    horizon: Annotated[int, Legal(ge=1), Integer(1, None, searched=False)] = 8
    season: Annotated[int, Legal(ge=1), Integer(1, None, searched=False)] = 1

    version: ClassVar[int] = 3
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = APPROXIMATE
    ordered: ClassVar[bool] = True

    @property
    def edge(self) -> int:
        """Values that are kept at both ends of a stretch."""
        return max(self.context + self.horizon - 1, self.season)

    def init(self, shape: Shape) -> WindowSampleState:
        """Return the sample of no rows."""
        none, width = np.zeros(0, np.uint64), self.context + self.horizon
        places = Covariates.of(shape, self.context, self.horizon, 0).places
        windows, beside = np.zeros((0, width)), np.zeros((0, width, len(places)))
        runs = Stretches.none(self.edge, 1 + len(places))
        return WindowSampleState(
            shape, self.context, places, 0, none, none, none.astype(np.int64), windows, beside, Changes.none(), runs
        )

    def update(self, state: WindowSampleState, batch: Batch) -> WindowSampleState:
        """Return the sample of the windows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        return self._with(state, joined(state.runs, Stretches.of(self.edge, batch, state.places)), None)

    def merge(self, a: WindowSampleState, b: WindowSampleState) -> WindowSampleState:
        """Return the sample of both, and of those across their borders; leaves both alone."""
        if not len(b.runs.series):
            return a
        if not len(a.runs.series):
            return b
        both = replace(
            a, rows=a.rows + b.rows, changes=a.changes.plus(b.changes.series, b.changes.total, b.changes.count)
        )
        kept = self._smallest(both, b.priority, b.series, b.step, b.windows, b.beside)
        return self._with(kept, joined(a.runs, b.runs), None)

    def held_out(self, before: WindowSampleState, test: WindowSampleState) -> WindowSampleState:
        """Return the windows whose next values are all of ``test``; their series changed as was known before."""
        both = joined(before.runs, test.runs)
        made = self._with(test, both, both.following(self.context, self.horizon))
        return replace(made, changes=before.changes, runs=test.runs)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: the windows kept, and at most the rows at the ends of runs."""
        rows = MOST if shape.rows is None else shape.rows  # each may be a series of its own
        return self._sampled(shape, rows) + most_bytes(rows, 1 + self._columns(shape)) + 8 * 3 * rows

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes that the state of so many rows is expected to take: of long series, of which the ends are kept."""
        return self._sampled(shape, rows) + usual_bytes(rows, 1 + self._columns(shape))

    def _columns(self, shape: Shape) -> int:
        return len(Covariates.of(shape, self.context, self.horizon, 0).columns)

    def _sampled(self, shape: Shape, rows: int) -> int:
        width = (1 + self._columns(shape)) * (self.context + self.horizon)
        return min(self.size, rows) * (8 * width + 24) + 8 * 4

    def _with(self, state: WindowSampleState, both: Joined, starts: Places | None) -> WindowSampleState:
        """Return a state with windows that begin at some places; None for all that lie across a border."""
        width = self.context + self.horizon
        places = both.across(width - 1) if starts is None else starts
        found = self._chosen(state, both, places, width)
        apart = both.across(self.season)
        change = np.abs(both.values[apart + self.season, 0] - both.values[apart, 0])
        run, n = both.run[apart], len(both.runs.series)
        total, count = (np.bincount(run, each, n).astype(np.float64) for each in (change, np.ones(len(run))))
        changes = state.changes.plus(both.runs.series, total, count)
        return replace(found, rows=state.rows + len(places), changes=changes, runs=both.runs)

    def _chosen(self, state: WindowSampleState, both: Joined, places: Places, width: int) -> WindowSampleState:
        series = both.runs.series[both.run[places]]
        priority = mixed(series ^ mixed(both.step[places].astype(np.uint64)))
        if state.n == self.size:
            new = np.flatnonzero(priority < state.priority[-1])
            places, series, priority = places[new], series[new], priority[new]
        if len(places) > self.size:
            new = np.argpartition(priority, self.size - 1)[: self.size]
            places, series, priority = places[new], series[new], priority[new]
        windows, beside = both.windows(places, width), both.beside(places, width)
        return self._smallest(state, priority, series, both.step[places], windows, beside)

    def _smallest(
        self,
        state: WindowSampleState,
        priority: NDArray[np.uint64],
        series: Codes,
        step: Steps,
        windows: Array,
        beside: Array,
    ) -> WindowSampleState:
        """Return a state whose sample is of its own windows and others."""
        every = np.concatenate([state.priority, priority])
        order = np.argsort(every, kind="stable")[: self.size]
        return replace(
            state, priority=every[order], series=np.concatenate([state.series, series])[order],
            step=np.concatenate([state.step, step])[order],
            windows=np.concatenate([state.windows, windows])[order],
            beside=np.concatenate([state.beside, beside])[order],
        )  # fmt: skip


class Windowed(Summary[S]):
    """A summary of series whose models look at a context and forecast a horizon."""

    @property
    @abstractmethod
    def reach(self) -> WindowSample:
        """The windows that its models look at: their context, horizon and season."""

    def sampling(self, size: int, beside: Sequence[Summary]) -> WindowSample:
        """Return the sample of windows as long as any that a model of the study looks at."""
        every = [self.reach, *(other.reach for other in beside if isinstance(other, Windowed))]
        context, horizon = max(one.context for one in every), max(one.horizon for one in every)
        return replace(self.reach, size=size, context=context, horizon=horizon)
