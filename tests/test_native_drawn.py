"""Drawn tables with gaps, categories and weights: each number of trees scores as its refit to the frame does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

import hpo

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")


def column(rng, n, y):
    """A column of some kind, and the target with what it adds."""
    kind = rng.integers(0, 4)
    if kind == 0:
        levels = np.array([f"level {i:02d}" for i in rng.permutation(rng.integers(1, 40))], object)
        codes = rng.integers(0, len(levels), n)
        values = levels[codes]
        values[rng.random(n) < rng.choice([0.0, 0.3])] = None
        return values, y + rng.normal(size=len(levels))[codes]
    if kind == 1:
        return rng.random(n) < rng.uniform(0.02, 0.98), y
    if kind == 2:
        return rng.integers(0, rng.integers(1, 300), n), y
    plain = rng.normal(size=n)
    values = plain * 10.0 ** rng.integers(-6, 9) + 10.0 ** rng.integers(0, 9) * rng.choice([0, 1, -1])
    return np.where(rng.random(n) < rng.choice([0.0, 0.4]), np.nan, values), y + np.sin(3 * plain)


def drawn(seed):
    """A table, its target, weights or none, an estimator, its axis and the estimator as users give it the frame."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 220))
    X, y = {}, rng.normal(size=n)
    for place in range(rng.integers(1, 6)):
        X[f"c{place}"], y = column(rng, n, y)
    weight = rng.exponential(size=n) + 0.01 if rng.random() < 0.4 else None
    rate, share, leaf = rng.uniform(0.05, 0.5), rng.choice([0.6, 1.0]), int(rng.integers(1, 30))
    model, axis, own = [
        (HistGradientBoostingRegressor(early_stopping=False, learning_rate=rate, min_samples_leaf=leaf), "max_iter",
         {"categorical_features": "from_dtype"}),
        (lightgbm.LGBMRegressor(n_jobs=1, verbose=-1, min_child_samples=leaf, subsample=share, subsample_freq=1), "n_estimators", {}),
        (xgboost.XGBRegressor(n_jobs=1, learning_rate=rate, subsample=share), "n_estimators", {"enable_categorical": True}),
    ][seed % 3]  # fmt: skip
    return pd.DataFrame(X), y, weight, model, axis, clone(model).set_params(random_state=0, **own)


def as_users_give_it(X):
    kinds = {name: "category" if values.dtype.kind == "O" or values.dtype == "str" else float for name, values in X.items()}
    return X.astype(kinds)


@pytest.mark.parametrize("early", [None, 5])
@pytest.mark.parametrize("seed", [*range(9), 340, 373])
def test_scores_along_the_trees_are_those_of_refits_to_the_frame(seed, early, tmp_path):
    X, y, weight, model, axis, theirs = drawn(seed)
    values, cv, frame = [2, 5, 9, 14], list(KFold(3, shuffle=True, random_state=seed).split(X)), as_users_give_it(X)
    data = X.assign(y=y) if weight is None else X.assign(y=y, w=weight)
    search = {f"m.{axis}": values} | ({"m.min_child_samples": [1, 20]} if axis == "n_estimators" and seed % 3 == 1 else {})
    result = hpo.tune(
        data, "y", {"m": model}, features=list(X), weight=None if weight is None else "w", folds=cv, trials=2, polish=False,
        search=search, early_stopping_rounds=early, store=tmp_path, progress=False,
    )  # fmt: skip
    for trial in result.optuna_study.trials:
        beside = {key.removeprefix("m."): value for key, value in trial.params.items()}
        for value, mean, _ in trial.user_attrs["prefixes"]:
            twin, scores = clone(theirs).set_params(**{**beside, axis: int(value)}), []
            for train, test in cv:
                given = {} if weight is None else {"sample_weight": weight[train]}
                said = twin.fit(frame.iloc[train], y[train], **given).predict(frame.iloc[test])
                scores.append(r2_score(y[test], said, sample_weight=None if weight is None else weight[test]))
            assert mean == pytest.approx(np.mean(scores), rel=1e-6, abs=1e-6)
