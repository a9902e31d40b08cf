"""Σgwℓ of a state's rows, as a function of the coefficients of a design: of every row, or as a sample corrects it.

Notation is that of :mod:`algorithms.summaries.curvature`; g are the weights of the classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from algorithms.base import Array
from algorithms.design import Design
from algorithms.memo import MEMO
from algorithms.models._quadratic import Quadratic, Weights
from algorithms.solvers.expansion import Expansion
from algorithms.summaries.curvature import CurvatureState

About = Callable[[Array, Array], Expansion]

FLAT = 1e-12
"""Curvature, beside the largest, below which the loss is flat in a direction."""


TRUSTED = 0.5
"""Curvature of the sample, as a share of that of all rows, below which it is not scaled up to it."""


class Objective(Protocol):
    """The smooth part of what a model minimises, but for its penalty."""

    def at(self, coef: Array, intercept: Array) -> tuple[float, Array, Array]:
        """Return Σgwℓ and its gradients; ``coef`` has shape (e, q), ``intercept`` (e,)."""
        ...

    def hessian(self, coef: Array, intercept: Array) -> Array | None:
        """Return the Hessian in coefficients and intercepts, shape (e, q + 1, e, q + 1); None where not needed."""
        ...


def objective_of(about: About, state: CurvatureState, q: Quadratic, weights: Weights) -> Objective:
    """Return the objective of a state's rows: all of them where they are kept."""
    if state.complete:
        return EveryRow(about, _every_row(state, q.design, weights))
    return InDesign(corrected(about, state, weights, q.k), q)


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


def _every_row(state: CurvatureState, design: Design, weights: Weights) -> Rows:
    """Return the rows that a state keeps, in a design's columns (kept for the state)."""

    def make() -> Rows:
        x = (np.asarray(state.kept.held.astype(np.float64) @ design.columns.matrix) - design.mean) / design.scale
        y, codes = _targets(state)
        return Rows(x, y, state.kept.sample_weight * np.array(weights)[codes])

    return MEMO.get(state, ("rows", design, weights), make)


@dataclass(frozen=True, eq=False)
class EveryRow:
    """The losses of rows that are all at hand.

    Attributes
    ----------
    about : the losses of rows.
    rows : the rows.
    """

    about: About
    rows: Rows

    def at(self, coef: Array, intercept: Array) -> tuple[float, Array, Array]:
        """Return Σgwℓ and its gradients."""
        rows = self.rows
        made = self.about(rows.x @ coef.T + intercept, rows.y)
        slope = made.slope * rows.w[:, None]
        return float(rows.w @ made.loss), slope.T @ rows.x, slope.sum(axis=0)

    def hessian(self, coef: Array, intercept: Array) -> Array:
        """Return the Hessian of the rows."""
        rows, e = self.rows, len(coef)
        x = np.column_stack([rows.x, np.ones(len(rows.x))])
        made = self.about(rows.x @ coef.T + intercept, rows.y).hessian(x, rows.w)
        return made.reshape(e, x.shape[1], e, x.shape[1])


