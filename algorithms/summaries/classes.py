"""Classes: the moments of each class apart, from which Gaussian classifiers follow exactly."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np

from algorithms.arrays import Places
from algorithms.contract import EXACT, Ageing, Array, Batch, Shape, Summary
from algorithms.learned import Learned
from algorithms.noise import Bounds, noised_moments
from algorithms.preparing.column_map import gaps_of
from algorithms.preparing.within import laid_out, outer_sum, places_of, present, there, union, widened
from algorithms.ranges import Legal
from algorithms.summaries.by_class import ClassesState
from algorithms.summaries.precise import (
    AUTO,
    DOUBLE,
    QR,
    Precise,
    exact_sum,
    merged_rounding,
    root_of,
    triangular,
)


@dataclass(frozen=True, repr=False)
class Classes(Ageing, Precise[ClassesState], Summary[ClassesState]):
    """Rows, weight, mean and scatter of each class.

    Parameters
    ----------
    covariance : ``"full"`` keeps a matrix for each class, ``"diagonal"`` the columns' squares alone.
    precision : ``"double"`` keeps products of the columns; ``"qr"`` a triangular factor of the rows of each class
        besides, for columns that are nearly collinear or far from zero beside their spread. ``"auto"`` is
        ``"double"``, and ``"qr"`` where a score needs it (another pass); a diagonal has products alone.
    half_life, clock : as in :class:`~algorithms.ageing.Ageing`.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape, classes = Shape((Column("x", "x"),), ("y",), classes=("a", "b")), Classes()
    >>> state = classes.update(classes.init(shape), Batch(np.array([[0.0, 0.0], [2.0, 0.0], [5.0, 1.0]]), d=1))
    >>> state.counts.tolist(), state.means.ravel().tolist(), state.scatters.ravel().tolist()
    ([2, 1], [1.0, 5.0], [2.0, 0.0])
    """

    covariance: Annotated[str, Legal("full", "diagonal")] = "full"
    precision: Annotated[str, Legal(AUTO, DOUBLE, QR)] = AUTO

    version: ClassVar[int] = 5
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = EXACT
    sums: ClassVar[bool] = True

    @property
    def rooted(self) -> bool:
        """Whether a root of each class is kept."""
        return self.products == QR and self.covariance == "full"

    def finer(self, known: Learned | None) -> Learned | None:
        """Return what a pass must know whose states have more digits; None for a diagonal, or a fixed precision."""
        return super().finer(known) if self.covariance == "full" else None

    def precision_in_words(self, known: Learned | None, shape: Shape) -> str:
        """Return how products are taken and why; empty where there is one way alone."""
        return super().precision_in_words(known, shape) if self.covariance == "full" else ""

    def init(self, shape: Shape) -> ClassesState:
        """Return the state of no rows: no column is other than zero in any of them."""
        return self._none(shape, np.zeros(0, np.intp))

    def _none(self, shape: Shape, within: Places) -> ClassesState:
        """Return zeros for these columns."""
        c, d, k = len(shape.classes), shape.d, len(within)
        size = (c, k, k) if self.covariance == "full" else (c, d)
        roots = np.zeros(size if self.rooted else (0, 0, 0))
        means, below = np.zeros((c, d)), np.zeros((c, d))
        stated = np.zeros((3, 0, 0) if self.covariance == "full" else (3, c, len(gaps_of(shape.columns).values)))
        return ClassesState(
            shape, np.zeros(c, np.int64), np.zeros(c), means, within, np.zeros(size), roots, below, stated
        )

    def update(self, state: ClassesState, batch: Batch) -> ClassesState:
        """Return the state of the rows seen before and those of ``batch``."""
        if not batch.n:
            return state
        batch, reach = self.weighed(batch)
        with np.errstate(over="ignore", invalid="ignore"):
            lifted = replace(self._lift(state.shape, batch), reach=reach)
        return self.merge(state, lifted)

    def merge(self, a: ClassesState, b: ClassesState) -> ClassesState:
        """Return the state of both states' rows (Chan et al. 1979, eq. 1.5, class by class)."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        a, b = self.together(a, b)
        weights = a.weights + b.weights
        share = np.divide(b.weights, weights, out=np.zeros_like(weights), where=weights > 0.0)
        between = a.weights * share
        with np.errstate(over="ignore", invalid="ignore"):
            delta = (b.means - a.means) + (b.below - a.below)
            moved, rest = exact_sum(a.means, delta * share[:, None])
            moved, rest = exact_sum(moved, rest + a.below)
            seen = (a.weights > 0.0)[:, None]
            means, below = np.where(seen, moved, b.means), np.where(seen, rest, b.below)
            within = union(a.within, b.within)
            roots = _merged_roots(a, b, within, delta * np.sqrt(between)[:, None])
            if len(roots):
                scatters = np.swapaxes(roots, 1, 2) @ roots
            elif self.covariance == "full":
                scatters = _merged(a, b, within, delta, between)
            else:
                scatters = a.scatters + b.scatters + delta**2 * between[:, None]
            stated = _together(a.stated, b.stated)
        return ClassesState(
            a.shape, a.counts + b.counts, weights, means, within, scatters, roots, below, stated, a.reach,
            merged_rounding(a.rounding, b.rounding),
        )  # fmt: skip

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state at most."""
        return self._bytes(shape, shape.d)

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes of one state whose rows have every column that they may have."""
        return self._bytes(shape, shape.d if shape.filled is None else shape.filled)

    def _bytes(self, shape: Shape, k: int) -> int:
        c, d = len(shape.classes), shape.d
        if self.covariance == "diagonal":
            return 8 * (2 + c * (2 + 3 * d + 3 * len(gaps_of(shape.columns).values)))
        return 8 * (2 + c * (2 + 2 * d + k * k * (2 if self.rooted else 1)) + k)

    def sensitivity(self, shape: Shape) -> float:
        """Return the length of (1, z, zzᵀ), or of (1, z, z²), at most: a row is of one class."""
        products = shape.d * (shape.d + 1) / 2.0 if self.covariance == "full" else shape.d
        return float(np.sqrt(1.0 + shape.d + products))

    def noised(
        self, state: ClassesState, bounds: Bounds, sigma: float, rng: np.random.Generator
    ) -> ClassesState:
        """Return the moments of each class, of noised sums."""
        full, d = self.covariance == "full", state.shape.d
        scatters = laid_out(state.scatters, state.within, d) if full else state.scatters
        made = [
            noised_moments(int(rows), mean, scatter, bounds, sigma, rng)
            for rows, mean, scatter in zip(state.counts, state.means, scatters, strict=True)
        ]
        counts = np.array([rows for rows, _, _ in made], np.int64)
        means, scatters = np.stack([mean for _, mean, _ in made]), np.stack([scatter for _, _, scatter in made])
        within, below, weights = np.arange(d if full else 0), np.zeros_like(means), counts.astype(np.float64)
        noised = ClassesState(state.shape, counts, weights, means, within, scatters, below=below)
        return noised if full else replace(noised, stated=_stated_by(noised))

    def _lift(self, shape: Shape, batch: Batch) -> ClassesState:
        w, codes, full = batch.weights, batch.target(shape.d).astype(np.intp), self.covariance == "full"
        columns, own = there(batch, shape.p, shape.p)
        columns, own = columns[columns < shape.d], own[columns < shape.d]
        state = self._none(shape, columns if full else columns[:0])
        for c in np.unique(codes).tolist():
            mine = codes == c
            x, v = batch.values[mine][:, own].astype(np.float64), w[mine]
            state.counts[c], state.weights[c] = len(x), v.sum()
            x -= (shift := x[0].copy())
            mean = v @ x / v.sum()
            x -= mean
            state.means[c, columns], state.below[c, columns] = exact_sum(shift, mean)
            if self.rooted:
                found = root_of(x * np.sqrt(v)[:, None])
                state.roots[c, : len(found)] = found
                state.scatters[c] = found.T @ found
            else:
                state.scatters[c, ... if full else columns] = _scatter(x, v, full=full)
            if not full:
                state.stated[:, c] = _stated(state, c, batch, np.flatnonzero(mine))
        return state


