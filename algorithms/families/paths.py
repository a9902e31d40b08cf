"""A trained autoregressive network: sampled paths of the next values, by NumPy alone.

The notation is that of :mod:`algorithms.neural.recurrent`; S is the number of paths. A row is what is known of a
series: L past values (NaN where there is none), their covariates, the next step, and which series it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Floats, Places, Singles
from algorithms.batches import DAYS
from algorithms.covariates import Covariates
from algorithms.families.forecast import conformal
from algorithms.families.likelihoods import QUANTILES
from algorithms.mixing import mixed
from algorithms.neural.losses import BETA
from algorithms.neural.recurrent import Network
from algorithms.summaries.series import WholeSeries, series_numbers
from algorithms.summaries.window_sample import WindowSampleState

AT_ONCE = 1 << 15
"""Paths that are drawn at once."""

WHO = 2
"""Numbers of a row that say which step and series it is of."""

PERIODS = {
    "Y": (), "Q": (4.0,), "M": (12.0,), "W": (52.1775,), "B": (5.0, 260.89), "D": (7.0, 365.2425),
    "h": (24.0, 168.0, 8765.82), "min": (60.0, 1440.0, 10080.0), "s": (60.0, 3600.0, 86400.0),
}  # fmt: skip
"""Steps after which the calendar repeats, of each unit."""

HARMONICS = 2
"""Sines and cosines of a period, at most; fewer where it has not so many steps."""


def periods_of(freq: str, season: int) -> tuple[float, ...]:
    """Return after how many steps the calendar repeats, by the frequency; of others the season.

    Examples
    --------
    >>> periods_of("M", 12), periods_of("30min", 48), periods_of("Y", 1), periods_of("0.5", 6)
    ((12.0,), (48.0, 336.0), (), (6.0,))
    """
    found = re.fullmatch(r"(\d*)([A-Za-z]+)", freq)
    if found is None or found[2] not in PERIODS:
        return (float(season),) if season > 1 else ()
    steps = (period / float(found[1] or 1) for period in PERIODS[found[2]])
    return tuple(each for each in steps if each > HARMONICS * 2 - 1)


def calendar(steps: NDArray[np.integer] | Floats, periods: Sequence[float]) -> Array:
    """Return sines and cosines of steps, shape (n, k), by the periods of the calendar.

    Examples
    --------
    >>> calendar(np.array([0, 1]), (4.0,)).round(3).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    turns = [(period, k) for period in periods for k in range(1, HARMONICS + 1) if period > 2 * k]
    found = np.zeros((len(steps), 2 * len(turns)))
    for j, (period, k) in enumerate(turns):
        angle = 2.0 * np.pi * np.mod(steps * k, period) / period
        found[:, 2 * j], found[:, 2 * j + 1] = np.sin(angle), np.cos(angle)
    return found


