"""Scores of forecasts on sampled windows: ratios of sums over windows, with the error of sampling.

Notation
====== ==================================================================
y, f   next values of a window and their forecasts, shape (n, h)
σ      the forecast's deviation at each step, shape (n, h)
S      mean absolute seasonal difference of the window's series, as far as it was known, shape (n,)
====== ==================================================================

Mean absolute scaled error (Hyndman & Koehler 2006), its symmetric percentage and the mean scaled interval score
(Makridakis, Spiliotis & Assimakopoulos 2020, "The M4 competition"); quantile losses over the nine deciles (Salinas
et al. 2020, §4); the continuous ranked probability score of a normal forecast (Gneiting & Raftery 2007, §4.2).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from algorithms.arrays import Array
from algorithms.errors import Unscorable
from algorithms.families.forecast import Forecast
from algorithms.held import Score
from algorithms.lazily import scipy
from algorithms.memo import MEMO
from algorithms.summaries.window_sample import WindowSampleState
from algorithms.summaries.windows import Scaled, beyond_rounding, change_of

DECILES = tuple(i / 10 for i in range(1, 10))
WITHIN = 0.9
"""The share of values that central intervals are to hold."""

CARE = 1.96
"""Standard errors that hold 95 times in 100."""


@dataclass(frozen=True, eq=False)
class Judged(ABC):
    """Forecasts of windows, and what came.

    Attributes
    ----------
    y, mean : shape (n, h).
    scale : S, shape (n,).
    change : the root mean squared seasonal difference of each window's past, shape (n,).
    naive : what the seasonal naive forecast says, shape (n, h).
    drawn : the share of all windows that are sampled.
    """

    y: Array
    mean: Array
    scale: Array
    change: Array
    naive: Array
    drawn: float

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 4 * self.y.nbytes

    @property
    @abstractmethod
    def deviation(self) -> Array:
        """How far each forecast may err, shape (n, h)."""

    @cached_property
    def has(self) -> np.ndarray:
        """Where there is a scale."""
        return self.scale > 0.0

    def scaled(self, each: Array) -> tuple[Array, Array]:
        """Return means over steps in units of S, and ones."""
        made = each.mean(axis=1)[self.has] / self.scale[self.has]
        return made, np.ones(len(made))

    def squared(self) -> tuple[Array, Array]:
        """Return mean squared errors over steps in units of the change, and ones."""
        has = self.change > 0.0
        made = np.mean((self.y - self.mean)[has] ** 2, axis=1) / self.change[has] ** 2
        return made, np.ones(len(made))

    def symmetric(self, f: Array) -> tuple[Array, Array]:
        """Return 2|y - f|/(|y| + |f|) of each window, zero where both are."""
        both = np.abs(self.y) + np.abs(f)
        made = np.divide(2.0 * np.abs(self.y - f), both, out=np.zeros_like(both), where=both > 0.0)
        return made.mean(axis=1), np.ones(len(made))

    def of_all(self, each: Array) -> tuple[Array, Array]:
        """Return sums over steps, and those of |y|."""
        return each.sum(axis=1), np.abs(self.y).sum(axis=1)

    def quantile(self, share: float) -> Array:
        """Return a quantile of each value."""
        return np.asarray(self.mean + self.deviation * float(scipy.special.ndtri(share)))

    def pinball(self, share: float) -> Array:
        """Return twice the quantile loss of each value."""
        off = self.y - self.quantile(share)
        return 2.0 * np.maximum(share * off, (share - 1.0) * off)

    def ranked(self) -> Array:
        """Return the continuous ranked probability score of each value."""
        off = self.y - self.mean
        z = np.divide(off, self.deviation, out=np.zeros_like(off), where=self.deviation > 0.0)
        inner = z * (2.0 * scipy.special.ndtr(z) - 1.0) + 2.0 * _density(z) - 1.0 / math.sqrt(math.pi)
        return np.where(self.deviation > 0.0, self.deviation * inner, np.abs(off))

    def interval(self, miss: float) -> Array:
        """Return the score of the central interval that a value misses with that probability."""
        low, high = self.quantile(miss / 2.0), self.quantile(1.0 - miss / 2.0)
        return np.asarray(
            high - low + 2.0 / miss * (np.maximum(low - self.y, 0.0) + np.maximum(self.y - high, 0.0))
        )

    def inside(self) -> tuple[Array, Array]:
        """Return how many values lie in the central interval, and how many there are."""
        low, high = self.quantile((1.0 - WITHIN) / 2.0), self.quantile((1.0 + WITHIN) / 2.0)
        made = ((low <= self.y) & (self.y <= high)).mean(axis=1)
        return made, np.ones(len(made))


@dataclass(frozen=True, eq=False)
class JudgedMaps(Judged):
    """Forecasts by linear maps of windows.

    Attributes
    ----------
    forecast : what they are made by.
    own : shape (n,), the scale of each window, which its errors are in units of.
    """

    forecast: Forecast
    own: Array

    @classmethod
    def of(cls, forecast: Forecast, rows: WindowSampleState, season: int) -> JudgedMaps:
        """Return the forecasts of sampled windows; those of series that never change have no scale."""
        key = (forecast.windows, len(forecast.coef), season)
        known = MEMO.get(rows, key, lambda: Known.of(forecast, rows, season))
        return cls(known.y, forecast.of_scaled(known.scaled), *known.units, forecast, known.scaled.scale)

    @cached_property
    def deviation(self) -> Array:
        """How far each forecast may err, shape (n, h)."""
        return np.multiply.outer(self.own, self.forecast.deviations)


@dataclass(frozen=True, eq=False)
class Known:
    """What every forecast of sampled windows is made and judged by.

    Attributes
    ----------
    scaled : the windows, as forecasts take them.
    y : what came, shape (n, h).
    units : what :func:`units` says.
    """

    scaled: Scaled
    y: Array
    units: tuple[Array, Array, Array, float]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.scaled.nbytes + self.y.nbytes + sum(each.nbytes for each in self.units[:3])

    @classmethod
    def of(cls, forecast: Forecast, rows: WindowSampleState, season: int) -> Known:
        """Return that of the windows that a forecast looks at."""
        past, y = forecast.sampled(rows)
        return cls(forecast.windows.rows(past), y, units(rows, season, y.shape[1]))


def units(rows: WindowSampleState, season: int, h: int) -> tuple[Array, Array, Array, float]:
    """Return what forecasts of h steps are measured by: S, the change, the naive forecast, and the share drawn."""
    begin = rows.context
    whole = rows.windows[:, :begin]
    apart = whole[:, season:] - whole[:, :-season] if season < begin else np.zeros((rows.n, 1))
    change = change_of(whole, season) if season < begin else np.zeros(rows.n)
    known = rows.changes.mean(rows.series)
    scale = beyond_rounding(np.where(np.isnan(known), np.abs(apart).mean(axis=1), known), whole)
    naive = whole[:, [begin - season + i % season for i in range(h)]]
    return scale, change, naive, rows.n / max(1, rows.rows)


Ratio = tuple[Array, Array]
"""What is summed over windows above and below the line."""


def _density(z: Array) -> Array:
    return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))


def _weighted(judged: Judged) -> Array:
    return np.asarray(np.mean([judged.pinball(share) for share in DECILES], axis=0))


ERRORS: Mapping[str, Callable[[Judged], Ratio]] = {
    "neg_mase": lambda of: of.scaled(np.abs(of.y - of.mean)),
    "neg_smape": lambda of: of.symmetric(of.mean),
    "neg_wql": lambda of: of.of_all(_weighted(of)),
    "neg_crps": lambda of: of.of_all(of.ranked()),
    "neg_msis": lambda of: of.scaled(of.interval(0.05)),
}
"""Errors that are one ratio."""

OWA, MISCOVERAGE, RMSSE = "neg_owa", "neg_miscoverage", "neg_rmsse"
NAMES = (*ERRORS, OWA, MISCOVERAGE, RMSSE)


def check_windows(rows: WindowSampleState) -> None:
    """Refuse held-out rows that have no window to score.

    Raises
    ------
    Unscorable
        Says how many steps without a gap a window has.
    """
    if not rows.n:
        raise Unscorable(
            f"no held-out window of {rows.windows.shape[1]} steps is without a gap, so that no forecast can be "
            "scored: give longer series, fill the gaps, or search a smaller context or horizon"
        )


def score(metric: str, judged: Judged) -> Score:
    """Return minus an error, and how far sampling may have moved it, 95 times in 100.

    Raises
    ------
    Unscorable
        No window has a scale, or all values are zero.
    """
    if metric == MISCOVERAGE:
        share, error = _ratio(metric, judged.inside(), judged.drawn)
        return Score(-abs(share - WITHIN), error)
    if metric == RMSSE:
        square, error = _ratio(metric, judged.squared(), judged.drawn)
        root = math.sqrt(square)
        return Score(-root, error / (2.0 * root) if root > 0.0 else 0.0)
    if metric in ERRORS:
        value, error = _ratio(metric, ERRORS[metric](judged), judged.drawn)
        return Score(-value, error)
    parts = [_relative(judged, judged.symmetric), _relative(judged, lambda f: judged.scaled(np.abs(judged.y - f)))]
    values, errors = zip(*(_ratio(metric, part, judged.drawn) for part in parts), strict=True)
    return Score(-float(np.mean(values)), float(np.sum(errors)) / 2.0)


def _relative(judged: Judged, error: Callable[[Array], Ratio]) -> Ratio:
    """Return the errors of forecasts, and those of the seasonal naive forecast."""
    return error(judged.mean)[0], error(judged.naive)[0]


def _ratio(metric: str, ratio: Sequence[Array], drawn: float) -> tuple[float, float]:
    above, below = ratio
    if not len(above) or not below.sum() > 0.0:
        raise Unscorable(
            f"scoring={metric!r} has nothing to be divided by: no series of the sampled windows changes by more "
            "than its season; give scoring='neg_smape'"
        )
    n, value = len(above), float(above.sum() / below.sum())
    if drawn >= 1.0 or n < 2:
        return value, 0.0
    spread = float(np.std(above - value * below, ddof=1)) / (math.sqrt(n) * float(below.mean()))
    return value, CARE * spread * math.sqrt(1.0 - drawn)
