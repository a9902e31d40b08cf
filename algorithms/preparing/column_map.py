"""The linear map T of the columns: imputing, merging rare categories, dropping and selecting, after the pass.

Notation: T has shape (d, q), from d encoded columns to q columns of a design; S becomes TᵀST.

States hold a value less its column's origin o, and a missing one as zero; a fitted pipeline gets the value itself,
and a missing one as o. The same T serves both: value + (fill - o) · indicator. What differs is the mean of a column
of T, by the origins of its values: :attr:`ColumnMap.origin`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Floats, Mask, Matrix, Places
from algorithms.contract import HASH_BITS, INDICATOR, LEVEL, MISSING, OTHER, VALUE, Column, Shape
from algorithms.lazily import scipy
from algorithms.memo import MEMO
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

    Attributes
    ----------
    matrix : sparse (d, q).
    names : the q design columns.
    pick : for a T that only selects, the selected encoded columns; else None.
    origin : shape (q,), what a column of a pipeline has on top of that of a state.
    """

    matrix: csr_array
    names: tuple[str, ...]
    pick: Places | None
    origin: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.matrix.data.nbytes + self.matrix.indices.nbytes) + 64 * len(self.names)

    def keeps_all(self, d: int) -> bool:
        """Return whether T keeps all of d columns as they are."""
        return self.pick is not None and np.array_equal(self.pick, np.arange(d))

    @cached_property
    def filled(self) -> Filled | None:
        """T as a selection beside what fills its gaps; None where a column of T merges several."""
        return _filled(self.matrix)

    def mean(self, x: Array) -> Array:
        """Return Tᵀx."""
        return x[self.pick] if self.pick is not None else np.asarray(self.matrix.T @ x)

    def both(self, scatter: Array, within: Places, as_is: Mask | None = None) -> Array:
        """Return TᵀST; a selection where no row that S is of has a gap.

        A column of T that varies by no more than what its parts, which cancel, are rounded to does not vary.

        Parameters
        ----------
        scatter : S of some of the encoded columns, shape (k, k); those of the others are zero.
        within : these columns, shape (k,).
        as_is : shape (q,), columns that are left as they are. Of one that varies in training rows nobody asks
            whether it does in others, and its products with other columns have digits that its own square lacks.
        """
        filled = self.filled
        if filled is not None:
            places = self._places(within)
            beside = places[filled.beside]
            if not np.diagonal(scatter)[beside[beside >= 0]].any():
                return selected(scatter, places[filled.pick])
        matrix = self.matrix[within]
        made = np.asarray(matrix.T @ (matrix.T @ scatter).T)
        constant = np.diagonal(made) <= CANCELLED * (matrix.multiply(matrix).T @ np.diagonal(scatter))
        constant = constant if as_is is None else constant & ~as_is
        made[constant, :] = made[:, constant] = 0.0
        return made

    def _places(self, within: Places) -> Places:
        """Return where each encoded column is among some of them, shape (d,); -1 where it is not."""
        return places_of(within, int(self.matrix.shape[0]))

    def parts(self, squares: Array) -> Array:
        """Return the length of the parts of each column of T, from the encoded columns' sums of squares.

        Where parts cancel, as those of a filled column far from its origin do, rounding is relative to them.
        """
        squares = np.maximum(squares, 0.0)
        return np.asarray(np.sqrt(squares[self.pick] if self.pick is not None else self._squares @ squares))

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
        if len(within) == self.matrix.shape[0]:
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
        along = np.asarray(self._squares @ variance)
        parts = (self._squares != 0.0) @ ((mean != 0.0) | (variance != 0.0)).astype(np.float64)
        return np.where(parts <= 1.0, along, along + self._squares @ mean**2)

    def spread(self, mean: Array, variance: Array, as_is: Mask | None = None) -> Array:
        """Return the variance of each column of T from the means and variances of the encoded ones.

        The parts of a column of T are never other than zero in the same row (a value less its origin and the
        indicator that it is missing; two categories), so the mean of a product of two is zero. A column with one
        part that is anywhere other than zero has exactly that part's variance. A variance that is less than what
        its parts, which cancel, are rounded to is zero, or of columns ``as_is`` what rounding leaves of it.
        """
        along = np.asarray(self._squares @ variance)
        parts = (self._squares != 0.0) @ ((mean != 0.0) | (variance != 0.0)).astype(np.float64)
        crossed = along + self._squares @ mean**2 - self.mean(mean) ** 2
        least = CANCELLED * along if as_is is None else np.where(as_is, 0.0, CANCELLED * along)
        return np.where(parts <= 1.0, along, np.where(crossed > least, crossed, 0.0))

    def gapped(self, gaps: Gaps) -> tuple[Places, Places]:
        """Return which columns of T are numbers whose gaps are filled, and the indicators of these gaps.

        Examples
        --------
        >>> gaps = Gaps(np.array([0]), np.array([1]))
        >>> T = scipy.sparse.csr_array([[1.0, 0.0], [7.0, 0.0], [0.0, 1.0]])
        >>> made = ColumnMap(T, ("x", "y"), None, np.zeros(2))
        >>> [places.tolist() for places in made.gapped(gaps)]
        [[0], [1]]
        """
        both = self.matrix[gaps.values].multiply(self.matrix[gaps.indicators]).tocoo()
        return both.coords[1].astype(np.intp), gaps.indicators[both.coords[0]]

    def take(self, columns: Places) -> ColumnMap:
        """Return the map to some of its columns."""
        pick = None if self.pick is None else self.pick[columns]
        names = tuple(self.names[j] for j in columns)
        return ColumnMap(self.matrix[:, columns], names, pick, self.origin[columns])


