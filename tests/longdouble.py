"""Oracles in extended precision, for tables that ill-condition scikit-learn itself."""

from __future__ import annotations

import numpy as np

LD = np.longdouble


def least_squares(A, b):
    """Return argmin ‖b - Aw‖ by Householder's QR in extended precision (64 bits where the machine has them)."""
    A, b = A.astype(LD).copy(), b.astype(LD).copy()
    size = np.sqrt((A * A).sum(axis=0))
    A /= size
    q = A.shape[1]
    for j in range(q):
        v = A[j:, j].copy()
        v[0] += np.copysign(np.sqrt((v * v).sum()), v[0])
        square = (v * v).sum()
        A[j:, j:] -= np.multiply.outer(2 * v / square, v @ A[j:, j:])
        b[j:] -= 2 * v * (v @ b[j:]) / square
    w = np.zeros(q, LD)
    for j in range(q - 1, -1, -1):
        w[j] = (b[j] - A[j, j + 1 :] @ w[j + 1 :]) / A[j, j]
    return w / size


def ridge_scores(X, y, held, target, alpha, *, standardize):
    """Return the scores of ridge (of least squares where α is 0) on held-out rows, by name."""
    X, y, held, target = (np.asarray(a, LD) for a in (X, y, held, target))
    Z, H = X - X.mean(axis=0), held - X.mean(axis=0)
    if standardize:
        scale = np.sqrt((Z * Z).mean(axis=0))
        Z, H = Z / scale, H / scale
    q = Z.shape[1]
    rows = np.concatenate([Z, np.sqrt(LD(alpha)) * np.eye(q, dtype=LD)]) if alpha else Z
    w = least_squares(rows, np.concatenate([y - y.mean(), np.zeros(len(rows) - len(y), LD)]))
    r = target - y.mean() - H @ w
    mse, variance = (r * r).mean(), ((target - target.mean()) ** 2).mean()
    return {
        "r2": 1 - mse / variance,
        "neg_mean_squared_error": -mse,
        "neg_root_mean_squared_error": -np.sqrt(mse),
        "explained_variance": 1 - ((r - r.mean()) ** 2).mean() / variance,
    }
