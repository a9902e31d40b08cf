"""An objective whose expansion is corrected by the rows that it does not cover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from algorithms.contract import Array
from algorithms.families.design_rows import Places, Rows
from algorithms.families.quadratic import Quadratic, Weights
from algorithms.memo import MEMO
from algorithms.solvers.expansion import Expansion
from algorithms.summaries.curvature_state import CurvatureState
from algorithms.summaries.importance import stands_for

About = Callable[[Array, Array], Expansion]

SHAKES = 4
"""Errors that a model is moved by, to estimate what its scores may be off by."""

FLAT = 1e-12
"""Curvature, beside the largest, below which the loss is flat in a direction."""

TRUSTED = 0.1
"""Curvature of the sample, as a share of that of all rows, below which it is not scaled up to it."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """The loss of every row: that of rows kept for sure, and of the rest a quadratic, with what it leaves out.

    L(θ₀ + δ) ≈ L(θ₀) + ∇L·δ + ½δᵀHδ + Σv [ℓ(η₀ + s) - ℓ(η₀) - ℓ'·s - ½sᵀℓ''s], s = zBδ: value, gradient and
    Hessian at θ₀ are those of every row, and only what Taylor's formula leaves out is estimated (a control
    variate; compare Jordan, Lee & Yang 2019, "Communication-efficient distributed statistical inference"). Rows
    that were kept for sure are in none of these sums: their own losses are added.

    A sample with more curvature than all rows have in some direction would make the sum concave far from θ₀, and
    with less it would understate. So B calibrates it: in coordinates in which H is the identity and the sample's
    own Hessian diag(λ), it is diag(λ^-½), λ at least :data:`TRUSTED`. Then the sum is convex everywhere.

    Attributes
    ----------
    about : the losses of rows.
    along : the places of z that are other than zero in any row, shape (k,); what follows is laid out by these.
    start : θ₀, shape (E, k).
    loss, gradient, hessian : of the rows not kept for sure, at θ₀; shapes (), (Ek,), (Ek, Ek).
    sure : the rows kept for sure, in these columns of z.
    z, y, eta : the sampled rows, shape (n, k), their targets (n,), and η₀, shape (n, E).
    here : their losses about η₀.
    w, v : shape (n,), what a row stands for in the loss, and in the Hessian.
    chance : shape (n,), how likely it was kept.
    codes : shape (n,), places of their classes.
    calibrate : B, shape (Ek, Ek).
    inverse : H⁺, shape (Ek, Ek).
    """

    about: About
    along: Places
    start: Array
    loss: float
    gradient: Array
    hessian: Array
    sure: Rows
    z: Array
    y: Array
    eta: Array
    here: Expansion
    w: Array
    v: Array
    chance: Array
    codes: Places
    calibrate: Array
    inverse: Array

    @property
    def nbytes(self) -> int:
        """Bytes held beside the state's own."""
        rows = self.z.nbytes + 2 * self.eta.nbytes + self.here.nbytes + self.sure.nbytes
        return rows + 3 * self.hessian.nbytes + 8 * SHAKES * len(self.y)

    def at(self, theta: Array) -> tuple[float, Array]:
        """Return Σgwℓ at θ, shape (E, m), and its gradient along the places that rows have, shape (E, k)."""
        theta = theta[:, self.along]
        step = (theta - self.start).ravel()
        bend = self.hessian @ step
        rest, slope, _ = self._rest(step)
        value = self.loss + float(self.gradient @ step) + 0.5 * float(step @ bend) + rest
        back = self.calibrate.T @ (slope.T @ self.z).ravel()
        there = self.about(self.sure.x @ theta.T, self.sure.y)
        value += float(self.sure.w @ there.loss)
        return value, (self.gradient + bend + back + there.gradient(self.sure.x, self.sure.w)).reshape(
            self.start.shape
        )

    def influences(self, theta: Array) -> Array:
        """Return how much each sampled row moves the gradient at θ, shape (n, Ek), by itself and by way of B.

        A row's part dS of the sampled Hessian S moves B by -½H⁺dS, to first order where S is near H, and so the
        gradient of the remainders, R, by -½(dS H⁺R + (R' H⁺ dS) δ), R' the change of the Hessian from θ₀ to θ.
        """
        step, e = (theta[:, self.along] - self.start).ravel(), len(self.start)
        _, slope, there = self._rest(step)
        change = there.hessian(self.z, self.w) - self.here.hessian(self.z, self.v)
        back = (self.inverse @ (slope.T @ self.z).ravel()).reshape(e, -1)
        own, turned = self._bent(back), self._bent(step.reshape(e, -1))
        made = _outer(slope, self.z) @ self.calibrate - 0.5 * _outer(own, self.z)
        return np.asarray(made - 0.5 * (_outer(turned, self.z) @ (self.inverse @ change)))

    @cached_property
    def lots(self) -> Array:
        """±√(1 - chance) of each sampled row about the mean of its class, for each of a few draws, shape (n, J).

        Source: Wu (1986), "Jackknife, bootstrap and other resampling methods in regression analysis".
        """
        signs = np.random.default_rng(SHAKES).choice([-1.0, 1.0], (len(self.y), SHAKES))
        lots = signs * np.sqrt(1.0 - self.chance)[:, None]
        total = np.bincount(self.codes, self.w)
        drift = np.stack([np.bincount(self.codes, self.w * each, len(total)) for each in lots.T], axis=1)
        return np.asarray(lots - (drift / np.where(total > 0.0, total, 1.0)[:, None])[self.codes])

    def shaken(self, theta: Array) -> Array:
        """Return errors that the gradient at θ may have, shape (Ek, J): Σ lot · influence.

        The influences themselves are never held, and the rows are gone through four times.
        """
        step, (e, m), j = (theta[:, self.along] - self.start).ravel(), self.start.shape, SHAKES
        ways = np.concatenate([(self.calibrate @ step).reshape(e, m), step.reshape(e, m)])
        s, straight = np.split(self.z @ ways.T, 2, axis=1)
        there = self.about(self.eta + s, self.y)
        slope = self.w[:, None] * (there.slope - self.here.slope) - self.v[:, None] * self.here.bent(s)
        turned = self.v[:, None] * self.here.bent(straight)
        sums = np.concatenate([slope, self._drawn(slope), self._drawn(turned)], axis=1).T @ self.z
        back = self.inverse @ sums[:e].ravel()
        ways = np.concatenate([back[:, None], self.inverse @ sums[-j * e :].reshape(j, e * m).T], axis=1)
        along = (self.z @ ways.T.reshape(-1, m).T).reshape(len(self.z), 1 + j, e)
        change = [
            self.w[:, None] * there.bent(along[:, i]) - self.v[:, None] * self.here.bent(along[:, i])
            for i in range(1, 1 + j)
        ]
        bent = self._drawn(self.v[:, None] * self.here.bent(along[:, 0])) + np.concatenate(change, axis=1)
        made = self.calibrate.T @ sums[e : e + j * e].reshape(j, e * m).T
        return np.asarray(made - 0.5 * (bent.T @ self.z).reshape(j, e * m).T)

    def _drawn(self, parts: Array) -> Array:
        """Return each row's parts, shape (n, E), times its lots, shape (n, JE)."""
        return np.asarray((self.lots[:, :, None] * parts[:, None, :]).reshape(len(parts), -1))

    def _bent(self, way: Array) -> Array:
        """Return what each row's part of the sampled Hessian makes of a direction, but for its z, shape (n, E)."""
        return self.v[:, None] * self.here.bent(self.z @ way.T)

    def scattered(self, parts: Array) -> Array:
        """Return what each sampled row adds to the error of a sum, given its part of the sum, shape (n, ·).

        The squares of these sum to the variance: of rows drawn one by one by their chance, about the mean of
        their class, since each class is brought to its total.
        """
        total = np.bincount(self.codes, self.w)
        mean = np.zeros((len(total), parts.shape[1]))
        np.add.at(mean, self.codes, parts)
        mean /= np.where(total > 0.0, total, 1.0)[:, None]
        away = parts - self.w[:, None] * mean[self.codes]
        return np.asarray(away * np.sqrt(1.0 - self.chance)[:, None])

    def _rest(self, step: Array) -> tuple[float, Array, Expansion]:
        """Return the sum of the rows' remainders, their slopes, and the losses where the step leads."""
        s = self.z @ (self.calibrate @ step).reshape(self.start.shape).T
        there, bent = self.about(self.eta + s, self.y), self.here.bent(s)
        left = there.loss - self.here.loss - np.sum(self.here.slope * s, axis=1)
        value = float(self.w @ left) - 0.5 * float(self.v @ np.sum(s * bent, axis=1))
        slope = self.w[:, None] * (there.slope - self.here.slope) - self.v[:, None] * bent
        return value, slope, there


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

    @property
    def middle(self) -> Array:
        """Zeros, shape (q,): the columns of z are centred."""
        return np.zeros(self.quadratic.design.q)

    def at(self, coef: Array, intercept: Array) -> tuple[float, Array, Array]:
        """Return Σgwℓ and its gradients."""
        value, gradient = self.corrected.at(self.quadratic.in_z(coef, intercept))
        made = gradient @ self.quadratic.to[self.corrected.along]
        return value, made[:, :-1], made[:, -1]

    def hessian(self, coef: Array, intercept: Array) -> None:
        """Return None: the quadratic is near."""


