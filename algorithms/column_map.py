"""The linear map T of the columns: imputing, merging rare categories, dropping and selecting, after the pass.

Notation: T has shape (d, q), from d encoded columns to q columns of a design; S becomes TᵀST.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from algorithms.base import INDICATOR, LEVEL, MISSING, OTHER, VALUE, Array, Column, Shape
from algorithms.memo import MEMO

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Places = NDArray[np.intp]


class Summed(Protocol):
    """A state that knows each column's mean and sum of squares about it."""

    @property
    def shape(self) -> Shape:
        """The columns."""
        ...

    @property
    def mean(self) -> Array:
        """Shape (p,)."""
        ...

    @property
    def scatter(self) -> Array:
        """Shape (p, p), or its diagonal alone."""
        ...


@dataclass(frozen=True, eq=False)
class ColumnMap:
    """T and the names of the design's columns.

    Attributes
    ----------
    matrix : sparse (d, q).
    names : the q design columns.
    pick : for a T that only selects, the selected encoded columns; else None.
    """

    matrix: csr_array
    names: tuple[str, ...]
    pick: np.ndarray[Any, np.dtype[np.intp]] | None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.matrix.data.nbytes + self.matrix.indices.nbytes) + 64 * len(self.names)

    def keeps_all(self, d: int) -> bool:
        """Return whether T keeps all of d columns as they are."""
        return self.pick is not None and np.array_equal(self.pick, np.arange(d))

    def mean(self, x: Array) -> Array:
        """Return Tᵀx."""
        return x[self.pick] if self.pick is not None else np.asarray(self.matrix.T @ x)

    def both(self, scatter: Array) -> Array:
        """Return TᵀST for S of shape (d, d)."""
        if self.pick is not None:
            return scatter[np.ix_(self.pick, self.pick)]
        return np.asarray(self.matrix.T @ (self.matrix.T @ scatter).T)

    def of_rows(self, rows: Array) -> Array:
        """Return RT for rows R of shape (r, d)."""
        return rows[:, self.pick] if self.pick is not None else np.asarray((self.matrix.T @ rows.T).T)

    def take(self, columns: np.ndarray[Any, np.dtype[np.intp]]) -> ColumnMap:
        """Return the map to some of its columns."""
        pick = None if self.pick is None else self.pick[columns]
        return ColumnMap(self.matrix[:, columns], tuple(self.names[j] for j in columns), pick)


@dataclass(frozen=True, eq=False)
class Gaps:
    """The numbers that have an indicator of where they are missing, and those indicators; equally long."""

    values: Places
    indicators: Places

    def some(self, kept: NDArray[np.bool_]) -> Gaps:
        """Return some of them."""
        return Gaps(self.values[kept], self.indicators[kept])


@functools.lru_cache(maxsize=16)
def gaps_of(columns: tuple[Column, ...]) -> Gaps:
    """Return which numbers have which indicator: that of the same column of the data.

    Examples
    --------
    >>> from algorithms.base import Column
    >>> gaps = gaps_of((Column("x", "x"), Column("x?", "x", "indicator"), Column("y", "y")))
    >>> gaps.values.tolist(), gaps.indicators.tolist()
    ([0], [1])
    """
    indicators = {c.source: j for j, c in reversed(list(enumerate(columns))) if c.role == INDICATOR}
    values = [j for j, c in enumerate(columns) if c.role == VALUE and c.source in indicators]
    beside = [indicators[columns[j].source] for j in values]
    return Gaps(np.array(values, np.intp), np.array(beside, np.intp))


def seen(mean: Array, scatter: Array) -> Places:
    """Return the places of the columns that are not zero in every row; the first where all of them are.

    Parameters
    ----------
    mean, scatter : of each column, shape (d,).

    Examples
    --------
    >>> seen(np.array([0.0, 0.0, 1.0]), np.array([0.0, 2.0, 0.0])).tolist(), seen(np.zeros(2), np.zeros(2)).tolist()
    ([1, 2], [0])
    """
    found = np.flatnonzero((mean != 0.0) | (scatter != 0.0))
    return found if len(found) else np.arange(min(1, len(mean)))


