"""Non-negative least squares, by SciPy's active-set method on a square root of the products."""

from __future__ import annotations

import numpy as np

from algorithms.contract import Array
from algorithms.lazily import scipy
from algorithms.solvers.penalised import Products
from algorithms.solvers.spectrum import decompose


def nonnegative_ridge(problem: Products, alpha: float) -> Array:
    """Return argmin ‖y - Xw‖² + α‖w‖² over w ≥ 0.

    The square root R of G + αI = RᵀR and z = R⁻ᵀb are a data set of q rows with the same solution
    (Lawson & Hanson, "Solving Least Squares Problems", ch. 23). Columns are equilibrated first: a solution that
    is positive in one scale is so in any.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> nonnegative_ridge(SimpleNamespace(gram=np.eye(2), xy=np.array([1.0, -1.0]), root=None), 0.0).tolist()
    [1.0, 0.0]
    """
    t = np.sqrt(np.diagonal(problem.gram) + alpha)
    t = np.where(t > 0.0, t, 1.0)
    if problem.root is None:
        A = problem.gram + alpha * np.eye(len(t))
        s = decompose(A / np.multiply.outer(t, t), problem.xy / t)
        keep = s.values > s.floor
        root = np.sqrt(s.values[keep])
        rows, target = root[:, None] * s.vectors[:, keep].T, s.projected[keep] / root
    else:
        q = len(t)
        rows = np.concatenate([problem.root[:, :q], np.sqrt(alpha) * np.eye(q)]) / t
        target = np.concatenate([problem.root[:, q], np.zeros(q)])
    w: Array = scipy.optimize.nnls(rows, target)[0]
    return w / t
