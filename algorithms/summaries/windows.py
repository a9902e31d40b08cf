"""Windows: the moments of L past and H next values, of series in any number of segments.

A state keeps the first and last L + H - 1 values of every stretch without a gap, so that merging two forms the
windows across their border: months in any number of files give the state of one file, and so do series.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Floats, Places
from algorithms.contract import EXACT, Batch, Column, Ends, Shape, State
from algorithms.covariates import Covariates
from algorithms.errors import AlgorithmError, InvalidField
from algorithms.ranges import Choice, Integer, Legal, Log
from algorithms.solvers.cosine import cosine
from algorithms.summaries.moments import Moments, MomentsState
from algorithms.summaries.stretches import Joined, Stretches, joined, most_bytes, usual_bytes
from algorithms.summaries.window_sample import Windowed, WindowSample

DIFFERENCES, MEAN, NONE = "differences", "mean", "none"
"""What a window is divided by."""

FOURIER = "fourier"

RELATIVE, ABSOLUTE = "relative", "absolute"
"""Whether effects of covariates are in units of the scale, or of the series."""

MOST = 1 << 20
"""Rows of data that does not say how many it has, for the bytes of a state."""

PIECE = 1 << 13
"""Windows that are made at once."""

MOMENTS = Moments("double")


ROUNDED = 16.0
"""A change of so many roundings of the values is none: that of a season which repeats itself exactly."""


def change_of(past: Floats, season: int) -> Array:
    """Return the root mean squared seasonal difference of past values, shape (n,); zero where it is their rounding.

    Examples
    --------
    >>> change_of(np.array([[0.1 + 0.2, 5.0, 0.3, 5.0], [0.0, 1.0, 2.0, 3.0]]), 2).tolist()
    [0.0, 2.0]
    """
    return beyond_rounding(root_mean_square(past[:, season:] - past[:, :-season]), past)


def beyond_rounding(change: Array, past: Floats) -> Array:
    """Return changes of values, shape (n,), with those that are no more than the values' rounding as zero."""
    return np.where(change > ROUNDED * np.finfo(np.float64).eps * np.abs(past).max(axis=1), change, 0.0)


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
    shape : the columns of a window: L - 1 past values less the last, the last, covariates, and H next values less
        the last.
    covariates : what a window has of the columns beside the target.
    rows : number of values seen.
    moments : of the windows, each divided by its scale.
    level : number of windows whose scale is zero; they are not among the moments.
    runs : the stretches without a gap, and the values at their ends.
    """

    shape: Shape = field(metadata={"static": True})
    covariates: Covariates = field(metadata={"static": True})
    rows: int
    moments: MomentsState
    level: int
    runs: Stretches

    @property
    def weight(self) -> float:
        """As many as there are rows: values have no weights."""
        return float(self.rows)


@dataclass(frozen=True, repr=True)
class Windows(Windowed[WindowsState]):
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
    exog_context : past values that a window has of each covariate; None for those of a season.
    exog_effect : covariates change the next values in proportion to the scale of a window (``"relative"``: a
        holiday sells a tenth more in each shop), or by as much whatever it is (``"absolute"``).
    kernel : ``"fourier"`` keeps random features of a window's past besides (Rahimi & Recht 2007), √2 cos(Wᵀz + b)
        of the scaled past z: linear models of them are near those of a Gaussian kernel, so not linear in the past.
    kernel_components : D, how many random features.
    kernel_scale : the width of the kernel, in units of the scale of a window and of √(L - 1).

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
    exog_context: Annotated[int | None, Legal(ge=0), Integer(0, None, searched=False)] = None
    exog_effect: Annotated[
        str, Legal(RELATIVE, ABSOLUTE), Choice(RELATIVE, ABSOLUTE, searched=False)
    ] = RELATIVE
    kernel: Annotated[str, Legal(NONE, FOURIER), Choice(NONE, FOURIER, searched=False)] = NONE
    kernel_components: Annotated[int, Legal(ge=1), Integer(8, 512, log=True, searched=False)] = 200
    kernel_scale: Annotated[float, Legal(gt=0), Log(0.1, 10.0, searched=False)] = 3.0

    version: ClassVar[int] = 3
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
        if self.exog_context is not None and self.exog_context > self.context:
            raise InvalidField(
                f"exog_context={self.exog_context}: windows have {self.context} past steps; give fewer, or a "
                "larger context"
            )
        if self.kernel != NONE and self.context < 2:
            raise InvalidField(f"kernel={self.kernel!r}: windows of one past value have none to make features of")

    def init(self, shape: Shape) -> WindowsState:
        """Return the windows of no rows."""
        if shape.t != 1 or shape.classes:
            targets = ", ".join(shape.targets) or "none"
            raise AlgorithmError(f"windows are of one number, and the target is {targets}")
        made, beside = self.window_shape(shape), self.covariates(shape)
        runs = Stretches.none(self.context + self.horizon - 1, 1 + len(beside.columns))
        return WindowsState(made, beside, 0, MOMENTS.init(made), 0, runs)

    def window_shape(self, shape: Shape) -> Shape:
        """Return the columns of a window."""
        name = shape.targets[0]
        past = [Column(f"{name}[{j - self.context + 1}]", name) for j in range(self.context)]
        nexts = (f"{name}[+{h + 1}]" for h in range(self.horizon))
        features = (Column(f"{name} {self.kernel}{j}", name) for j in range(self.components))
        return Shape((*past, *self.covariates(shape).names(), *features), tuple(nexts))

    @property
    def components(self) -> int:
        """How many random features a window has."""
        return 0 if self.kernel == NONE else self.kernel_components

    def covariates(self, shape: Shape) -> Covariates:
        """Return what a window has of the columns beside the target."""
        return Covariates.of(shape, self.context, self.horizon, self.exog_lags)

    @property
    def exog_lags(self) -> int:
        """How many past values a window has of each covariate."""
        return min(self.season, self.context) if self.exog_context is None else self.exog_context

    def update(self, state: WindowsState, batch: Batch) -> WindowsState:
        """Return the windows of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        both = joined(state.runs, Stretches.of(state.runs.edge, batch, state.covariates.places))
        moments, level = self._added(state, state.moments, both, both.across(both.runs.edge))
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
        merged = MOMENTS.merge(a.moments, b.moments)
        moments, level = self._added(a, merged, both, both.across(both.runs.edge))
        return WindowsState(a.shape, a.covariates, a.rows + b.rows, moments, a.level + b.level + level, both.runs)

    def held_out(self, before: WindowsState, test: WindowsState) -> WindowsState:
        """Return the windows whose next values are all of ``test``; their past may lie before."""
        both = joined(before.runs, test.runs)
        starts = both.following(self.context, self.horizon)
        moments, level = self._added(test, test.moments, both, starts)
        return replace(test, moments=moments, level=test.level + level)

    @property
    def reach(self) -> WindowSample:
        """The windows that models look at."""
        return WindowSample(context=self.context, horizon=self.horizon, season=self.season)

    def ends(self, state: WindowsState) -> Ends:
        """Return the series that end in L values without a gap."""
        series, steps, last = state.runs.latest(self.context)
        return Ends(series, steps, last[:, :, 0], last[:, :, 1:], state.covariates)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: the moments of windows, and at most the rows at the ends of runs."""
        rows = MOST if shape.rows is None else shape.rows
        return MOMENTS.nbytes(self.window_shape(shape)) + 8 * 3 + most_bytes(rows, self._width(shape))

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes that the state of so many rows is expected to take: of long series, of which the ends are kept."""
        return MOMENTS.nbytes(self.window_shape(shape)) + 8 * 3 + usual_bytes(rows, self._width(shape))

    def _width(self, shape: Shape) -> int:
        return 1 + len(self.covariates(shape).columns)

    def scaled(self, rows: Floats) -> Array:
        """Return the scale of windows, shape (n,), by their past values, the first L of each row."""
        past = rows[:, : self.context]
        if self.scale == DIFFERENCES:
            return change_of(past, self.season)
        return np.abs(past).mean(axis=1) if self.scale == MEAN else np.ones(len(past))

    def _added(
        self, state: WindowsState, moments: MomentsState, both: Joined, starts: Places
    ) -> tuple[MomentsState, int]:
        """Return moments with those of some windows, and how many of these have no scale."""
        level, width = 0, self.context + self.horizon
        piece = max(1, PIECE * self.context // (state.shape.d + width * len(state.covariates.columns)))
        for first in range(0, len(starts), piece):
            some = starts[first : first + piece]
            windows, beside = both.windows(some, width), state.covariates.rows(both.beside(some, width))
            past = windows[:, : self.context]
            rows = self.rows(np.concatenate([past, beside], axis=1) if beside.shape[1] else past, self.horizon)
            has, made = rows.scale > 0.0, rows.values
            np.subtract(windows[:, self.context :], rows.last[:, None], out=made[:, state.shape.d :])
            made[:, state.shape.d :] /= rows.unit[:, None]
            made = made if has.all() else np.asfortranarray(made[has])
            moments, level = MOMENTS.update(moments, Batch(made, state.shape.d)), level + len(has) - len(made)
        return moments, level

    def rows(self, past: Array, room: int = 0) -> Scaled:
        """Return what states and models hold of windows, by their past values and covariates (n, L + m).

        There is room for further columns behind these.
        """
        context, scale = self.context, self.scaled(past)
        unit = np.where(scale > 0.0, scale, 1.0)
        width = past.shape[1]
        made = np.empty((len(past), width + self.components + room), order="F")
        made[:, :width], last = past, past[:, context - 1]
        made[:, :context] -= last[:, None]
        made[:, context - 1] = last
        made[:, : width if self.exog_effect == ABSOLUTE else context] /= unit[:, None]
        if self.components:
            weights, offsets = _directions(context - 1, self.components, self.kernel_scale)
            features = cosine(weights.T @ made[:, : context - 1].T + offsets[:, None])
            np.multiply(features, math.sqrt(2.0), out=made[:, width : width + self.components].T)
        return Scaled(made, last, scale, unit)


@dataclass(frozen=True, eq=False)
class Scaled:
    """Windows less their last past value and divided by their scale.

    Attributes
    ----------
    values : shape (n, L + m + D).
    last : shape (n,), the last past value.
    scale, unit : shape (n,), the scale, and 1 in place of a scale of 0.
    """

    values: Array
    last: Array
    scale: Array
    unit: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.values.nbytes + self.last.nbytes + self.scale.nbytes + self.unit.nbytes


@functools.cache
def _directions(inputs: int, components: int, scale: float) -> tuple[Array, Array]:
    """Return W, shape (inputs, components), and b: the same for all data."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(inputs, components)) / (scale * math.sqrt(inputs))
    return weights, rng.uniform(0.0, 2.0 * np.pi, components)
