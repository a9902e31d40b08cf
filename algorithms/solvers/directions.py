"""The directions along which classes differ most, from their means and the covariance within them.

Notation: Sw within and Sb between classes, shapes (q, q); M the class means, (C, q); π the priors.
The formulas are those of scikit-learn's ``LinearDiscriminantAnalysis`` (Hastie, Tibshirani & Friedman, "The
Elements of Statistical Learning", 2nd ed., §4.3.3), with sums over rows replaced by moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.contract import Array
from algorithms.lazily import scipy

SHARED = 1e4
"""Squared distance of the classes' middle from zero up to which scikit-learn's functions keep twelve digits."""


@dataclass(frozen=True, eq=False)
class Directions:
    """What a solver finds.

    Attributes
    ----------
    coef, intercept : of each class's linear function, shapes (C, q) and (C,).
    scalings : shape (q, r), the directions; None for a solver that finds none.
    ratio : share of the variance between classes along each, at most C - 1; None likewise.
    """

    coef: Array
    intercept: Array
    scalings: Array | None = None
    ratio: Array | None = None


def linear(half: Array, means: Array, priors: Array) -> Directions:
    """Return the linear functions of a covariance whose inverse is MᵀM, M of shape (r, q).

    What all classes share is left out where it would take digits from what differs: always of two classes, of which
    a model has the difference alone.

    Examples
    --------
    >>> linear(np.eye(1), np.array([[0.0], [2.0], [4.0]]), np.full(3, 1 / 3)).coef.tolist()
    [[0.0], [2.0], [4.0]]
    """
    middle = priors @ means
    shared, along = half @ middle, (means - middle) @ half.T
    if len(means) > 2 and float(shared @ shared) < SHARED:
        along, shared = along + shared, np.zeros_like(shared)
    intercept = -0.5 * np.sum(along**2, axis=1) - along @ shared + np.log(priors)
    return Directions(np.asarray(along @ half), intercept)


def eigen(within: Array, between: Array, means: Array, priors: Array) -> Directions:
    """Return the linear functions and directions by the eigenvectors of Sb in the metric of Sw.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where Sw is singular.
    """
    unit = np.sqrt(np.diagonal(within))  # columns of unlike scales cost no digit
    if not (unit > 0.0).all():
        raise np.linalg.LinAlgError("a column without spread")
    values, vectors = scipy.linalg.eigh(
        between / np.multiply.outer(unit, unit), within / np.multiply.outer(unit, unit)
    )
    vectors = vectors / unit[:, None]
    most = min(len(means) - 1, len(within))
    vectors, ratio = vectors[:, np.argsort(values)[::-1]], np.sort(values / np.sum(values))[::-1]
    made = linear(vectors.T, means, priors)
    return Directions(made.coef, made.intercept, vectors, ratio[:most])


def svd(within: Array, means: Array, priors: Array, weight: float, tol: float = 1e-4) -> Directions:
    """Return the linear functions and directions by singular values, directions without spread left out.

    Parameters
    ----------
    within : Sw of all rows alike, whatever the priors.
    weight : W.
    tol : singular values of the scaled columns up to it count as none.
    """
    spread = np.sqrt(np.diagonal(within))
    std = np.where(spread > 0.0, spread, 1.0)
    values, vectors = np.linalg.eigh(within / np.multiply.outer(std, std))
    sizes = np.sqrt(np.maximum(values[::-1], 0.0))
    rank = int(np.sum(sizes > tol))
    scalings = (vectors[:, ::-1][:, :rank] / std[:, None]) / sizes[:rank]
    center = priors @ means
    fac = 1.0 / max(1, len(means) - 1)
    between = ((np.sqrt(weight * priors * fac)) * (means - center).T).T @ scalings
    _, s, vt = np.linalg.svd(between, full_matrices=False)
    kept = int(np.sum(s > tol * s[0])) if len(s) else 0
    scalings = scalings @ vt.T[:, :kept]
    inner = (means - center) @ scalings
    coef = inner @ scalings.T
    intercept = -0.5 * np.sum(inner**2, axis=1) + np.log(priors) - center @ coef.T
    return Directions(coef, intercept, scalings, (s**2 / np.sum(s**2))[: len(means) - 1])
