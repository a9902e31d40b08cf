"""Curvature: the loss of a generalized linear model, its gradient and Hessian at coefficients known beforehand.

Notation

====== ================================================================================
z      a row's columns about the pilot's centres, over its scales, and a one: shape (d + 1,)
E      equations: one, or one for each class where there are more than two
K      starts: coefficients that the loss is expanded at, one for each of several penalties
G      groups of rows that may be weighted anew at finalize: classes, or one group of all rows
θ      coefficients of z, shape (E, d + 1), flat where they meet the Hessian
η      θz, shape (E,)
====== ================================================================================

A pilot is fitted to a small sample of rows by Newton's method with a ridge penalty; one pass then sums
w·ℓ(η), its gradient and its Hessian at the pilot's θ₀. The quadratic they make is one Fisher-scoring step
away from the optimum of *every* penalty and every linear preprocessing of the columns (McCullagh & Nelder,
"Generalized Linear Models", 2nd ed., §2.5), so those are answered without the data. Approximate: exact at θ₀.

The optimum moves with the penalty, the farther the stronger the penalty is beside the rows' weight. So the
loss is expanded at several starts, each the optimum of one penalty, and a penalty is answered from the nearest.
Of few rows one step is rough all the same; so the rows themselves are kept, as a sample that holds all of them,
and models go on from that step to the optimum.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np

from algorithms.base import APPROXIMATE, Array, Batch, Shape
from algorithms.errors import AlgorithmError, InvalidField, InvalidTarget
from algorithms.kernels import OnFeatures
from algorithms.known import Known
from algorithms.ranges import Uniform
from algorithms.summaries.moments import Moments, MomentsState
from algorithms.summaries.sample import Sample, SampleState

PILOT = 50_000
"""Rows that the pilot is fitted to."""

SHARES = (0.1, 0.04, 0.015, 0.004, 1e-5)
"""Penalties of the starts, beside the mean of the losses, strong ones first."""

MOST_BYTES = 1 << 25
"""Bytes that the Hessians of several starts may take; where all would take more, fewer are made."""

MOST_KEPT = 1 << 23
"""Bytes of rows that are kept where the sample's would fit: then they are few."""

STEPS = 50
FARTHEST = 30.0
"""|η| beyond which a loss is taken at the bound: exp of it is out of every reach of real data."""

NONE = sys.float_info.max
"""The smallest target of no rows."""

_MOMENTS = Moments()


@dataclass(frozen=True, eq=False)
class CurvatureState:
    """The state of a :class:`Curvature`.

    Attributes
    ----------
    shape : the columns.
    known : the pilot: ``start`` (K, E, d + 1), ``share`` (K,), the penalty of each
        beside the mean of the losses, ``center`` and ``scale`` (d,), ``keep``, how many rows are kept.
    rows, weight, mean, scatter : the moments of columns and target, as in ``MomentsState``.
    lowest : smallest target seen; the largest number before the first.
    counts : shape (C,), weight of each class; of a number, its weight.
    loss : shape (K, G), Σw·ℓ.
    gradient : shape (K, G, E(d + 1)).
    hessian : shape (K, G, E(d + 1), E(d + 1)).
    kept : a sample of the rows: all of them, where they are few.
    """

    shape: Shape = field(metadata={"static": True})
    known: Known = field(metadata={"static": True})
    rows: int
    weight: float
    mean: Array
    scatter: Array
    lowest: float
    counts: Array
    loss: Array
    gradient: Array
    hessian: Array
    kept: SampleState

    @property
    def complete(self) -> bool:
        """Whether every row is kept."""
        return 0 < self.rows == self.kept.n

    @cached_property
    def moments(self) -> MomentsState:
        """The moments of columns and target."""
        return MomentsState(self.shape, self.rows, self.weight, self.mean, self.scatter)


