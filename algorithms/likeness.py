"""How much of a target each column alone tells: what looks like the target itself is often known only afterwards.

Notation: r² is the squared correlation of a column x with a target y; of a class, η² is the share of x's scatter
that lies between the classes. Both are 1 where one tells the other.
"""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array, Floats


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is not a likeness
def of_products(products: Array, squares: Array) -> Array:
    """Return r² of d columns with a target, shape (d,); zero where either is constant.

    Parameters
    ----------
    products : of each column with the target, about their means, shape (d,).
    squares : of each column about its mean, then of the target, shape (d + 1,).

    Examples
    --------
    >>> of_products(np.array([8.0, 0.0]), np.array([4.0, 1.0, 16.0])).tolist()
    [1.0, 0.0]
    """
    return _share(products**2, squares[:-1] * squares[-1])


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is not a likeness
def of_classes(inside: Array, scatter: Array) -> Array:
    """Return η² of columns by their scatter within the classes and in all, shape (d,)."""
    return _share(scatter - inside, scatter)


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is not a likeness
def of_rows(x: Floats, y: Array, weights: Array, classes: int) -> Array:
    """Return r² of the columns of rows with numbers y, or η² with the places y of that many classes.

    Examples
    --------
    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 3.0], [1.0, 5.0]]), np.array([0.0, 1.0, 0.0, 1.0])
    >>> of_rows(x, y, np.ones(4), 2).round(2).tolist(), of_rows(x, y, np.ones(4), 0).round(2).tolist()
    ([1.0, 0.02], [1.0, 0.02])
    """
    x = x - np.average(x, axis=0, weights=weights)
    scatter = weights @ x**2
    if not classes:
        y = y - np.average(y, weights=weights)
        return _share(((weights * y) @ x) ** 2, scatter * (weights @ y**2))
    member = y.astype(np.intp)[:, None] == np.arange(classes)
    sums, totals = (member * weights[:, None]).T @ x, weights @ member
    between = (sums**2 / np.where(totals > 0.0, totals, 1.0)[:, None]).sum(axis=0)
    return _share(between, scatter)


def _share(part: Array, whole: Array) -> Array:
    sound = np.isfinite(whole) & np.isfinite(part) & (whole > 0.0)
    return np.where(sound, part / np.where(sound, whole, 1.0), 0.0)
