"""The fitted model of series that a network forecasts: scikit-learn has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_array, check_is_fitted

from algorithms.arrays import Array
from algorithms.errors import AlgorithmError
from algorithms.families.paths import WHO, PathForecast
from algorithms.summaries.window_sample import WindowSampleState


class SeriesForecast(RegressorMixin, BaseEstimator):
    """An autoregressive network that forecasts by sampled paths; NumPy alone.

    Attributes
    ----------
    forecast_ : the trained network.
    n_features_in_ : L + m + 2: past values, covariates, the next step, and the number of the series.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> NoReturn:
        """Refuse: windows alone do not say which steps and series they are of."""
        raise AlgorithmError("SeriesForecast is trained by a study of series: hpo.tune(…, time=…)")

    def set(self, forecast: PathForecast) -> Self:
        """Return the model of a trained network."""
        self.forecast_, self.n_features_in_ = forecast, forecast.width
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the mean of the next values, shape (n, h), of rows of past values (n, L + m + 2)."""
        return self.forecast_(self._rows(X))

    def scale(self, X: ArrayLike) -> Array:
        """Return what errors are measured in, shape (n,); zero where all past values are one."""
        return self.forecast_.scaled(self._rows(X))

    def quantiles(self, X: ArrayLike, shares: Sequence[float], errors: Array | None = None) -> Array:
        """Return quantiles of the next values, shape (n, h, k): of paths, or conformal ones of some errors."""
        return self.forecast_.quantiles(self._rows(X), shares, errors)

    def errors(self, sample: WindowSampleState) -> Array:
        """Return the errors of sampled windows in units of their scales, shape (m, h), of those that have one."""
        rows, y = self.forecast_.sampled(sample)
        scale = self.forecast_.scaled(rows)
        return np.asarray((y - self.forecast_(rows))[scale > 0.0] / scale[scale > 0.0, None])

    def ahead(self, steps: int) -> int:
        """Return up to which next step covariates must be known for forecasts of so many; 0 where none need be."""
        return self.forecast_.ahead(steps)

    def _rows(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        rows = np.asarray(check_array(X, dtype=np.float64, ensure_all_finite="allow-nan"))
        if rows.shape[1] != self.n_features_in_:
            what = f"{self.forecast_.windows.context} past values, their covariates, the next step and the series"
            raise ValueError(f"rows have {self.n_features_in_} numbers ({what}), and X has {rows.shape[1]} columns")
        if not np.isfinite(rows[:, -WHO:]).all():
            raise ValueError("rows say at their end which step comes next and of which series it is; one does not")
        return rows
