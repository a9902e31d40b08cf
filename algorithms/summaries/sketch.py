"""Sketch: the covariance of wide data seen along a few directions, in memory linear in the columns.

The state keeps Y = D·S·D·Ω, where S is the scatter that :class:`Moments` would keep, D scales the columns and
Ω holds s orthonormal directions that a sample of rows has told. Y is additive, so it is merged as exactly as
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

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.base import APPROXIMATE, INDICATOR, Array, Batch, Shape, SparseBatch
from algorithms.errors import AlgorithmError, InvalidField, TooLarge
from algorithms.known import Known
from algorithms.memo import MEMO
from algorithms.ranges import Choice, Integer

if TYPE_CHECKING:
    from scipy.sparse import csr_array

IMPUTE = ("mean", "zero")

RANDOM = 20
"""One in so many directions is random, so that what the sample lacks is seen too."""

ITERATIONS = 8
"""Steps of subspace iteration on the sample (Halko, Martinsson & Tropp 2011, algorithm 4.4)."""

MOST = 2_000
"""Directions, at most."""

Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class SketchState:
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
class Sketch:
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
    >>> from algorithms.base import Column
    >>> shape, rows = Shape((Column("x", "x"), Column("z", "z"))), np.array([[0.0, 1.0], [2.0, 5.0]])
    >>> sketch = Sketch(size=1, standardize=False)
    >>> sketch = sketch.knowing(sketch.learn(shape, Batch(rows, d=2)))
    >>> state = sketch.update(sketch.init(shape), Batch(rows, d=2))
    >>> state.product.shape, state.scatter.tolist()
    ((2, 1), [2.0, 8.0])
    """

    size: Annotated[int, Integer(1, MOST, searched=False)] = 100
    standardize: Annotated[bool, Choice(True, False, searched=False)] = True
    impute: Annotated[str, Choice(*IMPUTE, searched=False)] = "mean"
    known: Known | None = field(default=None, repr=False, metadata={"learned": True})

    version: ClassVar[int] = 2
    tolerance: ClassVar[float] = 1e-9
    sync_every: ClassVar[int | None] = None
    family: ClassVar[str] = APPROXIMATE
    sparse: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MOST:
            raise InvalidField(f"size={self.size!r}: must be from 1 to {MOST:,} directions")
        if self.impute not in IMPUTE:
            raise InvalidField(
                f"impute={self.impute!r}: a sketch fills missing numbers before it is made, and must be one of "
                f"{', '.join(map(repr, IMPUTE))}"
            )

    def learn(self, shape: Shape, sample: Batch) -> Known:
        """Return directions, scales and fills, from a sample of encoded rows."""
        q = len(value_columns(shape))
        if not q:
            raise AlgorithmError("a sketch needs at least one column")
        fill = _fills(sample, shape, self.impute)
        rows = _rows(sample, shape, fill)
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

    def knowing(self, known: Known) -> Sketch:
        """Return this summary, ready for a pass."""
        return replace(self, known=known)

    def init(self, shape: Shape) -> SketchState:
        """Return the sketch of no rows."""
        if self.known is None:
            raise AlgorithmError("Sketch must learn its directions before its pass")
        q, s = self.known["directions"].shape
        return SketchState(shape, self.known, 0, 0.0, np.zeros(q), np.zeros(q), np.zeros((q, s)))

    def update(self, state: SketchState, batch: Batch) -> SketchState:
        """Return the sketch of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        known, rows = state.known, _rows(batch, state.shape, state.known["fill"])
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


def value_columns(shape: Shape) -> Places:
    """Return the places of the encoded columns that are no missing indicators.

    Examples
    --------
    >>> from algorithms.base import Column
    >>> value_columns(Shape((Column("x", "x"), Column("gone", "x", "indicator")))).tolist()
    [0]
    """
    return np.array([j for j, c in enumerate(shape.columns) if c.role != INDICATOR], np.intp)


def check_sums(state: SketchState) -> None:
    """Raise TooLarge, naming the column, where a mean or a sum of squares has overflowed."""
    broken = np.flatnonzero(~np.isfinite(state.mean) | ~np.isfinite(state.scatter))
    if len(broken):
        column = state.shape.columns[value_columns(state.shape)[broken[0]]]
        raise TooLarge(
            f"column {column.name!r} holds values so large that their squares have no finite sum: look for "
            "damaged values, rescale the column, or leave it out"
        )


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where encoded columns go: column j counts times factor[j] towards imputed column place[j]."""

    place: Places
    indicator: NDArray[np.bool_]

    @property
    def nbytes(self) -> int:
        return self.place.nbytes + self.indicator.nbytes

    def factor(self, fill: Array) -> Array:
        return np.where(self.indicator, fill[self.place], 1.0)


def _layout(shape: Shape) -> _Layout:
    return MEMO.get(shape, "sketch", lambda: _laid_out(shape))


def _laid_out(shape: Shape) -> _Layout:
    values = value_columns(shape)
    of_source = {shape.columns[j].source: i for i, j in enumerate(values)}
    place = np.array([of_source[c.source] for c in shape.columns], np.intp)
    place[values] = np.arange(len(values))
    indicator = np.ones(shape.d, np.bool_)
    indicator[values] = False
    return _Layout(place, indicator)


