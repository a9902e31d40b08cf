"""Newton's method with steps by conjugate gradients: no Hessian is made, only its products with directions.

Source: Nocedal & Wright, "Numerical Optimization", 2nd ed., §7.1; Lin, Weng & Keerthi 2008, "Trust region Newton
method for large-scale logistic regression", for how it suits rows of many columns. The notation is that of
:mod:`algorithms.solvers.placed_rows`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array
from algorithms.solvers.expansion import Expansion
from algorithms.solvers.placed_rows import PlacedRows, Preconditioner

STEPS, PRODUCTS = 200, 500
"""Newton's steps at most, and products with the Hessian for each."""

FLAT, ROUNDED, SHORTEST = 1e-16, 1e-13, 1e-10
"""What a step gains, a unit of weight, below which it is the last; what it gains, beside the objective, that is
rounding there; and its least length."""

COARSE, FINE, SPARED = 0.1, 1e-5, 0.01
"""Largest and smallest share of the slope that a step may leave, and how much less than flat is asked of none."""

STEEP, SECANTS, FARTHEST = 0.1, 4, 4.0
"""Fall at the end of a step, beside that at its beginning, from which on it goes farther, how often, and how much
farther at most, beside the way before."""

LEVEL = 1e-8
"""Slope of the mean loss that counts as flat."""


@dataclass(frozen=True, eq=False)
class Found:
    """Where the search ended.

    Attributes
    ----------
    coef, intercept : shapes (e, q) and (e,).
    last : the last step, which is longer than what is left of the way.
    free : effective degrees of freedom of the coefficients, about.
    converged : whether the last step gained next to nothing.
    """

    coef: Array
    intercept: Array
    last: tuple[Array, Array]
    free: float
    converged: bool


@dataclass(frozen=True)
class Left:
    """Sizes of a slope, gᵀM⁻¹g by the preconditioner M.

    Attributes
    ----------
    before : where a step began.
    after : where it was to lead, if the objective were its quadratic.

    Examples
    --------
    >>> [round(Left(1.0, 0.01).share(size), 3) for size in (0.0144, 0.36)]
    [0.02, 0.1]
    """

    before: float
    after: float

    def share(self, size: float) -> float:
        """Return the share of a slope of this size that the next step may leave.

        As much as the slope is off what the quadratic had foreseen: near the optimum next to nothing. Source:
        Eisenstat & Walker 1996, "Choosing the forcing terms in an inexact Newton method", choice 1.
        """
        off = abs(np.sqrt(size) - np.sqrt(self.after)) / np.sqrt(self.before)
        return float(min(COARSE, max(FINE, off)))