def lags_of(context: int, season: int) -> tuple[int, ...]:
    """Return the lags of a network: the last few steps, and those around a season and its multiples.

    None is longer than half the context, so that the network goes over the other half step by step. Where a season
    is a day, those around a week are looked at, too, if a day is left to go over.

    Examples
    --------
    >>> lags_of(36, 12), lags_of(16, 4)
    ((1, 2, 3, 4, 5, 6, 7, 11, 12, 13), (1, 2, 3, 4, 5, 6, 7, 8))
    >>> lags_of(193, 24)[-4:]
    (73, 167, 168, 169)
    """
    near = set(range(1, 8))
    around = {k * season + i for k in (1, 2, 3) for i in (-1, 0, 1)} if season > 1 else set()
    found = {lag for lag in near | around if 1 <= lag <= max(1, context // 2)}
    week = {7 * season + i for i in (-1, 0, 1)} if season in DAYS and context >= 8 * season + 1 else set()
    return tuple(sorted(found | week))


@dataclass(frozen=True, eq=False)
class Inputs:
    """How rows become what a network looks at.

    Attributes
    ----------
    summary : the series, their context and horizon.
    covariates : of a window.
    periods : of the calendar.
    center, spread : shape (c,), what covariates are about and over.
    level : shape (2,), mean and deviation of the logarithms of scales.
    series : shape (s,), numbers of the known series, ascending; the embedding after theirs is that of all others.
    """

    summary: WholeSeries
    covariates: Covariates
    periods: tuple[float, ...]
    center: Array
    spread: Array
    level: Array
    series: Array

    def standard(self, beside: Array) -> Array:
        """Return covariates about their centre, shape (…, c)."""
        return np.asarray((beside - self.center) / self.spread)

    def places(self, series: Array) -> Places:
        """Return the embedding of series by their numbers, shape (n,)."""
        if not len(self.series):
            return np.zeros(len(series), np.intp)
        near = np.minimum(np.searchsorted(self.series, series), len(self.series) - 1)
        return np.where(self.series[near] == series, near, len(self.series))

    def split(self, beside: Array) -> tuple[Array, Array, Array]:
        """Return what rows have of covariates by kind: (n, L + H, a), (n, L, p) and (n, c), each standardised."""
        known, n = self.covariates, len(beside)
        L, H, before, ahead = known.context, known.horizon, known.before, known.ahead
        ends = np.cumsum([L * len(before), H * len(ahead)])
        past, nexts, still = np.split(beside, ends, axis=1)
        steps = np.zeros((n, L + H, len(known.columns)))
        steps[:, :L, before] = past.reshape(n, len(before), L).transpose(0, 2, 1)
        steps[:, L:, ahead] = nexts.reshape(n, len(ahead), H).transpose(0, 2, 1)
        steps[:, :, known.still] = still[:, None]
        made = self.standard(steps)
        return made[:, :, ahead], made[:, :L, self.past_only], made[:, 0, known.still]

    @property
    def width(self) -> int:
        """Inputs of a step, but for lags and the embedding."""
        kinds = (self.covariates.ahead, self.past_only, self.covariates.still)
        return 2 + int(calendar(np.zeros(1), self.periods).shape[1]) + sum(map(len, kinds))

    @property
    def past_only(self) -> Places:
        """The covariates that are known of past steps alone."""
        return np.setdiff1d(self.covariates.before, self.covariates.ahead)


@dataclass(frozen=True, eq=False)
class PathForecast:
    """A trained network.

    Attributes
    ----------
    network : its architecture.
    inputs : how rows become its inputs.
    parameters : float32, by name.
    steps : how many next values are forecast.
    samples : S.
    stopped : whether training stopped by itself.
    """

    network: Network
    inputs: Inputs
    parameters: Mapping[str, Singles]
    steps: int
    samples: int
    stopped: bool = False

    @property
    def windows(self) -> WholeSeries:
        """The series, their context and horizon."""
        return self.inputs.summary

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return self.windows.context + self.inputs.covariates.width + WHO

    def ahead(self, steps: int) -> int:
        """Return up to which next step covariates must be known for forecasts of so many; 0 where none need be."""
        return steps if len(self.inputs.covariates.ahead) else 0

    def scaled(self, rows: Array) -> Array:
        """Return the root mean squared seasonal difference of the past values that there are, shape (n,)."""
        past, season = rows[:, : self.windows.context], self.windows.season
        apart = past[:, season:] - past[:, :-season] if season < past.shape[1] else past[:, :0]
        seen = np.isfinite(apart)
        total = np.where(seen, apart, 0.0)
        return np.asarray(np.sqrt((total**2).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)))

    def sampled(self, rows: WindowSampleState) -> tuple[Array, Array]:
        """Return what forecasts of sampled windows are made by, shape (n, width), and what came, shape (n, h)."""
        begin, L = rows.context, self.windows.context
        beside = self.inputs.covariates.rows(rows.beside[:, begin - L : begin + self.windows.horizon])
        who = np.column_stack([(rows.step + begin).astype(np.float64), series_numbers(rows.series)])
        past = np.concatenate([rows.windows[:, begin - L : begin], beside, who], axis=1)
        return past, rows.windows[:, begin : begin + self.steps]

    def __call__(self, rows: Array) -> Array:
        """Return the mean of the paths, shape (n, h)."""
        return self.over(rows, lambda drawn: drawn.mean(axis=1))

    def quantiles(self, rows: Array, shares: Sequence[float], errors: Array | None = None) -> Array:
        """Return quantiles of the next values, shape (n, h, k): of the paths, or conformal ones of some errors."""
        if errors is not None:
            spread = np.stack([conformal(errors, share) for share in shares], axis=1)
            return np.asarray(self(rows)[:, :, None] + self.scaled(rows)[:, None, None] * spread)
        return self.over(rows, lambda drawn: np.moveaxis(np.quantile(drawn, shares, axis=1), 0, 2))

    def over(self, rows: Array, make: Callable[[Array], Array]) -> Array:
        """Return what is made of the paths of rows, (m, S, h) at once, for all of them."""
        n = max(1, AT_ONCE // self.samples)
        parts = [make(self.paths(rows[i : i + n])) for i in range(0, max(1, len(rows)), n)]
        return np.concatenate(parts)

    def paths(self, rows: Array, steps: int | None = None) -> Array:
        """Return S paths of the next values, shape (n, S, h); those of a row do not depend on the others.

        But for the last digit of float32: on some processors products round a row by its place among the others.
        """
        given = Given.of(self, rows)
        h = self.steps if steps is None else steps
        L, S, n = self.network.context, self.samples, len(rows)
        memory = Memory.of(self.network, self.parameters, n)
        values, out = given.values, np.zeros((n, 0), np.float32)
        for place in range(self.network.lags[-1], L + 1):
            out = memory.step(given.inputs(values, given.seen, place))
        every, memory, out = np.repeat(np.arange(n), S), memory.repeated(S), np.repeat(out, S, axis=0)
        values, seen, scale = values[every], given.seen[every], given.scale[every]
        key = given.key[every] ^ mixed(np.tile(np.arange(S, dtype=np.uint64), n))
        found = np.empty((n * S, h))
        for j in range(h):
            u = (mixed(key + np.uint64(j)) >> np.uint64(12)).astype(np.float64) + 0.5
            found[:, j] = QUANTILES[self.network.likelihood](out, scale, u / 2.0**52)
            values[:, L + j], seen[:, L + j] = found[:, j] / scale, 1.0
            if j + 1 < h:
                out = memory.step(given.inputs(values, seen, L + j + 1, every))
        return found.reshape(n, S, h)

    def raw(self, rows: Array, nexts: Array) -> Array:
        """Return what distributions are made of, shape (n, U + H, head), where next values are known, (n, H)."""
        given = Given.of(self, rows)
        memory, L = Memory.of(self.network, self.parameters, len(rows)), self.network.context
        given.values[:, L:], given.seen[:, L:] = nexts / given.scale[:, None], 1.0
        places = range(self.network.lags[-1], L + self.network.horizon)
        return np.stack([memory.step(given.inputs(given.values, given.seen, place)) for place in places], axis=1)


@dataclass(frozen=True, eq=False)
class Given:
    """What is known of rows, as a network takes it.

    Attributes
    ----------
    network : its architecture.
    values, seen : shape (n, L + H), values by their scale, and one where there is one.
    scale : ν, shape (n,).
    ahead : shape (n, L + H, a), of which the calendar comes first.
    before : shape (n, L, p).
    whole : shape (n, c + E + 1), what does not change, the embedding, and the level.
    key : shape (n,), what paths are drawn by.
    """

    network: Network
    values: Singles
    seen: Singles
    scale: Array
    ahead: Singles
    before: Singles
    whole: Singles
    key: NDArray[np.uint64]

    @classmethod
    def of(cls, model: PathForecast, rows: Array) -> Given:
        """Return what a trained network takes of rows, shape (n, width)."""
        inputs, L, H, n = model.inputs, model.network.context, model.network.horizon, len(rows)
        values, seen = np.zeros((n, L + H)), np.zeros((n, L + H), np.float32)
        there = np.isfinite(rows[:, :L])
        values[:, :L], seen[:, :L] = np.where(there, rows[:, :L], 0.0), there
        scale = scale_of(model.network.likelihood, values[:, :L], there, L - model.network.recent)
        step = np.rint(rows[:, -WHO]).astype(np.int64)
        turns = calendar(np.add.outer(step, np.arange(-L, H)).ravel(), inputs.periods).reshape(n, L + H, -1)
        futures, past, still = inputs.split(rows[:, L:-WHO])
        level = (np.log(scale) - inputs.level[0]) / inputs.level[1]
        embedding = model.parameters["embedding"][inputs.places(rows[:, -1])]
        key = mixed(np.abs(rows[:, -1]).astype(np.uint64) ^ mixed(step.view(np.uint64)))
        parts = (
            values / scale[:, None], seen, np.concatenate([turns, futures], axis=2), past,
            np.concatenate([still, embedding, level[:, None]], axis=1),
        )  # fmt: skip
        scaled, known, ahead, before, whole = (part.astype(np.float32) for part in parts)
        return cls(model.network, scaled, known, scale, ahead, before, whole, key)

    def inputs(self, values: Singles, seen: Singles, place: int, rows: Places | slice = slice(None)) -> Singles:
        """Return what the network takes at a place of the window, shape (m, inputs), of some rows."""
        over = min(place - 1, self.network.context - 1)
        past = values[:, [place - lag for lag in self.network.lags]]
        beside = (self.ahead[rows, place], self.before[rows, over], self.whole[rows])
        return np.concatenate([past, seen[:, place - 1, None], *beside], axis=1)


@dataclass(eq=False)
class Memory:
    """What the layers of a network remember of rows: h and c of each, shape (n, hidden)."""

    network: Network
    parameters: Mapping[str, Singles]
    h: list[Singles]
    c: list[Singles]

    @classmethod
    def of(cls, network: Network, parameters: Mapping[str, Singles], n: int) -> Memory:
        """Return the memory of nothing."""
        hidden = parameters["own0"].shape[0]
        h, c = ([np.zeros((n, hidden), np.float32) for _ in range(network.layers)] for _ in range(2))
        return cls(network, parameters, h, c)

    def repeated(self, times: int) -> Memory:
        """Return the memory of each row so many times."""
        h, c = ([np.repeat(each, times, axis=0) for each in kept] for kept in (self.h, self.c))
        return Memory(self.network, self.parameters, h, c)

    def step(self, x: Singles) -> Singles:
        """Take a step, and return what the distribution of the value there is made of, shape (n, head)."""
        known = self.parameters
        for layer in range(self.network.layers):
            gates = x @ known[f"in{layer}"] + self.h[layer] @ known[f"own{layer}"] + known[f"bias{layer}"]
            i, f, g, o = np.split(gates, 4, axis=1)
            self.c[layer] = _sigmoid(f) * self.c[layer] + _sigmoid(i) * np.tanh(g)
            self.h[layer] = x = _sigmoid(o) * np.tanh(self.c[layer])
        return np.asarray(x @ known["head"] + known["head_bias"])


def scale_of(likelihood: str, past: Array, there: NDArray[np.bool_], first: int = 0) -> Array:
    """Return ν of past values, zero where there is none, shape (n,): of those from the first on that counts.

    Where these are zero it is of all of them; one where all are zero, and of shares.

    Examples
    --------
    >>> past, there = np.array([[0.0, -2.0, 4.0], [0.0, 0.0, 0.0]]), np.array([[False, True, True]] * 2)
    >>> scale_of("gaussian", past, there).tolist()
    [3.0, 1.0]
    """
    if likelihood == BETA:
        return np.ones(len(past))
    late, whole = (
        np.abs(past[:, start:]).sum(axis=1) / np.maximum(there[:, start:].sum(axis=1), 1) for start in (first, 0)
    )
    found = np.where(late > 0.0, late, whole)
    return np.where(found > 0.0, found, 1.0)


def _sigmoid(x: Singles) -> Singles:
    half = np.float32(0.5)
    return np.asarray(half * np.tanh(half * x) + half)
