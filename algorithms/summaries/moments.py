"""Moments: weight, mean and scatter, from which everything with a squared error follows exactly.

Merge and lift are centred: Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm for
computing sample variances", equations 1.5 and 2.1, with matrices for squares. Nothing is ever subtracted
from a sum of raw squares, so that a column at an offset of 1e8 keeps its digits. What a mean has below its last
digit is kept beside it: a target of 1e9 spreads would lose eight digits of the way between two means.

A scatter S holds the squares of what the rows hold, and with them half of its digits. With ``precision="qr"`` the
state keeps a triangular root R besides, RᵀR = S, found from the rows themselves by QR decompositions of blocks
whose factors are stacked and decomposed again (TSQR: Demmel, Grigori, Hoemmen & Langou 2012). It has all digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np

from algorithms.ageing import NEVER
from algorithms.arrays import Array, Floats, Places
from algorithms.coded import CodedBatch, Lookup
from algorithms.contract import EXACT, Aged, Ageing, Batch, Shape, Summary
from algorithms.errors import InvalidTarget, TooLarge, TooSmall
from algorithms.likeness import of_products
from algorithms.noise import Bounds, noised_moments
from algorithms.preparing.column_map import Summed
from algorithms.preparing.kernels import NONE, OnFeatures
from algorithms.preparing.within import (
    laid_out,
    outer_sum,
    places_of,
    present,
    selected,
    there,
    union,
    widened,
)
from algorithms.ranges import Choice, Legal
from algorithms.summaries._coded import Used, apart, rows_of
from algorithms.summaries._coded import products as products_of
from algorithms.summaries.precise import (
    AUTO,
    DATA,
    DOUBLE,
    EPS,
    EPS32,
    PRODUCTS,
    QR,
    Precise,
    exact_sum,
    merged_rounding,
    root_of,
    triangular,
)

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from algorithms.preparing.column_map import ColumnMap

SAMPLE = 256
"""Rows of a batch whose means are subtracted before products are taken, of columns that lie far from zero."""



@dataclass(frozen=True, eq=False)
class MomentsState(Aged):
    """The state of :class:`Moments`.

    Attributes
    ----------
    shape : the columns.
    rows : number of rows seen (int).
    weight : sum of their weights, W.
    mean : shape (p,), weighted mean of the columns, then of the targets.
    within : shape (k,), the places of the columns that are other than zero in any row, ascending.
    inner : shape (k + t, k + t), weighted sum of the outer products about the mean, of these and the targets.
    root : shape (k + t, k + t), upper triangular R with RᵀR = inner, of more digits; (0, 0) where it is not kept.
    rounding : relative rounding of one product, and what merges add to it.
    below : shape (p,), what the mean has below its last digit; (0,) where that is not kept.
    reach : the clock of the newest row, of rows that age.
    """

    shape: Shape = field(metadata={"static": True})
    rows: int
    weight: float
    mean: Array
    within: Places = field(metadata={"varies": True})
    inner: Array = field(metadata={"varies": True, "sides": True})
    root: Array = field(
        default_factory=lambda: np.zeros((0, 0)), metadata={"varies": True, "sides": True, "root": True}
    )
    rounding: float = field(default=EPS, metadata={"below": True})
    below: Array = field(default_factory=lambda: np.zeros(0), metadata={"below": True})
    reach: float = NEVER

    def faded(self, factor: float) -> Self:
        """Return the state as if every row weighed so many times what it does."""
        root, inner = self.root * np.sqrt(factor), self.inner * factor
        return replace(self, weight=self.weight * factor, inner=inner, root=root)

    @property
    def places(self) -> Places:
        """The places of what ``inner`` is laid out by, among columns and targets, shape (k + t,)."""
        return _with_targets(self.within, self.shape)

    @cached_property
    def squares(self) -> Array:
        """Sum of squares of columns and targets about their means, shape (p,)."""
        made = np.zeros(self.shape.p)
        made[self.places] = np.diagonal(self.inner)
        return made

    @property
    def scatter(self) -> Array:
        """Weighted sum of the outer products about the mean, laid out by all columns and targets, shape (p, p)."""
        return laid_out(self.inner, self.places, self.shape.p)

    @cached_property
    def with_target(self) -> Array:
        """Products of the columns with the first target about the means, shape (d,); zeros where there is none."""
        made, k = np.zeros(self.shape.d), len(self.within)
        if self.shape.t:
            made[self.within] = self.inner[:k, k]
        return made

    def profile(self) -> tuple[Array, Array]:
        """Return the mean and the variance of each column, then of the targets."""
        return self.mean, self.squares / self.weight

    @property
    def likeness(self) -> Array | None:
        """The squared correlation of each column with the target."""
        known = self.shape.t == 1 and not self.shape.classes
        return of_products(self.with_target, self.squares) if known else None

    def association(self, columns: ColumnMap) -> Array:
        """Return how the mapped columns go with the target: their absolute products, shape (q,)."""
        return np.abs(columns.mean(self.with_target))


@dataclass(frozen=True, repr=False)
class Moments(OnFeatures, Ageing, Precise[MomentsState], Summary[MomentsState]):
    """The weight, mean and scatter of columns and targets.

    Parameters
    ----------
    precision : ``"double"`` multiplies in float64 whatever the data; ``"data"`` multiplies float32 data in float32
        and accumulates in float64: half the time of the products, and half the digits; ``"qr"`` keeps a triangular
        factor of the rows besides, for columns that are nearly collinear or of very unlike scales. ``"auto"`` is
        ``"double"``, and ``"qr"`` where a score needs it (another pass).
    target_transform : ``"log1p"`` keeps the moments of log(1 + y) in place of y, ``"none"`` those of y.
    kernel, kernel_scale, kernel_components : features in place of the columns, as in
        :class:`~algorithms.preparing.kernels.OnFeatures`.
    half_life, clock : as in :class:`~algorithms.ageing.Ageing`.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape = Shape((Column("x", "x"),), ("y",))
    >>> moments = Moments()
    >>> state = moments.update(moments.init(shape), Batch(np.array([[0.0, 1.0], [2.0, 5.0]]), d=1))
    >>> state.rows, state.mean.tolist(), state.scatter.tolist()
    (2, [1.0, 3.0], [[2.0, 4.0], [4.0, 8.0]])
    """

    precision: Annotated[str, Legal(AUTO, *PRODUCTS)] = AUTO
    target_transform: Annotated[str, Legal("none", "log1p"), Choice("none", "log1p", searched=False)] = field(
        default="none", kw_only=True, repr=False
    )

    version: ClassVar[int] = 4
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = EXACT
    sums: ClassVar[bool] = True

    def takes(self, batch: Batch) -> bool:
        """Return whether a batch is taken as it is: one of codes by products in float64 alone."""
        if not isinstance(batch, CodedBatch):
            return super().takes(batch)
        return self.kernel == NONE and self.target_transform == "none" and self.products == DOUBLE

    def init(self, shape: Shape) -> MomentsState:
        """Return the moments of no rows: no column is other than zero in any of them."""
        shape = self.inside(shape)
        p, t = shape.p, shape.t
        r, none = t if self.products == QR else 0, np.zeros(0, np.intp)
        return MomentsState(
            shape, 0, 0.0, np.zeros(p), none, np.zeros((t, t)), np.zeros((r, r)), below=np.zeros(p)
        )

    def update(self, state: MomentsState, batch: Batch) -> MomentsState:
        """Return the moments of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        batch, reach = self.weighed(batch)
        batch = self.mapped(batch, state.shape)
        if self.target_transform == "log1p":
            batch = _log1p(batch, state.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            lifted = replace(self._lift(batch, state.shape), reach=reach)
        return self.merge(state, lifted)

    def merge(self, a: MomentsState, b: MomentsState) -> MomentsState:
        """Return the moments of both states' rows (Chan et al., eq. 1.5); leaves both alone."""
        if b.weight == 0.0:
            return a
        if a.weight == 0.0:
            return b
        a, b = self.together(a, b)
        weight, within = a.weight + b.weight, union(a.within, b.within)
        if len(a.root) or len(b.root):
            return _merged_roots(a, b, within)
        with np.errstate(over="ignore", invalid="ignore"):
            delta = _way(a, b)
            places = _with_targets(within, a.shape)
            terms = ((state.inner, state.places) for state in (a, b))
            inner = outer_sum(delta[places], a.weight * b.weight / weight, *terms, within=places)
            mean, below = _moved(a, delta * (b.weight / weight))
        rounding = merged_rounding(a.rounding, b.rounding)
        return MomentsState(
            a.shape, a.rows + b.rows, weight, mean, within, inner, a.root, rounding, below, a.reach
        )

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state at most: p² + 2p numbers, d places, four scalars; p² more with a root."""
        inside = self.inside(shape)
        return self._bytes(inside, inside.d)

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes of one state whose rows have every column that they may have."""
        inside = self.inside(shape)
        return self._bytes(inside, inside.d if inside.filled is None else inside.filled)

    def _bytes(self, inside: Shape, k: int) -> int:
        m = k + inside.t
        return 8 * (m * m * (2 if self.products == QR else 1) + 2 * inside.p + k + 4)

    def sensitivity(self, shape: Shape) -> float:
        """Return the length of (1, z, zzᵀ) at most, of p columns and targets."""
        return float(np.sqrt(1.0 + shape.p + shape.p * (shape.p + 1) / 2.0))

    def noised(
        self, state: MomentsState, bounds: Bounds, sigma: float, rng: np.random.Generator
    ) -> MomentsState:
        """Return the moments of noised sums of 1, z and zzᵀ."""
        rows, mean, scatter = noised_moments(state.rows, state.mean, state.scatter, bounds, sigma, rng)
        every = np.arange(state.shape.d)
        return MomentsState(state.shape, rows, float(rows), mean, every, scatter, below=np.zeros(len(mean)))

    def _lift(self, batch: Batch, shape: Shape) -> MomentsState:
        if self.products == QR:
            return _lifted_root(batch, shape)
        if isinstance(batch, CodedBatch):
            return _lifted(batch, shape, EPS, *_centred_codes(batch))
        narrow = self.products == DATA and batch.values.dtype == np.float32
        found = _centred(batch.values, batch.weight, np.float32 if narrow else np.float64)
        return _lifted(batch, shape, EPS32 if narrow else EPS, *found, present(batch, shape.p))


def _lifted_root(batch: Batch, shape: Shape) -> MomentsState:
    """Return the moments of one batch with their root, from the rows themselves."""
    columns, own = there(batch, shape.p, shape.d)
    x, w = batch.values[:, own].astype(np.float64), batch.weights
    total = float(w.sum())
    shift = x.mean(axis=0)
    x -= shift
    delta = w @ x / total
    x -= delta
    if batch.weight is not None:
        x *= np.sqrt(w)[:, None]
    found = root_of(x)
    mean, below = np.zeros(shape.p), np.zeros(shape.p)
    mean[columns], below[columns] = exact_sum(shift, delta)
    within = columns[columns < shape.d]
    places = _with_targets(within, shape)
    root = np.zeros((len(places), len(places)))
    root[: len(found), np.searchsorted(places, columns)] = found
    return _rooted(shape, batch.n, total, mean, within, root, below)


def _merged_roots(a: MomentsState, b: MomentsState, within: Places) -> MomentsState:
    """Return the moments of both states' rows by the root of both roots and the way between the means."""
    weight, places = a.weight + b.weight, _with_targets(within, a.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        delta = _way(a, b)
        between = delta[places] * np.sqrt(a.weight * b.weight / weight)
        own = [widened(state.root, state.places, places) for state in (a, b)]
        root = np.zeros((len(places), len(places)))
        found = triangular([np.concatenate([*own, between[None]])])
        root[: len(found)] = found
        mean, below = _moved(a, delta * (b.weight / weight))
    made = _rooted(a.shape, a.rows + b.rows, weight, mean, within, root, below)
    return replace(made, reach=a.reach, rounding=merged_rounding(a.rounding, b.rounding))


def _rooted(
    shape: Shape, rows: int, weight: float, mean: Array, within: Places, root: Array, below: Array
) -> MomentsState:
    with np.errstate(over="ignore", invalid="ignore"):
        return MomentsState(shape, rows, weight, mean, within, root.T @ root, root, below=below)


def _with_targets(within: Places, shape: Shape) -> Places:
    """Return the places of some columns, and of the targets."""
    return np.append(within, np.arange(shape.d, shape.p))


def _lifted(
    batch: Batch, shape: Shape, rounding: float, mean: Array, below: Array, scatter: Array, places: Places
) -> MomentsState:
    """Return the moments of a batch from those of the columns at some places; the others are zero in every row."""
    filled = (places < shape.d) & ((mean != 0.0) | (np.diagonal(scatter) != 0.0))
    within, full_mean, full_below = np.sort(places[filled]), np.zeros(shape.p), np.zeros(shape.p)
    full_mean[places], full_below[places] = mean, below
    wanted = _with_targets(within, shape)
    if not np.array_equal(wanted, places):
        scatter = selected(scatter, places_of(places, shape.p)[wanted])
    return MomentsState(
        shape, batch.n, batch.total, full_mean, within, scatter, rounding=rounding, below=full_below
    )


def _way(a: MomentsState, b: MomentsState) -> Array:
    """Return the way from one mean to another, with the digits that it has of its own."""
    made = b.mean - a.mean
    return made + (b.below - a.below) if len(a.below) == len(b.below) == len(made) else made


def _moved(a: MomentsState, way: Array) -> tuple[Array, Array]:
    """Return a mean after some of the way to another, and what it has below its last digit."""
    mean, below = exact_sum(a.mean, way)
    return exact_sum(mean, below + a.below) if len(a.below) == len(mean) else (mean, below)


def _log1p(batch: Batch, shape: Shape) -> Batch:
    """Return the batch with log(1 + y) in place of the targets; the columns are those of ``batch``."""
    places = np.arange(batch.d, shape.p)
    if batch.present is not None:
        places = np.flatnonzero(batch.present >= batch.d)  # a target of zeros alone stays zero
    targets = batch.values[:, places].astype(np.float64)
    if targets.size and targets.min() <= -1.0:
        at = int(np.argmin(targets.min(axis=0)))
        name = shape.targets[at if batch.present is None else int(batch.present[places[at]]) - batch.d]
        raise InvalidTarget(
            f"target {name!r} is {targets.min():g} in a row, and target_transform='log1p' needs values above -1; "
            "leave target_transform at 'none', or shift the target"
        )
    values = np.array(batch.values, order="F")
    values[:, places] = np.log1p(targets)
    return Batch(values, batch.d, batch.weight, batch.present, batch.priority)


def check_finite(state: Summed) -> None:
    """Raise TooLarge, naming a column, where a mean or a scatter has overflowed; TooSmall where one has few digits.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> moments, shape = Moments(), Shape((Column("x", "x"),), ())
    >>> check_finite(moments.update(moments.init(shape), Batch(np.array([[1e200], [-1e200]]), d=1)))
    Traceback (most recent call last):
    algorithms.errors.TooLarge: column 'x' holds values so large that their squares, times the weights, ...
    """
    broken = np.flatnonzero(~np.isfinite(state.mean) | ~np.isfinite(state.squares))
    if len(broken):
        names = [*(column.name for column in state.shape.columns), *state.shape.targets]
        raise TooLarge(
            f"column {names[broken[0]]!r} holds values so large that their squares, times the weights, have no "
            "finite sum: look for damaged values, rescale the column (or the weights), or leave it out; "
            "where the data is float32, precision='double' has room for more"
        )
    least = max(1.0, state.weight) * np.finfo(np.float64).tiny
    rounding = state.weight * (4.0 * EPS * np.abs(state.mean)) ** 2
    if len(small := np.flatnonzero((state.squares > rounding) & (state.squares < least))):
        names = [*(column.name for column in state.shape.columns), *state.shape.targets]
        raise TooSmall(
            f"column {names[small[0]]!r} holds values so small that their squares, times the weights, have few "
            "digits: rescale the column (or the weights), or leave it out"
        )


def _centred(values: Floats, w: Array | None, dtype: DTypeLike) -> tuple[Array, Array, Array]:
    """Return mean, what it has below its last digit, and scatter.

    By one product about a sample's means, whose error is corrected (eq. 2.1). A column of ones gives the sums in
    the same product. Columns that lie within their deviation of zero are multiplied as they are: that costs them no
    more than a bit.
    """
    mean, below, scatter, lost = _about(values, w, _middle(values).astype(dtype), dtype)
    if lost:
        mean, below, scatter, _ = _about(values, w, mean.astype(dtype), dtype)
    return mean, below, scatter


def _middle(values: Floats) -> Array:
    """Return the means of some rows, of columns that lie far from zero; zero of others."""
    n = min(len(values), SAMPLE)
    sample = (values if n == len(values) else values[_some(len(values))]).astype(np.float64)
    middle = sample.sum(axis=0) / n
    sample -= middle
    return np.where(n * middle * middle > np.einsum("ij,ij->j", sample, sample), middle, 0.0)


def _about(
    values: Floats, w: Array | None, shift: Floats, dtype: DTypeLike
) -> tuple[Array, Array, Array, bool]:
    """Return the same by one product about a shift, and whether an unshifted column lies far from zero."""
    z = _shifted(values, w, shift, dtype)
    total = float(len(z)) if w is None else float(w.sum())
    return _about_shift((z.T @ z).astype(np.float64, copy=False), shift.astype(np.float64), total)


def _shifted(values: Floats, w: Array | None, shift: Floats, dtype: DTypeLike) -> Floats:
    """Return the columns less their shifts, and one of ones, all times the root of the weights."""
    n, p = values.shape
    z = np.empty((n, p + 1), dtype, order="F")
    np.copyto(z[:, :p], values)
    for j in np.flatnonzero(shift):
        z[:, j] -= shift[j]
    z[:, p] = 1.0
    if w is not None:
        z *= np.sqrt(w).astype(dtype)[:, None]
    return z


def _about_shift(products: Array, shift: Array, total: float) -> tuple[Array, Array, Array, bool]:
    """Return the moments of columns by the products of these, less their shifts, and of a column of ones."""
    p = len(shift)
    delta = products[p, :p] / total
    squares = delta * delta * total
    lost = bool(np.any((shift == 0.0) & (2.0 * squares > np.diagonal(products)[:p])))
    mean, below = exact_sum(shift, delta)
    every = np.arange(p)
    return mean, below, outer_sum(delta, -total, (products[:p, :p], every), within=every), lost


def _centred_codes(batch: CodedBatch) -> tuple[Array, Array, Array, Places]:
    """Return the same of rows of codes, and the places of the columns, by the products of what is not looked up."""
    made, tables = apart(batch)
    places = np.concatenate([batch.columns, *(m.columns for m in made), *(t.columns for t in tables)])
    shift = _middle(rows_of(batch, made, _some(batch.n))[:, :-1])
    mean, below, scatter, lost = _about_codes(batch, made, tables, shift)
    if lost:
        mean, below, scatter, _ = _about_codes(batch, made, tables, mean[: len(shift)])
    return mean, below, scatter, places


def _about_codes(
    batch: CodedBatch, made: Sequence[Lookup], tables: Sequence[Used], shift: Array
) -> tuple[Array, Array, Array, bool]:
    """Return the same as :func:`_about`."""
    z = rows_of(batch, made, shift=shift)
    if batch.weight is not None:
        z *= np.sqrt(batch.weight)[:, None]
    whole = np.concatenate([shift, *(one.shift for one in tables)])
    return _about_shift(products_of(z, batch.weight, tables), whole, batch.total)


def _some(n: int) -> Places:
    """Return all of few rows, or 256 of many, spread by the golden ratio so that no period is in step."""
    if n <= SAMPLE:
        return np.arange(n)
    return (np.arange(SAMPLE) * 0.6180339887498949 % 1.0 * n).astype(np.intp)
