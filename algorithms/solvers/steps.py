# ruff: noqa: ARG001 -- one signature for every optimizer
"""Steps of stochastic gradient descent for many linear models side by side.

Notation

====== ==================================================================
M      models, each a column
θ      coefficients, shape (rows, M)
g      gradient of a mini-batch's mean loss, shape (rows, M)
η      step size, shape (M,), or (rows, M) where each coefficient has its own
λ₂, λ₁ ridge and lasso penalties, shape (M,)
====== ==================================================================

A step is θ ← soft((1 - ηλ₂)θ - ηg, ηλ₁): proximal in the metric of the step sizes. With plain steps and
λ₁ = 0 it is that of ``sklearn.linear_model.SGDClassifier``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array, Floats

Numbers = Floats
Move = Callable[[Numbers, Numbers, int], Numbers]
Size = Callable[[Numbers, Array, int], Numbers]

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Optimizer:
    """How a gradient becomes a step.

    Attributes
    ----------
    slots : arrays like the coefficients that it keeps: none, sums of squares, or two moments.
    rates : step sizes worth trying.
    decays : whether steps shrink as ``eta0 / t**power_t``.
    move : (slots, gradient, t) → direction; updates the slots in place.
    size : (slots, η₀ at step t, t) → step size.
    """

    slots: int
    rates: tuple[float, ...]
    decays: bool
    move: Move
    size: Size


def _adagrad_move(slots: Numbers, g: Numbers, t: int) -> Numbers:
    """Duchi, Hazan & Singer 2011."""
    slots[0] += g * g
    return g


def _adagrad_size(slots: Numbers, rate: Array, t: int) -> Numbers:
    squares: Numbers = slots[0]
    return rate / (np.sqrt(squares) + EPS)


def _adam_move(slots: Numbers, g: Numbers, t: int) -> Numbers:
    """Kingma & Ba 2015, algorithm 1."""
    mean: Numbers = slots[0]
    squares: Numbers = slots[1]
    mean *= BETA1
    mean += (1.0 - BETA1) * g
    squares *= BETA2
    squares += (1.0 - BETA2) * g * g
    return mean / (1.0 - BETA1**t)


def _adam_size(slots: Numbers, rate: Array, t: int) -> Numbers:
    squares: Numbers = slots[1] / (1.0 - BETA2**t)
    return rate / (np.sqrt(squares) + EPS)


def _gradient(slots: Numbers, g: Numbers, t: int) -> Numbers:
    return g


def _rate(slots: Numbers, rate: Array, t: int) -> Numbers:
    return rate


OPTIMIZERS: Mapping[str, Optimizer] = {
    "adagrad": Optimizer(1, (0.1, 1.0), decays=False, move=_adagrad_move, size=_adagrad_size),
    "adam": Optimizer(2, (0.003, 0.03), decays=True, move=_adam_move, size=_adam_size),
    "sgd": Optimizer(0, (0.01, 0.1), decays=True, move=_gradient, size=_rate),
}
"""Optimizer by name."""


@dataclass(frozen=True, eq=False)
class Stepper:
    """An optimizer with the rates and penalties of M models.

    Examples
    --------
    >>> stepper = Stepper(OPTIMIZERS["sgd"], np.array([0.5]), 0.0, np.array([0.2]), np.array([0.1]))
    >>> theta = np.array([[1.0], [1.0]])
    >>> stepper.step(theta, (), np.array([[0.4], [0.4]]), t=1, free=1)
    >>> theta.round(3).tolist()
    [[0.65], [0.8]]
    """

    optimizer: Optimizer
    eta0: Array
    power_t: float
    l2: Array
    l1: Array

    def rate(self, t: int) -> Array:
        """Return η₀ at step t, from 1."""
        return self.eta0 / t**self.power_t if self.optimizer.decays and self.power_t else self.eta0

    def step(self, theta: Numbers, slots: Numbers, g: Numbers, t: int, free: int = 0) -> None:
        """Make one step in place; the last ``free`` rows have no penalty."""
        direction = self.optimizer.move(slots, g, t)
        whole = self.optimizer.size(slots, self.rate(t), t)
        rows = theta[: len(theta) - free]
        size = whole if whole.ndim == 1 else whole[: len(rows)]
        if self.l2.any():
            rows *= np.maximum(1.0 - size * self.l2, 0.0)
        theta -= whole * direction
        if self.l1.any():
            soften(rows, size * self.l1)

    def shrink(self, theta: Numbers, slots: Numbers, t: int, passed: Array) -> None:
        """Do the penalties' part of ``passed`` steps (rows,) without a gradient, at today's step size."""
        size = np.broadcast_to(self.optimizer.size(slots, self.rate(t), t), theta.shape)
        if self.optimizer.slots:
            size = np.where(slots[-1] > 0.0, size, 0.0)  # never touched: nothing to shrink
        if self.l2.any():
            theta *= np.maximum(1.0 - size * self.l2, 0.0) ** passed[:, None]
        if self.l1.any():
            soften(theta, size * self.l1 * passed[:, None])


def soften(theta: Numbers, by: Numbers | float) -> None:
    """Move every coefficient towards zero by so much, and not beyond, in place.

    Examples
    --------
    >>> theta = np.array([2.0, -0.5])
    >>> soften(theta, 1.0)
    >>> theta.tolist()
    [1.0, -0.0]
    """
    np.copysign(np.maximum(np.abs(theta) - by, 0.0), theta, out=theta)
