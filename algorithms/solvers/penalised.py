"""Least squares with an L2 penalty in columns of any scale: from a Gram matrix, or from a root of it.

Eigenvectors answer every penalty in O(q²) as long as each λ + α is well above the rounding of λ₁. Where it is
not, because the columns' scales are unlike, the penalised matrix is divided by its own diagonal, which is within
a factor q of the best that any scaling can do (van der Sluis 1969), and decomposed for that penalty alone.

==== ==================================================
G    products of the columns, shape (q, q)
b    their products with the target, shape (q,)
A    G + αI
t    root of A's diagonal
==== ==================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from algorithms.contract import Array
from algorithms.lazily import scipy
from algorithms.solvers.spectrum import (
    EPS,
    Spectrum,
    certain,
    decided,
    decompose_root,
    inverted,
    kept,
    least_squares,
    ridge,
    shrunken,
)

STEPS = 3
"""Of refinement."""

ALIKE = 10.0
"""Columns whose lengths differ by no more are of one scale."""


DECIDED = 1e-6
"""Squared length of a column beside a penalty, up to which the penalty alone decides its coefficient."""


Apply = Callable[[Array], Array]


class Products(Protocol):
    """The state a problem's products are computed from."""

    @property
    def gram(self) -> Array:
        """G."""
        ...

    @property
    def xy(self) -> Array:
        """The products with the target."""
        ...

    @property
    def root(self) -> Array | None:
        """A root of the joint products, shape (r, q + 1)."""
        ...


@dataclass(frozen=True, eq=False)
class Solved:
    """A solution, and how it answers to a change of the problem.

    Attributes
    ----------
    coef : shape (q,).
    apply : A⁻¹ of a vector, or its pseudo-inverse where directions are left out.
    certain : whether A is far enough from singular for rounding not to decide the solution.
    void : shape (q, m), directions along which the solution is zero, since rows have nothing along them, where a
        root gives it; else None.
    wide : what else it may answer by, where rounding leaves it open which columns are active; else None.
    """

    coef: Array
    apply: Callable[[Array], Array]
    certain: bool = True
    void: Array | None = None
    wide: Callable[[Array], Array] | None = None


def penalised(s: Spectrum, alpha: float) -> Solved:
    """Return argmin ‖y - Xw‖² + α‖w‖² for α above 0.

    Examples
    --------
    >>> from algorithms.solvers.spectrum import decompose
    >>> gram = np.diag([1.0, 1e24])
    >>> penalised(decompose(gram, np.array([2.0, 1e24])), alpha=1.0).coef.tolist()
    [1.0, 1.0]
    """
    if alpha == 0.0:
        return unpenalised(s, 0.0)
    found = _penalised(s, alpha)
    return replace(found, coef=s.inside(found.coef), void=None if s.root is None else s.void)


def _penalised(s: Spectrum, alpha: float) -> Solved:
    if s.root is not None and not _alike(s.root[:, :-1]):
        return by_root(s, s.root, alpha)
    if certain(s, alpha):
        shrunk = s.values + alpha
        inverse = 1.0 / shrunk
        return Solved(shrunken(s, alpha, shrunk, inverse), _by_spectrum(s, inverse))
    return by_cholesky(s.gram, s.xy, alpha) if s.root is None else by_root(s, s.root, alpha)


def unpenalised(s: Spectrum, tol: float) -> Solved:
    """Return the least-squares solution of least norm, directions dropped as ``LinearRegression`` drops them."""
    keep = kept(s, tol)
    if s.root is not None and keep.all() and not _alike(s.root[:, :-1]):
        return by_root(s, s.root, 0.0)
    if s.root is None and keep.all() and not certain(s, 0.0):
        return by_cholesky(s.gram, s.xy, 0.0)
    inverse = np.where(keep, inverted(s.values, s.floor), 0.0)
    return Solved(least_squares(s, tol), _by_spectrum(s, inverse), decided(s, tol))


def by_cholesky(gram: Array, xy: Array, alpha: float) -> Solved:
    """Return the solution from the Cholesky factor of the equilibrated penalised matrix.

    Where rounding leaves no factor, directions below its floor are left out, and the solution is not certain.
    """
    apply, sound = equilibrated(gram, alpha)
    return Solved(refined(gram, xy, alpha, apply) if sound else apply(xy), apply, sound)


def equilibrated(gram: Array, alpha: float) -> tuple[Callable[[Array], Array], bool]:
    """Return (G + α)⁻¹ by its equilibrated Cholesky factor, and whether rounding leaves one.

    Examples
    --------
    >>> apply, sound = equilibrated(np.diag([1.0, 1e24]), 0.0)
    >>> apply(np.ones(2)).tolist(), sound
    ([1.0, 1e-24], True)
    """
    A = gram + alpha * np.eye(len(gram))
    t = np.sqrt(np.diagonal(A))
    t = np.where(t > 0.0, t, 1.0)
    scaled = A / np.multiply.outer(t, t)
    floor = len(t) * EPS
    try:
        factor = scipy.linalg.cho_factor(scaled, lower=True, overwrite_a=False, check_finite=False)
        sound = bool(np.min(np.diagonal(factor[0]) ** 2) > 100.0 * floor)
    except np.linalg.LinAlgError:
        sound = False
    if sound:

        def apply(x: Array) -> Array:
            return np.asarray(scipy.linalg.cho_solve(factor, x / t, check_finite=False) / t)

        return apply, True
    values, vectors = np.linalg.eigh(scaled)
    inverse = inverted(values, 100.0 * floor * float(values[-1]))

    def apply_some(x: Array) -> Array:
        return np.asarray(vectors @ (inverse * (vectors.T @ (x / t))) / t)

    return apply_some, False


