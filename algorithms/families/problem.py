"""The optimum of a generalized linear model's objective, found from the minimum of a quadratic near it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.contract import Array
from algorithms.errors import AlgorithmError
from algorithms.families.objective import Objective
from algorithms.families.quadratic import Quadratic
from algorithms.lazily import scipy
from algorithms.solvers.coordinate_descent import Descent, elastic_net
from algorithms.solvers.curved import curved, with_penalty

STEPS, ROUNDS = 100, 8
"""Steps at most in one set of coordinates, and how often these are made anew."""

NEWTON, FLAT, ROUNDED, SHORTEST, POLISHED = 200, 1e-20, 1e-13, 1e-12, 8
"""Newton steps at most; what a step gains, a unit of weight, below which none is left; what it gains, beside the
objective, that is rounding there; its least length; and steps at most whose effect the objective cannot resolve."""

LENGTHS = (1.0, 0.5, 0.2, 0.05, 0.01)
"""Parts of the way from a quadratic's start to its minimum that are tried, the whole first."""

SMALL = 1e-10
"""Curvature, beside the losses' weight, that coordinates are not stretched beyond."""


@dataclass(frozen=True, eq=False)
class Problem:
    """argmin Σgwℓ(xc + b) + ½λ‖c‖² (+ λ₁‖c‖₁).

    Searches take and return intercepts of the design's columns; inside they are those of the objective's.

    Attributes
    ----------
    objective : Σgwℓ.
    quadratic : near the optimum; what the search is conditioned by.
    ridge : λ.
    flat : largest slope of the objective, in units of the losses' weight, at which it counts as flat.
    exact : whether the objective is that of rows that are all at hand.
    """

    objective: Objective
    quadratic: Quadratic
    ridge: float
    flat: float
    exact: bool = False

    def at(self, coef: Array, intercept: Array) -> tuple[float, Array, Array]:
        """Return the smooth part of the objective and its gradients, shapes (e, q) and (e,)."""
        value, slope, lift = self.objective.at(coef, intercept)
        return value + 0.5 * self.ridge * float(np.sum(coef * coef)), slope + self.ridge * coef, lift

    def begun(self, coef: Array, intercept: Array) -> tuple[Array, Array]:
        """Return where a search begins: the quadratic's minimum, or nearer its start where the objective is less.

        The minimum of a quadratic may be far from the optimum: where exp η overflows, or anywhere if the curvature
        is nothing but rounding error. There the losses have no curvature, and Newton's method does not converge.
        Where the objective is less of no coefficient at all, a search begins there.
        """
        (base, rise), none = self.quadratic.beginning, (np.zeros_like(coef), np.zeros_like(intercept))
        at_base, at_none = self.at(base, self.lifted(base, rise))[0], self.at(*none)[0]
        for length in LENGTHS:
            c, b = base + length * (coef - base), rise + length * (intercept - rise)
            if (there := self.at(c, self.lifted(c, b))[0]) <= at_base:
                return none if at_none < there else (c, b)
        return (base, rise) if at_base <= at_none else none

    def lifted(self, coef: Array, intercept: Array) -> Array:
        """Return the intercepts of the objective's columns, from those of the design's."""
        return np.asarray(intercept + coef @ self.objective.middle)

    def _lowered(self, found: tuple[Array, Array, bool]) -> tuple[Array, Array, bool]:
        """Return what was found, with the intercepts of the design's columns."""
        coef, intercept, converged = found
        return coef, intercept - coef @ self.objective.middle, converged

    def smooth(self, coef: Array, intercept: Array) -> tuple[Array, Array, bool]:
        """Return the optimum: of rows that are all at hand by Newton's method, else by L-BFGS.

        The latter goes in coordinates in which a quadratic is round: the one at hand, and where that takes many
        steps, one about the place they came to. Source: Nocedal & Wright, "Numerical Optimization", 2nd ed., §7.2.
        """
        if self.exact:
            return self._lowered(self._newton(coef, self.lifted(coef, intercept)))
        round_ = _of_quadratic(self.quadratic, self.ridge)
        for _ in range(ROUNDS):
            coef, intercept, converged = self._descended(coef, intercept, round_)
            curve = None if converged else self.objective.hessian(coef, intercept)
            if curve is None:
                break
            round_ = _of_hessian(curve, self.ridge, self.quadratic)
        return coef, intercept, converged

    def _newton(self, coef: Array, intercept: Array) -> tuple[Array, Array, bool]:
        """Return where Newton's steps lead, each shortened until the objective falls, and whether none is left.

        Source: op. cit., §3.3; steps are taken in columns of unit curvature, and where the curvature is rounding
        none is taken at all.
        """
        weight, value = self.quadratic.weight, self.at(coef, intercept)[0]
        for _ in range(NEWTON):
            step, rise, gain = self._newton_step(coef, intercept)
            if not gain >= 0.0:
                return coef, intercept, False
            if gain <= FLAT * weight:  # other rows may lie far along a flat direction
                return coef + step, intercept + rise, True
            if gain <= ROUNDED * max(weight, abs(value)):
                return *self._polished(coef, intercept, step, rise, gain), True
            length = 1.0
            while not (made := self.at(coef + length * step, intercept + length * rise)[0]) < value:
                length *= 0.5
                if length < SHORTEST:
                    return coef, intercept, False
            coef, intercept, value = coef + length * step, intercept + length * rise, made
        return coef, intercept, False

    def _polished(
        self, coef: Array, intercept: Array, step: Array, rise: Array, gain: float
    ) -> tuple[Array, Array]:
        """Return where whole steps lead that the objective cannot resolve, as long as the gradient shows a gain.

        What a step gains is a square: where the objective has no digit of it, coefficients have seven.
        """
        for _ in range(POLISHED):
            there, lift = coef + step, intercept + rise
            step, rise, left = self._newton_step(there, lift)
            if not 0.0 <= left < 0.25 * gain:
                break
            coef, intercept, gain = there, lift, left
        return coef, intercept

    def _newton_step(self, coef: Array, intercept: Array) -> tuple[Array, Array, float]:
        """Return Newton's step, and twice what the quadratic there says that it gains; -1 where there is none."""
        e, q = coef.shape
        _, slope, lift = self.at(coef, intercept)
        curve = self.objective.hessian(coef, intercept)
        if curve is None:
            raise AlgorithmError("rows that are all at hand have a Hessian")
        gradient, curve = np.column_stack([slope, lift]).ravel(), with_penalty(curve, self.ridge)
        free = np.ones((e, q + 1), np.bool_)
        free[:, q] = self.quadratic.design.preprocess.center
        straight = free.ravel() & ~(np.diagonal(curve) > 0.0)
        sloping = np.abs(gradient[straight]).max(initial=0.0) > self.flat * self.quadratic.weight
        if sloping or not np.isfinite(curve).all() or not np.isfinite(gradient).all():
            return np.zeros_like(coef), np.zeros_like(intercept), -1.0
        bends = curved(curve, free.ravel())
        along = bends.along(gradient)
        step = -bends.back(along / bends.values).reshape(e, q + 1)
        return step[:, :q], step[:, q], float(np.sum(along**2 / bends.values))

    def _descended(
        self, coef: Array, intercept: Array, round_: tuple[Array, Array]
    ) -> tuple[Array, Array, bool]:
        """Return where :data:`STEPS` of L-BFGS lead, and whether the objective is flat there.

        It is where its slope is, or where what that says is left to gain is rounding of the objective.
        """
        (to, lift), weight = round_, self.quadratic.weight
        centred = float(self.quadratic.design.preprocess.center)
        flat, shape = coef.ravel(), coef.shape

        def place(v: Array) -> tuple[Array, Array]:
            return (flat + to @ v).reshape(shape), intercept + centred * (lift @ v)

        def objective(v: Array) -> tuple[float, Array]:
            value, slope, up = self.at(*place(v))
            return value / weight, (to.T @ slope.ravel() + centred * (lift.T @ up)) / weight

        origin, flat_enough = np.zeros(to.shape[1]), self.flat / np.sqrt(weight)
        first = objective(origin)
        reach = weight * float(
            np.linalg.norm(first[1])
        )  # of Newton's step: L-BFGS begins with one of length 1
        if reach * flat_enough == 0.0 or np.abs(first[1]).max() <= flat_enough:
            return coef, intercept, True

        def scaled(u: Array) -> tuple[float, Array]:
            value, slope = objective(reach * u) if u.any() else first
            return value, reach * slope

        found = scipy.optimize.minimize(
            scaled, origin, jac=True, method="L-BFGS-B",
            options={"maxiter": STEPS, "gtol": reach * flat_enough, "ftol": 1e-15, "maxcor": 20},
        )  # fmt: skip
        value, slope = objective(reach * found.x)  # a search also stops where a step along a line fails
        left = weight * float(slope @ slope)
        return *place(reach * found.x), bool(
            np.abs(slope).max() <= flat_enough or left <= ROUNDED * max(1.0, abs(value))
        )

    def sparse(
        self, coef: Array, intercept: Array, l1: float, tol: float, max_iter: int
    ) -> tuple[Array, Array, bool]:
        """Return the optimum with an l1 penalty: proximal Newton steps, each by coordinate descent.

        Source: Lee, Sun & Saunders 2014, "Proximal Newton-type methods for minimizing composite functions". The
        Hessian is the quadratic's, so that no step needs a pass over the rows but for the gradient.
        """
        return self._lowered(self._sparse(coef, self.lifted(coef, intercept), l1, Descent(tol, max_iter)))

    def _sparse(
        self, coef: Array, intercept: Array, l1: float, how: Descent
    ) -> tuple[Array, Array, bool]:
        q, weight = self.quadratic, self.quadratic.weight
        back = q.back - np.kron(np.eye(q.e), self.objective.middle)
        gram, centred = np.ascontiguousarray(q.gram / weight), self.quadratic.design.preprocess.center

        def whole(c: Array, b: Array) -> float:
            return self.at(c, b)[0] + l1 * float(np.abs(c).sum())

        value, length = whole(coef, intercept), 1.0
        for _ in range(STEPS * ROUNDS):
            _, slope, lift = self.at(coef, intercept)
            inner = slope.ravel() - self.ridge * coef.ravel() - (back.T @ lift if centred else 0.0)
            xy = gram @ coef.ravel() - inner / weight
            size = max(float(xy @ xy) / max(float(np.trace(gram)), 1e-300), 1e-12)
            made, _, _ = elastic_net(
                gram, xy, size, (l1 + self.ridge) / weight, l1 / (l1 + self.ridge), how, coef.ravel().copy()
            )
            step = made.reshape(coef.shape) - coef
            shift = -back @ step.ravel() - (q.inverse @ lift if centred else 0.0)
            length = min(1.0, 2.0 * length)
            while length > 1e-6 and whole(coef + length * step, intercept + length * shift) > value:
                length /= 2.0
            coef, intercept = coef + length * step, intercept + length * shift
            before, value = value, whole(coef, intercept)
            if before - value <= 1e-12 * abs(before):
                return coef, intercept, True
        return coef, intercept, False


def _of_quadratic(q: Quadratic, ridge: float) -> tuple[Array, Array]:
    """Return coordinates v in which a quadratic is round: what v adds to coefficients, and to intercepts."""
    to = q.spectrum.vectors / np.sqrt(np.maximum(q.spectrum.values + ridge, SMALL * q.weight))
    lone = np.eye(q.e) / np.sqrt(q.weight)
    return np.column_stack([to, np.zeros((len(to), q.e))]), np.column_stack([-q.back @ to, lone])


def _of_hessian(curve: Array, ridge: float, q: Quadratic) -> tuple[Array, Array]:
    """Return the same of a Hessian in coefficients and intercepts, shape (e, q + 1, e, q + 1)."""
    e, wide = curve.shape[:2]
    values, vectors = np.linalg.eigh(with_penalty(curve, ridge))
    to = (vectors / np.sqrt(np.maximum(values, SMALL * q.weight))).reshape(e, wide, -1)
    return to[:, :-1].reshape(e * (wide - 1), -1), to[:, -1]
