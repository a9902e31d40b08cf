"""Sketch: the covariance of wide data seen along a few directions, in memory linear in the columns.

The state keeps Y = D·S·D·Ω, where S is the scatter that :class:`Moments` would keep, D scales the columns and
Ω holds s directions that a sample of rows gave. Y is additive, so it is merged as exactly as moments are; that it
stands for S is the approximation (Tropp, Yurtsever, Udell & Cevher 2017, "Fixed-rank approximation of a
positive-semidefinite matrix from streaming data"). Since Ω is not random but nearly the leading subspace already,
one pass is a step of subspace iteration from an almost right start.

S is of the columns as they are encoded: a missing number is zero, and its indicator one. What fills the gaps is
chosen after the pass, by a map T of these columns whose entries are means of whatever rows a model is of: it sees
TᵀST, as exact families do. Directions are those of rows that the sample's means fill, W: Ω = T₀W.

==== =============================================================
d    encoded columns
q    those that are not missing indicators
k    those that a state has: q, and the indicators of numbers that any row lacks
s    directions, at most q; d where all of them are kept
T₀   shape (d, q), fills gaps with means of the sample
W    shape (q, s), orthonormal; Ω = T₀W in scaled columns
==== =============================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np

from algorithms.arrays import Places
from algorithms.contract import APPROXIMATE, Array, Batch, Learning, Shape, State, Summary
from algorithms.errors import AlgorithmError, TooLarge
from algorithms.learned import Learned
from algorithms.memo import MEMO
from algorithms.preparing.centred import Centred, centred
from algorithms.preparing.column_map import ColumnMap, gaps_of
from algorithms.preparing.column_maps import filled_map
from algorithms.preparing.imputed import gap_fills, value_columns
from algorithms.preparing.within import places_of, union
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
    learned : ``directions``, W, shape (q, s), or Ω, shape (d, d), where that is all of them; ``scale`` (d,), what
        columns are divided by in the pass; ``fill`` (d,), what stands for a missing number in T₀; ``standardize``,
        whether models divide columns by their deviations.
    rows : number of rows seen (int).
    weight : sum of their weights, W.
    mean, scatter : shape (d,), exact: mean of each encoded column, and its sum of squares about it.
    within : shape (k,), the places of the columns that ``product`` has, ascending.
    product : shape (k, s), Y, exact.
    """

    shape: Shape = field(metadata={"static": True})
    learned: Learned = field(metadata={"static": True})
    rows: int
    weight: float
    mean: Array
    scatter: Array
    within: Places = field(metadata={"varies": True})
    product: Array = field(metadata={"varies": True})

    @property
    def squares(self) -> Array:
        """The sums of squares, as column maps ask for them."""
        return self.scatter

    @property
    def directions(self) -> Array:
        """Ω, shape (k, s)."""
        return directions_at(self.shape, self.learned, self.within)


@dataclass(frozen=True)
class Sketch(Learning[SketchState], Summary[SketchState]):
    """What the covariance of wide data does to a few directions: O(size × columns) numbers.

    Parameters
    ----------
    size : directions, and so the most components that a model can have. About twice as many as the
        components that matter make these as good as exact.
    standardize : whether the columns are those that a ``StandardScaler`` would make; a sample's deviations
        scale them in the pass, and the exact ones afterwards.
    impute : what a missing number becomes: the ``"mean"`` of its column in a model's training rows, or ``"zero"``.

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
        Legal(*IMPUTE, hint="a sketch has no columns of what is missing"),
        Choice(*IMPUTE, searched=False),
    ] = "mean"

    version: ClassVar[int] = 3
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = APPROXIMATE
    sparse: ClassVar[bool] = True

    def learn(self, shape: Shape, sample: Batch) -> Learned:
        """Return directions, scales and fills, from a sample of encoded rows."""
        values = value_columns(shape)
        q, fill = len(values), gap_fills(sample, shape, self.impute)
        if not q:
            raise AlgorithmError("a sketch needs at least one column")
        rows, filled, each = centred(sample, shape), filled_map(shape, values, fill), np.ones(q)
        if self.standardize and rows.total > 0.0:
            each = _deviations(rows, filled)
        scale = _scales(shape, values, each, fill)
        known = {"scale": scale, "fill": fill, "standardize": np.array(self.standardize)}
        if q <= self.size:
            return Learned({**known, "directions": np.eye(shape.d)})
        return Learned({**known, "directions": _directions(rows, filled, each, self.size)})

    def init(self, shape: Shape) -> SketchState:
        """Return the sketch of no rows."""
        known, within, d = self.beforehand, value_columns(shape), shape.d
        product = np.zeros((len(within), known["directions"].shape[1]))
        return SketchState(shape, known, 0, 0.0, np.zeros(d), np.zeros(d), within, product)

    def update(self, state: SketchState, batch: Batch) -> SketchState:
        """Return the sketch of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        shape, known = state.shape, state.learned
        rows, mean, scatter = centred(batch, shape), np.zeros(shape.d), np.zeros(shape.d)
        with np.errstate(over="ignore", invalid="ignore"):
            places, scale = rows.places, known["scale"][rows.places, None]
            mean[places], scatter[places] = rows.mean, rows.scatter
            made = rows.squared(directions_at(shape, known, places) / scale) / scale
        within = union(value_columns(shape), np.sort(places[(rows.mean != 0.0) | (rows.scatter != 0.0)]))
        here = np.isin(places, within)
        # in one order of memory: the last bits of what is made of it depend on that
        product = np.zeros((len(within), made.shape[1]))
        product[np.searchsorted(within, places[here])] = made[here]
        return self.merge(
            state, SketchState(shape, known, batch.n, batch.total, mean, scatter, within, product)
        )

    def merge(self, a: SketchState, b: SketchState) -> SketchState:
        """Return the sketch of both states' rows (Chan et al. 1979, eq. 1.5, times Ω); leaves both alone."""
        if b.weight == 0.0:
            return a
        if a.weight == 0.0:
            return b
        weight, within = a.weight + b.weight, union(a.within, b.within)
        factor = a.weight * b.weight / weight
        with np.errstate(over="ignore", invalid="ignore"):
            delta = b.mean - a.mean
            away = (delta / a.learned["scale"])[within]
            product = np.multiply.outer(away, factor * (away @ directions_at(a.shape, a.learned, within)))
            for one in (a, b):
                if len(one.within) == len(within):
                    product += one.product
                else:
                    product[np.searchsorted(within, one.within)] += one.product
            scatter = a.scatter + b.scatter + factor * delta**2
            mean = a.mean + delta * (b.weight / weight)
        return SketchState(a.shape, a.learned, a.rows + b.rows, weight, mean, scatter, within, product)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state at most: k·s numbers, k places, two numbers a column, a weight and a count."""
        return self._bytes(shape, shape.d)

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes of one state whose rows have every column that they may have."""
        return self._bytes(shape, shape.d if shape.filled is None else shape.filled)

    def _bytes(self, shape: Shape, k: int) -> int:
        s = shape.d if len(value_columns(shape)) <= self.size else self.size
        return 8 * (k * (s + 1) + 2 * shape.d + 2)


