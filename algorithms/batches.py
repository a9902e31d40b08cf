"""What passes between data and states: a batch of encoded rows, and the shape that states are laid out by.

Notation (used in every module of this room)

====== ==================================================
n      rows of a batch
d      encoded columns
t      targets
p      d + t
w      row weights, shape (n,)
W      sum of the row weights
S      scatter about the mean, shape (p, p)
====== ==================================================
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Floats, Mask, Matrix, Places, Values
from algorithms.brief import briefly

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator


VALUE, INDICATOR, LEVEL, OTHER, MISSING = "value", "indicator", "level", "other", "missing"

HASHED = "hashed"

PAST, FUTURE, STATIC = "past", "future", "static"
"""What windows of series have of a column beside the target."""

DAYS = (24, 48, 72, 96)
"""Steps of a season that is a day: of hours, and of halves, thirds and quarters of them."""

Label: TypeAlias = str | int | float
"""The label of a class: text, a whole number, or true or false."""

DENSE_BYTES = 1 << 26
"""Bytes that sparse rows may take when a summary wants them dense."""

HASH_BITS = 24
"""Bits of the hash in a column of role ``"hashed"``: as many as float32 holds exactly."""


def label_array(classes: Sequence[Label]) -> Values:
    """Return sorted labels as an array; whole numbers beyond int64 as uint64, which NumPy's own choice is not.

    Examples
    --------
    >>> label_array([5, 2**63 + 1]).tolist()
    [5, 9223372036854775809]
    """
    vast = isinstance(classes[-1], int) and classes[-1] >= 2**63
    return np.array(classes, np.uint64 if vast else None)


@dataclass(frozen=True)
class Column:
    """One encoded column: its name, the column of the data it comes from, and the part it plays.

    Attributes
    ----------
    name : feature name after encoding, for example ``"carrier_AA"``.
    source : column of the data, for example ``"carrier"``.
    role : ``"value"`` (a number, at its origin where missing), ``"indicator"`` (1 where that number is missing),
        ``"level"`` (one category), ``"other"`` (categories outside the learned levels) or
        ``"missing"`` (no category); ``"hashed"`` (a hash of :data:`HASH_BITS` bits of the category, a number by
        which it is found, not to calculate with).
    origin : what batches and states have subtracted from a value, so that they hold small numbers whatever the
        calendar or the currency; models give it back. Other than zero only for a role of ``"value"``.
    given : which values a window of a series has of it: ``"past"`` ones, those and the ``"future"`` ones, which are
        known in advance, or one, since it is ``"static"``; empty for none.

    Examples
    --------
    >>> Column("carrier_AA", "carrier", "level").role
    'level'
    """

    name: str
    source: str
    role: str = VALUE
    origin: float = 0.0
    given: str = field(default="", repr=False)


class Features(Protocol):
    """A map that makes columns of the encoded ones."""

    @property
    def steps(self) -> list[tuple[str, BaseEstimator]]:
        """Fitted steps of a pipeline that make them."""
        ...

    def __call__(self, x: Matrix) -> Array:
        """Return the columns of encoded rows, shape (n, D)."""
        ...


@briefly
@dataclass(frozen=True)
class Shape:
    """The true shape of the data after encoding: what every state of a pass is laid out by.

    Attributes
    ----------
    columns : the d encoded columns, in order.
    targets : names of the t targets.
    classes : labels of the target, sorted, where it is a class; a batch holds their places, from 0.
    dtype : ``"float32"`` or ``"float64"``, of the batches.
    stored : share of the numbers of a row that are stored, where these come as a sparse matrix; else 1.
    rows : how many rows the data has, where that is known before it is read.
    number : bytes of the narrowest type that holds the numbers of every column, by the types of the data.
    filled : how many of the d columns may be other than zero in any row, where the data says that it lacks nothing.
    class_rows : rows of each class, where they are known before the pass; else empty.
    features : the map that made the columns of the encoded ones; None where these are the encoded ones.

    Examples
    --------
    >>> shape = Shape((Column("x", "x"),), ("y",), classes=("no", "yes"))
    >>> shape.d, shape.t, shape.p, len(shape.classes)
    (1, 1, 2, 2)
    """

    columns: tuple[Column, ...]
    targets: tuple[str, ...] = ()
    classes: tuple[Label, ...] = ()
    dtype: str = "float64"
    features: Features | None = None
    stored: float = field(default=1.0, compare=False)
    rows: int | None = field(default=None, compare=False)
    number: int = field(default=8, compare=False)
    filled: int | None = field(default=None, compare=False)
    class_rows: tuple[int, ...] = field(default=(), compare=False)

    @property
    def d(self) -> int:
        """Number of encoded columns."""
        return len(self.columns)

    @property
    def t(self) -> int:
        """Number of targets."""
        return len(self.targets)

    @property
    def p(self) -> int:
        """Number of columns and targets together."""
        return self.d + self.t

    @cached_property
    def origin(self) -> Array:
        """What is subtracted from each encoded column, shape (d,)."""
        return np.array([column.origin for column in self.columns], np.float64)

    @cached_property
    def shifted(self) -> bool:
        """Whether any column has an origin other than zero."""
        return bool(self.origin.any())


BESIDE = ("weight", "priority", "clock", "series", "number")
"""What a batch says of each row beside its values, where it does."""


@dataclass(frozen=True, eq=False)
class Batch:
    """A run of encoded rows.

    Attributes
    ----------
    values : shape (n, p), float32 or float64, Fortran order preferred: d encoded columns, less their origins,
        then t targets. Everything is finite: missing numbers are zero here and one in their indicator column.
    weight : shape (n,) float64, positive, or None for weights of one.
    d : how many of the p are columns; the rest are targets.
    present : indices (into the p columns) of what can be other than zero in this batch, or None for all.
        Columns outside it are exactly zero in every row, so a summary may skip them; then ``values``
        has only the present columns, shape (n, len(present)).
    priority : shape (n,) uint64, a hash of each row's place in the data, the same in every pass: what samples
        are drawn by. None where no summary of the pass draws.
    clock : shape (n,) float64, the place of each row in the data, or its time: what rows age by; the number of
        its step where rows follow one another. None where neither is so.
    series : shape (n,) uint64, a hash of the name of each row's series, where rows follow one another; else None.
    number : shape (n,) int64, the place of each row in its segment. None where no summary of the pass draws.

    Examples
    --------
    >>> batch = Batch(np.ones((3, 2)), d=1)
    >>> batch.n, batch.total
    (3, 3.0)
    """

    values: Floats
    d: int
    weight: Array | None = None
    present: Places | None = None
    priority: NDArray[np.uint64] | None = None
    clock: Array | None = None
    series: NDArray[np.uint64] | None = None
    number: NDArray[np.int64] | None = None

    def but(self, **beside: NDArray[np.generic]) -> Self:
        """Return the same rows with other weights, priorities or clocks."""
        made = copy.copy(self)
        for name, values in beside.items():
            object.__setattr__(made, name, values)
        return made

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def total(self) -> float:
        """Sum of the row weights W."""
        return float(self.n) if self.weight is None else float(self.weight.sum())

    @property
    def weights(self) -> Array:
        """The row weights, ones where there are none."""
        return np.ones(self.n) if self.weight is None else self.weight

    def part(self, rows: slice) -> Batch:
        """Return some of the rows; nothing is copied."""
        return Batch(self.values[rows], self.d, present=self.present).but(**self.beside(rows))

    def beside(self, rows: slice | NDArray[np.generic]) -> dict[str, NDArray[np.generic]]:
        """Return what is said of some of the rows beside their values: weights, priorities, clocks, by name."""
        given = {name: getattr(self, name) for name in BESIDE}
        return {name: values[rows] for name, values in given.items() if values is not None}

    def pieces(self) -> Iterator[Batch]:
        """Yield the rows in pieces that every summary takes: all of them as they are."""
        yield self

    def target(self, place: int) -> Array:
        """Return the column at a place among all p, shape (n,): zeros where it is not present.

        Examples
        --------
        >>> Batch(np.array([[1.0, 5.0]]), d=2, present=np.array([0, 2])).target(2).tolist()
        [5.0]
        """
        found = np.array([place]) if self.present is None else np.flatnonzero(self.present == place)
        return self.values[:, found[0]].astype(np.float64) if len(found) else np.zeros(self.n)

    def dense(self, p: int, rows: slice | Places | Mask = slice(None)) -> Floats:
        """Return the chosen rows with all p columns, those that are not present zero.

        Examples
        --------
        >>> Batch(np.ones((2, 1)), d=2, present=np.array([1])).dense(3).tolist()
        [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
        """
        values: Floats = self.values[rows]
        if self.present is None:
            return values
        full = np.zeros((len(values), p), values.dtype, order="F")
        full[:, self.present] = values
        return full


class SparseBatch(Batch):
    """Rows of which most numbers are zero: a batch like any other, made dense only where a summary asks for it.

    A summary that takes the matrix as it is says ``sparse: ClassVar[bool] = True``; others get the rows in
    pieces, so that no piece is large when dense.

    Parameters
    ----------
    matrix : shape (n, d), the encoded columns.
    targets : shape (n, t).
    weight, priority, clock, series : as in :class:`Batch`.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> batch = SparseBatch(csr_array([[0.0, 2.0], [0.0, 0.0]]), np.array([[1.0], [3.0]]))
    >>> batch.n, batch.present.tolist(), batch.values.tolist()
    (2, [1, 2], [[2.0, 1.0], [0.0, 3.0]])
    """

    matrix: csr_array
    targets: Floats

    def __init__(
        self,
        matrix: csr_array,
        targets: Floats,
        weight: Array | None = None,
        priority: NDArray[np.uint64] | None = None,
        clock: Array | None = None,
        series: NDArray[np.uint64] | None = None,
    ) -> None:
        given = {
            "matrix": matrix, "targets": targets, "d": matrix.shape[1], "weight": weight, "priority": priority,
            "clock": clock, "series": series,
        }  # fmt: skip
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @cached_property
    def values(self) -> Floats:
        """The present columns, dense, shape (n, len(present))."""
        columns = self.present[self.present < self.d]
        made = np.zeros((self.n, len(self.present)), self.matrix.dtype, order="F")
        made[:, : len(columns)] = self.matrix[:, columns].toarray()
        made[:, len(columns) :] = self.targets
        return made

    @cached_property
    def present(self) -> Places:
        """Columns with a stored number, and the targets."""
        found = np.unique(self.matrix.indices).astype(np.intp)
        targets = np.arange(self.d, self.d + self.targets.shape[1], dtype=np.intp)
        return np.concatenate([found, targets])

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.matrix.shape[0])

    def part(self, rows: slice) -> SparseBatch:
        """Return some of the rows."""
        return SparseBatch(self.matrix[rows], self.targets[rows]).but(**self.beside(rows))

    def target(self, place: int) -> Array:
        """Return a target, shape (n,)."""
        return np.asarray(self.targets[:, place - self.d], np.float64)

    def pieces(self) -> Iterator[SparseBatch]:
        """Yield the rows in runs that take at most :data:`DENSE_BYTES` when dense."""
        step = max(1, DENSE_BYTES // (8 * max(1, self.d)))
        for start in range(0, self.n, step):
            yield self.part(slice(start, start + step))


def as_dense(x: Matrix) -> Floats:
    """Return rows as an array, whether or not they are sparse.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> as_dense(csr_array([[0.0, 2.0]])).tolist()
    [[0.0, 2.0]]
    """
    return np.asarray(x.toarray() if hasattr(x, "toarray") else x)
