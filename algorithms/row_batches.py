"""Batches of encoded rows, of the arrays that they were stored as (:mod:`algorithms.row_arrays`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Floats, Places, Values
from algorithms.batches import BESIDE, Batch, Shape, SparseBatch
from algorithms.coded import CodedBatch, Lookup
from algorithms.lazily import scipy
from algorithms.row_arrays import CODED, KINDS, SPARSE

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Arrays = Mapping[str, Places]
"""Arrays by name, of whatever types they are."""


def pieces_of(arrays: Mapping[str, Values], shape: Shape, cells: int) -> Iterator[tuple[int, Batch]]:
    """Yield the cell and the rows of each piece, in order.

    Parameters
    ----------
    arrays : what :func:`~algorithms.row_arrays.arrays_of` returned.
    shape : of the rows.
    cells : how many cells there are.

    Raises
    ------
    ValueError
        The arrays do not fit together.

    Examples
    --------
    >>> from algorithms.batches import Column
    >>> from algorithms.row_arrays import Piece, arrays_of
    >>> batch = Batch(np.array([[1.0, 7.5], [0.0, 2.5]]), d=1)
    >>> shape = Shape((Column("x", "x"),), ("y",))
    >>> [(cell, again)] = pieces_of(arrays_of([Piece.of(4, batch)]), shape, cells=5)
    >>> cell, again.values.tolist(), again.d
    (4, [[1.0, 7.5], [0.0, 2.5]], 1)
    """
    try:
        found = cast("Arrays", arrays)
        read = _Read.of({**found, "number": np.cumsum(found["steps"], dtype=np.int64)})
        read.check(shape, cells)
        yield from ((int(read.pieces[i, 0]), read.batch(i)) for i in range(len(read.pieces)))
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"arrays of rows do not fit together: {error}") from error


@dataclass(frozen=True, eq=False)
class _Read:
    """The arrays, in their shapes."""

    arrays: Arrays
    pieces: NDArray[np.int64]
    ends: Places
    there: NDArray[np.bool_]
    values: tuple[Values, ...]
    slots: Places
    looks: NDArray[np.int64]
    tables: tuple[Lookup, ...]

    @classmethod
    def of(cls, arrays: Arrays) -> _Read:
        pieces, kinds = arrays["pieces"].reshape(-1, 4), arrays["kinds"]
        n, slots = int(pieces[:, 1].sum()), np.zeros(len(kinds), np.intp)
        for i in range(len(KINDS)):
            slots[kinds == i] = np.arange(np.count_nonzero(kinds == i))
        wide = (arrays[f"values{i}"].reshape(np.count_nonzero(kinds == i), n) for i in range(1, len(KINDS)))
        values = (_with_levels(arrays, n), *wide)
        there = arrays["there"].reshape(len(pieces), len(kinds)).astype(np.bool_)
        ends = np.cumsum([0, *pieces[:, 1]])
        return cls(arrays, pieces, ends, there, values, slots, arrays["looks"].reshape(-1, 2), _tables(arrays))

    def check(self, shape: Shape, cells: int) -> None:
        """Raise ValueError where numbers point to nothing."""
        a, rows = self.arrays, self.pieces[:, 1]
        ends = np.cumsum([0, *rows[self.looks[:, 0]]])
        codes = zip((a["codes"][i:j] for i, j in pairwise(ends)), self.looks[:, 1], strict=True)
        fits = [
            (a["d"] == shape.d).all(),
            (rows >= 1).all(),
            _below(self.pieces[:, 0], cells),
            _below(a["places"], shape.p),
            _below(a["table_columns"], shape.p),
            _below(a["indices"], shape.d),
            (a["lengths"] >= 0).all() and a["lengths"].sum() == len(a["indices"]) == len(a["data"]),
            len(a["codes"]) == ends[-1],
            all(len(table.columns) == table.table.shape[1] for table in self.tables),
            all(_below(part, len(self.tables[j].table)) for part, j in codes),
            all(len(a[name]) in {0, self.ends[-1]} for name in BESIDE if name in a),
        ]
        if not all(fits):
            raise ValueError("arrays of rows do not fit together")

    def batch(self, i: int) -> Batch:
        """Return the rows of a piece."""
        start, end = int(self.ends[i]), int(self.ends[i + 1])
        d, (_, rows, form, whole) = int(self.arrays["d"][0]), self.pieces[i].tolist()
        at = np.flatnonzero(self.there[i])
        columns = self.arrays["places"][at].astype(np.intp)
        block = np.empty((rows, len(at)), self.arrays["like"].dtype, order="F")
        for kind, values in enumerate(self.values):
            mine = np.flatnonzero(self.arrays["kinds"][at] == kind)
            block[:, mine] = values[self.slots[at[mine]], start:end].T
        beside = {name: self.arrays[name][start:end] for name in BESIDE if len(self.arrays[name])}
        if form == SPARSE:
            return SparseBatch(self._matrix(i, d), block).but(**beside)
        if form == CODED:
            return CodedBatch(block, columns, self._lookups(i), d).but(**beside)
        return Batch(block, d, present=None if whole else columns).but(**beside)

    def _lookups(self, i: int) -> list[Lookup]:
        ends = np.cumsum([0, *self.pieces[self.looks[:, 0], 1]])
        mine = np.flatnonzero(self.looks[:, 0] == i).tolist()
        codes = [self.arrays["codes"][ends[q] : ends[q + 1]].astype(np.intp) for q in mine]
        tables = [self.tables[int(self.looks[q, 1])] for q in mine]
        return [Lookup(one, *_table(each)) for one, each in zip(codes, tables, strict=True)]

    def _matrix(self, i: int, d: int) -> csr_array:
        """Return the sparse rows of a piece."""
        sparse = self.pieces[:, 2] == SPARSE
        first = int(self.pieces[:i, 1][sparse[:i]].sum())
        ends = np.concatenate([[0], np.cumsum(self.arrays["lengths"], dtype=np.int64)])
        mine = ends[first : first + int(self.pieces[i, 1]) + 1]
        parts = (self.arrays[name][mine[0] : mine[-1]] for name in ("data", "indices"))
        return scipy.sparse.csr_array((*parts, mine - mine[0]), shape=(len(mine) - 1, d))


def _below(places: NDArray[np.signedinteger], end: int) -> bool:
    """Return whether each place is there, of so many."""
    return bool((places >= 0).all() and (places < end).all())


def _table(one: Lookup) -> tuple[Floats, Places, bool]:
    return one.table, one.columns, one.levels


def _tables(arrays: Arrays) -> tuple[Lookup, ...]:
    """Return each table, without codes."""
    found, first, column = [], 0, 0
    for rows, width, levels in arrays["table_shapes"].reshape(-1, 3).tolist():
        dtype, size = arrays["tables"].dtype, 0 if levels else rows * width
        numbers = arrays["tables"][first : first + size]
        table = np.eye(rows, width, dtype=dtype) if levels else numbers.reshape(rows, width)
        columns = arrays["table_columns"][column : column + width].astype(np.intp)
        found.append(Lookup(np.zeros(0, np.intp), cast("Floats", table), columns, bool(levels)))
        first, column = first + size, column + width
    return tuple(found)


def _with_levels(arrays: Arrays, n: int) -> Values:
    """Return the narrowest columns again."""
    groups = arrays["groups"]
    made = np.zeros((len(groups), n), KINDS[0])
    made[groups < 0] = arrays["values0"].reshape(np.count_nonzero(groups < 0), n)
    for group, codes in enumerate(arrays["levels"].reshape(-1, n) if n else ()):
        mine = np.flatnonzero(groups == group)
        rows = np.flatnonzero(codes)
        made[mine[codes[rows] - 1], rows] = 1
    return made
