"""Generalized linear models on the very rows, where they are few enough to be kept with the state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from algorithms.base import Array
from algorithms.design import Design
from algorithms.memo import MEMO
from algorithms.models._quadratic import Quadratic, Weights
from algorithms.solvers.coordinate_descent import Descent, elastic_net
from algorithms.summaries.curvature import CurvatureState

Losses = Callable[[Array, Array], tuple[Array, Array]]

STEPS = 500
"""Steps at most."""

TIGHT = 1e-8
"""Largest slope of the objective, in units of the losses' weight, at which it counts as flat."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in the columns of a design.

    Attributes
    ----------
    x : shape (n, q).
    y : shape (n,), targets, or places of classes.
    w : shape (n,), weights, those of classes included.
    """

    x: Array
    y: Array
    w: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.x.nbytes + self.y.nbytes + self.w.nbytes


def kept_rows(state: CurvatureState, design: Design, weights: Weights) -> Rows:
    """Return the rows that a state keeps, in a design's columns (kept for the state)."""
    return MEMO.get(state, ("rows", design, weights), lambda: _kept_rows(state, design, weights))


def _kept_rows(state: CurvatureState, design: Design, weights: Weights) -> Rows:
    kept, d = state.kept, state.shape.d
    x = (np.asarray(kept.X.astype(np.float64) @ design.columns.matrix) - design.mean) / design.scale
    y, w = kept.values[: kept.n, d].astype(np.float64), kept.sample_weight
    if len(weights) > 1:
        w = w * np.array(weights)[y.astype(np.intp)]
    return Rows(x, y, w)


@dataclass(frozen=True, eq=False)
class Problem:
    """argmin Σwℓ(xc + b) + ½λ‖c‖² (+ λ₁‖c‖₁).

    Attributes
    ----------
    losses : each row's loss and slopes.
    quadratic : near the optimum; what the search is conditioned by.
    rows : the rows.
    ridge : λ.
    """

    losses: Losses
    quadratic: Quadratic
    rows: Rows
    ridge: float

    def at(self, coef: Array, intercept: Array) -> tuple[float, Array, Array]:
        """Return the smooth part of the objective and its gradients, shapes (e, q) and (e,)."""
        rows = self.rows
        loss, slope = self.losses(rows.x @ coef.T + intercept, rows.y)
        slope = slope * rows.w[:, None]
        value = float(rows.w @ loss) + 0.5 * self.ridge * float(np.sum(coef * coef))
        return value, slope.T @ rows.x + self.ridge * coef, slope.sum(axis=0)

    def smooth(self, coef: Array, intercept: Array) -> tuple[Array, Array, bool]:
        """Return the optimum by L-BFGS in coordinates in which the quadratic is round.

        Source: Nocedal & Wright, "Numerical Optimization", 2nd ed., §7.2.
        """
        from scipy.optimize import minimize

        q, shape = self.quadratic, coef.shape
        values = np.maximum(q.spectrum.values + self.ridge, 1e-10 * q.weight)
        to = q.spectrum.vectors / np.sqrt(values)
        unit, centred = 1.0 / np.sqrt(q.weight), q.design.preprocess.center
        flat, n = coef.ravel(), coef.size

        def place(v: Array) -> tuple[Array, Array]:
            step = to @ v[:n]
            moved = intercept - q.back @ step + unit * v[n:] if centred else intercept
            return (flat + step).reshape(shape), moved

        def objective(v: Array) -> tuple[float, Array]:
            value, slope, lift = self.at(*place(v))
            inner = slope.ravel() - q.back.T @ lift if centred else slope.ravel()
            return value / q.weight, np.r_[to.T @ inner, unit * lift * centred] / q.weight

        found = minimize(
            objective, np.zeros(n + len(intercept)), jac=True, method="L-BFGS-B",
            options={"maxiter": STEPS, "gtol": TIGHT * unit, "ftol": 1e-15, "maxcor": 20},
        )  # fmt: skip
        return *place(found.x), bool(found.nit < STEPS)

    def sparse(
        self, coef: Array, intercept: Array, l1: float, tol: float, max_iter: int
    ) -> tuple[Array, Array, bool]:
        """Return the optimum with an l1 penalty: proximal Newton steps, each by coordinate descent.

        Source: Lee, Sun & Saunders 2014, "Proximal Newton-type methods for minimizing composite functions". The
        Hessian is the quadratic's, so that no step needs a pass over the rows but for the gradient.
        """
        q, weight, how = self.quadratic, self.quadratic.weight, Descent(tol, max_iter)
        gram, centred = np.ascontiguousarray(q.gram / weight), self.quadratic.design.preprocess.center

        def whole(c: Array, b: Array) -> float:
            return self.at(c, b)[0] + l1 * float(np.abs(c).sum())

        value, length = whole(coef, intercept), 1.0
        for _ in range(STEPS):
            _, slope, lift = self.at(coef, intercept)
            inner = slope.ravel() - self.ridge * coef.ravel() - (q.back.T @ lift if centred else 0.0)
            xy = gram @ coef.ravel() - inner / weight
            size = max(float(xy @ xy) / max(float(np.trace(gram)), 1e-300), 1e-12)
            made, _, _ = elastic_net(
                gram, xy, size, (l1 + self.ridge) / weight, l1 / (l1 + self.ridge), how, coef.ravel().copy()
            )
            step = made.reshape(coef.shape) - coef
            shift = -q.back @ step.ravel() - (q.inverse @ lift if centred else 0.0)
            length = min(1.0, 2.0 * length)
            while length > 1e-6 and whole(coef + length * step, intercept + length * shift) > value:
                length /= 2.0
            coef, intercept = coef + length * step, intercept + length * shift
            before, value = value, whole(coef, intercept)
            if before - value <= 1e-12 * abs(before):
                return coef, intercept, True
        return coef, intercept, False
