"""Every row of a state, in the narrowest exact type: dense rows without the columns that are zero in each of them.

The types are a chain, each exact in the next, so that the type of some rows and others is the wider of the two,
however they were cut: uint8, int16, float32, float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Floats, Matrix, Places, Values
from algorithms.contract import Batch, Shape, SparseBatch
from algorithms.lazily import scipy
from algorithms.summaries._drawn import Priorities
from algorithms.summaries._kept import VARIES

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TYPES = tuple(np.dtype(kind) for kind in (np.uint8, np.int16, np.float32, np.float64))
"""What numbers are kept in, the narrowest first."""

FIRST = 4096
"""Numbers that are looked at first: most that do not fit a type show it in a few."""

MOST_NARROW = np.iinfo(np.int32).max
"""Numbers up to which the ends of sparse rows are 32 bits wide."""

ANY_NUMBER = {**VARIES, "any_number": True}
"""Of an array whose type is its own too."""


@dataclass(frozen=True, eq=False)
class WholeRows:
    """Rows by ascending priority: their columns, dense or as CSR has them, their targets and their weights.

    Attributes
    ----------
    priority : shape (n,).
    places : shape (a,), which encoded columns dense rows have; the others are zero in each of them.
    numbers : shape (n · a,), dense rows one after another.
    data, indices, indptr : the columns of sparse rows; no ``indptr`` where rows are dense.
    target : shape (n,), numbers or places of classes.
    weight : shape (n,).

    Examples
    --------
    >>> shape = Shape((), ("y",))
    >>> batch = Batch(np.array([[0.0, 7.0, 1.5], [0.0, 2.0, 0.5]]), 2, priority=np.array([9, 4], np.uint64))
    >>> rows = WholeRows.of(batch, 2)
    >>> rows.places.tolist(), rows.dense.tolist(), rows.dense.dtype.name, rows.target.tolist()
    ([1], [[2], [7]], 'uint8', [0.5, 1.5])
    >>> WholeRows.joined(rows, WholeRows.none(), most=1).dense.tolist()
    [[2]]
    """

    priority: Priorities = field(metadata=VARIES)
    places: NDArray[np.int64] = field(metadata=VARIES)
    numbers: Values = field(metadata=ANY_NUMBER)
    data: Values = field(metadata=ANY_NUMBER)
    indices: NDArray[np.int32] = field(metadata=VARIES)
    indptr: NDArray[np.int64] = field(metadata=VARIES)
    target: Array = field(metadata=VARIES)
    weight: Array = field(metadata=VARIES)

    @classmethod
    def none(cls) -> WholeRows:
        """Return no rows; they become dense or sparse as what they are joined with."""
        nothing = np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros((0, 0), np.uint8)
        return cls._dense(*nothing, np.zeros(0), np.zeros(0))

    @classmethod
    def of(cls, batch: Batch, d: int) -> WholeRows:
        """Return the rows of a batch that has priorities, of d columns and a target."""
        if batch.priority is None:
            raise ValueError("rows are kept by their priorities, and the batch has none")
        order = np.argsort(batch.priority, kind="stable")
        beside = batch.priority[order], batch.target(d)[order], batch.weights[order]
        if isinstance(batch, SparseBatch):
            return cls._sparse(beside[0], _narrowed(batch.matrix.data), batch.matrix, order, *beside[1:])
        present = np.arange(batch.values.shape[1]) if batch.present is None else batch.present
        some = np.flatnonzero((present < d) & np.any(batch.values != 0.0, axis=0))
        values = np.ascontiguousarray(batch.values[:, some][order])
        return cls._dense(beside[0], present[some].astype(np.int64), _narrowed(values), *beside[1:])

    @classmethod
    def _dense(
        cls, priority: Priorities, places: NDArray[np.int64], rows: Values, target: Array, weight: Array
    ) -> WholeRows:
        none = np.zeros(0, np.uint8), np.zeros(0, np.int32), np.zeros(0, np.int64)
        return cls(priority, places, np.ascontiguousarray(rows).ravel(), *none, target, weight)

    @classmethod
    def _sparse(
        cls, priority: Priorities, data: Values, matrix: csr_array, order: Places, target: Array, weight: Array
    ) -> WholeRows:
        made = scipy.sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)[order]
        columns, ends = made.indices.astype(np.int32, copy=False), made.indptr.astype(np.int64)
        return cls(priority, np.zeros(0, np.int64), np.zeros(0, np.uint8), made.data, columns, ends, target, weight)

    @staticmethod
    def joined(a: WholeRows, b: WholeRows, most: int) -> WholeRows:
        """Return the rows of both, of more than ``most`` those of the smallest priorities."""
        if not len(a) or not len(b):
            some = a if len(a) else b
            return some if len(some) <= most else some.first(most)
        order = np.argsort(np.concatenate([a.priority, b.priority]), kind="stable")[:most]
        priority = np.concatenate([a.priority, b.priority])[order]
        target, weight = (
            np.concatenate(pair)[order] for pair in ((a.target, b.target), (a.weight, b.weight))
        )
        if a.is_sparse and b.is_sparse:
            width = max(a._width, b._width)
            kind = _wider(a.data.dtype, b.data.dtype)
            parts = [x._csr(width, kind) for x in (a, b)]
            both = scipy.sparse.vstack(parts, format="csr")
            return WholeRows._sparse(priority, both.data, both, order, target, weight)
        places = np.union1d(a._columns, b._columns)
        rows = np.zeros((len(order), len(places)), _wider(a.kind, b.kind))
        for part, mine, first in ((a, order < len(a), 0), (b, order >= len(a), len(a))):
            there, chosen = np.searchsorted(places, part._columns), order[mine] - first
            _put(rows, np.flatnonzero(mine), there, part._filled[chosen])
        return WholeRows._dense(priority, places, rows, target, weight)

    def first(self, most: int) -> WholeRows:
        """Return the rows of the smallest priorities."""
        beside = self.priority[:most], self.target[:most], self.weight[:most]
        if self.is_sparse:
            matrix = self._csr(self._width, self.data.dtype)
            return WholeRows._sparse(beside[0], self.data, matrix, np.arange(most), *beside[1:])
        return WholeRows._dense(beside[0], self.places, self.dense[:most], *beside[1:])

    def __len__(self) -> int:
        return len(self.priority)

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are held sparse."""
        return len(self.indptr) > 0

    @property
    def kind(self) -> np.dtype[np.generic]:
        """The type of the numbers."""
        return self.data.dtype if self.is_sparse else self.numbers.dtype

    @property
    def dense(self) -> Values:
        """Dense rows, shape (n, a)."""
        return self.numbers.reshape(len(self), len(self.places))

    @property
    def matrix(self) -> Matrix:
        """Return the rows in the columns that any of them has, as they are kept: an array, or a CSR array."""
        if not self.is_sparse:
            return cast("Floats", self.dense)
        place = np.zeros(self._width, np.int32)
        place[self._columns] = np.arange(len(self._columns))
        parts = self.data, place[self.indices], self._ends
        return scipy.sparse.csr_array(parts, shape=(len(self), len(self._columns)))

    @property
    def columns(self) -> Places:
        """Which encoded columns :attr:`matrix` has."""
        return self._columns.astype(np.intp)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        parts: Sequence[Values] = (
            self.priority, self.places, self.numbers, self.data, self.indices, self.indptr, self.target,
            self.weight,
        )  # fmt: skip
        return sum(part.nbytes for part in parts)

    @property
    def _width(self) -> int:
        return int(self.indices.max(initial=-1)) + 1

    @property
    def _ends(self) -> NDArray[np.signedinteger]:
        """Where rows end, as narrow as the places of columns: SciPy makes both as wide as the wider."""
        return self.indptr.astype(np.int32) if len(self.indices) <= MOST_NARROW else self.indptr

    @cached_property
    def _columns(self) -> NDArray[np.int64]:
        """The columns that are stored anywhere."""
        if not self.is_sparse:
            return self.places
        return np.flatnonzero(np.bincount(self.indices, minlength=self._width)).astype(np.int64)

    @property
    def _filled(self) -> Values:
        """The rows in those columns, dense."""
        if not self.is_sparse:
            return self.dense
        return np.asarray(self._csr(self._width, self.data.dtype)[:, self._columns].toarray())

    def _csr(self, width: int, kind: np.dtype[np.generic]) -> csr_array:
        data = self.data.astype(kind, copy=False)
        return scipy.sparse.csr_array((data, self.indices, self._ends), shape=(len(self), width))