def directions_at(shape: Shape, known: Learned, places: Places) -> Array:
    """Return the rows of Ω that belong to some encoded columns, shape (k, s)."""
    directions = known["directions"]
    if len(directions) == shape.d:
        return directions if len(places) == shape.d else directions[places]
    values = value_columns(shape)
    at = places_of(values, shape.d)[places]
    if (at >= 0).all():
        return directions if len(at) == len(values) else directions[at]
    scale = known["scale"]
    filled = MEMO.get(known, "filled", lambda: filled_map(shape, values, known["fill"]))
    return np.asarray(filled.matrix[places] @ (directions / scale[values, None])) * scale[places, None]


def check_sums(state: SketchState) -> None:
    """Raise TooLarge, naming the column, where a mean or a sum of squares has overflowed."""
    broken = np.flatnonzero(~np.isfinite(state.mean) | ~np.isfinite(state.scatter))
    if len(broken):
        raise TooLarge(
            f"column {state.shape.columns[broken[0]].name!r} holds values so large that their squares have no "
            "finite sum: look for damaged values, rescale the column, or leave it out"
        )


def _deviations(rows: Centred, filled: ColumnMap) -> Array:
    """Return the deviations of a sample's columns once their gaps are filled, one where there is none."""
    mean, variance = np.zeros((2, filled.matrix.shape[0]))
    with np.errstate(over="ignore", invalid="ignore"):
        mean[rows.places], variance[rows.places] = rows.mean, rows.scatter / rows.total
        made = filled.spread(mean, variance)
        return np.asarray(np.sqrt(np.where(made > 1e-12 * filled.mean(mean) ** 2, made, 1.0)))


def _scales(shape: Shape, values: Places, each: Array, fill: Array) -> Array:
    """Return the scales of all encoded columns: an indicator's makes its part of a filled column one at most."""
    scale, gaps = np.ones(shape.d), gaps_of(shape.columns)
    scale[values] = each
    own, beside = scale[gaps.values], np.abs(fill[gaps.values])
    with np.errstate(over="ignore", invalid="ignore"):
        made = own / np.maximum(own, beside)
    scale[gaps.indicators] = np.where(np.isfinite(made) & (made > 0.0), made, 1.0)
    return scale


def _directions(rows: Centred, filled: ColumnMap, scale: Array, s: int) -> Array:
    """Return s orthonormal directions: most span the sample's leading subspace, the others are random."""
    rng = np.random.default_rng(0)
    q, own = len(scale), max(1, s - s // RANDOM)
    found = _orthonormal(rng.standard_normal((q, s)))
    if not rows.n or not np.all(np.isfinite(rows.mean)):
        return found
    fills = filled.matrix[rows.places]
    for _ in range(ITERATIONS):
        moved = fills.T @ rows.squared(fills @ (found / scale[:, None])) / scale[:, None]
        if not np.all(np.isfinite(moved)):
            break
        found = _orthonormal(moved)
    return _orthonormal(np.hstack([found[:, :own], rng.standard_normal((q, s - own))]))


def _orthonormal(directions: Array) -> Array:
    return np.linalg.qr(directions)[0]
