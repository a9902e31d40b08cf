"""Drawn tables for the searches: scores of every split are those of ``GridSearchCV`` on the same rows."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, Lasso, LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo

REGRESSIONS = [
    (Ridge(), {"alpha": [1e-3, 1.0, 1e3]}), (LinearRegression(), {"fit_intercept": [True, False]}),
    (BayesianRidge(tol=1e-10, max_iter=2000), {"alpha_init": [None]}),
    (Lasso(tol=1e-12, max_iter=20_000), {"alpha": [0.01, 0.3]}),
]  # fmt: skip
CLASSIFIERS = [
    (GaussianNB(), {"var_smoothing": [1e-9, 1e-2]}),
    (LinearDiscriminantAnalysis(solver="lsqr"), {"shrinkage": [0.1, 0.9]}),
    (QuadraticDiscriminantAnalysis(), {"reg_param": [0.2, 0.8]}),
]
COUNTS = [(MultinomialNB(), {"alpha": [0.1, 2.0]}), (BernoulliNB(), {"alpha": [0.1, 2.0]})]
WEIGHED = (Ridge, LinearRegression, Lasso, BayesianRidge, MultinomialNB, BernoulliNB)


def drawn(seed):
    """A table, its target, a model and a grid, splits, and weights or None.

    Columns are of unlike scales and far from zero; some have gaps, and some rows are sorted by the target.
    """
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(60, 200)), int(rng.integers(2, 7))
    X = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-2, 3, size=p) + rng.choice([0.0, 3.0, 1e3], size=p)
    z = ((X - X.mean(0)) / X.std(0)) @ rng.normal(size=p) + rng.normal(size=n)
    kind = rng.choice(["numbers", "classes", "counts", "pca", "mapped"])
    if kind == "counts":
        X = rng.poisson(2.0, size=(n, p)).astype(float)
    y = z
    if kind in ("classes", "counts"):
        names = np.array(rng.permutation(["b", "a", "late"])[: rng.integers(2, 4)])
        y = names[np.clip(np.digitize(z, [-1.0, 1.0][: len(names) - 1]), 0, len(names) - 1)]
    models = {"classes": CLASSIFIERS, "counts": COUNTS}.get(kind, REGRESSIONS)
    model, grid = models[rng.integers(len(models))]
    if kind == "pca":
        model, grid, y = PCA(svd_solver="full"), {"n_components": list(range(1, p + 1))}, None
    steps = [StandardScaler()] if kind != "counts" and rng.random() < 0.6 else []
    if kind != "counts" and rng.random() < 0.4:
        X[rng.random(X.shape) < 0.1] = np.nan
        steps = [SimpleImputer(), *steps]
    if steps:
        model = make_pipeline(*steps, model)
        grid = {f"{model.steps[-1][0]}__{k}": v for k, v in grid.items()}
    if kind == "mapped":
        y = np.exp(y / 4.0)
        model = TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp)
        grid = {f"regressor__{k}": v for k, v in grid.items()}
    order = np.argsort(z) if rng.random() < 0.3 else rng.permutation(n)
    weighted = isinstance(model, WEIGHED) and rng.random() < 0.5
    weights = rng.exponential(size=n) + 0.05 if weighted else None
    shuffled = bool(rng.random() < 0.5) or kind in ("classes", "counts")
    cv = KFold(int(rng.integers(2, 5)), shuffle=shuffled, random_state=0 if shuffled else None)
    return X[order], None if y is None else y[order], model, grid, cv, weights


def asked(search, X, y, weights):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return search.fit(X, y, **({} if weights is None else {"sample_weight": weights}))


@pytest.mark.parametrize("seed", range(8))
def test_scores_of_drawn_tables_are_those_of_grid_search(seed, monkeypatch):
    monkeypatch.setattr("hpo.drop_in.from_states.FromStates._is_small", lambda *_: False)
    monkeypatch.setattr("hpo.drop_in.from_states.FromStates._pays", lambda *_, **__: True)
    X, y, model, grid, cv, weights = drawn(seed)
    ours, theirs = (asked(kind(model, grid, cv=cv), X, y, weights) for kind in (hpo.StateGridSearchCV, GridSearchCV))
    for k in range(cv.n_splits):
        found, expected = (one.cv_results_[f"split{k}_test_score"] for one in (ours, theirs))
        assert np.allclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True), (model, ours.accelerated_)
    assert ours.accelerated_.answered + ours.accelerated_.refitted == len(theirs.cv_results_["params"])
