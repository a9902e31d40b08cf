"""Lasso and elastic net on a Gram matrix, by scikit-learn's own coordinate descent.

``enet_path`` with ``precompute`` reads the rows only for their number, so one row stands for all of them:
with G/W and b/W the penalty needs no factor for the number of rows.

On fifty columns its checks take twice the time of the descent itself. So the compiled descent beneath it is
called directly, as long as it takes the arguments it took when this was written and gives what ``enet_path``
gives on a small problem; otherwise ``enet_path`` is called.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from algorithms.contract import Array
from algorithms.errors import InvalidField
from algorithms.lazily import sklearn


@dataclass(frozen=True)
class Descent:
    """How coordinate descent runs; the names and defaults are ``ElasticNet``'s.

    Examples
    --------
    >>> Descent().max_iter
    1000
    """

    tol: float = 1e-4
    max_iter: int = 1000
    positive: bool = False


def elastic_net(
    gram: Array, xy: Array, yy: float, alpha: float, l1_ratio: float, how: Descent, start: Array | None = None
) -> tuple[Array, int, float]:
    """Return coefficients, iterations and dual gap of argmin ½‖y - Xw‖² + αl₁‖w‖₁ + ½α(1 - l₁)‖w‖².

    Parameters
    ----------
    gram, xy, yy : XᵀX/W (q, q), C-contiguous; Xᵀy/W (q,); yᵀy/W.
    alpha, l1_ratio : the penalty, as in ``ElasticNet``.
    how : tolerance, iterations, sign.
    start : shape (q,), coefficients to start from; None for zeros.

    Examples
    --------
    >>> elastic_net(np.eye(2), np.array([2.0, 0.5]), 5.0, 1.0, 1.0, Descent())[0].tolist()
    [1.0, 0.0]
    """
    check_penalty(alpha, l1_ratio)
    return _solver()(gram, xy, yy, alpha, l1_ratio, how, start)


def by_path(
    gram: Array, xy: Array, yy: float, alpha: float, l1_ratio: float, how: Descent, start: Array | None
) -> tuple[Array, int, float]:
    """Solve by scikit-learn's public ``enet_path``; arguments and result as of :func:`elastic_net`."""
    one_row, y = np.zeros((1, len(xy))), np.array([np.sqrt(yy)])
    with warnings.catch_warnings(), sklearn.config_context(skip_parameter_validation=True):
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        _, coefs, gaps, iterations = sklearn.linear_model.enet_path(
            one_row, y, l1_ratio=l1_ratio, alphas=[alpha], precompute=gram, Xy=xy, check_input=False,
            return_n_iter=True, tol=how.tol, max_iter=how.max_iter, positive=how.positive,
            coef_init=None if start is None else np.array(start),
        )  # fmt: skip
    return coefs[:, 0], int(iterations[0]), float(gaps[0])


def directly(
    gram: Array, xy: Array, yy: float, alpha: float, l1_ratio: float, how: Descent, start: Array | None
) -> tuple[Array, int, float]:
    """Solve by the compiled descent that ``enet_path`` ends in; arguments and result as of :func:`elastic_net`."""
    coef = np.zeros(len(xy)) if start is None else np.array(start, np.float64)
    y, rng = np.array([np.sqrt(yy)]), np.random.mtrand._rand
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        coef, gap, _, iterations = sklearn.linear_model._cd_fast.enet_coordinate_descent_gram(
            coef, alpha * l1_ratio, alpha * (1.0 - l1_ratio), gram, xy, y, how.max_iter, how.tol, rng, False,
            how.positive, True,
        )  # fmt: skip
    return np.asarray(coef), int(iterations), float(gap)


def of_rows(
    root: Array, alpha: float, l1_ratio: float, how: Descent, start: Array | None
) -> tuple[Array, int, float]:
    """Solve on the rows of a root of the joint products, shape (r, q + 1), divided by √W.

    Examples
    --------
    >>> of_rows(np.array([[1.0, 2.0]]), 1.0, 1.0, Descent(), None)[0].tolist()
    [1.0]
    """
    check_penalty(alpha, l1_ratio)
    n = len(root)
    X, y = np.asfortranarray(root[:, :-1]), np.ascontiguousarray(root[:, -1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        _, coefs, gaps, iterations = sklearn.linear_model.enet_path(
            X, y, l1_ratio=l1_ratio, alphas=[alpha / n], precompute=False, check_input=False,
            return_n_iter=True, tol=how.tol, max_iter=how.max_iter, positive=how.positive,
            coef_init=None if start is None else np.array(start),
        )  # fmt: skip
    return coefs[:, 0], int(iterations[0]), float(gaps[0]) * n


@functools.cache
def _solver() -> Callable[..., tuple[Array, int, float]]:
    """Return the direct way where it gives the same bits as the public one, else the public one."""
    gram = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 1.5]])
    problem = (gram, np.array([1.0, -0.7, 0.05]), 3.0, 0.1, 0.7, Descent(tol=1e-8), np.array([0.1, 0.0, 0.0]))
    expected = by_path(*problem)
    try:
        found = directly(*problem)
    except (ImportError, AttributeError, TypeError, ValueError):
        return by_path
    same = np.array_equal(found[0], expected[0]) and found[1:] == expected[1:]
    return directly if same else by_path


def check_penalty(alpha: float, l1_ratio: float) -> None:
    """Refuse a penalty that is none, and shares of it that are not shares.

    Examples
    --------
    >>> check_penalty(0.1, 1.0)
    """
    if not alpha > 0.0:
        raise InvalidField(f"alpha={alpha!r}: must be above 0; without a penalty use 'ols'")
    if not 0.0 <= l1_ratio <= 1.0:
        raise InvalidField(f"l1_ratio={l1_ratio!r}: must be from 0 to 1")
