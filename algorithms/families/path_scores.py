"""Scores of sampled paths on held-out windows, by those of normal forecasts: of any distribution.

They are of S paths where more would give another score. How far that may move it is known by the scores of groups
of the paths, which are drawn independently: their deviation over the root of their number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from algorithms.arrays import Array
from algorithms.families.forecast_scores import Judged, score, units
from algorithms.families.paths import PathForecast
from algorithms.held import Score
from algorithms.lazily import scipy
from algorithms.summaries.window_sample import WindowSampleState

GROUPS = 10
"""Groups of paths, at most; each has at least two."""

SURE = 0.975
"""Which quantile of Student's t a bound is: it holds 95 times in 100."""

@dataclass(frozen=True, eq=False)
class JudgedPaths(Judged):
    """Sampled paths of windows, and what came.

    Attributes
    ----------
    paths : shape (n, h, S), in the order in which they were drawn.
    """

    paths: Array

    @cached_property
    def deviation(self) -> Array:
        """How far each forecast may err, shape (n, h)."""
        return np.asarray(self.paths.std(axis=2))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return super().nbytes + self.paths.nbytes

    @classmethod
    def drawn_by(cls, model: PathForecast, rows: WindowSampleState, season: int) -> JudgedPaths:
        """Return the paths of sampled windows."""
        past, y = model.sampled(rows)
        paths = model.over(past, lambda drawn: np.moveaxis(drawn, 1, 2))
        return cls(y, paths.mean(axis=2), *units(rows, season, y.shape[1]), paths)

    def group(self, which: int, of: int) -> JudgedPaths:
        """Return the forecasts of every so many-th path."""
        paths = self.paths[:, :, which::of]
        return replace(self, mean=paths.mean(axis=2), paths=paths)

    def quantile(self, share: float) -> Array:
        """Return a quantile of each value."""
        return np.asarray(np.quantile(self.paths, share, axis=2))

    def ranked(self) -> Array:
        """Return the continuous ranked probability score of each value: E|X - y| - ½E|X - X'|."""
        S = self.paths.shape[2]
        near = np.abs(self.paths - self.y[:, :, None]).mean(axis=2)
        order = 2.0 * np.arange(1, S + 1) - S - 1.0
        return np.asarray(near - (np.sort(self.paths, axis=2) @ order) / S**2)


def score_of_paths(metric: str, judged: JudgedPaths) -> Score:
    """Return minus an error, and how far other windows, and more paths, may move it, 95 times in 100.

    Raises
    ------
    Unscorable
        No window has a scale, or all values are zero.
    """
    found = score(metric, judged)
    k = min(GROUPS, judged.paths.shape[2] // 2)
    if k < 2:
        return found
    values = [score(metric, judged.group(i, k)).value for i in range(k)]
    wide = float(scipy.stats.t.ppf(SURE, k - 1)) * float(np.std(values, ddof=1)) / k**0.5
    bias = abs(float(np.mean(values)) - found.value) / (k - 1)  # a k-th of the paths has k times the bias
    return Score(found.value, float(np.hypot(found.bound, wide)) + bias)
