"""Naive twins: for each registered algorithm, the scikit-learn estimator fitted on the raw rows."""

from __future__ import annotations

from typing import Any

from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import BayesianRidge, ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.pipeline import make_pipeline

TIGHT = {"tol": 1e-13, "max_iter": 200_000}

TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "ridge": (
        [{"alpha": a, "fit_intercept": i} for a in (1e-3, 1.0, 1e4) for i in (True, False)],
        lambda p: Ridge(**p),
    ),
    "lasso": ([{"alpha": a, **TIGHT} for a in (1e-3, 0.1, 10.0)], lambda p: Lasso(**p)),
    "elastic_net": (
        [{"alpha": a, "l1_ratio": r, "fit_intercept": i, **TIGHT}
         for a in (1e-3, 0.3) for r in (0.1, 0.9) for i in (True, False)],
        lambda p: ElasticNet(**p),
    ),
    "ols": ([{}, {"fit_intercept": False}, {"positive": True}], lambda p: LinearRegression(**p)),
    "pcr": (
        [{"n_components": k} for k in (1, 2)],
        lambda p: make_pipeline(PCA(p["n_components"], svd_solver="full"), LinearRegression()),
    ),
    "pls": ([{"n_components": k} for k in (1, 2)], lambda p: PLSRegression(p["n_components"])),
    "bayesian_ridge": ([{}, {"lambda_1": 1.0, "tol": 1e-6}, {"fit_intercept": False}], lambda p: BayesianRidge(**p)),
    "pca": ([{"n_components": k} for k in (1, 2)], lambda p: PCA(p["n_components"], svd_solver="full")),
}  # fmt: skip
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