@dataclass(frozen=True, eq=False)
class Filled:
    """A T of which each column is one encoded column and, where that is missing, a number.

    Attributes
    ----------
    pick : shape (q,), the encoded columns.
    beside : the indicators whose multiples are added.
    """

    pick: Places
    beside: Places


def _filled(matrix: csr_array) -> Filled | None:
    """Return T as a selection and indicators; None where a column of it has more than one entry of one."""
    by_column = matrix.tocsc()
    counts = np.diff(by_column.indptr)
    if not len(counts) or counts.min() < 1 or counts.max() > 2:
        return None
    first = by_column.indptr[:-1]
    indices, values = by_column.indices, by_column.data
    last = np.minimum(first + counts - 1, len(indices) - 1)
    low, high = np.minimum(indices[first], indices[last]), np.maximum(indices[first], indices[last])
    own = np.where(indices[first] == low, values[first], values[last])
    if not (own == 1.0).all():
        return None
    return Filled(low.astype(np.intp), high[counts == 2].astype(np.intp))


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


def seen(mean: Array, scatter: Array, columns: Sequence[Column]) -> Places:
    """Return the places of the numbers, and of the other columns that are not zero in every row.

    Parameters
    ----------
    mean, scatter : of each column, shape (d,).
    columns : the d columns.

    Examples
    --------
    >>> columns = [Column("x", "x"), Column("c_a", "c", "level"), Column("c_b", "c", "level")]
    >>> seen(np.array([0.0, 0.0, 1.0]), np.zeros(3), columns).tolist()
    [0, 2]
    """
    number = np.array([column.role == VALUE for column in columns], np.bool_)
    return np.flatnonzero(number | (mean != 0.0) | (scatter != 0.0))


def column_map(state: Summed, impute: str, min_frequency: float) -> ColumnMap:
    """Return T for imputing and merging.

    Left out are categories that no row has, indicators that nothing is missing, and numbers that every row lacks.
    Where that is all there is, one is kept as a column of zeros, so that every model has one.
    """
    return MEMO.get(state, (impute, min_frequency), lambda: _column_map(state, impute, min_frequency))


def picked(shape: Shape, pick: Places) -> ColumnMap:
    """Return the map that keeps some encoded columns as they are."""
    q = len(pick)
    matrix = scipy.sparse.csr_array((np.ones(q), (pick, np.arange(q))), shape=(shape.d, q))
    return ColumnMap(matrix, tuple(shape.columns[j].name for j in pick), pick, shape.origin[pick])


