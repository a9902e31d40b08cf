"""The eigenvalues of a Gram matrix, computed once and used by every penalty.

G = VΛVᵀ, so the ridge solution for any α is V(Λ + α)⁻¹Vᵀb: O(q²) a trial (Hastie, Tibshirani & Friedman,
"The Elements of Statistical Learning", 2nd ed., eq. 3.47).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.base import Array

EPS = float(np.finfo(np.float64).eps)

WELL_CONDITIONED = 1e4
"""Up to this condition number a solution from eigenvectors has twelve digits, and refining it is wasted."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigendecomposition of G and the projection of b on it.

    Attributes
    ----------
    gram, xy : G and b.
    values : shape (q,), eigenvalues λ, descending, none negative.
    vectors : shape (q, q), V, one eigenvector a column.
    projected : shape (q,), Vᵀb.
    """

    gram: Array
    xy: Array
    values: Array
    vectors: Array
    projected: Array

    @property
    def rank(self) -> int:
        """Number of eigenvalues above rounding: λ > λ₁·q·eps."""
        return int(np.count_nonzero(self.values > self.floor))

    @property
    def floor(self) -> float:
        """Eigenvalues at or below it are rounding."""
        return float(self.values[0] * len(self.values) * EPS) if len(self.values) else 0.0


def decompose(gram: Array, xy: Array) -> Spectrum:
    """Return the spectrum of a symmetric positive semi-definite matrix.

    Examples
    --------
    >>> decompose(np.diag([1.0, 4.0]), np.array([1.0, 2.0])).values.tolist()
    [4.0, 1.0]
    """
    if not len(gram):
        return Spectrum(gram, xy, np.zeros(0), np.zeros((0, 0)), np.zeros(0))
    values, vectors = np.linalg.eigh(gram)
    vectors = np.ascontiguousarray(vectors[:, ::-1])
    return Spectrum(gram, xy, np.maximum(values[::-1], 0.0), vectors, vectors.T @ xy)


def ridge(s: Spectrum, alpha: float) -> Array:
    """Return argmin ‖y - Xw‖² + α‖w‖² from the spectrum of XᵀX; α = 0 is ordinary least squares.

    One step of iterative refinement against G itself removes what the eigenvectors of a badly scaled
    matrix leave behind (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., §12.1).

    Examples
    --------
    >>> ridge(decompose(np.eye(2), np.array([2.0, 4.0])), alpha=1.0).tolist()
    [1.0, 2.0]
    """
    if alpha == 0.0:
        return least_squares(s, tol=0.0)
    shrunk = s.values + alpha
    v = s.vectors
    w: Array = v @ (s.projected / shrunk)
    if shrunk[0] <= WELL_CONDITIONED * shrunk[-1]:
        return w
    residual = s.xy - s.gram @ w
    residual -= alpha * w
    w += v @ ((residual @ v) / shrunk)
    return w


def least_squares(s: Spectrum, tol: float = 1e-6) -> Array:
    """Return the least-squares solution of least norm; singular values below ``tol`` times the largest drop.

    ``tol`` is ``LinearRegression``'s (the ``cond`` of :func:`scipy.linalg.lstsq`); an eigenvalue of G is the
    square of a singular value of X. Refined against G within the kept directions.

    Examples
    --------
    >>> least_squares(decompose(np.ones((2, 2)), np.ones(2))).round(12).tolist()
    [0.5, 0.5]
    """
    keep = s.values > max(tol * tol * s.values[0], s.floor) if len(s.values) else np.zeros(0, bool)
    v, lam = s.vectors[:, keep], s.values[keep]
    w: Array = v @ (s.projected[keep] / lam)
    for _ in range(2):
        w += v @ ((v.T @ (s.xy - s.gram @ w)) / lam)
    return w


def degrees_of_freedom(values: Array, alpha: float) -> float:
    """Return the effective degrees of freedom of ridge, Σ λ/(λ + α) (op. cit., eq. 3.50).

    Examples
    --------
    >>> degrees_of_freedom(np.array([1.0, 1.0]), 1.0)
    1.0
    """
    total = values + alpha
    return float(np.sum(np.divide(values, total, out=np.zeros_like(values), where=total > 0.0)))
