"""Naive twins of naive Bayes and discriminant analysis: scikit-learn's own, fitted on the raw rows."""

from __future__ import annotations

from typing import Any

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

SMOOTHINGS = [{"alpha": a} for a in (1e-2, 1.0, 30.0)]

TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "gaussian_nb": ([{"var_smoothing": v} for v in (1e-9, 1e-2)], lambda p: GaussianNB(**p)),
    "multinomial_nb": ([*SMOOTHINGS, {"alpha": 1.0, "fit_prior": False}], lambda p: MultinomialNB(**p)),
    "bernoulli_nb": ([*SMOOTHINGS, {"alpha": 1.0, "binarize": 4.0}], lambda p: BernoulliNB(**p)),
    "complement_nb": ([*SMOOTHINGS, {"alpha": 1.0, "norm": True}], lambda p: ComplementNB(**p)),
    "categorical_nb": (SMOOTHINGS, lambda p: CategoricalNB(**p)),
    "lda": (
        [{"shrinkage": s} for s in (0.0, 0.1, 1.0)]
        + [{"shrinkage": s, "solver": "eigen"} for s in (0.0, 0.3)]
        + [{"solver": "svd"}]
        + [{"shrinkage": "auto", "solver": solver} for solver in ("lsqr", "eigen")],
        lambda p: LinearDiscriminantAnalysis(**{"solver": "lsqr", **p}),
    ),
    "qda": ([{"reg_param": r} for r in (1e-3, 0.1, 0.9)], lambda p: QuadraticDiscriminantAnalysis(**p)),
}
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
