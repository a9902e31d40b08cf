"""The linear map T of the columns: imputing, merging rare categories, dropping and selecting, after the pass.

Notation: T has shape (d, q), from d encoded columns to q columns of a design; S becomes TᵀST.

States hold a value less its column's origin o, and a missing one as zero; a fitted pipeline gets the value itself,
and a missing one as o. The same T serves both: value + (fill - o) · indicator. What differs is the mean of a column
of T, by the origins of its values: :attr:`ColumnMap.origin`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from algorithms.arrays import Array, Floats, Mask, Matrix, Places
from algorithms.contract import INDICATOR, LEVEL, MISSING, OTHER, VALUE, Column, Shape
from algorithms.lazily import scipy
from algorithms.preparing.filled import Filled, parted, selection
from algorithms.preparing.within import places_of, selected

if TYPE_CHECKING:
    from scipy.sparse import csr_array


CANCELLED = 64.0 * float(np.finfo(np.float64).eps)
"""A variance that is so small a share of the terms that make it up is their rounding."""

ROUNDING = 1e-12
"""A share of missing values so near to one is one."""


class Summed(Protocol):
    """A state that knows each column's mean and sum of squares about it."""

    @property
    def shape(self) -> Shape:
        """The columns."""
        ...

    @property
    def weight(self) -> float:
        """Sum of the row weights."""
        ...

    @property
    def mean(self) -> Array:
        """Shape (p,)."""
        ...

    @property
    def squares(self) -> Array:
        """Sum of squares about the mean, shape (p,)."""
        ...


@dataclass(frozen=True, eq=False)
class ColumnMap:
    """T and the names of the design's columns.

    Most need no matrix until rows have gaps, or a pipeline is made.

    Attributes
    ----------
    d : the encoded columns.
    names : the q design columns.
    origin : shape (q,), what a column of a pipeline has on top of that of a state.
    filled : T as a selection beside what fills its gaps; None where a column of T merges several.
    merged : T where a column of it merges several, sparse (d, q).
    """

    d: int
    names: tuple[str, ...]
    origin: Array
    filled: Filled | None
    merged: csr_array | None = None

    @cached_property
    def pick(self) -> Places | None:
        """For a T that only selects, the selected encoded columns; else None."""
        return self.filled.pick if self.filled is not None and not len(self.filled.at) else None

    @cached_property
    def matrix(self) -> csr_array:
        """T, sparse (d, q)."""
        return self.merged if self.filled is None else self.filled.matrix(self.d)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        held = self.matrix.data.nbytes + self.matrix.indices.nbytes if self.filled is None else self.filled.nbytes
        return int(held) + 64 * len(self.names)

    def keeps_all(self, d: int) -> bool:
        """Return whether T keeps all of d columns as they are."""
        return self.pick is not None and np.array_equal(self.pick, np.arange(d))

    def mean(self, x: Array) -> Array:
        """Return Tᵀx."""
        return np.asarray(self.matrix.T @ x) if self.filled is None else self.filled.sums(x, self.filled.fill)

    def both(
        self, scatter: Array, within: Places, as_is: Mask | None = None, copy: bool = True
    ) -> Array:
        """Return TᵀST; a selection where no row that S is of has a gap.

        A column of T that varies by no more than what its parts, which cancel, are rounded to does not vary.

        Parameters
        ----------
        scatter : S of some of the encoded columns, shape (k, k); those of the others are zero.
        within : these columns, shape (k,).
        as_is : shape (q,), columns that are left as they are. Of one that varies in training rows nobody asks
            whether it does in others, and its products with other columns have digits that its own square lacks.
        copy : False may give a view of S, to be read alone.
        """
        filled = self.filled
        if filled is not None:
            places = self._places(within)
            beside = places[filled.beside]
            if not np.diagonal(scatter)[beside[beside >= 0]].any():
                return selected(scatter, places[filled.pick], copy)
        matrix = self.matrix[within]
        made = np.asarray(matrix.T @ (matrix.T @ scatter).T)
        constant = np.diagonal(made) <= CANCELLED * (matrix.multiply(matrix).T @ np.diagonal(scatter))
        constant = constant if as_is is None else constant & ~as_is
        made[constant, :] = made[:, constant] = 0.0
        return made

    def _places(self, within: Places) -> Places:
        """Return where each encoded column is among some of them, shape (d,); -1 where it is not."""
        return places_of(within, self.d)

    def parts(self, squares: Array) -> Array:
        """Return the length of the parts of each column of T, from the encoded columns' sums of squares.

        Where parts cancel, as those of a filled column far from its origin do, rounding is relative to them.
        """
        return np.sqrt(self._squared(np.maximum(squares, 0.0)))

    def _squared(self, x: Array) -> Array:
        """Return the sums of the entries of x, each by the square of T's."""
        return np.asarray(self._squares @ x) if self.filled is None else self.filled.sums(x, self.filled.fill**2)

    def of_levels(self, columns: tuple[Column, ...]) -> Mask:
        """Return which columns of T are made of levels alone: of what is zero or one, and one once in a row.

        Examples
        --------
        >>> columns = (Column("c_a", "c", "level"), Column("c_b", "c", "level"), Column("x", "x"))
        >>> ColumnMap(3, ("a", "x"), np.zeros(2), selection(np.array([0, 2]))).of_levels(columns).tolist()
        [True, False]
        """
        levels = _levels_of(columns)
        if self.filled is None:
            return np.asarray((self._squares != 0.0) @ (~levels).astype(np.float64) == 0.0)
        made: Mask = levels[self.filled.pick]
        made[self.filled.at] &= levels[self.filled.beside]
        return made

    def _parts(self, mean: Array, variance: Array) -> Array:
        """Return how many parts of each column of T are anywhere other than zero."""
        some = ((mean != 0.0) | (variance != 0.0)).astype(np.float64)
        if self.filled is None:
            return np.asarray((self._squares != 0.0) @ some)
        return self.filled.sums(some, (self.filled.fill**2 != 0.0).astype(np.float64))

    @cached_property
    def _squares(self) -> csr_array:
        return self.matrix.multiply(self.matrix).T.tocsr()

    def rows(self, X: Floats) -> Floats:
        """Return XT for rows X, shape (n, d); a selection, in their own type, where none of them has a gap."""
        filled = self.filled
        if filled is not None and not X[:, filled.beside].any():
            return np.ascontiguousarray(X[:, filled.pick])
        return np.asarray(X @ self.matrix)

    def rows_within(self, X: Array, within: Places) -> Array:
        """Return XT for rows X of some of the encoded columns, shape (n, k); the others are zero in them."""
        if len(within) == self.d:
            return np.asarray(self.rows(X))
        filled = self.filled
        if filled is not None:
            places = self._places(within)
            beside, at = places[filled.beside], places[filled.pick]
            if not X[:, beside[beside >= 0]].any():
                made = np.zeros((len(X), len(at)))
                made[:, at >= 0] = X[:, at[at >= 0]]
                return made
        return np.asarray(X @ self.matrix[within])

    def times(self, X: Matrix, coef: Array) -> Array:
        """Return XT · coef for rows X, shape (n, d), or a sparse array of them, and coef, shape (q, e)."""
        if isinstance(X, np.ndarray):
            return np.asarray(self.rows(X) @ coef)
        return np.asarray(X @ np.asarray(self.matrix @ coef))

    def rounded(self, mean: Array, variance: Array) -> Array:
        """Return what the rounding of :meth:`spread` is relative to: the variance, or that of parts that cancel."""
        along = self._squared(variance)
        return np.where(self._parts(mean, variance) <= 1.0, along, along + self._squared(mean**2))

    def spread(self, mean: Array, variance: Array, as_is: Mask | None = None) -> Array:
        """Return the variance of each column of T from the means and variances of the encoded ones.

        The parts of a column of T are never other than zero in the same row (a value less its origin and the
        indicator that it is missing; two categories), so the mean of a product of two is zero. A column with one
        part that is anywhere other than zero has exactly that part's variance. A variance that is less than what
        its parts, which cancel, are rounded to is zero, or of columns ``as_is`` what rounding leaves of it.
        """
        along = self._squared(variance)
        crossed = along + self._squared(mean**2) - self.mean(mean) ** 2
        least = CANCELLED * along if as_is is None else np.where(as_is, 0.0, CANCELLED * along)
        return np.where(self._parts(mean, variance) <= 1.0, along, np.where(crossed > least, crossed, 0.0))

    def gapped(self, gaps: Gaps) -> tuple[Places, Places]:
        """Return which columns of T are numbers whose gaps are filled, and the indicators of these gaps.

        Examples
        --------
        >>> gaps = Gaps(np.array([0]), np.array([1]))
        >>> T = Filled(np.array([0, 2]), np.array([0]), np.array([1]), np.array([7.0]))
        >>> made = ColumnMap(3, ("x", "y"), np.zeros(2), T)
        >>> [places.tolist() for places in made.gapped(gaps)]
        [[0], [1]]
        """
        both = self.matrix[gaps.values].multiply(self.matrix[gaps.indicators]).tocoo()
        return both.coords[1].astype(np.intp), gaps.indicators[both.coords[0]]

    def take(self, columns: Places) -> ColumnMap:
        """Return the map to some of its columns."""
        names, origin = tuple(self.names[j] for j in columns), self.origin[columns]
        if self.filled is not None:
            return ColumnMap(self.d, names, origin, self.filled.take(columns))
        return ColumnMap(self.d, names, origin, *parted(self.matrix[:, columns]))


