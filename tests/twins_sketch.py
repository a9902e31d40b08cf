"""Naive twin of wide principal components: scikit-learn's randomised PCA, fitted on the raw rows."""

from __future__ import annotations

from typing import Any

from sklearn.decomposition import PCA

TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "sketched_pca": (
        [{"n_components": k} for k in (5, 20, 40)],
        lambda p: PCA(**p, svd_solver="randomized", random_state=0),
    ),
}
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