@dataclass(frozen=True, eq=False)
class Corrected:
    """The loss of every row: its quadratic about a start, and the rest as sampled rows tell it.

    L(θ₀ + δ) ≈ L(θ₀) + ∇L·δ + ½δᵀHδ + Σv [ℓ(η₀ + s) - ℓ(η₀) - ℓ'·s - ½sᵀℓ''s], s = zBδ: value, gradient and
    Hessian at θ₀ are those of every row, and only what Taylor's formula leaves out is estimated (a control
    variate; compare Jordan, Lee & Yang 2019, "Communication-efficient distributed statistical inference").

    A sample with more curvature than all rows have in some direction would make the sum concave far from θ₀, and
    with less it would understate. So B calibrates it: in coordinates in which H is the identity and the sample's
    own Hessian diag(λ), it is diag(λ^-½), λ at least :data:`TRUSTED`. Then the sum is convex everywhere.

    Attributes
    ----------
    about : the losses of rows.
    start : θ₀, shape (E, m).
    loss, gradient, hessian : of every row at θ₀; shapes (), (Em,), (Em, Em).
    z, y, eta : the sampled rows, shape (n, m), their targets (n,), and η₀, shape (n, E).
    here : their losses about η₀.
    w, v : shape (n,), what a row stands for in the loss, and in the Hessian.
    calibrate : B, shape (Em, Em).
    """

    about: About
    start: Array
    loss: float
    gradient: Array
    hessian: Array
    z: Array
    y: Array
    eta: Array
    here: Expansion
    w: Array
    v: Array
    calibrate: Array

    @property
    def nbytes(self) -> int:
        """Bytes held beside the state's own."""
        return self.z.nbytes + 2 * self.eta.nbytes + self.here.nbytes + self.calibrate.nbytes

    def at(self, theta: Array) -> tuple[float, Array]:
        """Return Σgwℓ at θ, shape (E, m), and its gradient."""
        step = (theta - self.start).ravel()
        bend = self.hessian @ step
        rest, slope = self._rest(step)
        value = self.loss + float(self.gradient @ step) + 0.5 * float(step @ bend) + rest
        back = self.calibrate.T @ (slope.T @ self.z).ravel()
        return value, (self.gradient + bend + back).reshape(self.start.shape)

    def slopes(self, theta: Array) -> Array:
        """Return what each sampled row adds to the gradient beside the quadratic's, by equation, shape (n, E)."""
        return self._rest((theta - self.start).ravel())[1]

    def _rest(self, step: Array) -> tuple[float, Array]:
        """Return the sum of the rows' remainders, and their slopes."""
        s = self.z @ (self.calibrate @ step).reshape(self.start.shape).T
        there, bent = self.about(self.eta + s, self.y), self.here.bent(s)
        left = there.loss - self.here.loss - np.sum(self.here.slope * s, axis=1)
        value = float(self.w @ left) - 0.5 * float(self.v @ np.sum(s * bent, axis=1))
        return value, self.w[:, None] * (there.slope - self.here.slope) - self.v[:, None] * bent


@dataclass(frozen=True, eq=False)
class InDesign:
    """The corrected loss as a function of a design's coefficients.

    Attributes
    ----------
    corrected : the loss.
    quadratic : the way to the coefficients of z.
    """

    corrected: Corrected
    quadratic: Quadratic

    def at(self, coef: Array, intercept: Array) -> tuple[float, Array, Array]:
        """Return Σgwℓ and its gradients."""
        value, gradient = self.corrected.at(self.quadratic.in_z(coef, intercept))
        made = gradient @ self.quadratic.to
        return value, made[:, :-1], made[:, -1]

    def hessian(self, coef: Array, intercept: Array) -> None:
        """Return None: the quadratic is near."""


def corrected(about: About, state: CurvatureState, weights: Weights, k: int) -> Corrected:
    """Return the loss of a state's rows about start k, corrected by those that it keeps (kept for the state)."""
    return MEMO.get(state, ("corrected", weights, k), lambda: _corrected(about, state, weights, k))


def _corrected(about: About, state: CurvatureState, weights: Weights, k: int) -> Corrected:
    known, kept, g = state.known, state.kept, np.array(weights)
    start, (hessian, balance) = known["start"][k], state.curvature(k, weights)
    z = np.ones((kept.n, state.shape.d + 1))
    z[:, :-1] = (kept.held - known["center"]) / known["scale"]
    y, codes = _targets(state)
    found = np.bincount(codes, kept.sample_weight, len(state.counts))
    stand = np.divide(state.counts, found, out=np.zeros_like(found), where=found > 0.0)
    w = kept.sample_weight * stand[codes]
    v, w = w * balance[codes], w * g[codes]
    eta = z @ start.T
    here = about(eta, y)
    return Corrected(
        about, start, float(g @ state.loss[k]), g @ state.gradient[k], hessian, z, y, eta, here, w, v,
        _calibration(hessian, here.hessian(z, v)),
    )  # fmt: skip


def _targets(state: CurvatureState) -> tuple[Array, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Return the targets of the rows that a state keeps, and the places of their classes."""
    y = state.kept.values[: state.kept.n, state.shape.d].astype(np.float64)
    return y, y.astype(np.intp) if state.shape.classes else np.zeros(len(y), np.intp)


def _calibration(whole: Array, sampled: Array) -> Array:
    """Return the B that brings the sampled Hessian S to that of all rows, H: BᵀSB = H where S is trusted."""
    values, vectors = np.linalg.eigh(whole)
    keep = values > FLAT * max(float(values[-1]), 0.0)
    root, v = np.sqrt(values[keep]), vectors[:, keep]
    to = v / root
    more, turn = np.linalg.eigh(to.T @ sampled @ to)
    return np.asarray((to @ (turn / np.sqrt(np.maximum(more, TRUSTED)))) @ (turn.T @ (v * root).T))