@dataclass(frozen=True, repr=False)
class Curvature(OnFeatures):
    """What every generalized linear model keeps; subclasses are the families.

    Parameters
    ----------
    kernel, kernel_scale, kernel_components : features in place of the columns, as in
        :class:`~algorithms.kernels.OnFeatures`.
    known : what :meth:`learn` found; None until then.
    """

    version: ClassVar[int] = 2
    draws: ClassVar[bool] = True
    tolerance: ClassVar[float] = 1e-8
    sync_every: ClassVar[int | None] = None
    family: ClassVar[str] = APPROXIMATE

    # the family ------------------------------------------------------------------------------------------

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return ℓ, ℓ' and ℓ'' of each row for one equation; ``eta`` and ``y`` have shape (n,)."""
        raise NotImplementedError

    def check_target(self, y: Array, name: str) -> None:
        """Raise InvalidTarget where the family has no such value."""

    def equations(self, shape: Shape) -> int:
        """Return E."""
        return len(shape.classes) if len(shape.classes) > 2 else 1

    def groups(self, shape: Shape) -> int:
        """Return G: each class of few by itself, so that its weight is free; otherwise all rows together."""
        return len(shape.classes) if 2 <= len(shape.classes) <= 3 else 1

    # the contract ----------------------------------------------------------------------------------------

    def init(self, shape: Shape) -> CurvatureState:
        """Return the state of no rows."""
        shape = self.inside(shape)
        g, m, none = self.groups(shape), self.equations(shape) * (shape.d + 1), _MOMENTS.init(shape)
        counts = np.zeros(max(1, len(shape.classes)))
        known = self._pilot()
        k = len(known["start"])
        sums = np.zeros((k, g)), np.zeros((k, g, m)), np.zeros((k, g, m, m)), self._keeper().init(shape)
        return CurvatureState(shape, known, 0, 0.0, none.mean, none.scatter, NONE, counts, *sums)

    def update(self, state: CurvatureState, batch: Batch) -> CurvatureState:
        """Return the state of the rows seen before and those of ``batch``."""
        if not batch.n:
            return state
        return self.merge(state, self._lift(state.shape, self.mapped(batch, state.shape)))

    def merge(self, a: CurvatureState, b: CurvatureState) -> CurvatureState:
        """Return the state of both states' rows; leaves both alone."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        both = _MOMENTS.merge(a.moments, b.moments)
        counts, loss, gradient, hessian = (x + y for x, y in zip(_sums(a), _sums(b), strict=True))
        return CurvatureState(
            a.shape, a.known, both.rows, both.weight, both.mean, both.scatter, min(a.lowest, b.lowest), counts,
            loss, gradient, hessian, self._keeper().merge(a.kept, b.kept),
        )  # fmt: skip

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: K·G Hessians of E(d + 1) unknowns, and the moments; before the pilot for K = 1."""
        k, shape = 1 if self.known is None else len(self.known["start"]), self.inside(shape)
        g, m = k * self.groups(shape), self.equations(shape) * (shape.d + 1)
        return (
            8 * (g * (m * m + m + 1) + max(1, len(shape.classes)) + 1)
            + _MOMENTS.nbytes(shape)
            + self._keeper().nbytes(shape)
        )

    def learn(self, shape: Shape, sample: Batch) -> Known:
        """Return the pilot: a start for each ridge penalty on standardised columns, and the scales."""
        features = self._features(shape, sample)
        if features:
            shape = self._shape_of(shape, Known(features))
            sample = self.mapped(sample, shape)
        few = slice(None, None, max(1, -(-sample.n // PILOT)))
        values, w = sample.dense(shape.p)[few].astype(np.float64), sample.weights[few]
        center, scale = np.zeros(shape.d), np.ones(shape.d)
        if w.sum() > 0.0:
            center = np.average(values[:, : shape.d], axis=0, weights=w)
            spread = np.sqrt(np.average((values[:, : shape.d] - center) ** 2, axis=0, weights=w))
            scale = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(center)), spread, 1.0)
        e, y = self.equations(shape), values[:, shape.d]
        self.check_target(y, shape.targets[0])
        z, theta = _standard(values[:, : shape.d], center, scale), np.zeros((e, shape.d + 1))
        total = max(float(w.sum()), 1e-300)
        penalties = list(SHARES)
        each = self.groups(shape) * (e * (shape.d + 1)) ** 2 * 8
        while len(penalties) > 1 and len(penalties) * each > MOST_BYTES:
            penalties = penalties[::2]
        starts = []
        for share in penalties:
            theta = self._newton(z, y, w, theta, share * total) if len(z) else theta
            starts.append(theta)
        known = {"start": np.stack(starts), "share": np.array(penalties), "center": center, "scale": scale}
        keep = 1 << max(0, int(sample.n - 1).bit_length())
        known["keep"] = np.array([keep if keep * shape.p * 8 <= MOST_KEPT else 1])
        return Known({**features, **known})

    @property
    def learns(self) -> bool:
        """Always: a loss is expanded at coefficients of a sample."""
        return True

    # the sums --------------------------------------------------------------------------------------------

    def losses(self, eta: Array, y: Array) -> tuple[Array, Array]:
        """Return each row's loss, shape (n,), and its slopes, shape (n, E); ``eta`` has shape (n, E)."""
        if eta.shape[1] == 1:
            loss, slope, _ = self.derivatives(_eta(eta[:, 0]), y)
            return loss, slope[:, None]
        loss, p = _softmax(eta, y.astype(np.intp))
        p[np.arange(len(y)), y.astype(np.intp)] -= 1.0
        return loss, p

    def _keeper(self) -> Sample:
        return Sample(size=1 if self.known is None else int(self.known["keep"][0]))

    def _pilot(self) -> Known:
        if self.known is None:
            raise AlgorithmError(f"{type(self).__name__} must learn from a sample of rows before its pass")
        return self.known

    def _lift(self, shape: Shape, batch: Batch) -> CurvatureState:
        known, values = self._pilot(), batch.dense(shape.p).astype(np.float64)
        y, w = values[:, shape.d], batch.weights
        z = _standard(values[:, : shape.d], known["center"], known["scale"])
        groups = self.groups(shape)
        parts = [(z, y, w)]
        if groups > 1:
            parts = [(z[y == c], y[y == c], w[y == c]) for c in range(groups)]
        found = [[self._sums(start, *part) for part in parts] for start in known["start"]]
        loss, gradient, hessian = (np.array([[sums[i] for sums in row] for row in found]) for i in range(3))
        codes = y.astype(np.intp) if shape.classes else np.zeros(len(y), np.intp)
        counts = np.bincount(codes, w, max(1, len(shape.classes))).astype(np.float64)
        m = _MOMENTS.update(_MOMENTS.init(shape), batch)
        return CurvatureState(
            shape,
            known,
            m.rows,
            m.weight,
            m.mean,
            m.scatter,
            float(y.min()),
            counts,
            loss,
            gradient,
            hessian,
            self._keeper().update(self._keeper().init(shape), batch),
        )

    def _sums(self, theta: Array, z: Array, y: Array, w: Array) -> tuple[Any, Array, Array]:
        """Return Σwℓ, its gradient (E(d + 1),) and its Hessian at θ."""
        if len(theta) == 1:
            loss, slope, curve = self.derivatives(_eta(z @ theta[0]), y)
            half = z * np.sqrt(np.maximum(w * curve, 0.0))[:, None]
            return w @ loss, z.T @ (w * slope), half.T @ half
        return _softmax_sums(theta, z, y.astype(np.intp), w)

    def _newton(self, z: Array, y: Array, w: Array, theta: Array, ridge: float) -> Array:
        """Return argmin Σwℓ + ½λ‖θ‖² (intercepts free) by damped Newton steps."""
        penalty = np.full_like(theta, ridge)
        penalty[:, -1] = 1e-6
        flat = penalty.ravel()

        def objective(t: Array) -> tuple[float, Array, Array]:
            loss, gradient, hessian = self._sums(t, z, y, w)
            return float(loss) + 0.5 * float(np.sum(penalty * t * t)), gradient + flat * t.ravel(), hessian

        value, gradient, hessian = objective(theta)
        for _ in range(STEPS):
            step = np.linalg.solve(hessian + np.diag(flat), gradient)
            gain = float(step @ gradient)
            if gain <= 1e-10 * max(1.0, abs(value)):
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
            theta, (value, gradient, hessian) = tried, found
        return theta


@dataclass(frozen=True, repr=False)
class LogisticCurvature(Curvature):
    """The log-loss of classes: binary, or softmax for more than two.

    Examples
    --------
    >>> LogisticCurvature().equations(Shape((), ("y",), classes=("a", "b")))
    1
    """

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return log(1 + exp η) - yη and its derivatives p - y and p(1 - p)."""
        p = 1.0 / (1.0 + np.exp(-eta))
        return np.logaddexp(0.0, eta) - y * eta, p - y, p * (1.0 - p)


@dataclass(frozen=True, repr=False)
class PoissonCurvature(Curvature):
    """Half the Poisson deviance with a logarithmic link, but for a constant.

    Examples
    --------
    >>> PoissonCurvature().derivatives(np.zeros(1), np.ones(1))[1].tolist()
    [0.0]
    """

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return exp η - yη and its derivatives."""
        mu = np.exp(eta)
        return mu - y * eta, mu - y, mu

    def check_target(self, y: Array, name: str) -> None:
        """Refuse negative numbers."""
        _at_least_zero(y, name, "the Poisson distribution", strict=False)


@dataclass(frozen=True, repr=False)
class GammaCurvature(Curvature):
    """Half the gamma deviance with a logarithmic link, but for a constant.

    Examples
    --------
    >>> GammaCurvature().derivatives(np.zeros(1), np.ones(1))[2].tolist()
    [1.0]
    """

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return η + y·exp(-η) and its derivatives."""
        ratio = y * np.exp(-eta)
        return eta + ratio, 1.0 - ratio, ratio

    def check_target(self, y: Array, name: str) -> None:
        """Refuse zero and negative numbers."""
        _at_least_zero(y, name, "the gamma distribution", strict=True)


@dataclass(frozen=True, repr=False)
class TweedieCurvature(Curvature):
    """Half the Tweedie deviance with a logarithmic link, but for a constant.

    Parameters
    ----------
    power : variance ∝ μ^power: above 1 (Poisson) and below 2 (gamma).

    Examples
    --------
    >>> TweedieCurvature(power=1.5).derivatives(np.zeros(1), np.ones(1))[1].tolist()
    [0.0]
    """

    power: Annotated[float, Uniform(1.0, 2.0, searched=False)] = 1.5

    def __post_init__(self) -> None:
        if not 1.0 < self.power < 2.0:
            raise InvalidField(
                f"power={self.power!r}: must lie between 1 and 2; for 1 use 'poisson', for 2 use 'gamma'"
            )

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return exp((2 - p)η)/(2 - p) - y·exp((1 - p)η)/(1 - p) and its derivatives."""
        a, b = 2.0 - self.power, 1.0 - self.power
        up, down = np.exp(a * eta), y * np.exp(b * eta)
        return up / a - down / b, up - down, a * up - b * down

    def check_target(self, y: Array, name: str) -> None:
        """Refuse negative numbers."""
        _at_least_zero(y, name, "a Tweedie distribution", strict=False)


def _sums(state: CurvatureState) -> tuple[Array, Array, Array, Array]:
    return state.counts, state.loss, state.gradient, state.hessian


def _standard(x: Array, center: Array, scale: Array) -> Array:
    z = np.empty((len(x), len(center) + 1))
    np.subtract(x, center, out=z[:, :-1])
    z[:, :-1] /= scale
    z[:, -1] = 1.0
    return z


def _eta(eta: Array) -> Array:
    return np.clip(eta, -FARTHEST, FARTHEST)


def _softmax_sums(theta: Array, z: Array, y: Any, w: Array) -> tuple[Any, Array, Array]:
    """Return the sums of the softmax loss: the Hessian's block (a, b) is Zᵀdiag(w·pₐ(δₐᵦ - pᵦ))Z."""
    e, m = theta.shape
    losses, p = _softmax(z @ theta.T, y)
    loss = w @ losses
    slope = p.copy()
    slope[np.arange(len(y)), y] -= 1.0
    hessian = np.zeros((e, m, e, m))
    for a in range(e):
        for b in range(a, e):
            curve = w * p[:, a] * ((a == b) - p[:, b])
            hessian[a, :, b] = hessian[b, :, a] = z.T @ (z * curve[:, None])
    return loss, ((w[:, None] * slope).T @ z).ravel(), hessian.reshape(e * m, e * m)


def _softmax(eta: Array, y: Any) -> tuple[Array, Array]:
    """Return each row's loss and the shares of the classes, shape (n, E)."""
    shifted = eta - eta.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    total = p.sum(axis=1)
    return np.log(total) - shifted[np.arange(len(y)), y], p / total[:, None]


def _at_least_zero(y: Array, name: str, what: str, *, strict: bool) -> None:
    bad = y[(y <= 0.0) if strict else (y < 0.0)]
    if len(bad):
        words = "greater than 0" if strict else "at least 0"
        raise InvalidTarget(
            f"target {name!r} holds {bad[0]:g}, and {what} has values of {words}; choose another model, or leave "
            "those rows out"
        )