def column_map(state: Summed, impute: str, min_frequency: float) -> ColumnMap:
    """Return T for imputing and merging, with the columns that are zero in every row left out.

    Where all of them are, one is kept: a column without effect, so that every model has one.
    """
    return MEMO.get(state, (impute, min_frequency), lambda: _column_map(state, impute, min_frequency))


def picked(shape: Shape, pick: np.ndarray[Any, np.dtype[np.intp]]) -> ColumnMap:
    """Return the map that keeps some encoded columns as they are."""
    from scipy.sparse import csr_array

    q = len(pick)
    matrix = csr_array((np.ones(q), (pick, np.arange(q))), shape=(shape.d, q))
    return ColumnMap(matrix, tuple(shape.columns[j].name for j in pick), pick)


@dataclass
class _Entries:
    """T as it is put together: rows, columns and values."""

    rows: list[int]
    cols: list[int]
    values: list[float]
    names: list[str]

    def add(self, name: str, parts: list[tuple[int, float]]) -> None:
        for row, value in parts:
            self.rows.append(row)
            self.cols.append(len(self.names))
            self.values.append(value)
        self.names.append(name)


def _column_map(state: Summed, impute: str, min_frequency: float) -> ColumnMap:
    from scipy.sparse import csr_array

    shape, entries = state.shape, _Entries([], [], [], [])
    mean = state.mean[: shape.d]
    scatter = state.scatter if state.scatter.ndim == 1 else np.diagonal(state.scatter)
    used = set(seen(mean, scatter[: shape.d]).tolist())
    for members in _by_source(shape):
        roles = {shape.columns[j].role for j in members}
        if roles <= {LEVEL, OTHER, MISSING}:
            _merge_rare(entries, shape, members, mean, min_frequency)
        else:
            _fill_missing(entries, shape, [j for j in members if j in used], mean, impute)
    if not entries.names and shape.d:
        entries.add(shape.columns[0].name, [(0, 1.0)])
    q = len(entries.names)
    matrix = csr_array((entries.values, (entries.rows, entries.cols)), shape=(shape.d, q))
    only_selects = len(entries.values) == q and all(v == 1.0 for v in entries.values)
    pick = np.asarray(entries.rows, dtype=np.intp) if only_selects else None
    return ColumnMap(matrix, tuple(entries.names), pick)


def _by_source(shape: Shape) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for j, column in enumerate(shape.columns):
        groups.setdefault(column.source, []).append(j)
    return list(groups.values())


def _fill_missing(out: _Entries, shape: Shape, members: list[int], mean: Array, impute: str) -> None:
    """Add a nullable number: value + fill · indicator, the fill chosen now."""
    values = [j for j in members if shape.columns[j].role == VALUE]
    missing = [j for j in members if shape.columns[j].role == INDICATOR]
    for j in values:
        share = mean[missing[0]] if missing else 0.0
        fill = mean[j] / (1.0 - share) if impute != "zero" and share < 1.0 else 0.0
        filled = [(missing[0], float(fill))] if missing and fill != 0.0 else []
        out.add(shape.columns[j].name, [(j, 1.0), *filled])
    if impute == "indicator":
        for j in missing:
            out.add(shape.columns[j].name, [(j, 1.0)])


def _merge_rare(out: _Entries, shape: Shape, members: list[int], mean: Array, min_frequency: float) -> None:
    """Add a categorical column: frequent categories as they are, the rare ones as part of "other"."""
    other = [j for j in members if shape.columns[j].role == OTHER and mean[j] > 0.0]
    rest = [j for j in members if shape.columns[j].role != OTHER and mean[j] > 0.0]
    rare = [j for j in rest if mean[j] < min_frequency]
    for j in rest:
        if mean[j] >= min_frequency:
            out.add(shape.columns[j].name, [(j, 1.0)])
    if merged := [*other, *rare]:
        name = next((shape.columns[j].name for j in members if shape.columns[j].role == OTHER), "other")
        out.add(name, [(j, 1.0) for j in merged])
