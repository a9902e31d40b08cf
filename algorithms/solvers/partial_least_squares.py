"""Partial least squares for one target, from XᵀX and Xᵀy alone.

Dayal & MacGregor (1997), "Improved PLS algorithms", algorithm 2: only Xᵀy is deflated, so all numbers of
components up to k come from one run, and the rows are never needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.contract import Array


@dataclass(frozen=True, eq=False)
class Components:
    """The components of PLS, one a column, in scikit-learn's words.

    Attributes
    ----------
    weights, loadings, rotations : shape (q, k), W, P, R.
    y_loadings : shape (k,), c.
    """

    weights: Array
    loadings: Array
    rotations: Array
    y_loadings: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.weights.nbytes * 3 + self.y_loadings.nbytes

    @property
    def k(self) -> int:
        """Number of components found."""
        return len(self.y_loadings)


def pls(gram: Array, xy: Array, k: int) -> Components:
    """Return up to k components; fewer when what is left of Xᵀy is rounding.

    Examples
    --------
    >>> pls(np.diag([2.0, 1.0]), np.array([2.0, 0.0]), 1).y_loadings.tolist()
    [1.0]
    """
    w_, p_, r_, c_ = _room(k, len(xy))
    left, first = xy.copy(), float(np.linalg.norm(xy))
    for a in range(k):
        norm = float(np.linalg.norm(left))
        if norm <= 1e-13 * first:
            return _first(a, w_, p_, r_, c_)
        w = left / norm
        r = w - (p_[:a] @ w) @ r_[:a]
        g = gram @ r
        tt = float(r @ g)
        if tt <= 0.0:
            return _first(a, w_, p_, r_, c_)
        p, c = g / tt, float(r @ xy) / tt
        left = left - p * (c * tt)
        w_[a], p_[a], r_[a], c_[a] = w, p, r, c
    return _first(k, w_, p_, r_, c_)


def pls_of_rows(root: Array, k: int) -> Components:
    """Return up to k components of the rows of a root of the joint products, shape (r, q + 1).

    The columns are deflated too, as scikit-learn deflates them: it takes a root to have the digits for that.

    Examples
    --------
    >>> pls_of_rows(np.array([[2.0, 0.0, 4.0], [0.0, 1.0, 0.0]]), 1).y_loadings.tolist()
    [2.0]
    """
    X, y, q = root[:, :-1].copy(), root[:, -1].copy(), root.shape[1] - 1
    w_, p_, r_, c_ = _room(k, q)
    first, size = float(np.linalg.norm(X.T @ y)), float(np.linalg.norm(X))
    for a in range(k):
        left = X.T @ y
        norm = float(np.linalg.norm(left))
        if norm <= 1e-15 * first:
            return _first(a, w_, p_, r_, c_)
        w = left / norm
        t = X @ w
        tt = float(t @ t)
        if tt <= (q * 1e-16 * size) ** 2:
            return _first(a, w_, p_, r_, c_)
        p, c = X.T @ t / tt, float(t @ y) / tt
        r_[a] = w - (p_[:a] @ w) @ r_[:a]
        w_[a], p_[a], c_[a] = w, p, c
        X -= np.multiply.outer(t, p)
        y -= c * t
    return _first(k, w_, p_, r_, c_)


def _room(k: int, q: int) -> tuple[Array, Array, Array, Array]:
    """Return room for k components, one after another: what is not written takes no memory."""
    return np.zeros((k, q)), np.zeros((k, q)), np.zeros((k, q)), np.zeros(k)


def _first(a: int, w: Array, p: Array, r: Array, c: Array) -> Components:
    """Return the components that were found."""
    return Components(w[:a].copy().T, p[:a].copy().T, r[:a].copy().T, c[:a].copy())
