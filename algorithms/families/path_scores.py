"""Scores of sampled paths on held-out windows, by those of normal forecasts: of any distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array
from algorithms.families.forecast_scores import Judged, units
from algorithms.families.paths import PathForecast
from algorithms.summaries.window_sample import WindowSampleState


@dataclass(frozen=True, eq=False)
class JudgedPaths(Judged):
    """Sampled paths of windows, and what came.

    Attributes
    ----------
    paths : shape (n, h, S), ascending.
    """

    paths: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return super().nbytes + self.paths.nbytes

    @classmethod
    def drawn_by(cls, model: PathForecast, rows: WindowSampleState, season: int) -> JudgedPaths:
        """Return the paths of sampled windows."""
        past, y = model.sampled(rows)
        paths = np.sort(model.over(past, lambda drawn: np.moveaxis(drawn, 1, 2)), axis=2)
        return cls(y, paths.mean(axis=2), paths.std(axis=2), *units(rows, season, y.shape[1]), paths)

    def quantile(self, share: float) -> Array:
        """Return a quantile of each value."""
        return np.asarray(np.quantile(self.paths, share, axis=2))

    def ranked(self) -> Array:
        """Return the continuous ranked probability score of each value: E|X - y| - ½E|X - X'|."""
        S = self.paths.shape[2]
        near = np.abs(self.paths - self.y[:, :, None]).mean(axis=2)
        order = 2.0 * np.arange(1, S + 1) - S - 1.0
        return np.asarray(near - (self.paths @ order) / S**2)
