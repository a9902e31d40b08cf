"""Losses of rows about their linear predictors: value, slope and curvature, for one equation or for softmax.

Notation

====== ==============================================================
n, E   rows, equations
m      columns of z
z      shape (n, m)
θ      coefficients of z, shape (E, m), flat where they meet a Hessian
η      zθᵀ, shape (n, E)
w      row weights, shape (n,)
====== ==============================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from algorithms.contract import Array

FARTHEST = 300.0
"""|η| beyond which a loss of one equation is its quadratic at the bound: exp of it is not a count."""

CHUNK = 1 << 21
"""Numbers that are held at once for a Hessian of several equations."""

STEPS = 100

NEAR = 1e-6
"""What a step gains, beside the objective, at which it is near enough for a start."""

EACH = 16
"""Rows for each column that a Hessian is taken from; others enter the gradient alone."""

Derivatives = Callable[[Array, Array], tuple[Array, Array, Array]]


@dataclass(frozen=True, eq=False)
class Expansion:
    """Losses about η: ℓ(η + s) ≈ loss + slope·s + ½ sᵀ curve s.

    Attributes
    ----------
    loss : shape (n,).
    slope : shape (n, E).
    curve : shape (n, E): ℓ'' of one equation; of several the shares p, whose curvature is diag(p) - ppᵀ.
    """

    loss: Array
    slope: Array
    curve: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.loss.nbytes + self.slope.nbytes + self.curve.nbytes

    def part(self, rows: slice) -> Expansion:
        """Return that of some of the rows."""
        return Expansion(self.loss[rows], self.slope[rows], self.curve[rows])

    def bent(self, s: Array) -> Array:
        """Return curve · s of each row, shape (n, E).

        Examples
        --------
        >>> softmax(np.zeros((1, 2)), np.zeros(1)).bent(np.array([[1.0, 0.0]])).tolist()
        [[0.25, -0.25]]
        """
        made = self.curve * s
        if s.shape[1] > 1:
            made -= self.curve * made.sum(axis=1, keepdims=True)
        return made

    def gradient(self, z: Array, w: Array) -> Array:
        """Return Σ w·slope ⊗ z, flat."""
        return np.asarray((w[:, None] * self.slope).T @ z).ravel()

    def hessian(self, z: Array, w: Array) -> Array:
        """Return Σ w·curve ⊗ zzᵀ, shape (Em, Em): of several equations blocks Σ w·p(δ - p)·zzᵀ."""
        m, e = z.shape[1], self.curve.shape[1]
        if e == 1:
            half = z * np.sqrt(np.maximum(w * self.curve[:, 0], 0.0))[:, None]
            return np.asarray(half.T @ half)
        made, step = np.zeros((e * m, e * m)), max(1, CHUNK // (e * m))
        for start in range(0, len(z), step):
            some = slice(start, start + step)
            shares = self.curve[some] * np.sqrt(w[some])[:, None]
            spread = (shares[:, :, None] * z[some, None, :]).reshape(-1, e * m)
            made -= spread.T @ spread
        blocks, own = made.reshape(e, m, e, m), w[:, None] * self.curve * (1.0 - self.curve)
        for a in range(e):  # not Σp - Σp², whose digits cancel where a class is certain
            blocks[a, :, a] = z.T @ (z * own[:, a, None])
        return made

    def diagonal(self, squares: Array, w: Array) -> Array:
        """Return the diagonal of the Hessian from the squares of z, shape (Em,)."""
        curve = self.curve if self.curve.shape[1] == 1 else self.curve * (1.0 - self.curve)
        return np.asarray((w[:, None] * curve).T @ squares).ravel()


def single(derivatives: Derivatives, eta: Array, y: Array) -> Expansion:
    """Return the losses of one equation, from ℓ, ℓ' and ℓ'' as functions of η and y."""
    near = np.clip(eta[:, 0], -FARTHEST, FARTHEST)
    loss, slope, curve = derivatives(near, y)
    if (beyond := eta[:, 0] - near).any():
        loss, slope = loss + beyond * (slope + 0.5 * beyond * curve), slope + beyond * curve
    return Expansion(loss, slope[:, None], curve[:, None])


def softmax(eta: Array, y: Array) -> Expansion:
    """Return the softmax losses of classes, ``y`` their places.

    Examples
    --------
    >>> softmax(np.zeros((1, 2)), np.ones(1)).slope.tolist()
    [[0.5, -0.5]]
    """
    row, place = np.arange(len(y)), y.astype(np.intp)
    shifted = eta - eta.max(axis=1, keepdims=True)
    shares = np.exp(shifted)
    total = shares.sum(axis=1)
    shares /= total[:, None]
    slope = shares.copy()
    slope[row, place] -= 1.0
    return Expansion(np.log(total) - shifted[row, place], slope, shares)


def newton(
    about: Callable[[Array, Array], Expansion], z: Array, y: Array, w: Array, theta: Array, ridge: float
) -> Array:
    """Return argmin Σwℓ + ½λ‖θ‖², the last column of θ free, nearly, by damped Newton steps from ``theta``.

    Source: McCullagh & Nelder, "Generalized Linear Models", 2nd ed., §2.5; the Hessian is that of some of the rows,
    its diagonal that of all where it is larger, so that what few rows have is not taken for flat (Byrd, Chin,
    Neveitt & Nocedal 2011, "On the use of stochastic Hessian information in optimization methods").
    """
    some = slice(None, None, max(1, len(z) // (EACH * z.shape[1])))
    share = float(w.sum()) / max(float(w[some].sum()), 1e-300)
    squares = z * z
    penalty = np.full_like(theta, ridge)
    penalty[:, -1] = 1e-6
    flat = penalty.ravel()

    def objective(t: Array) -> tuple[float, Expansion]:
        made = about(z @ t.T, y)
        return float(w @ made.loss) + 0.5 * float(np.sum(penalty * t * t)), made

    value, here = objective(theta)
    for _ in range(STEPS):
        gradient = here.gradient(z, w) + flat * theta.ravel()
        curve = share * here.part(some).hessian(z[some], w[some])
        np.fill_diagonal(curve, np.maximum(np.diagonal(curve), here.diagonal(squares, w)))
        step = np.linalg.solve(curve + np.diag(flat), gradient)
        gain = float(step @ gradient)
        if gain <= NEAR * abs(value):
            break
        length = 1.0
        while length > 1e-4:
            tried = theta - length * step.reshape(theta.shape)
            found = objective(tried)
            if found[0] <= value - 0.1 * length * gain:
                break
            length /= 2.0
        else:
            break
        theta, (value, here) = tried, found
    return theta