def filled_map(shape: Shape, places: Places, fill: Array) -> ColumnMap:
    """Return the map that keeps some encoded columns, missing numbers filled in.

    Parameters
    ----------
    shape : the encoded columns.
    places : those that are kept.
    fill : shape (d,), what stands for a missing number of each, less its origin.
    """
    gaps, place = gaps_of(shape.columns), np.full(shape.d, -1, np.intp)
    place[places] = np.arange(len(places))
    some = (place[gaps.values] >= 0) & (fill[gaps.values] != 0.0)
    rows = np.concatenate([places, gaps.indicators[some]])
    columns = np.concatenate([place[places], place[gaps.values[some]]])
    values = np.concatenate([np.ones(len(places)), fill[gaps.values[some]]])
    matrix = scipy.sparse.csr_array((values, (rows, columns)), shape=(shape.d, len(places)))
    names = tuple(shape.columns[j].name for j in places)
    return ColumnMap(matrix, names, None if some.any() else places, shape.origin[places])


@dataclass
class _Entries:
    """T as it is put together: rows, columns and values."""

    rows: list[int]
    cols: list[int]
    values: list[float]
    names: list[str]
    origins: list[float]

    def add(self, name: str, parts: list[tuple[int, float]], origin: float = 0.0) -> None:
        for row, value in parts:
            self.rows.append(row)
            self.cols.append(len(self.names))
            self.values.append(value)
        self.names.append(name)
        self.origins.append(origin)


@dataclass(frozen=True, eq=False)
class _Numbers:
    """The layout of columns that are numbers and their indicators only.

    Attributes
    ----------
    value : which columns are values, shape (d,).
    beside : of each column the indicator of the same column of the data, -1 where there is none.
    order : sorts the columns by the column of the data that they come from, values first.
    """

    value: NDArray[np.bool_]
    beside: Places
    order: Places


@functools.lru_cache(maxsize=16)
def _numbers_of(columns: tuple[Column, ...]) -> _Numbers | None:
    """Return the layout of numbers; None where there is any other column, or two of a kind of the same source."""
    kinds = {(column.source, column.role) for column in columns}
    if len(kinds) < len(columns) or any(column.role not in (VALUE, INDICATOR) for column in columns):
        return None
    value = np.array([column.role == VALUE for column in columns], np.bool_)
    group: dict[str, int] = {}
    source = np.array([group.setdefault(column.source, len(group)) for column in columns], np.intp)
    indicator = np.full(len(group), -1, np.intp)
    indicator[source[~value]] = np.flatnonzero(~value)
    return _Numbers(value, indicator[source], np.lexsort((~value, source)))


