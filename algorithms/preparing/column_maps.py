"""Which columns a model sees: those of a state, filled, merged where they are rare, and picked, as a column map."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Floats, Places
from algorithms.contract import HASH_BITS, INDICATOR, LEVEL, MISSING, OTHER, VALUE, Column, Shape
from algorithms.memo import MEMO
from algorithms.preparing.column_map import ROUNDING, ColumnMap, Summed, gaps_of, of_entries
from algorithms.preparing.filled import Filled, selection


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
    return ColumnMap(shape.d, tuple(shape.columns[j].name for j in pick), shape.origin[pick], selection(pick))


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
    made = Filled(places, place[gaps.values[some]], gaps.indicators[some], fill[gaps.values[some]])
    return ColumnMap(shape.d, tuple(shape.columns[j].name for j in places), shape.origin[places], made)


@dataclass
class Entries:
    """T as it is put together: rows, columns and values."""

    rows: list[int]
    cols: list[int]
    values: list[float]
    names: list[str]
    origins: list[float]

    def add(self, name: str, parts: list[tuple[int, float]], origin: float = 0.0) -> None:
        """Add a column of T: encoded columns and by what each is multiplied."""
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
    made = Filled(places, filled, beside[places[filled]], fill[places[filled]])
    return ColumnMap(shape.d, tuple(shape.columns[j].name for j in places), origin[places], made)


def _column_map(state: Summed, impute: str, min_frequency: float) -> ColumnMap:
    shape, entries = state.shape, Entries([], [], [], [], [])
    mean = state.mean[: shape.d]
    scatter = state.squares
    if (layout := _numbers_of(shape.columns)) is not None:
        made = _map_of_numbers(state, layout, mean, scatter[: shape.d], impute)
        if made.names or not shape.d:
            return made
    used = set(seen(mean, scatter[: shape.d], shape.columns).tolist())
    for members in by_source(shape.columns):
        roles = {shape.columns[j].role for j in members}
        if roles <= {LEVEL, OTHER, MISSING}:
            merge_rare(entries, shape.columns, members, _counts(mean, state.weight), min_frequency * state.weight)
        else:
            _fill_missing(entries, shape, members, used, mean, impute)
    if not entries.names and shape.d:
        entries.add(shape.columns[0].name, [])
    names, origin = tuple(entries.names), np.array(entries.origins)
    return of_entries(shape.d, names, origin, entries.rows, entries.cols, entries.values)


def by_source(columns: Sequence[Column]) -> list[list[int]]:
    """Return the places of encoded columns by the column of the data that they come from."""
    groups: dict[str, list[int]] = {}
    for j, column in enumerate(columns):
        groups.setdefault(column.source, []).append(j)
    return list(groups.values())


def _fill_missing(
    out: Entries, shape: Shape, members: list[int], used: set[int], mean: Array, impute: str
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


def merge_rare(
    out: Entries, columns: Sequence[Column], members: list[int], counts: Array, least: float
) -> None:
    """Add a categorical column: frequent categories as they are, the rare ones as part of "other".

    Where any is rare, those that no row has are part of "other" too, as with
    ``OneHotEncoder(handle_unknown="infrequent_if_exist")``; where none is, they are zero in every column.
    """
    other = [j for j in members if columns[j].role == OTHER]
    rest = [j for j in members if columns[j].role != OTHER]
    frequent = [j for j in rest if counts[j] > 0.0 and counts[j] >= least]
    for j in frequent:
        out.add(columns[j].name, [(j, 1.0)])
    rare = [j for j in members if j not in frequent]
    if any(counts[j] > 0.0 for j in rare):
        name = next((columns[j].name for j in other), "other")
        out.add(name, [(j, 1.0) for j in rare])


def buckets_of(hashes: Floats, bits: int) -> Places:
    """Return the bucket of each hash: its highest bits.

    Examples
    --------
    >>> buckets_of(np.array([[2.0**23, 0.0]]), bits=1).tolist()
    [[1, 0]]
    """
    return np.asarray(hashes).astype(np.intp) >> (HASH_BITS - bits)
