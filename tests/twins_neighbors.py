"""Naive twins of nearest neighbours: scikit-learn's own on the raw rows, where the sample holds all of them."""

from __future__ import annotations

from typing import Any

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

SETTINGS = [
    {"n_neighbors": k, "weights": w, "metric": m}
    for k in (1, 7, 60)
    for w in ("uniform", "distance")
    for m in ("euclidean", "manhattan")
]

TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "knn_classifier": (SETTINGS, lambda p: KNeighborsClassifier(**p)),
    "knn_regressor": (SETTINGS, lambda p: KNeighborsRegressor(**p)),
}
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
