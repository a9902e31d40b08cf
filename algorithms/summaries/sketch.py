"""Sketch: the covariance of wide data seen along a few directions, in memory linear in the columns.

The state keeps Y = D·S·D·Ω, where S is the scatter that :class:`Moments` would keep, D scales the columns and
Ω holds s orthonormal directions that a sample of rows gave. Y is additive, so it is merged as exactly as
moments are; that it stands for S is the approximation (Tropp, Yurtsever, Udell & Cevher 2017, "Fixed-rank
approximation of a positive-semidefinite matrix from streaming data"). Since Ω is not random but nearly the
leading subspace already, one pass is a step of subspace iteration from an almost right start.

==== =============================================================
q    columns that are no missing indicators
s    directions, at most q
Ω    shape (q, s)
==== =============================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np

from algorithms.contract import APPROXIMATE, Array, Batch, Learned, Shape, State, Summary
from algorithms.errors import AlgorithmError, TooLarge
from algorithms.known import Known
from algorithms.preparing.imputed import Imputed, fills, imputed, value_columns
from algorithms.ranges import Choice, Integer, Legal

IMPUTE = ("mean", "zero")

RANDOM = 20
"""One in so many directions is random, so that what the sample lacks is seen too."""

ITERATIONS = 8
"""Steps of subspace iteration on the sample (Halko, Martinsson & Tropp 2011, algorithm 4.4)."""

MOST = 2_000
"""Directions, at most."""


@dataclass(frozen=True, eq=False)
class SketchState(State):
    """The state of :class:`Sketch`.

    Attributes
    ----------
    shape : the encoded columns.
    known : ``directions`` (q, s), Ω; ``scale`` (q,), what columns are divided by in the pass; ``fill`` (q,), what
        stands for a missing number; ``standardize``, whether models divide columns by their deviations.
    rows : number of rows seen (int).
    weight : sum of their weights, W.
    mean, scatter : shape (q,), exact: mean of each imputed column, and its sum of squares about it.
    product : shape (q, s), Y, exact.
    """

    shape: Shape = field(metadata={"static": True})
    known: Known = field(metadata={"static": True})
    rows: int
    weight: float
    mean: Array
    scatter: Array
    product: Array


@dataclass(frozen=True)
class Sketch(Learned[SketchState], Summary[SketchState]):
    """What the covariance of wide data does to a few directions: O(size × columns) numbers.

    Parameters
    ----------
    size : directions, and so the most components that a model can have. About twice as many as the
        components that matter make these as good as exact.
    standardize : whether the columns are those that a ``StandardScaler`` would make; a sample's deviations
        scale them in the pass, and the exact ones afterwards.
    impute : what a missing number becomes: the ``"mean"`` of its column in a sample, or ``"zero"``.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape, rows = Shape((Column("x", "x"), Column("z", "z"))), np.array([[0.0, 1.0], [2.0, 5.0]])
    >>> sketch = Sketch(size=1, standardize=False)
    >>> sketch = sketch.knowing(sketch.learn(shape, Batch(rows, d=2)))
    >>> state = sketch.update(sketch.init(shape), Batch(rows, d=2))
    >>> state.product.shape, state.scatter.tolist()
    ((2, 1), [2.0, 8.0])
    """

    size: Annotated[int, Legal(ge=1, le=MOST), Integer(1, MOST, searched=False)] = 100
    standardize: Annotated[bool, Choice(True, False, searched=False)] = True
    impute: Annotated[
        str,
        Legal(*IMPUTE, hint="a sketch fills missing numbers before it is made"),
        Choice(*IMPUTE, searched=False),
    ] = "mean"

    version: ClassVar[int] = 2
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = APPROXIMATE
    sparse: ClassVar[bool] = True

    def learn(self, shape: Shape, sample: Batch) -> Known:
        """Return directions, scales and fills, from a sample of encoded rows."""
        q = len(value_columns(shape))
        if not q:
            raise AlgorithmError("a sketch needs at least one column")
        fill = fills(sample, shape, self.impute)
        rows = imputed(sample, shape, fill)
        scale = np.ones(q)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scatter = rows.moments()
            if self.standardize and rows.total > 0.0:
                variance = scatter / rows.total
                scale = np.sqrt(np.where(variance > 1e-12 * mean**2, variance, 1.0))
        s = min(self.size, q)
        return Known(
            {
                "directions": _directions(rows, mean, scale, s),
                "scale": scale,
                "fill": fill,
                "standardize": np.array(self.standardize),
            }
        )

    def init(self, shape: Shape) -> SketchState:
        """Return the sketch of no rows."""
        known = self.learned
        q, s = known["directions"].shape
        return SketchState(shape, known, 0, 0.0, np.zeros(q), np.zeros(q), np.zeros((q, s)))

    def update(self, state: SketchState, batch: Batch) -> SketchState:
        """Return the sketch of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        known, rows = state.known, imputed(batch, state.shape, state.known["fill"])
        scale = known["scale"][:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scatter = rows.moments()
            # in one order of memory: the last bits of what is made of it depend on that
            product = np.ascontiguousarray(rows.squared(mean, known["directions"] / scale) / scale)
        return self.merge(
            state, SketchState(state.shape, known, batch.n, batch.total, mean, scatter, product)
        )

    def merge(self, a: SketchState, b: SketchState) -> SketchState:
        """Return the sketch of both states' rows (Chan et al. 1979, eq. 1.5, times Ω); leaves both alone."""
        if b.weight == 0.0:
            return a
        if a.weight == 0.0:
            return b
        weight = a.weight + b.weight
        factor = a.weight * b.weight / weight
        with np.errstate(over="ignore", invalid="ignore"):
            delta = b.mean - a.mean
            away = delta / a.known["scale"]
            product = np.multiply.outer(away, factor * (away @ a.known["directions"]))
            product += a.product
            product += b.product
            scatter = a.scatter + b.scatter + factor * delta**2
            mean = a.mean + delta * (b.weight / weight)
        return SketchState(a.shape, a.known, a.rows + b.rows, weight, mean, scatter, product)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: q·(s + 2) numbers, a weight and a count."""
        q = len(value_columns(shape))
        return 8 * (q * (min(self.size, q) + 2) + 2)


def check_sums(state: SketchState) -> None:
    """Raise TooLarge, naming the column, where a mean or a sum of squares has overflowed."""
    broken = np.flatnonzero(~np.isfinite(state.mean) | ~np.isfinite(state.scatter))
    if len(broken):
        column = state.shape.columns[value_columns(state.shape)[broken[0]]]
        raise TooLarge(
            f"column {column.name!r} holds values so large that their squares have no finite sum: look for "
            "damaged values, rescale the column, or leave it out"
        )


def _directions(rows: Imputed, mean: Array, scale: Array, s: int) -> Array:
    """Return s orthonormal directions: most span the sample's leading subspace, the others are random."""
    rng = np.random.default_rng(0)
    q, own = len(scale), max(1, s - s // RANDOM)
    if not rows.n or s == q or not np.all(np.isfinite(mean)):
        return _orthonormal(rng.standard_normal((q, s)))
    found = _orthonormal(rng.standard_normal((q, s)))
    for _ in range(ITERATIONS):
        moved = rows.squared(mean, found / scale[:, None]) / scale[:, None]
        if not np.all(np.isfinite(moved)):
            break
        found = _orthonormal(moved)
    return _orthonormal(np.hstack([found[:, :own], rng.standard_normal((q, s - own))]))


def _orthonormal(directions: Array) -> Array:
    return np.linalg.qr(directions)[0]
