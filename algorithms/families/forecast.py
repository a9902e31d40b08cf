"""What a forecaster knows once it is solved: a linear map of windows, and how far it errs.

Notation
====== ==================================================================
L, H   past and next values of a window
x      past values, shape (L,); x_L is the last
z      what states hold of the past: x_j - x_L for j < L, and x_L itself
d      next values less x_L, shape (H,)
s      scale of a window: z and d are divided by it
C, b   what a model says: d/s = C z/s + b, shapes (h, L) and (h,)
====== ==================================================================

So a forecast in the units of the series is x_L + C z + b s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from algorithms.arrays import Array
from algorithms.lazily import scipy
from algorithms.solvers.spectrum import EPS
from algorithms.summaries.moments import MomentsState
from algorithms.summaries.windows import Windows

CARE = 8.0
"""Roundings of a product, with care."""


@dataclass(frozen=True, eq=False)
class Trained:
    """How coefficients answer to a change of the products that they were solved from.

    Attributes
    ----------
    rows : shape (q, L), features of z.
    vectors, inverse : V, shape (q, q), and 1/(Λ + α), shape (q,).
    sizes : lengths that features have at most, by those of z, shape (q,).
    reach : Σ|w|·sizes and the length of the target, for each step, shape (h,).
    mean : of the features, shape (q,); zero where there is no intercept.
    """

    rows: Array
    vectors: Array
    inverse: Array
    sizes: Array
    reach: Array
    mean: Array

    def moved(self, slope: Array) -> Array:
        """Return how far rounding moves what has those slopes by the coefficients, shape (h,) of (h, q)."""
        answer = ((slope @ self.vectors) * self.inverse) @ self.vectors.T
        return np.asarray(CARE * EPS * (np.abs(answer) @ self.sizes) * self.reach)


@dataclass(frozen=True, eq=False)
class Forecast:
    """C and b, of the next h steps.

    Attributes
    ----------
    coef : C, shape (h, L).
    intercept : b, shape (h,).
    windows : what the state was made by.
    degrees : effective number of free weights of a step.
    trained : None where nothing was solved for.
    moments : of the windows that it was made of; None where there are none.
    """

    coef: Array
    intercept: Array
    windows: Windows
    degrees: float = 0.0
    trained: Trained | None = field(default=None, repr=False)
    moments: MomentsState | None = field(default=None, repr=False)

    @cached_property
    def deviations(self) -> Array:
        """The root mean squared error of each step, in units of the window's scale, shape (h,): how far it may err.

        Of the windows that it was made of, less the freedom that it had; nothing is known without them.
        """
        if self.moments is None:
            return np.zeros(len(self.coef))
        free = max(self.moments.weight - self.degrees - 1.0, 1.0)
        return np.asarray(np.sqrt(squared_errors(self, self.moments)[0] / free))

    def quantiles(self, past: Array, shares: Sequence[float]) -> Array:
        """Return quantiles of the next values, shape (n, h, k): those of normal errors around the forecast.

        Examples
        --------
        >>> from algorithms.summaries.windows import Windows
        >>> flat = Forecast(np.zeros((1, 2)), np.zeros(1), Windows(context=2, horizon=1))
        >>> flat.quantiles(np.array([[1.0, 5.0]]), [0.5, 0.9]).tolist()
        [[[5.0, 5.0]]]
        """
        mean, spread = self(past), np.multiply.outer(self.windows.scaled(past), self.deviations)
        return np.asarray(mean[:, :, None] + spread[:, :, None] * scipy.special.ndtri(np.asarray(shares)))

    def __call__(self, past: Array) -> Array:
        """Return the next values of windows, shape (n, h), by their past ones (n, L)."""
        last = past[:, -1:]
        z = np.concatenate([past[:, :-1] - last, last], axis=1)
        scale = self.windows.scaled(past)[:, None]
        return np.asarray(last + z @ self.coef.T + scale * self.intercept)


def squared_errors(solution: Forecast, moments: MomentsState) -> tuple[Array, float]:
    """Return the squared errors of windows, shape (h,), and how far rounding may have moved their sum."""
    h, context = solution.coef.shape
    kept = context + h
    maps = np.concatenate([-solution.coef, np.eye(h)], axis=1)
    scatter, mean = moments.scatter[:kept, :kept], moments.mean[:kept]
    half = maps @ scatter
    bias = maps @ mean - solution.intercept
    errors = np.sum(half * maps, axis=1) + moments.weight * bias**2
    sizes = np.sqrt(np.diagonal(scatter)) + math.sqrt(moments.weight) * np.abs(mean)
    moved = CARE * EPS * float(np.sum((np.abs(maps) @ sizes) ** 2))
    if (trained := solution.trained) is not None:
        slope = -2.0 * half[:, :context] @ trained.rows.T
        away = trained.rows @ mean[:context] - trained.mean
        slope -= 2.0 * moments.weight * np.multiply.outer(bias, away)
        moved += float(np.sum(trained.moved(slope)))
    return np.maximum(errors, 0.0), moved
