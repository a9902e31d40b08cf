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
from algorithms.summaries.windows import Windows


class WindowForecast(RegressorMixin, BaseEstimator):
    """A linear map of a window's past values to its next ones.

    Attributes
    ----------
    coef_ : shape (h, L), of past values less the last, and of the last.
    intercept_ : shape (h,), in units of the window's scale.
    n_features_in_ : L.

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
        self.n_features_in_ = forecast.coef.shape[1]
        self.forecast_ = forecast
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the next values, shape (n, h), of windows of past ones, shape (n, L)."""
        return self.forecast_(self._windows(X))

    def scale(self, X: ArrayLike) -> Array:
        """Return what errors of windows are measured in, shape (n,); zero where all past values are one."""
        return self.forecast_.windows.scaled(self._windows(X))

    def quantiles(self, X: ArrayLike, shares: Sequence[float]) -> Array:
        """Return quantiles of the next values of windows, shape (n, h, k)."""
        return self.forecast_.quantiles(self._windows(X), shares)

    def _windows(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        past = np.asarray(check_array(X, dtype=np.float64))
        if past.shape[1] != self.n_features_in_:
            raise ValueError(f"windows have {self.n_features_in_} past values, and X has {past.shape[1]} columns")
        return past