def of_entries(
    d: int, names: tuple[str, ...], origin: Array, rows: list[int], columns: list[int], values: list[float]
) -> ColumnMap:
    """Return T by its entries, those of a column one after the other."""
    each = np.bincount(np.array(columns, np.intp), minlength=len(names))
    if (each == 1).all() and all(value == 1.0 for value in values):
        return ColumnMap(d, names, origin, selection(np.array(rows, np.intp)))
    return ColumnMap(d, names, origin, *parted(scipy.sparse.csr_array((values, (rows, columns)), (d, len(names)))))


@functools.lru_cache(maxsize=16)
def _levels_of(columns: tuple[Column, ...]) -> Mask:
    return np.array([column.role in (LEVEL, OTHER, MISSING) for column in columns], np.bool_)


@dataclass(frozen=True, eq=False)
class Gaps:
    """The numbers that have an indicator of where they are missing, and those indicators; equally long."""

    values: Places
    indicators: Places

    def some(self, kept: Mask) -> Gaps:
        """Return some of them."""
        return Gaps(self.values[kept], self.indicators[kept])


@functools.lru_cache(maxsize=16)
def gaps_of(columns: tuple[Column, ...]) -> Gaps:
    """Return which numbers have which indicator: that of the same column of the data.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> gaps = gaps_of((Column("x", "x"), Column("x?", "x", "indicator"), Column("y", "y")))
    >>> gaps.values.tolist(), gaps.indicators.tolist()
    ([0], [1])
    """
    indicators = {c.source: j for j, c in reversed(list(enumerate(columns))) if c.role == INDICATOR}
    values = [j for j, c in enumerate(columns) if c.role == VALUE and c.source in indicators]
    beside = [indicators[columns[j].source] for j in values]
    return Gaps(np.array(values, np.intp), np.array(beside, np.intp))
