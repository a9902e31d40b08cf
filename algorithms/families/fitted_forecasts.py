"""Which fitted model a solution that forecasts has."""

from __future__ import annotations

from sklearn.base import BaseEstimator

from algorithms.families.forecast import Forecast
from algorithms.families.path_estimator import SeriesForecast
from algorithms.families.paths import PathForecast
from algorithms.families.window_forecast import WindowForecast


def fitted_forecast(solution: Forecast | PathForecast) -> BaseEstimator:
    """Return the model of a linear map of windows, or of a network.

    Examples
    --------
    >>> import numpy as np
    >>> from algorithms.summaries.windows import Windows
    >>> fitted_forecast(Forecast(np.zeros((1, 2)), np.zeros(1), Windows(context=2, horizon=1)))
    WindowForecast()
    """
    return SeriesForecast().set(solution) if isinstance(solution, PathForecast) else WindowForecast().set(solution)