def refined(gram: Array, xy: Array, alpha: float, apply: Callable[[Array], Array]) -> Array:
    """Return the solution after a few steps of refinement against G itself."""
    w = apply(xy)
    for _ in range(STEPS):
        w = w + apply(xy - gram @ w - alpha * w)
    return w


def by_root(s: Spectrum, root: Array, alpha: float) -> Solved:
    """Return the solution from a QR decomposition of a root of G above √α·I, columns equilibrated."""
    q = len(s.values)
    stacked, target = np.concatenate([root[:, :q], np.sqrt(alpha) * np.eye(q)]), root[:, q]
    t = np.sqrt(np.einsum("ij,ij->j", stacked, stacked))
    Q, R = np.linalg.qr(stacked / t)
    sizes = np.abs(np.diagonal(R))

    def apply(x: Array) -> Array:
        inner = scipy.linalg.solve_triangular(R, x / t, trans="T")
        return np.asarray(scipy.linalg.solve_triangular(R, inner) / t)

    if sizes.min(initial=1.0) <= 100.0 * q * EPS:
        return Solved(ridge(s, alpha), _by_spectrum(s, inverted(s.values + alpha, s.floor)), certain=False)
    rows, least = stacked[: len(target)], float(sizes.min(initial=1.0))
    coef = np.asarray(scipy.linalg.solve_triangular(R, Q[: len(target)].T @ target) / t)
    return Solved(settled(coef, rows, target, alpha, apply, least), apply)


def settled(
    coef: Array, root: Array, target: Array, alpha: float, apply: Apply, least: float, pull: Array | None = None
) -> Array:  # fmt: skip
    """Return a solution by QR, refined where its triangular factor gives more digits than its rotations.

    Rotations mix rows of all sizes, so that those of a small penalty carry the rounding of the largest ones (Cox &
    Higham 1998, "Stability of Householder QR factorization for weighted least squares problems"), and what the
    penalty decides, along directions that rows have next to nothing of, is known to ε‖y‖ beside √α. Corrected by
    Rᵀ(y - Rw) - αw it is known to ε‖R‖‖y - Rw‖ beside α (Björck 1987, "Stability analysis of the method of
    seminormal equations"): more, where residuals are small.

    Parameters
    ----------
    coef : shape (q,).
    root, target : shapes (r, q) and (r,).
    alpha : the penalty.
    apply : (RᵀR + α)⁻¹ by the triangular factor.
    least : its smallest diagonal element, of columns of length one.
    pull : shape (q,), a further slope of the coefficients; None for none.

    Examples
    --------
    >>> root, apply = np.array([[1.0, 1e-9]]), lambda g: g / np.array([2.0, 1.0])
    >>> settled(np.array([1.0, 9.0]), root, np.array([2.0]), 1.0, apply, 0.7).round(12).tolist()
    [1.0, 1e-09]
    """
    against = np.zeros(len(coef)) if pull is None else pull
    if np.linalg.norm(target - root @ coef) <= least * np.linalg.norm(target):
        return _corrected(coef, lambda w: apply(root.T @ (target - root @ w) - alpha * w - against))
    small, made = np.flatnonzero(np.einsum("ij,ij->j", root, root) <= DECIDED * alpha), np.array(coef)
    for _ in range(STEPS if len(small) else 0):
        made[small] = (root[:, small].T @ (target - root @ made) - against[small]) / alpha
    return made


def _corrected(coef: Array, step: Apply) -> Array:
    """Return coefficients after steps of refinement, as long as each is less than half of the one before."""
    made, before = coef, np.inf
    for k in range(STEPS):
        by = step(made)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = float(np.nanmax(np.abs(by / made), initial=0.0))
        if not share < before / 2.0:
            return coef if k == 1 else made
        made, before = made + by, share
    return made


def _alike(rows: Array) -> bool:
    """Return whether columns have scales so alike that singular values of all are known to their own rounding."""
    sizes = np.sqrt(np.einsum("ij,ij->j", rows, rows))
    sizes = sizes[sizes > 0.0]
    return not len(sizes) or bool(sizes.max() <= ALIKE * sizes.min())


def _by_spectrum(s: Spectrum, inverse: Array) -> Callable[[Array], Array]:
    return lambda x: np.asarray(s.vectors @ (inverse * (s.vectors.T @ x)))


def on_active(design: Products, coef: Array, alpha: float) -> Solved:
    """Return a solution whose zero coefficients stay zero, and how the others answer to a change."""
    active = np.flatnonzero(coef)
    if not len(active):
        return Solved(coef, np.zeros_like)
    gram, xy = np.ascontiguousarray(design.gram[np.ix_(active, active)]), design.xy[active]
    if design.root is None:
        solve, sound = equilibrated(gram, alpha)
    else:
        found = penalised(decompose_root(design.root[:, np.append(active, len(coef))], gram, xy), alpha)
        solve, sound = found.apply, found.certain

    def apply(x: Array) -> Array:
        made = np.zeros(len(coef))
        made[active] = solve(x[active])
        return made

    return Solved(coef, apply, sound)
