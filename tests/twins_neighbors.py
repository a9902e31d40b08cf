"""Naive twins of nearest neighbours: scikit-learn's own on the raw rows, where the sample holds all of them."""

from __future__ import annotations

from typing import Any

from sklearn.neighbors import KNeighborsClassifier

TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "knn_classifier": (
        [{"n_neighbors": k, "weights": w, "metric": m} for k in (1, 7) for w in ("uniform", "distance")
         for m in ("euclidean", "manhattan")],
        lambda p: KNeighborsClassifier(**p),
    ),
}  # fmt: skip
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