def _put(out: Values, rows: Places, columns: Places, values: Values) -> None:
    """Write values into some rows and columns; of all columns without a copy."""
    if len(columns) == out.shape[1]:
        out[rows] = values
    else:
        out[np.ix_(rows, columns)] = values


def _wider(a: np.dtype[np.generic], b: np.dtype[np.generic]) -> np.dtype[np.generic]:
    return TYPES[max(TYPES.index(a), TYPES.index(b))]


def _narrowed(values: Values) -> Values:
    """Return numbers in the narrowest type that holds them exactly.

    Examples
    --------
    >>> [_narrowed(np.array(x)).dtype.name for x in ([255.0], [256.0], [0.5], [0.1])]
    ['uint8', 'int16', 'float32', 'float64']
    """
    for kind in TYPES[:-1]:
        if _fits(values.ravel()[:FIRST], kind) and _fits(values, kind):
            return values.astype(kind)
    return values.astype(TYPES[-1], copy=False)


def _fits(values: Values, kind: np.dtype[np.generic]) -> bool:
    if kind.kind != "f" and values.size:
        ends = np.iinfo(kind.name)
        if not (values.min() >= ends.min and values.max() <= ends.max):
            return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.array_equal(values.astype(kind), values))


def bytes_of_row(shape: Shape, columns: int, number: int) -> float:
    """Return the bytes of a row of so many columns that are kept, of numbers of so many bytes.

    Of a sparse matrix, those of its average row, and a half more.
    """
    beside = 24.0  # priority, target and weight
    whole = float(number * columns)
    if shape.stored >= 1.0:
        return whole + beside
    return min(whole, 1.5 * shape.stored * shape.d * (number + 4)) + 8.0 + beside
