"""Whole series: every value with its step, of as many series as there is room for.

What learns from the order of steps, and not from products of windows, needs the values themselves. A series is kept
whole or not at all: those of the smallest hash are kept, so that the sample is the same however rows are cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array
from algorithms.contract import APPROXIMATE, Batch, Ends, Shape, State
from algorithms.covariates import Covariates
from algorithms.errors import AlgorithmError, RepeatedStep
from algorithms.mixing import mixed
from algorithms.ranges import Integer, Legal
from algorithms.summaries.stretches import Codes, Steps, Stretches
from algorithms.summaries.window_sample import Windowed, WindowSample

ALL = np.iinfo(np.uint64).max
"""The bound of priorities below which every series is kept."""

PLACE_BITS = np.uint64(11)
"""Bits of a series' hash that a float64 has no room for."""


def series_numbers(series: Codes) -> Array:
    """Return series as numbers that a row of floats can hold: the first 53 bits of their hashes.

    Examples
    --------
    >>> series_numbers(np.array([4096, 2**64 - 1], np.uint64)).tolist()
    [2.0, 9007199254740991.0]
    """
    return (series >> PLACE_BITS).astype(np.float64)


@dataclass(frozen=True, eq=False)
class SeriesEnds(Ends):
    """The ends of series, where missing values are NaN: rows say which series and which next step they are of."""

    def rows(self, nexts: Array | None = None) -> Array:
        """Return what models forecast by, shape (n, L + width + 2): the next step and the series come last."""
        who = np.column_stack([self.steps.astype(np.float64), series_numbers(self.series)])
        return np.concatenate([super().rows(nexts), who], axis=1)


@dataclass(frozen=True, eq=False)
class SeriesState(State):
    """The state of :class:`WholeSeries`.

    Attributes
    ----------
    shape : of the rows.
    covariates : what a window has of the columns beside the target.
    rows : number of values seen.
    bound : shape (1,), series whose priority is below it are kept, others are not.
    series : shape (n,), the hash of the name of each row's series, ascending.
    step : shape (n,), ascending within a series.
    values : shape (n, 1 + c), the target, then its covariates.
    """

    shape: Shape = field(metadata={"static": True})
    covariates: Covariates = field(metadata={"static": True})
    rows: int
    bound: NDArray[np.uint64]
    series: Codes = field(metadata={"varies": True})
    step: Steps = field(metadata={"varies": True})
    values: Array = field(metadata={"varies": True})

    @property
    def weight(self) -> float:
        """As many as there are rows: values have no weights."""
        return float(self.rows)

    @property
    def kept_rows(self) -> int:
        """Number of rows kept."""
        return len(self.step)


@dataclass(frozen=True)
class WholeSeries(Windowed[SeriesState]):
    """Whole series, those of the smallest hash, and no more values than ``size``.

    Parameters
    ----------
    size : values kept, at most.
    context : L, past values that a model looks at.
    horizon : H, next values that it forecasts.
    season : steps of a season.

    Examples
    --------
    >>> kept, shape = WholeSeries(context=3, horizon=1), Shape((), ("y",))
    >>> steps, series = np.array([5.0, 2.0, 4.0]), np.array([7, 7, 7], np.uint64)
    >>> rows = Batch(np.array([[3.0], [1.0], [2.0]]), d=0, clock=steps, series=series)
    >>> state = kept.update(kept.init(shape), rows)
    >>> state.step.tolist(), kept.ends(state).past.tolist()
    ([2, 4, 5], [[nan, 2.0, 3.0]])
    """

    size: Annotated[int, Legal(ge=1), Integer(1, None, searched=False)] = 1_000_000
    context: Annotated[int, Legal(ge=2), Integer(8, 60, searched=False)] = 24
    horizon: Annotated[int, Legal(ge=1), Integer(1, 24, searched=False)] = 8
    season: Annotated[int, Legal(ge=1), Integer(1, 24, searched=False)] = 1

    version: ClassVar[int] = 1
    tolerance: ClassVar[float] = 0.0
    family: ClassVar[str] = APPROXIMATE
    ordered: ClassVar[bool] = True

    @property
    def reach(self) -> WindowSample:
        """The windows that models look at."""
        return WindowSample(context=self.context, horizon=self.horizon, season=self.season)

    def init(self, shape: Shape) -> SeriesState:
        """Return no series."""
        if shape.t != 1 or shape.classes:
            names = ", ".join(shape.targets) or "none"
            raise AlgorithmError(f"series are of one number, and the target is {names}")
        covariates = Covariates.of(shape, self.context, self.horizon, self.context)
        none, bound = np.zeros(0, np.uint64), np.array([ALL], np.uint64)
        values = np.zeros((0, 1 + len(covariates.columns)))
        return SeriesState(shape, covariates, 0, bound, none, none.astype(np.int64), values)

    def update(self, state: SeriesState, batch: Batch) -> SeriesState:
        """Return the series seen before with the rows of ``batch``."""
        if batch.n == 0:
            return state
        rows = Stretches.of(1, batch, state.covariates.places)
        return self._kept(state, batch.n, state.bound, rows.series, rows.start, rows.values)

    def merge(self, a: SeriesState, b: SeriesState) -> SeriesState:
        """Return the series of both; leaves both alone."""
        if b.rows == 0:
            return a
        if a.rows == 0:
            return b
        return self._kept(a, b.rows, b.bound, b.series, b.step, b.values)

    def ends(self, state: SeriesState) -> SeriesEnds:
        """Return the last L steps of every series; NaN where there is no value."""
        some = np.ones(min(1, len(state.series)), bool)
        last = np.flatnonzero(np.append(state.series[1:] != state.series[:-1], some))
        place = np.repeat(np.arange(len(last)), np.diff(np.append(-1, last)))
        back = state.step[last][place] - state.step
        near = back < self.context
        every = np.zeros((len(last), self.context, state.values.shape[1]))
        every[:, :, 0] = np.nan
        every[place[near], self.context - 1 - back[near]] = state.values[near]
        past, beside = every[:, :, 0], every[:, :, 1:]
        return SeriesEnds(state.series[last], state.step[last] + 1, past, beside, state.covariates)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: as many values as it may keep."""
        return self.nbytes_of(shape, self.size if shape.rows is None else shape.rows)

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes of the state of so many rows, at most."""
        columns = len(Covariates.of(shape, self.context, self.horizon, self.context).columns)
        return min(self.size, rows) * 8 * (3 + columns) + 16

    def _kept(
        self, state: SeriesState, rows: int, bound: NDArray[np.uint64], series: Codes, step: Steps, values: Array
    ) -> SeriesState:
        """Return a state with further rows, of the series that there is room for."""
        found, steps = np.concatenate([state.series, series]), np.concatenate([state.step, step])
        both = np.concatenate([state.values, values])
        order = np.lexsort((steps, found))
        found, steps = found[order], steps[order]
        again = np.flatnonzero((found[1:] == found[:-1]) & (steps[1:] == steps[:-1]))
        if len(again):
            raise RepeatedStep(int(found[again[0]]), int(steps[again[0]]))
        names, count = np.unique(found, return_counts=True)
        priority, least = mixed(names), np.minimum(state.bound, bound)
        near = np.argsort(priority, kind="stable")
        over = near[np.cumsum(count[near]) > self.size]
        least = np.minimum(least, priority[over[:1]]) if len(over) else least
        keep = np.repeat(priority < least[0], count)
        return SeriesState(
            state.shape, state.covariates, state.rows + rows, least, found[keep], steps[keep], both[order][keep]
        )
