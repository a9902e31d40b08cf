"""The log-loss of class probabilities as scikit-learn computes it, probabilities of 0 and 1 included."""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Places
from algorithms.contract import Array
from algorithms.lazily import scipy


def own_probability(eta: Array, y: Places) -> Array:
    """Return the probability of each row's class, as ``LogisticRegression.predict_proba`` rounds it.

    Parameters
    ----------
    eta : shape (n, 1) of two classes, else (n, C): the linear predictors.
    y : shape (n,), places of the classes.

    Examples
    --------
    >>> own_probability(np.array([[0.0], [40.0]]), np.array([1, 0])).tolist()
    [0.5, 0.0]
    """
    if eta.shape[1] == 1:
        p = scipy.special.expit(eta[:, 0])
        return np.asarray(np.where(y == 1, p, 1.0 - p))
    made = np.exp(eta - eta.max(axis=1, keepdims=True))
    return np.asarray(made[np.arange(len(y)), y] / made.sum(axis=1))


def mean_log(p: Array, w: Array) -> float:
    """Return the mean of log p by weights w, each p clipped to [ε, 1 - ε] of its type.

    Examples
    --------
    >>> round(mean_log(np.array([1.0, 0.0]), np.ones(2)), 3)
    -18.022
    """
    eps = np.finfo(p.dtype).eps
    return float(np.average(np.log(np.clip(p, eps, 1.0 - eps)), weights=w))