class _Dense:
    """Imputed rows in an array: those columns alone that are not zero throughout."""

    def __init__(self, values: NDArray[np.floating[Any]], places: Places, q: int, w: Array | None) -> None:
        self.n, self.q, self.places, self._w = len(values), q, places, w
        self.total = float(self.n) if w is None else float(w.sum())
        self._first = values[0].astype(np.float64) if self.n else np.zeros(values.shape[1])
        # about the first row, so that a column of one value has no scatter at all
        self._away = values - values[:1]
        delta = self._weighted(self._away) / self.total if self.n else self._first
        self._mean = self._first + delta
        self._away -= delta.astype(values.dtype)

    def moments(self) -> tuple[Array, Array]:
        mean, scatter = np.zeros(self.q), np.zeros(self.q)
        mean[self.places] = self._mean
        scatter[self.places] = self._weighted(self._away**2)
        return mean, scatter

    def centred(self, mean: Array, A: Array) -> Array:
        made: Array = self._away @ A[self.places].astype(self._away.dtype)
        return made

    def back(self, mean: Array, P: Array) -> Array:
        made = np.zeros((self.q, P.shape[1]))
        made[self.places] = self._away.T @ (P if self._w is None else P * self._w[:, None].astype(P.dtype))
        return made

    def squared(self, mean: Array, A: Array) -> Array:
        return self.back(mean, self.centred(mean, A))

    def _weighted(self, values: NDArray[np.floating[Any]]) -> Array:
        if self._w is None:
            return np.asarray(values.sum(axis=0, dtype=np.float64))
        return np.asarray(self._w @ values)


class _Sparse:
    """Imputed rows in a CSR matrix, float64: zeros cost nothing, and nothing is centred but products."""

    def __init__(self, X: csr_array, w: Array | None) -> None:
        self._X, self._w = X, w
        self.n, self.q = X.shape
        self.total = float(self.n) if w is None else float(w.sum())

    def moments(self) -> tuple[Array, Array]:
        """Return mean and scatter, the latter of stored values and of zeros apart: nothing cancels."""
        X, q = self._X, self.q
        w = None if self._w is None else np.repeat(self._w, np.diff(X.indptr))
        mean = np.bincount(X.indices, X.data if w is None else X.data * w, q) / max(self.total, 1e-300)
        away = (X.data - mean[X.indices]) ** 2
        stored = np.bincount(X.indices, w, q)
        scatter = np.bincount(X.indices, away if w is None else away * w, q)
        return mean, scatter + np.maximum(self.total - stored, 0.0) * mean**2

    def centred(self, mean: Array, A: Array) -> Array:
        P: Array = self._X @ A
        P -= mean @ A
        return P

    def back(self, mean: Array, P: Array) -> Array:
        if self._w is not None:
            P = P * self._w[:, None]
        made: Array = self._X.T @ P
        made -= np.multiply.outer(mean, P.sum(axis=0))
        return made

    def squared(self, mean: Array, A: Array) -> Array:
        return self.back(mean, self.centred(mean, A))


def _rows(batch: Batch, shape: Shape, fill: Array) -> _Dense | _Sparse:
    """Return a batch's imputed columns."""
    from scipy.sparse import csr_array

    layout, q = _layout(shape), len(fill)
    factor = layout.factor(fill)
    if isinstance(batch, SparseBatch):
        X = batch.matrix
        made = csr_array(
            (X.data * factor[X.indices], layout.place.astype(np.int32)[X.indices], X.indptr.copy()),
            shape=(X.shape[0], q),
        )
        if layout.indicator[X.indices].any():
            made.sum_duplicates()
        return _Sparse(made, batch.weight)
    columns = np.arange(shape.p) if batch.present is None else batch.present
    inside = np.flatnonzero(columns < shape.d)
    columns = columns[inside]
    values = batch.values if len(inside) == batch.values.shape[1] else batch.values[:, inside]
    if not layout.indicator[columns].any():
        return _Dense(values, layout.place[columns], q, batch.weight)
    places, where = np.unique(layout.place[columns], return_inverse=True)
    merged = csr_array((factor[columns], (where, np.arange(len(columns)))), shape=(len(places), len(columns)))
    filled = np.ascontiguousarray((merged @ values.T).T).astype(values.dtype, copy=False)
    return _Dense(filled, places, q, batch.weight)


def _fills(sample: Batch, shape: Shape, impute: str) -> Array:
    """Return what stands for a missing number in each imputed column: its mean where it is there, or zero."""
    layout, q = _layout(shape), len(value_columns(shape))
    if impute == "zero" or not sample.n:
        return np.zeros(q)
    means = _column_means(sample, shape)
    share = np.zeros(q)
    share[layout.place[layout.indicator]] = means[layout.indicator]
    fill = means[~layout.indicator] / np.where(share < 1.0, 1.0 - share, 1.0)
    nullable = np.zeros(q, np.bool_)
    nullable[layout.place[layout.indicator]] = True
    return np.where(nullable & np.isfinite(fill), fill, 0.0)


def _column_means(batch: Batch, shape: Shape) -> Array:
    w, means = batch.weights, np.zeros(shape.p)
    with np.errstate(over="ignore", invalid="ignore"):
        if isinstance(batch, SparseBatch):
            means[: shape.d] = batch.matrix.T @ w / batch.total
        else:
            present: Any = slice(None) if batch.present is None else batch.present
            means[present] = w @ batch.values / batch.total
    return means[: shape.d]


def _directions(rows: _Dense | _Sparse, mean: Array, scale: Array, s: int) -> Array:
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
