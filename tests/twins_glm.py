"""Naive twins of generalized linear models: scikit-learn's, fitted on the raw rows after a StandardScaler."""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, TweedieRegressor

TIGHT = {"tol": 1e-10, "max_iter": 50_000}

TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "logistic": (
        [{"C": 10.0**k} for k in range(-4, 3)] + [{"C": 0.1, "class_weight": "balanced"}, {"C": 0.1, "fit_intercept": False}],
        lambda p: LogisticRegression(**p, **TIGHT),
    ),
    "poisson": ([{"alpha": a} for a in (1e-4, 1e-2, 1.0)], lambda p: PoissonRegressor(**p, **TIGHT)),
    "gamma": ([{"alpha": a} for a in (1e-4, 1e-2, 1.0)], lambda p: GammaRegressor(**p, **TIGHT)),
    "tweedie": (
        [{"alpha": a} for a in (1e-4, 1e-2, 1.0)],
        lambda p: TweedieRegressor(power=1.5, link="log", **p, **TIGHT),
    ),
}  # fmt: skip
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
