"""Forecasts of series by plain loops over all rows at once, ridge by scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge


def windows(frame, context, horizon, begin=0, end=None, known=0):
    """Return past and next values of every window without a gap of the steps from ``begin`` to before ``end``.

    Parameters
    ----------
    frame : with columns series, step and y.
    known : next values begin here at least, of windows whose past may lie before ``begin``.
    """
    past, nexts = [], []
    for _, rows in frame.groupby("series", sort=True):
        table = dict(zip(rows["step"], rows["y"], strict=True))
        for t in sorted(table):
            steps = range(t, t + context + horizon)
            inside = t + context >= known and (end is None or steps[-1] < end) and (t >= begin or known)
            if inside and all(step in table for step in steps):
                values = [table[step] for step in steps]
                past.append(values[:context])
                nexts.append(values[context:])
    return np.array(past).reshape(-1, context), np.array(nexts).reshape(-1, horizon)


def scale_of(past, season):
    """Return the root mean square of seasonal differences."""
    return np.sqrt(np.mean((past[:, season:] - past[:, :-season]) ** 2, axis=1))[:, None]


def ridge(past, nexts, season, alpha=1.0, lags=None, anchor="mean"):
    """Return what forecasts windows by the ridge regression of each next value on past ones."""
    lags, horizon = lags or past.shape[1], nexts.shape[1]

    def anchors(x):
        if anchor == "none":
            return np.zeros((len(x), 1)), np.zeros((len(x), horizon))
        if anchor == "last":
            return x[:, -1:], np.repeat(x[:, -1:], horizon, axis=1)
        mean = x[:, -(season if season > 1 or anchor == "season" else lags) :].mean(axis=1, keepdims=True)
        places = [x.shape[1] - season + h % season for h in range(horizon)]
        return mean, x[:, places] if anchor == "season" else np.repeat(mean, horizon, axis=1)

    def features(x):
        return (x[:, -lags:] - anchors(x)[0])[:, : lags - 1 if anchor == "last" else lags] / scale_of(x, season)

    kept = scale_of(past, season)[:, 0] > 0
    past, nexts = past[kept], nexts[kept]
    model = Ridge(alpha=alpha, solver="svd").fit(features(past), (nexts - anchors(past)[1]) / scale_of(past, season))
    return lambda x: anchors(x)[1] + model.predict(features(x)).reshape(len(x), -1) * scale_of(x, season)


def seasonal_naive(past, nexts, season):
    places = [past.shape[1] - season + h % season for h in range(nexts.shape[1])]
    return lambda x: x[:, places]


def drift(past, nexts, season):
    steps = np.arange(1, nexts.shape[1] + 1)
    return lambda x: x[:, -1:] + steps * (x[:, -1:] - x[:, :1]) / (x.shape[1] - 1)


def mean_forecast(past, nexts, season):
    return lambda x: np.repeat(x.mean(axis=1, keepdims=True), nexts.shape[1], axis=1)


def backtest(frame, twin, context, horizon, season, n_splits, gap=0, **params):
    """Return minus the RMSSE of each split: trained on all before it, tested on the steps that follow."""
    last, made = frame["step"].max() + 1, []
    for i in range(n_splits):
        begin = last - horizon * (n_splits - i)
        forecast = twin(*windows(frame, context, horizon, end=begin - gap), season, **params)
        past, nexts = windows(frame, context, horizon, begin=0, end=begin + horizon, known=begin)
        scale = scale_of(past, season)
        past, nexts, scale = past[scale[:, 0] > 0], nexts[scale[:, 0] > 0], scale[scale[:, 0] > 0]
        made.append(-np.sqrt(np.mean(((nexts - forecast(past)) / scale) ** 2)))
    return made


TWINS = {
    "linear_forecaster": ridge, "seasonal_naive": seasonal_naive, "drift": drift, "mean_forecast": mean_forecast,
}  # fmt: skip
