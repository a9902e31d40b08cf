"""The share by which a covariance is shrunk to a multiple of the identity (Ledoit & Wolf 2004).

"A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate Analysis 88, lemma 3.3;
the quantities are those of ``sklearn.covariance.ledoit_wolf``, with sums over rows replaced by moments.
"""

from __future__ import annotations

import numpy as np

from algorithms.contract import Array


def ledoit_wolf(covariance: Array, fourth: float, weight: float, width: int) -> tuple[Array, float]:
    """Return the covariance shrunk, and the share of the identity in it.

    Parameters
    ----------
    covariance : shape (q, q).
    fourth : the mean of |x - x̄|⁴ over the rows.
    weight : W.
    width : number of columns, those that are zero in every row included.

    Examples
    --------
    >>> x = np.array([[1.0, 1.0], [-1.0, -1.0], [2.0, 1.0], [-2.0, -1.0]])
    >>> round(ledoit_wolf(x.T @ x / 4, float(np.mean(np.sum(x**2, axis=1) ** 2)), 4.0, 2)[1], 6)
    0.122222
    """
    squares, trace = float(np.sum(covariance**2)), float(np.trace(covariance))
    error = (fourth - squares) / weight
    away = squares - trace**2 / max(1, width)
    share = min(error, away) / away if width > 1 and error > 0.0 and away > 0.0 else 0.0
    return shrunk(covariance, share, width), share


def shrunk(covariance: Array, share: float, width: int) -> Array:
    """Return the covariance with its mean variance for a share of it.

    Examples
    --------
    >>> shrunk(np.diag([1.0, 3.0]), 0.5, 2).tolist()
    [[1.5, 0.0], [0.0, 2.5]]
    """
    made = (1.0 - share) * covariance
    made.flat[:: len(made) + 1] += share * np.trace(covariance) / max(1, width)
    return made
