"""Moments: weight, mean and scatter, from which everything with a squared error follows exactly.

Merge and lift are centred: Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm for
computing sample variances", equations 1.5 and 2.1, with matrices for squares. Nothing is ever subtracted
from a sum of raw squares, so that a column at an offset of 1e8 keeps its digits.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.base import EXACT, Array, Batch, Shape
from algorithms.column_map import Summed
from algorithms.errors import InvalidField, InvalidTarget, TooLarge
from algorithms.kernels import OnFeatures
from algorithms.ranges import Choice

if TYPE_CHECKING:
    from algorithms.column_map import ColumnMap

SAMPLE = 256
"""Rows of a batch whose mean is subtracted before products are taken."""


@dataclass(frozen=True, eq=False)
class MomentsState:
    """The state of :class:`Moments`.

    Attributes
    ----------
    shape : the columns that the arrays are laid out by.
    rows : number of rows seen (int).
    weight : sum of their weights, W.
    mean : shape (p,), weighted mean of the columns, then of the targets.
    scatter : shape (p, p), weighted sum of the outer products about the mean.
    """

    shape: Shape = field(metadata={"static": True})
    rows: int
    weight: float
    mean: Array
    scatter: Array

    def association(self, columns: ColumnMap) -> Array:
        """Return how the mapped columns go with the target: their absolute products, shape (q,)."""
        return np.abs(columns.mean(self.scatter[: self.shape.d, self.shape.d]))


@dataclass(frozen=True, repr=False)
class Moments(OnFeatures):
    """The weight, mean and scatter of columns and targets.

    Parameters
    ----------
    precision : ``"data"`` multiplies float32 data in float32 and accumulates in float64;
        ``"double"`` multiplies in float64 whatever the data (another pass).
    target_transform : ``"log1p"`` keeps the moments of log(1 + y) in place of y, ``"none"`` those of y.
    kernel, kernel_scale, kernel_components : features in place of the columns, as in
        :class:`~algorithms.kernels.OnFeatures`.

    Examples
    --------
    >>> from algorithms.base import Column
    >>> shape = Shape((Column("x", "x"),), ("y",))
    >>> moments = Moments()
    >>> state = moments.update(moments.init(shape), Batch(np.array([[0.0, 1.0], [2.0, 5.0]]), d=1))
    >>> state.rows, state.mean.tolist(), state.scatter.tolist()
    (2, [1.0, 3.0], [[2.0, 4.0], [4.0, 8.0]])
    """

    precision: str = "data"
    target_transform: Annotated[str, Choice("none", "log1p", searched=False)] = field(
        default="none", kw_only=True, repr=False
    )

    version: ClassVar[int] = 1
    tolerance: ClassVar[float] = 1e-9
    sync_every: ClassVar[int | None] = None
    family: ClassVar[str] = EXACT

    def __post_init__(self) -> None:
        if self.precision not in ("data", "double"):
            raise InvalidField(f"precision={self.precision!r}: must be 'data' or 'double'")
        if self.target_transform not in ("none", "log1p"):
            raise InvalidField(f"target_transform={self.target_transform!r}: must be 'none' or 'log1p'")
        super().__post_init__()

    def init(self, shape: Shape) -> MomentsState:
        """Return the moments of no rows."""
        shape = self.inside(shape)
        return MomentsState(shape, 0, 0.0, np.zeros(shape.p), np.zeros((shape.p, shape.p)))

    def update(self, state: MomentsState, batch: Batch) -> MomentsState:
        """Return the moments of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        batch = self.mapped(batch, state.shape)
        if self.target_transform == "log1p":
            batch = _log1p(batch, state.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            lifted = self._lift(batch, state.shape)
        return self.merge(state, lifted)

    def merge(self, a: MomentsState, b: MomentsState) -> MomentsState:
        """Return the moments of both states' rows (Chan et al., eq. 1.5); leaves both alone."""
        if b.weight == 0.0:
            return a
        if a.weight == 0.0:
            return b
        weight = a.weight + b.weight
        with np.errstate(over="ignore", invalid="ignore"):
            delta = b.mean - a.mean
            scatter = np.multiply.outer(delta, delta * (a.weight * b.weight / weight))
            scatter += a.scatter
            scatter += b.scatter
            mean = a.mean + delta * (b.weight / weight)
        return MomentsState(a.shape, a.rows + b.rows, weight, mean, scatter)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: p² + p numbers, a weight and a count."""
        shape = self.inside(shape)
        return 8 * (shape.p * shape.p + shape.p + 2)

    def _lift(self, batch: Batch, shape: Shape) -> MomentsState:
        values = batch.values.astype(np.float64) if self.precision == "double" else batch.values
        mean, scatter = _centred(values, batch.weight)
        if batch.present is not None:
            mean, scatter = _spread(mean, scatter, batch.present, shape.p)
        return MomentsState(shape, batch.n, batch.total, mean, scatter)


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
    return dataclasses.replace(batch, values=values)


def check_finite(state: Summed) -> None:
    """Raise TooLarge, naming the column, where a mean or a scatter has overflowed.

    Examples
    --------
    >>> from algorithms.base import Column
    >>> moments, shape = Moments(), Shape((Column("x", "x"),), ())
    >>> check_finite(moments.update(moments.init(shape), Batch(np.array([[1e200], [-1e200]]), d=1)))
    Traceback (most recent call last):
    algorithms.errors.TooLarge: column 'x' holds values so large that their squares, times the weights, ...
    """
    squares = state.scatter if state.scatter.ndim == 1 else np.diagonal(state.scatter)
    broken = np.flatnonzero(~np.isfinite(state.mean) | ~np.isfinite(squares))
    if len(broken):
        names = [*(column.name for column in state.shape.columns), *state.shape.targets]
        raise TooLarge(
            f"column {names[broken[0]]!r} holds values so large that their squares, times the weights, have no "
            "finite sum: look for damaged values, rescale the column (or the weights), or leave it out; "
            "where the data is float32, precision='double' has room for more"
        )


def _centred(values: NDArray[np.floating[Any]], w: Array | None) -> tuple[Array, Array]:
    """Return mean and scatter by one product about a sample's mean, whose error is corrected (eq. 2.1).

    A column of ones gives the sums in the same product.
    """
    n, p = values.shape
    total = float(n) if w is None else float(w.sum())
    shift = values[_some(n)].mean(axis=0, dtype=np.float64).astype(values.dtype)
    z = np.empty((n, p + 1), values.dtype, order="F")
    np.subtract(values, shift, out=z[:, :p])
    z[:, p] = 1.0
    if w is not None:
        z *= np.sqrt(w).astype(z.dtype)[:, None]
    products = (z.T @ z).astype(np.float64)
    delta = products[p, :p] / total
    return shift.astype(np.float64) + delta, products[:p, :p] - np.multiply.outer(delta, delta * total)


def _some(n: int) -> NDArray[np.intp]:
    """Return all of few rows, or 256 of many, spread by the golden ratio so that no period is in step."""
    if n <= SAMPLE:
        return np.arange(n)
    return (np.arange(SAMPLE) * 0.6180339887498949 % 1.0 * n).astype(np.intp)


def _spread(mean: Array, scatter: Array, present: NDArray[np.intp], p: int) -> tuple[Array, Array]:
    """Lay the moments of the present columns out over all p; the rest are zero in every row."""
    full_mean, full_scatter = np.zeros(p), np.zeros((p, p))
    full_mean[present] = mean
    full_scatter[np.ix_(present, present)] = scatter
    return full_mean, full_scatter
