"""Windows: the moments of L past and H next values, of series in any number of segments.

A state keeps the first and last L + H - 1 values of every stretch without a gap, so that merging two forms the
windows across their border: months in any number of files give the state of one file, and so do series.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Floats
from algorithms.contract import EXACT, Batch, Column, Shape, State, Summary
from algorithms.errors import AlgorithmError, InvalidField
from algorithms.ranges import Choice, Integer, Legal
from algorithms.summaries._runs import Codes, Joined, Runs, Steps, joined, most_bytes, usual_bytes
from algorithms.summaries.moments import Moments, MomentsState
from algorithms.summaries.window_sample import WindowSample

DIFFERENCES, MEAN, NONE = "differences", "mean", "none"
"""What a window is divided by."""

MOST = 1 << 20
"""Rows of data that does not say how many it has, for the bytes of a state."""

PIECE = 1 << 13
"""Windows that are made at once."""

MOMENTS = Moments("double")


def root_mean_square(values: Floats) -> Array:
    """Return the root of the mean square of each row, of values whose squares are too large for a number too.

    Examples
    --------
    >>> [f"{v:.6g}" for v in root_mean_square(np.array([[3.0, 4.0], [3e200, 4e200]]))]
    ['3.53553', '3.53553e+200']
    """
    with np.errstate(over="ignore"):
        found = np.sqrt(np.einsum("ij,ij->i", values, values) / values.shape[1])
    if np.isfinite(found).all():
        return np.asarray(found)
    most = np.maximum(np.abs(values).max(axis=1), 1.0)[:, None]
    return np.asarray(most[:, 0] * np.sqrt(np.mean((values / most) ** 2, axis=1)))


@dataclass(frozen=True, eq=False)
class WindowsState(State):
    """The state of :class:`Windows`.

    Attributes
    ----------
    shape : the columns of a window: L - 1 past values less the last, the last, and H next ones less the last.
    rows : number of values seen.
    moments : of the windows, each divided by its scale.
    level : number of windows whose scale is zero; they are not among the moments.
    runs : the stretches without a gap, and the values at their ends.
    """

    shape: Shape = field(metadata={"static": True})
    rows: int
    moments: MomentsState
    level: int
    runs: Runs

    @property
    def weight(self) -> float:
        """As many as there are rows: values have no weights."""
        return float(self.rows)


@dataclass(frozen=True, repr=True)
class Windows(Summary[WindowsState]):
    """The moments of windows of past and next values, of every series together.

    A window is kept less its last past value and divided by its scale, so that a series far from zero keeps its
    digits, and large series do not hide small ones. Models subtract something else, or nothing, by a linear map.

    Parameters
    ----------
    context : L, past values of a window.
    horizon : H, next values.
    season : steps of a season: what differences are taken over.
    scale : what a window is divided by: the root mean square of the seasonal differences of its past
        (``"differences"``: then squared errors are RMSSE²), the mean of its absolute past values (``"mean"``), or 1
        (``"none"``).

    Examples
    --------
    >>> shape, windows = Shape((), ("y",)), Windows(context=2, horizon=1)
    >>> def rows(*values, at):
    ...     steps = np.arange(at, at + len(values), dtype=float)
    ...     series = np.zeros(len(values), np.uint64)
    ...     return Batch(np.array(values)[:, None], d=0, clock=steps, series=series)
    >>> a = windows.update(windows.init(shape), rows(1.0, 3.0, at=0))
    >>> b = windows.update(windows.init(shape), rows(4.0, 8.0, at=2))
    >>> state = windows.merge(b, a)
    >>> state.moments.rows, state.moments.mean.tolist()
    (2, [-1.0, 2.75, 2.25])
    """

    context: Annotated[int, Legal(ge=1), Integer(8, 60, searched=False)] = 24
    horizon: Annotated[int, Legal(ge=1), Integer(1, 24, searched=False)] = 8
    season: Annotated[int, Legal(ge=1), Integer(1, 24, searched=False)] = 1
    scale: Annotated[
        str, Legal(DIFFERENCES, MEAN, NONE), Choice(DIFFERENCES, MEAN, NONE, searched=False)
    ] = DIFFERENCES

    version: ClassVar[int] = 1
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = EXACT
    ordered: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale == DIFFERENCES and self.season >= self.context:
            raise InvalidField(
                f"context={self.context}: has no two values a season of {self.season} apart; give at least "
                f"{self.season + 1}"
            )

    def init(self, shape: Shape) -> WindowsState:
        """Return the windows of no rows."""
        if shape.t != 1 or shape.classes:
            told = ", ".join(shape.targets) or "none"
            raise AlgorithmError(f"windows are of one number, and the target is {told}")
        made = self.window_shape(shape.targets[0])
        return WindowsState(made, 0, MOMENTS.init(made), 0, Runs.none(self.context + self.horizon - 1))

    def window_shape(self, name: str) -> Shape:
        """Return the columns of a window."""
        past = [f"{name}[{j - self.context + 1}]" for j in range(self.context)]
        nexts = (f"{name}[+{h + 1}]" for h in range(self.horizon))
        return Shape(tuple(Column(each, name) for each in past), tuple(nexts))

    def update(self, state: WindowsState, batch: Batch) -> WindowsState:
        """Return the windows of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        both = joined(state.runs, Runs.of(state.runs.edge, batch))
        moments, level = self._added(state.moments, both, both.across(both.runs.edge))
        return replace(
            state, rows=state.rows + batch.n, moments=moments, level=state.level + level, runs=both.runs
        )

    def merge(self, a: WindowsState, b: WindowsState) -> WindowsState:
        """Return the windows of both, and those across their borders; leaves both alone."""
        if b.rows == 0:
            return a
        if a.rows == 0:
            return b
        both = joined(a.runs, b.runs)
        moments, level = self._added(MOMENTS.merge(a.moments, b.moments), both, both.across(both.runs.edge))
        return WindowsState(a.shape, a.rows + b.rows, moments, a.level + b.level + level, both.runs)

    def held_out(self, before: WindowsState, test: WindowsState) -> WindowsState:
        """Return the windows whose next values are all of ``test``; their past may lie before."""
        both = joined(before.runs, test.runs)
        moments, level = self._added(test.moments, both, both.following(self.context, self.horizon))
        return replace(test, moments=moments, level=test.level + level)

    def sampling(self, size: int, beside: Sequence[Summary]) -> WindowSample:
        """Return the sample of windows as long as any that a model of the study looks at."""
        context, horizon = self.context, self.horizon
        for other in beside:
            if isinstance(other, Windows):
                context, horizon = max(context, other.context), max(horizon, other.horizon)
        return WindowSample(size, context, horizon, self.season)

    def ends(self, state: WindowsState) -> tuple[Codes, Steps, Array]:
        """Return the series that end in L values without a gap: their hashes, next steps, and last L values."""
        return state.runs.latest(self.context)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: the moments of windows, and at most the rows at the ends of runs."""
        rows = MOST if shape.rows is None else shape.rows
        return MOMENTS.nbytes(self.window_shape("y")) + 8 * 3 + most_bytes(rows)

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes that the state of so many rows is expected to take: of long series, of which the ends are kept."""
        return MOMENTS.nbytes(self.window_shape("y")) + 8 * 3 + usual_bytes(rows)

    def scaled(self, past: Floats) -> Array:
        """Return the scale of windows, shape (n,), by their past values (n, L)."""
        if self.scale == DIFFERENCES:
            apart = past[:, self.season :] - past[:, : -self.season]
            return root_mean_square(apart)
        return np.abs(past).mean(axis=1) if self.scale == MEAN else np.ones(len(past))

    def _added(self, moments: MomentsState, both: Joined, starts: np.ndarray) -> tuple[MomentsState, int]:
        """Return moments with those of some windows, and how many of these have no scale."""
        level = 0
        for first in range(0, len(starts), PIECE):
            for values, lost in self._pieces(both.windows(starts[first : first + PIECE])):
                moments, level = MOMENTS.update(moments, Batch(values, self.context)), level + lost
        return moments, level

    def _pieces(self, windows: Floats) -> Iterator[tuple[Floats, int]]:
        """Yield windows less their last past value, divided by their scales, and how many have none."""
        scale = self.scaled(windows[:, : self.context])
        has = scale > 0.0
        made = windows if has.all() else np.asfortranarray(windows[has])
        last = made[:, self.context - 1].copy()
        made -= last[:, None]
        made[:, self.context - 1] = last
        made /= scale[has, None]
        yield made, int(len(has) - np.count_nonzero(has))