@dataclass(frozen=True, eq=False)
class Loss:
    """Σwℓ(x̃c + b) + ½λ‖c‖².

    Attributes
    ----------
    about : the losses of rows.
    rows : x̃.
    y, w : shape (n,), targets or places of classes, and weights.
    ridge : λ.
    centred : whether intercepts are free.
    """

    about: Callable[[Array, Array], Expansion]
    rows: PlacedRows
    y: Array
    w: Array
    ridge: float
    centred: bool

    def least(self, coef: Array, intercept: Array) -> Found:
        """Return the minimum, found from coefficients and intercepts."""
        weight, before, reach = float(self.w.sum()), None, 1.0
        eta = self.rows.forward(coef, intercept)
        at = self.about(eta, self.y)
        for _ in range(STEPS):
            value = self._value(at, coef)
            slope, lift = self._slope(at, coef)
            near = Preconditioner.of(self.rows, self._own(at), self.ridge)
            step, rise, size = self._step(at, near, slope, lift, before, FLAT * weight / reach)
            gain = -float(np.sum(slope * step) + lift @ rise)
            if not gain > 0.0:
                flat = max(np.abs(slope).max(initial=0.0), np.abs(lift).max(initial=0.0)) <= LEVEL * weight
                return Found(coef, intercept, (step, rise), near.free, bool(flat))
            if gain <= FLAT * weight:
                return Found(coef + step, intercept + rise, (step, rise), near.free, converged=True)
            way, reach = self.rows.forward(step, rise), max(1.0, gain / size.before)
            most = value if gain > ROUNDED * max(weight, abs(value)) else np.inf
            length, at = self._length(eta, way, coef, step, most)
            if length == 1.0 and most < np.inf:
                length, at = self._farther(eta, way, coef, step, gain, at)
            if length < SHORTEST:
                return Found(coef, intercept, (step, rise), near.free, converged=False)
            before = size if length == 1.0 else None
            coef, intercept, eta = coef + length * step, intercept + length * rise, eta + length * way
        return Found(coef, intercept, (step, rise), near.free, converged=False)

    def _value(self, at: Expansion, coef: Array) -> float:
        return float(self.w @ at.loss) + 0.5 * self.ridge * float(np.sum(coef * coef))

    def _slope(self, at: Expansion, coef: Array) -> tuple[Array, Array]:
        slope, lift = self.rows.backward(self.w[:, None] * at.slope)
        return slope + self.ridge * coef, self._free(lift)

    def _free(self, lift: Array) -> Array:
        """Return what intercepts may move by: nothing without them; of several classes they sum to zero."""
        if not self.centred:
            return np.zeros_like(lift)
        return lift - lift.mean() if len(lift) > 1 else lift

    def _own(self, at: Expansion) -> Array:
        """Return each row's curvature in its own equation, weighted."""
        curve = at.curve if at.curve.shape[1] == 1 else at.curve * (1.0 - at.curve)
        return np.asarray(self.w[:, None] * np.maximum(curve, 0.0))

    def _length(
        self, eta: Array, way: Array, coef: Array, step: Array, most: float
    ) -> tuple[float, Expansion]:
        """Return how far to go, the whole step or halved until the objective is below ``most``, and the losses."""
        length = 1.0
        while True:
            at = self.about(eta + length * way, self.y)
            if most == np.inf or self._value(at, coef + length * step) < most or length < SHORTEST:
                return length, at
            length *= 0.5

    def _farther(
        self, eta: Array, way: Array, coef: Array, step: Array, gain: float, at: Expansion
    ) -> tuple[float, Expansion]:
        """Return how far to go where the objective still falls at the end of a step, and the losses there.

        Classes that columns separate have a curvature that vanishes as coefficients grow: steps are too short.
        """
        length, fall, last = 1.0, gain, 0.0
        for _ in range(SECANTS):
            penalty = self.ridge * float(np.sum((coef + length * step) * step))
            here = -float(self.w @ np.sum(at.slope * way, axis=1)) - penalty
            if not STEEP * gain < here < fall:
                break
            longer = length + min(here / (fall - here), FARTHEST) * (length - last)
            tried = self.about(eta + longer * way, self.y)
            if not self._value(tried, coef + longer * step) < self._value(at, coef + length * step):
                break
            last, length, fall, at = length, longer, here, tried
        return length, at

    def _step(
        self, at: Expansion, near: Preconditioner, slope: Array, lift: Array, before: Left | None, flat: float
    ) -> tuple[Array, Array, Left]:
        """Return Newton's step, nearly, and what it leaves of the slope.

        Parameters
        ----------
        at : the losses.
        near : what the Hessian is near to.
        slope, lift : the slope of the objective.
        before : what the step before left, if it was taken whole.
        flat : size of a slope that need not be smaller.
        """
        step, rise = np.zeros_like(slope), np.zeros_like(lift)
        left, up = -slope, -lift
        way, ascent = near.solved(left, up)
        ascent = self._free(ascent)
        size = first = float(np.sum(left * way) + up @ ascent)
        share = COARSE if before is None else before.share(first)
        share = max(share, min(COARSE, np.sqrt(SPARED * flat / max(first, 1e-300))))
        turned, turned_up = way, ascent
        for _ in range(PRODUCTS):
            if not size > share * share * first:
                break
            bent, bent_up = self.rows.bent(at, self.w, turned, turned_up)
            bent, bent_up = bent + self.ridge * turned, self._free(bent_up)
            curve = float(np.sum(turned * bent) + turned_up @ bent_up)
            if not curve > 0.0:
                break
            length = size / curve
            step, rise = step + length * turned, rise + length * turned_up
            left, up = left - length * bent, up - length * bent_up
            way, ascent = near.solved(left, up)
            ascent = self._free(ascent)
            following = float(np.sum(left * way) + up @ ascent)
            turned, turned_up = way + following / size * turned, ascent + following / size * turned_up
            size = following
        return step, rise, Left(first, size)
