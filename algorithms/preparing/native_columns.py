"""Rows as estimators take them that need no encoding: gaps stay gaps, and a category is the place of its level.

Encoded rows hold a number beside an indicator of where it is missing, and a column for each level of a category.
For estimators that take missing values and categories themselves both become one column again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from algorithms.arrays import Array, Floats, Places
from algorithms.contract import INDICATOR, LEVEL, MISSING, OTHER, VALUE, Column
from algorithms.lazily import pandas, scipy
from algorithms.preparing.column_maps import Entries, by_source, merge_rare

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class NativeColumns:
    """A map of d encoded columns to the q columns of an estimator that takes gaps, and categories perhaps.

    Attributes
    ----------
    d : the encoded columns.
    names : of the q columns; a category has that of its column of the data.
    matrix : sparse (d, q); a level of a category is the number of its place, from one.
    at : shape (k,), the columns that hold numbers.
    beside : shape (k,), the encoded columns that say where these are missing.
    categories : shape (m,), the columns that hold places of categories.
    framed : whether rows are a DataFrame whose categories are whole numbers, -1 where missing.
    """

    d: int
    names: tuple[str, ...]
    matrix: csr_array
    at: Places
    beside: Places
    categories: Places
    framed: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.matrix.data.nbytes + self.matrix.indices.nbytes) + 64 * len(self.names)

    def rows(self, X: Floats) -> Floats:
        """Return encoded rows in these columns, shape (n, q), an array or a frame: NaN where a value is missing."""
        made: Floats = np.ascontiguousarray(X @ self.matrix, np.float64)
        gaps = X[:, self.beside] != 0.0
        if gaps.any():
            made[:, self.at] = np.where(gaps, np.nan, made[:, self.at])
        places = made[:, self.categories] - 1.0
        if self.framed:
            kept = {int(j): places[:, k].astype(np.int32) for k, j in enumerate(self.categories)}
            frame = pandas.DataFrame({name: kept.get(j, made[:, j]) for j, name in enumerate(self.names)})
            return cast(Floats, frame)
        made[:, self.categories] = np.where(places < 0.0, np.nan, places)
        return made


def native_columns(
    columns: Sequence[Column], counts: Array, n: int, most: float, *, framed: bool = False
) -> NativeColumns:
    """Return the map of the rows of a sample.

    Numbers that every row lacks are left out, as are categories that no row has a level of. A category of more
    levels than an estimator takes is a column for each level that some row has.

    Parameters
    ----------
    columns : the d encoded columns.
    counts : rows of the sample in which each is other than zero, shape (d,).
    n : rows of the sample.
    most : levels that a category may have; 0 for none at all.
    framed : whether rows are a DataFrame.

    Examples
    --------
    >>> columns = [Column("x", "x"), Column("missingindicator_x", "x", "indicator"), Column("c_a", "c", "level"),
    ...            Column("c_b", "c", "level"), *(Column(f"c_{role}", "c", role) for role in ("other", "missing"))]
    >>> made = native_columns(columns, np.array([2, 1, 1, 1, 0, 1]), 3, most=9)
    >>> made.rows(np.array([[5.0, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 1]])).tolist()
    [[5.0, 1.0], [nan, nan]]
    """
    entries = Entries([], [], [], [], [])
    at: list[int] = []
    beside: list[int] = []
    categories: list[int] = []
    for members in by_source(columns):
        roles = [columns[j].role for j in members]
        levels = [j for j, role in zip(members, roles, strict=True) if role in (LEVEL, OTHER)]
        if set(roles) <= {LEVEL, OTHER, MISSING}:
            if len(levels) > most:
                merge_rare(entries, columns, members, counts, 0.0)
            elif counts[levels].any():
                categories.append(len(entries.names))
                places = [(j, 1.0 + place) for place, j in enumerate(levels)]
                entries.add(columns[members[0]].source, places)
            continue
        missing = [j for j, role in zip(members, roles, strict=True) if role == INDICATOR]
        if missing and counts[missing[0]] >= n:
            continue
        for j in (j for j, role in zip(members, roles, strict=True) if role == VALUE):
            at += [len(entries.names)] * len(missing)
            beside += missing
            entries.add(columns[j].name, [(j, 1.0)])
    if not entries.names:
        entries.add(columns[0].name, [])
    matrix = scipy.sparse.csr_array(
        (entries.values, (entries.rows, entries.cols)), shape=(len(columns), len(entries.names))
    )
    numbers, gaps, places_of = (np.array(places, np.intp) for places in (at, beside, categories))
    return NativeColumns(len(columns), tuple(entries.names), matrix, numbers, gaps, places_of, framed)
