# ruff: noqa: ARG001 -- one signature for every loss
"""Losses of linear models: value and slope at a prediction, many rows, models and classes at once.

Notation: η is the prediction, y the target; of a class y is +1 or -1. Every function takes arrays that
broadcast. Names, parameters and scale are those of ``sklearn.linear_model.SGDClassifier`` and
``SGDRegressor``; ``quantile`` is that of ``QuantileRegressor``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Floats
from algorithms.contract import Array

Function = Callable[[Array, Array | float], Floats]


@dataclass(frozen=True)
class Loss:
    """ℓ(η, y) and its derivative by η.

    Examples
    --------
    >>> loss = CLASS_LOSSES["hinge"]
    >>> loss.value(np.array([0.5, 2.0]), 1.0).tolist(), loss.slope(np.array([0.5, 2.0]), 1.0).tolist()
    ([0.5, 0.0], [-1.0, -0.0])
    """

    value: Function
    slope: Function


def _log_slope(eta: Array, y: Array | float) -> Array:
    # exp of more than 700 is not a number, and the slope there is zero anyway
    return np.asarray(-y / (1.0 + np.exp(np.minimum(y * eta, 700.0))))


CLASS_LOSSES: Mapping[str, Loss] = {
    "hinge": Loss(lambda h, y: np.maximum(0.0, 1.0 - y * h), lambda h, y: -y * (y * h <= 1.0)),
    "squared_hinge": Loss(
        lambda h, y: np.maximum(0.0, 1.0 - y * h) ** 2, lambda h, y: -2.0 * y * np.maximum(0.0, 1.0 - y * h)
    ),
    "log_loss": Loss(lambda h, y: np.logaddexp(0.0, -y * h), _log_slope),
    "modified_huber": Loss(
        lambda h, y: np.where(y * h >= -1.0, np.maximum(0.0, 1.0 - y * h) ** 2, -4.0 * y * h),
        lambda h, y: -2.0 * y * np.clip(1.0 - y * h, 0.0, 2.0),
    ),
}
"""Losses of classes."""


def number_loss(name: str, epsilon: float, quantile: float) -> Loss:
    """Return a loss of numbers.

    Parameters
    ----------
    name : of :data:`NUMBER_LOSSES`.
    epsilon : where Huber's loss becomes linear, or the width that an insensitive loss forgives.
    quantile : what the quantile loss estimates.

    Examples
    --------
    >>> number_loss("quantile", 0.1, 0.9).slope(np.array([0.0, 2.0]), 1.0).round(3).tolist()
    [-0.9, 0.1]
    """
    return NUMBER_LOSSES[name](epsilon, quantile)


def _squared(epsilon: float, quantile: float) -> Loss:
    return Loss(lambda h, y: 0.5 * (h - y) ** 2, lambda h, y: h - y)


def _huber(epsilon: float, quantile: float) -> Loss:
    def value(h: Array, y: Array | float) -> Array:
        r = np.abs(h - y)
        return np.asarray(np.where(r <= epsilon, 0.5 * r * r, epsilon * r - 0.5 * epsilon**2))

    return Loss(value, lambda h, y: np.clip(h - y, -epsilon, epsilon))


def _insensitive(epsilon: float, quantile: float) -> Loss:
    def slope(h: Array, y: Array | float) -> Array:
        r = h - y
        return np.asarray(np.sign(r) * (np.abs(r) > epsilon))

    return Loss(lambda h, y: np.maximum(0.0, np.abs(h - y) - epsilon), slope)


def _squared_insensitive(epsilon: float, quantile: float) -> Loss:
    def slope(h: Array, y: Array | float) -> Array:
        r = h - y
        return np.asarray(2.0 * np.sign(r) * np.maximum(0.0, np.abs(r) - epsilon))

    return Loss(lambda h, y: np.maximum(0.0, np.abs(h - y) - epsilon) ** 2, slope)


def _quantile(epsilon: float, quantile: float) -> Loss:
    def value(h: Array, y: Array | float) -> Array:
        r = y - h
        return np.asarray(np.maximum(quantile * r, (quantile - 1.0) * r))

    return Loss(value, lambda h, y: np.where(y > h, -quantile, np.where(y < h, 1.0 - quantile, 0.0)))


NUMBER_LOSSES: Mapping[str, Callable[[float, float], Loss]] = {
    "squared_error": _squared,
    "huber": _huber,
    "epsilon_insensitive": _insensitive,
    "squared_epsilon_insensitive": _squared_insensitive,
    "quantile": _quantile,
}
"""Losses of numbers, made of ``epsilon`` and ``quantile``."""