def corrected(about: About, state: CurvatureState, weights: Weights, k: int) -> Corrected:
    """Return the loss of a state's rows about start k, corrected by those that it keeps (kept for the state)."""
    return MEMO.get(state, ("corrected", weights, k), lambda: _corrected(about, state, weights, k))


def _corrected(about: About, state: CurvatureState, weights: Weights, k: int) -> Corrected:
    known, found, g = state.learned, state.drawn(), np.array(weights)
    along, (hessian, balance) = state.along, state.curvature(k, weights)
    start, on, codes = known["start"][k][:, along], along[:-1], class_codes(state, found.y)
    z = np.ones((len(found.y), len(along)))
    z[:, :-1] = (found.x[:, on] - known["center"][on]) / known["scale"][on]
    stand = stands_for(found, codes, state.counts)
    sure, w, v = found.chance >= 1.0, stand * g[codes], stand * balance[codes]
    kept = Rows(z[sure], found.y[sure], w[sure], np.zeros(z.shape[1]))
    z, y, codes, w, rest = z[~sure], found.y[~sure], codes[~sure], w[~sure], v[~sure]
    at, eta = about(kept.x @ start.T, kept.y), z @ start.T
    here, hessian = about(eta, y), hessian - at.hessian(kept.x, v[sure])
    return Corrected(
        about, along, start, float(g @ state.full.loss[k] - kept.w @ at.loss),
        state.slope(k, g) - at.gradient(kept.x, kept.w), hessian, kept, z, y, eta, here, w, rest,
        found.chance[~sure], codes, *_calibration(hessian, here.hessian(z, rest)),
    )  # fmt: skip


def class_codes(state: CurvatureState, y: Array) -> Places:
    """Return the places of the classes of rows; zero for a number."""
    return y.astype(np.intp) if state.shape.classes else np.zeros(len(y), np.intp)


def _outer(a: Array, z: Array) -> Array:
    """Return a ⊗ z of each row, flat, shape (n, Em)."""
    return np.asarray((a[:, :, None] * z[:, None, :]).reshape(len(z), -1))


def _calibration(whole: Array, sampled: Array) -> tuple[Array, Array]:
    """Return the B that brings the sampled Hessian S to that of all rows, BᵀSB = H where S is trusted, and H⁺."""
    values, vectors = np.linalg.eigh(whole)
    keep = values > FLAT * max(float(values[-1]), 0.0)
    root, v = np.sqrt(values[keep]), vectors[:, keep]
    to = v / root
    more, turn = np.linalg.eigh(to.T @ sampled @ to)
    made = (to @ (turn / np.sqrt(np.maximum(more, TRUSTED)))) @ (turn.T @ (v * root).T)
    return np.asarray(made), np.asarray(to @ to.T)
