"""Curvature: the loss of a generalized linear model, its gradient and Hessian at coefficients known beforehand.

Notation

====== ================================================================================
z      a row's columns about the pilot's centres, over its scales, and a one: shape (m,), m = d + 1
E      equations: one, or one for each class where there are more than two
K      starts: coefficients that the loss is expanded at, one for each of several penalties
C      classes, each with sums of its own, so that its weight is free; one for a target that is a number
θ      coefficients of z, shape (E, m), flat where they meet the Hessian
η      θz, shape (E,)
====== ================================================================================

A pilot is fitted to a small sample of rows by Newton's method with a ridge penalty; one pass then sums
w·ℓ(η), its gradient and its Hessian at the pilot's θ₀. The quadratic they make is one Fisher-scoring step
away from the optimum of *every* penalty and every linear preprocessing of the columns (McCullagh & Nelder,
"Generalized Linear Models", 2nd ed., §2.5), so those are answered without the data. Approximate: exact at θ₀.

The optimum moves with the penalty and with the weights of the classes. So the loss is expanded at several
starts, each the optimum of one penalty, of classes as they are or balanced, and a model is answered from the
nearest. What a quadratic leaves out is told by a sample of the rows, which is kept beside it; where the rows are
few the sample is all of them, and models are exact.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from algorithms.base import APPROXIMATE, Array, Batch, Shape
from algorithms.errors import AlgorithmError
from algorithms.kernels import OnFeatures
from algorithms.known import Known
from algorithms.solvers.expansion import Expansion, newton, single, softmax
from algorithms.summaries.moments import Moments, MomentsState
from algorithms.summaries.sample import Sample, SampleState

if TYPE_CHECKING:
    from algorithms.column_map import ColumnMap

PILOT = 50_000
"""Rows that the pilot is fitted to."""

STARTS = (
    (0.005, False), (1e-5, False), (0.02, True), (0.03, False), (1e-5, True), (0.1, False), (0.1, True),
)  # fmt: skip
"""Penalties of the starts, beside the mean loss, and whether classes weigh the same; the most useful first."""

MOST_BYTES = 1 << 25
"""Bytes that the Hessians of several starts may take; where all would take more, the first of them are made."""

MOST_KEPT = 1 << 23
"""Bytes, as float64, of rows that are all kept where they are few."""

SAMPLED = 1 << 21
"""Bytes of the rows that are kept of many."""

NONE = sys.float_info.max
"""The smallest target of no rows."""

_MOMENTS = Moments("data")


@dataclass(frozen=True, eq=False)
class ClassedMoments(MomentsState):
    """Moments of columns and target that know the means of the classes.

    Attributes
    ----------
    between : shape (C, d), each class's mean less the mean of all, times the root of its weight.
    """

    between: Array = field(kw_only=True)

    def association(self, columns: ColumnMap) -> Array:
        """Return the root of the scatter between the classes, shape (q,).

        Over a column's root of scatter it is the correlation ratio, which ranks columns as the F test of an
        analysis of variance does, and of two classes is the absolute correlation.
        """
        return np.asarray(np.sqrt(np.sum([columns.mean(row) ** 2 for row in self.between], axis=0)))


@dataclass(frozen=True, eq=False)
class CurvatureState:
    """The state of a :class:`Curvature`.

    Attributes
    ----------
    shape : the columns.
    known : the pilot: ``start`` (K, E, m); ``share`` (K,), the penalty of each beside the mean of the losses;
        ``balance`` (K, C), what the classes weigh in its Hessian; ``center`` and ``scale`` (d,); ``keep``, how
        many rows are kept.
    rows, weight, mean, scatter : the moments of columns and target, as in ``MomentsState``.
    lowest : smallest target seen; the largest number before the first.
    sums : shape (C, m), Σw·z of each class.
    loss : shape (K, C), Σw·ℓ.
    gradient : shape (K, C, Em).
    hessian : shape (K, Em, Em), of all classes, weighted by ``balance``.
    kept : a sample of the rows: all of them, where they are few.
    """

    shape: Shape = field(metadata={"static": True})
    known: Known = field(metadata={"static": True})
    rows: int
    weight: float
    mean: Array
    scatter: Array
    lowest: float
    sums: Array
    loss: Array
    gradient: Array
    hessian: Array
    kept: SampleState

    @property
    def counts(self) -> Array:
        """Weight of each class, shape (C,); of a number, its weight."""
        return self.sums[:, -1]

    def curvature(self, k: int, weights: Sequence[float]) -> tuple[Array, Array]:
        """Return the Hessian at start k as it stands for classes of those weights, and what they weigh in it.

        Shapes (Em, Em) and (C,): as it was summed, but for a factor that brings its weight to theirs.
        """
        balance = self.known["balance"][k]
        factor = float(np.dot(weights, self.counts) / np.dot(balance, self.counts))
        return factor * self.hessian[k], factor * balance

    @property
    def complete(self) -> bool:
        """Whether every row is kept."""
        return 0 < self.rows == self.kept.n

    @cached_property
    def moments(self) -> MomentsState:
        """The moments of columns and target."""
        plain = self.shape, self.rows, self.weight, self.mean, self.scatter
        if len(self.sums) < 3 or not self.rows:
            return MomentsState(*plain)
        root = np.sqrt(self.counts)[:, None]
        mean = self.sums[:, :-1].sum(axis=0) / self.weight
        away = np.divide(self.sums[:, :-1], root, out=np.zeros_like(self.sums[:, :-1]), where=root > 0.0)
        return ClassedMoments(*plain, between=(away - root * mean) * self.known["scale"])


@dataclass(frozen=True, repr=False)
class Curvature(OnFeatures):
    """What every generalized linear model keeps; subclasses are the families.

    Parameters
    ----------
    kernel, kernel_scale, kernel_components : features in place of the columns, as in
        :class:`~algorithms.kernels.OnFeatures`.
    known : what :meth:`learn` found; None until then.
    """

    version: ClassVar[int] = 3
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

    def about(self, eta: Array, y: Array) -> Expansion:
        """Return the losses of rows, expanded about ``eta``, shape (n, E)."""
        return single(self.derivatives, eta, y) if eta.shape[1] == 1 else softmax(eta, y)

    def equations(self, shape: Shape) -> int:
        """Return E."""
        return len(shape.classes) if len(shape.classes) > 2 else 1

    # the contract ----------------------------------------------------------------------------------------

    def init(self, shape: Shape) -> CurvatureState:
        """Return the state of no rows."""
        shape, known = self.inside(shape), self._pilot()
        k, c, m = len(known["start"]), max(1, len(shape.classes)), shape.d + 1
        em, none = self.equations(shape) * m, _MOMENTS.init(shape)
        sums = np.zeros((c, m)), np.zeros((k, c)), np.zeros((k, c, em)), np.zeros((k, em, em))
        kept = self._keeper().init(shape)
        return CurvatureState(shape, known, 0, 0.0, none.mean, none.scatter, NONE, *sums, kept)

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
        both = MomentsState(a.shape, a.rows, a.weight, a.mean, a.scatter)
        both = _MOMENTS.merge(both, MomentsState(b.shape, b.rows, b.weight, b.mean, b.scatter))
        return CurvatureState(
            a.shape, a.known, both.rows, both.weight, both.mean, both.scatter, min(a.lowest, b.lowest),
            a.sums + b.sums, a.loss + b.loss, a.gradient + b.gradient, a.hessian + b.hessian,
            self._keeper().merge(a.kept, b.kept),
        )  # fmt: skip

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: K Hessians of Em unknowns, gradients by class, moments; before the pilot K = 1."""
        k, shape = 1 if self.known is None else len(self.known["start"]), self.inside(shape)
        c, m = max(1, len(shape.classes)), shape.d + 1
        em = self.equations(shape) * m
        sums = 8 * (c * m + k * (c + c * em + em * em) + 1)
        return sums + _MOMENTS.nbytes(shape) + self._keeper().nbytes(shape)

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
            with np.errstate(over="ignore", invalid="ignore"):
                spread = np.sqrt(np.average((values[:, : shape.d] - center) ** 2, axis=0, weights=w))
            scale = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(center)), spread, 1.0)
        y = values[:, shape.d]
        self.check_target(y, shape.targets[0])
        z = _standard(values[:, : shape.d], center, scale)
        return Known(
            {**features, **self._starts(shape, z, y, w), "center": center, "scale": scale,
             "keep": np.array([_kept(sample.n, shape)])}
        )  # fmt: skip

    def failed(self, state: CurvatureState) -> str | None:
        """Return why the starts do not suit the rows of a state; None where they do."""
        return None

    def learn_again(self, shape: Shape, state: CurvatureState, sample: Batch) -> Known:
        """Return starts for another pass."""
        return self.learn(shape, sample)

    @property
    def learns(self) -> bool:
        """Always: a loss is expanded at coefficients of a sample."""
        return True

    # the sums --------------------------------------------------------------------------------------------

    def _starts(self, shape: Shape, z: Array, y: Array, w: Array) -> dict[str, Array]:
        """Return the optima of several penalties, of classes as they are and balanced."""
        e, c = self.equations(shape), max(1, len(shape.classes))
        counts = np.bincount(_codes(shape, y), w, c)
        even = np.sum(counts) / (c * np.maximum(counts, np.mean(w) if len(w) else 1.0))
        fit = max(1, MOST_BYTES // (8 * (e * (shape.d + 1)) ** 2))
        asked = [start for start in STARTS if c > 1 or not start[1]][:fit]
        made: dict[tuple[float, bool], Array] = {}
        theta = np.zeros((2, e, shape.d + 1))
        for share, balanced in sorted(asked, reverse=True):
            v = w * even[_codes(shape, y)] if balanced else w
            if len(z):
                ridge = share * max(float(v.sum()), 1e-300)
                theta[int(balanced)] = newton(self.about, z, y, v, theta[int(balanced)], ridge)
            made[share, balanced] = theta[int(balanced)].copy()
        return {
            "start": np.stack([made[each] for each in asked]),
            "share": np.array([share for share, _ in asked]),
            "balance": np.stack([even if balanced else np.ones(c) for _, balanced in asked]),
        }

    def _keeper(self) -> Sample:
        return Sample(size=1 if self.known is None else int(self.known["keep"][0]))

    def _pilot(self) -> Known:
        if self.known is None:
            raise AlgorithmError(f"{type(self).__name__} must learn from a sample of rows before its pass")
        return self.known

    def _lift(self, shape: Shape, batch: Batch) -> CurvatureState:
        known, values = self._pilot(), batch.dense(shape.p).astype(np.float64)
        y, w, c = values[:, shape.d], batch.weights, max(1, len(shape.classes))
        z, codes = _standard(values[:, : shape.d], known["center"], known["scale"]), _codes(shape, y)
        order = np.argsort(codes, kind="stable") if c > 1 else slice(None)
        z, y, w, codes = z[order], y[order], w[order], codes[order]
        parts = [slice(*ends) for ends in pairwise(np.searchsorted(codes, np.arange(c + 1)))]
        found = [self.about(z @ theta.T, y) for theta in known["start"]]
        m = _MOMENTS.update(_MOMENTS.init(shape), batch)
        return CurvatureState(
            shape,
            known,
            m.rows,
            m.weight,
            m.mean,
            m.scatter,
            float(y.min()),
            np.array([w[rows] @ z[rows] for rows in parts]),
            np.array([[w[rows] @ at.loss[rows] for rows in parts] for at in found]),
            np.array([[_slopes(at, z, w, rows) for rows in parts] for at in found]),
            np.array([at.hessian(z, w * g[codes]) for at, g in zip(found, known["balance"], strict=True)]),
            self._keeper().update(self._keeper().init(shape), batch),
        )


def _codes(shape: Shape, y: Array) -> Any:
    """Return the place of each row's class; zero for a number."""
    return y.astype(np.intp) if shape.classes else np.zeros(len(y), np.intp)


def _slopes(at: Expansion, z: Array, w: Array, rows: slice) -> Array:
    return np.asarray((w[rows, None] * at.slope[rows]).T @ z[rows]).ravel()


def _kept(n: int, shape: Shape) -> int:
    """Return how many rows to keep: all where a sample of n says that they are few."""
    every = 1 << max(0, int(n - 1).bit_length())
    if every * shape.p * 8 <= MOST_KEPT:
        return every
    fit = SAMPLED // (np.dtype(shape.dtype).itemsize * max(1, shape.p))
    return 1 << max(0, int(fit).bit_length() - 1)


def _standard(x: Array, center: Array, scale: Array) -> Array:
    z = np.empty((len(x), len(center) + 1))
    np.subtract(x, center, out=z[:, :-1])
    z[:, :-1] /= scale
    z[:, -1] = 1.0
    return z
