"""Forecasts with covariates by plain loops over all rows at once, each step's model by scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import ElasticNet, LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from twins_forecasters import scale_of


def coded(frame, columns):
    """Return numbers of columns: of text a column for each value, of numbers with gaps zero and where the gaps are."""
    made = {}
    for name in columns:
        values = frame[name]
        if values.dtype.kind in "OU" or str(values.dtype) in ("str", "string"):
            made |= {f"{name}={one}": (values == one).to_numpy(float) for one in sorted(values.unique())}
        else:
            made |= {name: values.fillna(0.0).to_numpy(float), f"no {name}": values.isna().to_numpy(float)}
    return made


def windows(frame, past_of, next_of, static, context, horizon, lags, end=None, known=0):
    """Return past and next values, past, next and unchanging covariates of every window without a gap."""
    frame = frame.reset_index(drop=True)
    columns = {kind: coded(frame, names) for kind, names in (("past", past_of), ("next", next_of), ("static", static))}
    found = [[], [], [], [], []]
    for _, rows in frame.groupby("series", sort=True):
        at = dict(zip(rows["step"], rows.index, strict=True))
        for t in sorted(at):
            steps = [t + j for j in range(context + horizon)]
            if t + context < known or (end is not None and steps[-1] >= end) or not all(s in at for s in steps):
                continue
            places = [at[s] for s in steps]
            y = frame["y"].to_numpy()[places]
            found[0].append(y[:context])
            found[1].append(y[context:])
            found[2].append([values[p] for values in columns["past"].values() for p in places[context - lags : context]])
            found[3].append([[values[p] for values in columns["next"].values()] for p in places[context:]])
            found[4].append([values[places[context - 1]] for values in columns["static"].values()])
    past, nexts = np.array(found[0]).reshape(-1, context), np.array(found[1]).reshape(-1, horizon)
    n = len(past)
    return past, nexts, np.array(found[2]).reshape(n, -1), np.array(found[3]).reshape(n, horizon, -1), np.array(
        found[4]).reshape(n, -1)  # fmt: skip


def model_of(penalty, alpha, n, l1_ratio=0.5, n_components=None):
    """Return scikit-learn's estimator; its elastic net divides squared errors by the number of rows."""
    if penalty == "ridge":
        return Ridge(alpha=alpha, solver="svd")
    if penalty == "pcr":
        return make_pipeline(PCA(n_components, svd_solver="full"), LinearRegression())
    return ElasticNet(alpha=alpha / n, l1_ratio=l1_ratio, tol=1e-12, max_iter=1_000_000)


def fit(found, season, alpha=1.0, penalty="ridge", futr="own", effect="relative", **params):
    """Return what forecasts windows by a regression of each step, anchored at the mean of the last season."""
    past, nexts, before, after, static = found
    scale = scale_of(past, season)
    kept = scale[:, 0] > 0

    def anchored(x):
        return x[:, -season:].mean(axis=1, keepdims=True)

    def beside(before, after, static, h, scale):
        ahead = {"own": after[:, h], "all": after.reshape(len(after), -1), "none": after[:, h, :0]}[futr]
        every = np.concatenate([before, ahead, static], axis=1)
        return every / scale if effect == "absolute" else every

    models = []
    for h in range(nexts.shape[1]):
        own = beside(before[kept], after[kept], static[kept], h, scale[kept])
        spread = own.std(axis=0)
        varies = spread > 1e-12
        x = np.concatenate([(past - anchored(past))[kept] / scale[kept], own[:, varies] / spread[varies]], axis=1)
        y = (nexts[kept, h] - anchored(past)[kept, 0]) / scale[kept, 0]
        models.append((model_of(penalty, alpha, len(x), **params).fit(x, y), varies, spread))

    def forecast(past, before, after, static):
        scale, made = scale_of(past, season), []
        for h, (model, varies, spread) in enumerate(models):
            own = beside(before, after, static, h, scale)[:, varies] / spread[varies]
            x = np.concatenate([(past - anchored(past)) / scale, own], axis=1)
            made.append(anchored(past)[:, 0] + scale[:, 0] * model.predict(x))
        return np.stack(made, axis=1)

    return forecast


def backtest(frame, columns, context, horizon, season, lags, n_splits, **params):
    """Return minus the RMSSE and the MASE of each split."""
    last, made = frame["step"].max() + 1, []
    for i in range(n_splits):
        begin = last - horizon * (n_splits - i)
        forecast = fit(windows(frame, *columns, context, horizon, lags, end=begin), season, **params)
        held = windows(frame, *columns, context, horizon, lags, end=begin + horizon, known=begin)
        past, nexts = held[:2]
        off = nexts - forecast(past, *held[2:])
        made.append(-np.sqrt(np.mean((off / scale_of(past, season)) ** 2)))
    return made


TWINS = {"linear_forecaster": fit}
