"""Forecasts of series by plain loops over all rows at once, ridge by scikit-learn."""

from __future__ import annotations

import numpy as np
from scipy.integrate import simpson
from scipy.stats import norm
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


def scores(y, f, deviation, naive, scale):
    """Return every score of sampled windows: next values, forecasts, deviations (n, h), and scales of series (n,)."""
    def mase(forecast):
        return np.mean([np.mean(np.abs(a - b)) / s for a, b, s in zip(y, forecast, scale, strict=True) if s > 0])

    def smape(forecast):
        return np.mean(2 * np.abs(y - forecast) / (np.abs(y) + np.abs(forecast)))

    def pinball(q):
        quantile = norm.ppf(q, f, deviation)
        return np.sum(np.where(y >= quantile, q * (y - quantile), (1 - q) * (quantile - y)))

    def crps(value, mean, sd):
        below = np.linspace(min(mean, value) - 12 * sd, value, 4001)
        above = np.linspace(value, max(mean, value) + 12 * sd, 4001)
        return simpson(norm.cdf(below, mean, sd) ** 2, below) + simpson(norm.sf(above, mean, sd) ** 2, above)

    low, high = norm.ppf(0.025, f, deviation), norm.ppf(0.975, f, deviation)
    width = high - low + 40 * np.maximum(low - y, 0) + 40 * np.maximum(y - high, 0)
    inside = np.abs(y - f) <= norm.ppf(0.95) * deviation
    total = np.sum(np.abs(y))
    return {
        "neg_mase": -mase(f), "neg_smape": -smape(f),
        "neg_wql": -np.mean([2 * pinball(q / 10) / total for q in range(1, 10)]),
        "neg_crps": -sum(crps(*one) for one in zip(y.ravel(), f.ravel(), deviation.ravel(), strict=True)) / total,
        "neg_msis": -np.mean(width.mean(axis=1)[scale > 0] / scale[scale > 0]),
        "neg_owa": -(mase(f) / mase(naive) + smape(f) / smape(naive)) / 2,
        "neg_miscoverage": -abs(np.mean(inside) - 0.9),
    }  # fmt: skip


def backtest_scores(frame, twin, context, horizon, season, n_splits, **params):
    """Return every score of each split; the scale of a series is that of all it was before."""
    last, made = frame["step"].max() + 1, []
    for i in range(n_splits):
        begin = last - horizon * (n_splits - i)
        past, nexts = windows(frame, context, horizon, end=begin)
        forecast = twin(past, nexts, season, **params)
        kept = scale_of(past, season)[:, 0] > 0
        free = kept.sum() - degrees(past[kept], season, **params) - 1
        off = (nexts - forecast(past))[kept] / scale_of(past, season)[kept]
        spread = np.sqrt(np.sum(off**2, axis=0) / free)
        held, y, scale = [], [], []
        for _, rows in frame.groupby("series", sort=True):
            x, nexts = windows(rows, context, horizon, end=begin + horizon, known=begin)
            table = dict(zip(rows["step"], rows["y"], strict=True))
            whole = [t for t in table if t < begin and all(t - j in table for j in range(season + 1))]
            apart = [abs(table[t] - table[t - season]) for t in whole]
            held.append(x), y.append(nexts), scale.extend([np.mean(apart) if apart else 0.0] * len(x))
        held, y = np.concatenate(held), np.concatenate(y)
        naive = seasonal_naive(held, y, season)(held)
        made.append(scores(y, forecast(held), scale_of(held, season) * spread, naive, np.array(scale)))
    return made


def degrees(past, season, alpha=1.0, lags=None, anchor="mean"):
    """Return the effective degrees of freedom of a ridge regression on the last values less the mean of a season."""
    x = (past[:, -lags:] - past[:, -season:].mean(axis=1, keepdims=True)) / scale_of(past, season)
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2
    return np.sum(values / (values + alpha))
