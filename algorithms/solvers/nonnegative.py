"""Non-negative least squares from a Gram matrix, by SciPy's active-set method on its square root."""

from __future__ import annotations

import numpy as np

from algorithms.base import Array
from algorithms.solvers.spectrum import decompose


def nonnegative_ridge(gram: Array, xy: Array, alpha: float) -> Array:
    """Return argmin ‖y - Xw‖² + α‖w‖² over w ≥ 0.

    The square root R of G + αI = RᵀR and z = R⁻ᵀb are a data set of q rows with the same solution
    (Lawson & Hanson, "Solving Least Squares Problems", ch. 23).

    Examples
    --------
    >>> nonnegative_ridge(np.eye(2), np.array([1.0, -1.0]), 0.0).tolist()
    [1.0, 0.0]
    """
    from scipy.optimize import nnls

    s = decompose(gram + alpha * np.eye(len(gram)), xy)
    keep = s.values > s.floor
    root = np.sqrt(s.values[keep])
    w: Array = nnls(root[:, None] * s.vectors[:, keep].T, s.projected[keep] / root)[0]
    return w
