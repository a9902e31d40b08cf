"""The fitted model of windows: it forecasts by past values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y

from algorithms.arrays import Array
from algorithms.families.forecast import Forecast
from algorithms.summaries.window_sample import WindowSampleState
from algorithms.summaries.windows import Windows


class WindowForecast(RegressorMixin, BaseEstimator):
    """A linear map of a window's past values to its next ones.

    Attributes
    ----------
    coef_ : shape (h, L + m + D), of past values less the last, of the last, of m covariates, and of D random
        features.
    intercept_ : shape (h,), in units of the window's scale.
    n_features_in_ : L + m.

    Examples
    --------
    >>> forecast = Forecast(np.zeros((1, 2)), np.zeros(1), Windows(context=2, horizon=1))
    >>> WindowForecast().set(forecast).predict([[1.0, 5.0]]).tolist()
    [[5.0]]
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Find the map by least squares, of past windows (n, L) and next values (n, h)."""
        past, nexts = check_X_y(X, y, dtype=np.float64, multi_output=True)
        nexts, last = nexts.reshape(len(past), -1), past[:, -1:]
        made = np.concatenate([past[:, :-1] - last, last, np.ones_like(last)], axis=1)
        coef = np.linalg.lstsq(made, nexts - last, rcond=None)[0]
        windows = Windows(context=past.shape[1], horizon=nexts.shape[1], scale="none")
        return self.set(Forecast(coef[:-1].T, coef[-1], windows))

    def set(self, forecast: Forecast) -> Self:
        """Return the model of a solution."""
        self.coef_, self.intercept_ = forecast.coef, forecast.intercept
        self.n_features_in_ = forecast.windows.context + forecast.covariates.width
        self.forecast_ = forecast
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the next values, shape (n, h), of windows of past ones and covariates, shape (n, L + m)."""
        return self.forecast_(self._windows(X))

    def scale(self, X: ArrayLike) -> Array:
        """Return what errors of windows are measured in, shape (n,); zero where all past values are one."""
        return self.forecast_.windows.scaled(self._windows(X))

    def quantiles(self, X: ArrayLike, shares: Sequence[float], errors: Array | None = None) -> Array:
        """Return quantiles of the next values of windows, shape (n, h, k): of normal errors, or of some errors."""
        return self.forecast_.quantiles(self._windows(X), shares, errors)

    def errors(self, sample: WindowSampleState) -> Array:
        """Return the errors of sampled windows in units of their scales, shape (m, h), of those that have one."""
        past, y = self.forecast_.sampled(sample)
        scale = self.forecast_.windows.scaled(past)
        return np.asarray((y - self.forecast_(past))[scale > 0.0] / scale[scale > 0.0, None])

    def ahead(self, steps: int) -> int:
        """Return up to which next step covariates must be known for forecasts of so many; 0 where none need be."""
        return self.forecast_.ahead(steps)

    def _windows(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        past = np.asarray(check_array(X, dtype=np.float64))
        if past.shape[1] != self.n_features_in_:
            what = "past values" if not self.forecast_.covariates.width else "past values and covariates"
            raise ValueError(f"windows have {self.n_features_in_} {what}, and X has {past.shape[1]} columns")
        return past