def _map_of_numbers(state: Summed, layout: _Numbers, mean: Array, scatter: Array, impute: str) -> ColumnMap:
    """Return what :func:`_fill_missing` makes of every column."""
    shape, beside = state.shape, layout.beside
    share = np.where(beside >= 0, mean[beside], 0.0)
    used = layout.value | (mean != 0.0) | (scatter != 0.0)
    kept = np.where(layout.value, share < 1.0 - ROUNDING, used & (impute == "indicator"))
    places = layout.order[kept[layout.order]]
    origin = np.where(layout.value, shape.origin, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        fill = -origin if impute == "zero" else mean / (1.0 - share)
    filled = np.flatnonzero((layout.value & (beside >= 0))[places] & (fill[places] != 0.0))
    rows = np.concatenate([places, beside[places[filled]]])
    columns = np.concatenate([np.arange(len(places)), filled])
    values = np.concatenate([np.ones(len(places)), fill[places[filled]]])
    matrix = scipy.sparse.csr_array((values, (rows, columns)), shape=(shape.d, len(places)))
    names = tuple(shape.columns[j].name for j in places)
    return ColumnMap(matrix, names, None if len(filled) else places, origin[places])


def _column_map(state: Summed, impute: str, min_frequency: float) -> ColumnMap:
    shape, entries = state.shape, _Entries([], [], [], [], [])
    mean = state.mean[: shape.d]
    scatter = state.squares
    if (layout := _numbers_of(shape.columns)) is not None:
        made = _map_of_numbers(state, layout, mean, scatter[: shape.d], impute)
        if made.names or not shape.d:
            return made
    used = set(seen(mean, scatter[: shape.d], shape.columns).tolist())
    for members in _by_source(shape):
        roles = {shape.columns[j].role for j in members}
        if roles <= {LEVEL, OTHER, MISSING}:
            _merge_rare(entries, shape, members, _counts(mean, state.weight), min_frequency * state.weight)
        else:
            _fill_missing(entries, shape, members, used, mean, impute)
    if not entries.names and shape.d:
        entries.add(shape.columns[0].name, [])
    q = len(entries.names)
    matrix = scipy.sparse.csr_array((entries.values, (entries.rows, entries.cols)), shape=(shape.d, q))
    only_selects = len(entries.values) == q and all(v == 1.0 for v in entries.values)
    pick = np.asarray(entries.rows, dtype=np.intp) if only_selects else None
    return ColumnMap(matrix, tuple(entries.names), pick, np.array(entries.origins))


def _by_source(shape: Shape) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for j, column in enumerate(shape.columns):
        groups.setdefault(column.source, []).append(j)
    return list(groups.values())


def _fill_missing(
    out: _Entries, shape: Shape, members: list[int], used: set[int], mean: Array, impute: str
) -> None:
    """Add a nullable number: value + (fill - origin) · indicator, the fill chosen now.

    A value that no row lacks is filled all the same where a later row may lack it. One that every row lacks is left
    out, as ``SimpleImputer`` does.
    """
    values = [j for j in members if shape.columns[j].role == VALUE and j in used]
    missing = [j for j in members if shape.columns[j].role == INDICATOR]
    share = mean[missing[0]] if missing else 0.0
    if not share < 1.0 - ROUNDING:
        values = []
    for j in values:
        column = shape.columns[j]
        fill = -column.origin if impute == "zero" else mean[j] / (1.0 - share)
        filled = [(missing[0], float(fill))] if missing and fill != 0.0 else []
        out.add(column.name, [(j, 1.0), *filled], column.origin)
    if impute == "indicator":
        for j in missing:
            if j in used:
                out.add(shape.columns[j].name, [(j, 1.0)])


def _counts(mean: Array, weight: float) -> Array:
    """Return the weight of the rows of each category, whole where it is so to rounding."""
    counts, whole = mean * weight, np.round(mean * weight)
    return np.where(np.abs(counts - whole) <= ROUNDING * weight, whole, counts)


def _merge_rare(out: _Entries, shape: Shape, members: list[int], counts: Array, least: float) -> None:
    """Add a categorical column: frequent categories as they are, the rare ones as part of "other".

    Where any is rare, those that no row has are part of "other" too, as with
    ``OneHotEncoder(handle_unknown="infrequent_if_exist")``; where none is, they are zero in every column.
    """
    other = [j for j in members if shape.columns[j].role == OTHER]
    rest = [j for j in members if shape.columns[j].role != OTHER]
    frequent = [j for j in rest if counts[j] > 0.0 and counts[j] >= least]
    for j in frequent:
        out.add(shape.columns[j].name, [(j, 1.0)])
    rare = [j for j in members if j not in frequent]
    if any(counts[j] > 0.0 for j in rare):
        name = next((shape.columns[j].name for j in other), "other")
        out.add(name, [(j, 1.0) for j in rare])


def buckets_of(hashes: Floats, bits: int) -> Places:
    """Return the bucket of each hash: its highest bits.

    Examples
    --------
    >>> buckets_of(np.array([[2.0**23, 0.0]]), bits=1).tolist()
    [[1, 0]]
    """
    return np.asarray(hashes).astype(np.intp) >> (HASH_BITS - bits)
