"""Naive twins of clusterings: scikit-learn's own on the raw rows, where the coreset holds all of them."""

from __future__ import annotations

from typing import Any

from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "kmeans": (
        [{"n_clusters": k, "init": i} for k in (1, 3, 12) for i in ("path", "k-means++", "random")],
        lambda p: KMeans(**p, n_init=1),
    ),
    "gaussian_mixture": (
        [{"n_components": k, "covariance_type": c} for k in (1, 4) for c in ("full", "tied", "diag", "spherical")],
        lambda p: GaussianMixture(**p),
    ),
}  # fmt: skip
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