def _stated(state: ClassesState, c: int, batch: Batch, rows: Places) -> Array:
    """Return weight, mean and squares of a class's rows that have each number, shape (3, g)."""
    gaps, place = gaps_of(state.shape.columns), places_of(present(batch, state.shape.p), state.shape.p)
    made = np.stack([
        np.full(len(gaps.values), state.weights[c]), state.means[c, gaps.values], state.scatters[c, gaps.values]
    ])  # fmt: skip
    some = np.flatnonzero(state.means[c, gaps.indicators])
    if not len(some):
        return made
    v = batch.weights[rows]
    there = batch.values[np.ix_(rows, place[gaps.indicators[some]])] == 0.0
    made[:, some] = 0.0
    known, at = place[gaps.values[some]] >= 0, some  # a column of gaps and zeros alone is in no batch
    made[0, some] = v @ there
    if known.any():
        at, there = some[known], there[:, known]
        x = batch.values[np.ix_(rows, place[gaps.values[at]])].astype(np.float64)
        shift = x[there.argmax(axis=0), np.arange(len(at))]
        z = np.where(there, x - shift, 0.0)
        delta = v @ z / np.where(made[0, at] > 0.0, made[0, at], 1.0)
        z = np.where(there, z - delta, 0.0)
        made[1, at], made[2, at] = np.where(there.any(axis=0), shift + delta, 0.0), v @ z**2
    return made


