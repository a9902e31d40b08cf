"""A positive semi-definite matrix from what it does to a few directions.

With Y = SΩ, the Nyström approximation Y(ΩᵀY)⁺Yᵀ is never above S, and equals it where S has no more than s
dimensions. Computed with a small shift, as Tropp, Yurtsever, Udell & Cevher (2017, algorithm 3) do.
"""

from __future__ import annotations

import numpy as np

from algorithms.contract import Array
from algorithms.lazily import scipy

EPS = float(np.finfo(np.float64).eps)

NOISE = 4.0
"""The shift, in units of what the core lacks to be symmetric: products of float32 data have that much rounding."""


def factor(directions: Array, products: Array) -> tuple[Array, Array]:
    """Return eigenvectors U, shape (q, r), and eigenvalues λ > 0, descending, of the approximation UΛUᵀ.

    Parameters
    ----------
    directions : Ω, shape (q, s), orthonormal or nearly so; one that is zero tells nothing.
    products : Y = SΩ, shape (q, s).

    Examples
    --------
    >>> S = np.diag([4.0, 1.0, 0.0])
    >>> factor(np.eye(3)[:, :2], S[:, :2])[1].round(12).tolist()
    [4.0, 1.0]
    """
    size = float(np.linalg.norm(products))
    if not size > 0.0:
        return np.zeros((len(products), 0)), np.zeros(0)
    there = directions.any(axis=0)
    if not there.all():
        directions, products = directions[:, there], products[:, there]
    core = directions.T @ products
    noise = float(np.linalg.norm(core - core.T))  # of rounding: ΩᵀSΩ is symmetric
    shift = max(np.sqrt(len(products)) * EPS * size, NOISE * noise)
    shifted, upper = _core(directions, products, shift)
    while upper is None:
        shift *= 10.0
        shifted, upper = _core(directions, products, shift)
    half = scipy.linalg.solve_triangular(upper, shifted.T, trans="T", check_finite=False).T
    vectors, roots, _ = np.linalg.svd(half, full_matrices=False)
    values = roots**2 - shift
    kept = values > max(shift, EPS * size)
    return np.ascontiguousarray(vectors[:, kept]), values[kept]


def _core(directions: Array, products: Array, shift: float) -> tuple[Array, Array | None]:
    shifted = products + shift * directions
    core = directions.T @ shifted
    try:
        upper: Array = scipy.linalg.cholesky(0.5 * (core + core.T), check_finite=False)
    except scipy.linalg.LinAlgError:
        return shifted, None
    return shifted, upper
