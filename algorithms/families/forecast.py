"""What a forecaster knows once it is solved: a linear map of windows, and how far it errs.

Notation
====== ==================================================================
L, H   past and next values of a window
x      past values, shape (L,); x_L is the last
z      what states hold of the past: x_j - x_L for j < L, and x_L itself
e      covariates of a window, then its random features, shape (m,)
d      next values less x_L, shape (H,)
s      scale of a window: z and d are divided by it, and covariates whose effects are absolute
C, b   what a model says: d/s = C (z/s, e) + b, shapes (h, L + m) and (h,)
====== ==================================================================

So a forecast in the units of the series is x_L + s C (z/s, e) + s b; where all past values are one, s is 0 in it,
and so is what C makes of x_L.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from algorithms.arrays import Array
from algorithms.covariates import Covariates
from algorithms.errors import InvalidField
from algorithms.lazily import scipy
from algorithms.solvers.inverses import Inverse
from algorithms.solvers.spectrum import EPS
from algorithms.summaries.moments import MomentsState
from algorithms.summaries.window_sample import WindowSampleState
from algorithms.summaries.windows import ABSOLUTE, Scaled, Windows

CARE = 8.0
"""Roundings of a product, with care."""


@dataclass(frozen=True, eq=False)
class Trained:
    """How coefficients answer to a change of the products that they were solved from.

    Attributes
    ----------
    steps : the next steps that they forecast.
    rows : shape (q, L + m), features of z and e.
    inverse : of the penalised products of features.
    sizes : lengths that features have at most, by those of z, shape (q,).
    reach : Σ|w|·sizes and the length of the target, for each step, shape (h,).
    mean : of the features, shape (q,); zero where there is no intercept.
    change : shape (h, q), by how much rounding moved coefficients that do not follow from the inverse; None
        where they do.
    """

    steps: slice
    rows: Array
    inverse: Inverse
    sizes: Array
    reach: Array
    mean: Array
    change: Array | None = None

    def moved(self, slope: Array) -> Array:
        """Return how far rounding moves what has those slopes by the coefficients, shape (h,) of (h, q)."""
        if self.change is not None:
            return np.asarray(np.sum(np.abs(slope) * np.abs(self.change), axis=1))
        return np.asarray(CARE * EPS * (np.abs(self.inverse.times(slope)) @ self.sizes) * self.reach)


@dataclass(frozen=True, eq=False)
class Forecast:
    """C and b, of the next h steps.

    Attributes
    ----------
    coef : C, shape (h, L + m).
    intercept : b, shape (h,).
    windows : what the state was made by.
    covariates : what e is.
    trained : what was solved for: all steps together, or each by covariates of its own.
    moments : of the windows that it was made of; None where there are none.
    """

    coef: Array
    intercept: Array
    windows: Windows
    covariates: Covariates = field(default_factory=Covariates)
    trained: tuple[Trained, ...] = field(default=(), repr=False)
    moments: MomentsState | None = field(default=None, repr=False)

    @cached_property
    def degrees(self) -> float:
        """The effective number of free weights of a step."""
        return max((trained.inverse.degrees for trained in self.trained), default=0.0)

    @cached_property
    def deviations(self) -> Array:
        """The root mean squared error of each step, in units of the window's scale, shape (h,): how far it may err.

        Of the windows that it was made of, less the freedom that it had; nothing is known without them.
        """
        if self.moments is None:
            return np.zeros(len(self.coef))
        free = max(self.moments.weight - self.degrees - 1.0, 1.0)
        return np.asarray(np.sqrt(_errors(self, self.moments)[0] / free))

    def quantiles(self, past: Array, shares: Sequence[float], errors: Array | None = None) -> Array:
        """Return quantiles of the next values, shape (n, h, k): those of normal errors around the forecast.

        With errors of held-out windows in units of their scales, shape (m, h), they are conformal: of these and a
        next one, the share that lies below is at least that asked for (Vovk, Gammerman & Shafer 2005, §2.2).

        Raises
        ------
        InvalidField
            There are too few errors for a share.

        Examples
        --------
        >>> from algorithms.summaries.windows import Windows
        >>> flat = Forecast(np.zeros((1, 2)), np.zeros(1), Windows(context=2, horizon=1))
        >>> flat.quantiles(np.array([[1.0, 5.0]]), [0.5, 0.9]).tolist()
        [[[5.0, 5.0]]]
        """
        mean, scale = self(past), self.windows.scaled(past)
        if errors is None:
            spread = np.multiply.outer(self.deviations, scipy.special.ndtri(np.asarray(shares)))
        else:
            spread = np.stack([conformal(errors, share) for share in shares], axis=1)
        return np.asarray(mean[:, :, None] + scale[:, None, None] * spread)

    def __call__(self, past: Array) -> Array:
        """Return the next values of windows, shape (n, h), by their past ones and covariates, (n, L + m)."""
        return self.of_scaled(self.windows.rows(past))

    def of_scaled(self, rows: Scaled) -> Array:
        """Return the next values of windows, shape (n, h), by what :meth:`Windows.rows` makes of them.

        Where all past values are one, this is the next one too, whatever a penalty makes of a series' level.
        """
        own = self.windows.context + (self.covariates.width if self.windows.exog_effect == ABSOLUTE else 0)
        inside, beside = (part @ coef.T for part, coef in (
            (rows.values[:, :own], self.coef[:, :own]), (rows.values[:, own:], self.coef[:, own:])
        ))  # fmt: skip
        level = np.flatnonzero((rows.scale == 0.0) & ~np.any(rows.values[:, : self.windows.context - 1], axis=1))
        inside[level] -= np.multiply.outer(rows.last[level], self.coef[:, self.windows.context - 1])
        unit, scale = rows.unit[:, None], rows.scale[:, None]
        return np.asarray(rows.last[:, None] + unit * inside + scale * (beside + self.intercept))

    def sampled(self, rows: WindowSampleState) -> tuple[Array, Array]:
        """Return what forecasts of sampled windows are made by, shape (n, L + m), and what came, shape (n, h)."""
        begin = rows.context
        first = begin - self.windows.context
        beside = self.covariates.rows(rows.beside[:, first : begin + self.windows.horizon])
        past = np.concatenate([rows.windows[:, first:begin], beside], axis=1)
        return past, rows.windows[:, begin : begin + len(self.coef)]

    def ahead(self, steps: int) -> int:
        """Return up to which next step covariates must be known for forecasts of so many; 0 where none need be."""
        for step in range(self.covariates.horizon, 0, -1):
            places = self.windows.context + self.covariates.next_places(step - 1)
            if np.any(self.coef[:steps, places]):
                return step
        return 0


def conformal(errors: Array, share: float) -> Array:
    """Return the quantile of further errors, shape (h,): of shares above a half from above, and else from below.

    Examples
    --------
    >>> conformal(np.arange(9.0)[:, None], 0.9), conformal(np.arange(9.0)[:, None], 0.1)
    (array([8.]), array([0.]))
    """
    if share < 0.5:
        return -conformal(-errors, 1.0 - share)
    n = len(errors)
    place = math.ceil(round((n + 1) * share, 9))
    if place > n:
        raise InvalidField(
            f"quantiles: {share:g} takes {math.ceil(round(share / (1.0 - share), 6)):,} held-out windows, and "
            f"there are {n:,}: more series or splits, or intervals='normal'"
        )
    return np.asarray(np.sort(errors, axis=0)[place - 1])


def squared_errors(solution: Forecast, moments: MomentsState) -> tuple[Array, float]:
    """Return the squared errors of windows, shape (h,), and how far rounding may have moved their sum."""
    h, d = solution.coef.shape
    errors, maps, half, bias = _errors(solution, moments)
    scatter, mean = moments.scatter[: d + h, : d + h], moments.mean[: d + h]
    sizes = np.sqrt(np.diagonal(scatter)) + math.sqrt(moments.weight) * np.abs(mean)
    moved = CARE * EPS * float(np.sum((np.abs(maps) @ sizes) ** 2))
    for trained in solution.trained:
        slope = -2.0 * half[trained.steps, :d] @ trained.rows.T
        away = trained.rows @ mean[:d] - trained.mean
        slope -= 2.0 * moments.weight * np.multiply.outer(bias[trained.steps], away)
        moved += float(np.sum(trained.moved(slope)))
    return errors, moved


def _errors(solution: Forecast, moments: MomentsState) -> tuple[Array, Array, Array, Array]:
    """Return squared errors of windows, shape (h,), the maps to errors, these times the scatter, mean errors."""
    h, d = solution.coef.shape
    maps = np.concatenate([-solution.coef, np.eye(h)], axis=1)
    half = maps @ moments.scatter[: d + h, : d + h]
    bias = maps @ moments.mean[: d + h] - solution.intercept
    return np.maximum(np.sum(half * maps, axis=1) + moments.weight * bias**2, 0.0), maps, half, bias