def of_every_class(stated: Array) -> Array:
    """Return weight, mean and squares, shape (3, k), of the rows of all classes from those of each, (3, C, k)."""
    return functools.reduce(_together, np.moveaxis(stated, 1, 0))


def _together(a: Array, b: Array) -> Array:
    """Return weights, means and squares of two sets of rows (Chan et al. 1979, eq. 1.5)."""
    weight = a[0] + b[0]
    share = np.divide(b[0], weight, out=np.zeros_like(weight), where=weight > 0.0)
    delta = np.where(a[0] > 0.0, b[1] - a[1], b[1])
    squares = a[2] + b[2] + np.where(b[0] > 0.0, delta**2 * a[0] * share, 0.0)
    return np.stack([weight, np.where(a[0] > 0.0, a[1] + delta * share, b[1]), squares])


def _stated_by(state: ClassesState) -> Array:
    """Return weights, means and squares of the rows that have each number, from moments with gaps at zero."""
    gaps = gaps_of(state.shape.columns)
    share = np.clip(1.0 - state.means[:, gaps.indicators], 0.0, 1.0)
    weights = state.weights[:, None] * share
    means = np.divide(state.means[:, gaps.values], share, out=np.zeros_like(share), where=share > 0.0)
    squares = state.class_squares[:, gaps.values] - weights * (1.0 - share) * means**2
    return np.stack([weights, means, np.maximum(squares, 0.0)])


def _merged(a: ClassesState, b: ClassesState, within: Places, delta: Array, between: Array) -> Array:
    """Return the scatters of both states' rows in the columns that either has."""
    made = np.zeros((len(delta), len(within), len(within)))
    for c, way in enumerate(delta[:, within]):
        terms = ((state.scatters[c], state.within) for state in (a, b))
        outer_sum(way, between[c], *terms, within=within, after=made[c])
    return made


def _merged_roots(a: ClassesState, b: ClassesState, within: Places, between: Array) -> Array:
    """Return the root of both roots and the way between the means, class by class; empty where there are none."""
    if not len(a.roots):
        return a.roots
    k, own = len(within), [widened(state.roots, state.within, within) for state in (a, b)]
    made = np.zeros((len(a.roots), k, k))
    for c in range(len(made)):
        found = triangular([np.concatenate([own[0][c], own[1][c], between[c : c + 1, within]])])
        made[c, : len(found)] = found
    return made


def _scatter(x: Array, w: Array, *, full: bool) -> Array:
    if not full:
        return w @ (x * x)
    x *= np.sqrt(w)[:, None]
    return x.T @ x
