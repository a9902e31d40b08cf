"""Models that recommend, by their papers' own formulas on the rows themselves."""

from __future__ import annotations

import numpy as np


def ease_of(X, alpha):
    """Return B of the paper's own formula."""
    P = np.linalg.inv(X.T @ X + alpha * np.eye(X.shape[1]))
    B = -P / np.diagonal(P)
    np.fill_diagonal(B, 0.0)
    return B


def svd_of(X, k, alpha=0.0, scaling=1.0):
    """Return B by singular vectors of the rows."""
    scale = np.linalg.norm(X, axis=0) ** (scaling - 1.0)
    _, s, vt = np.linalg.svd(X * scale, full_matrices=False)
    s2 = s[:k] ** 2
    return (vt[:k].T * (s2 / (s2 + alpha))) @ vt[:k]


TWINS = {"ease": ease_of, "pure_svd": svd_of}
