"""Rows of which some columns are those of a table's rows: a row has the place in the table, not the numbers.

Notation: a table has K rows and m columns; a row's code is its place among the K.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Floats, Places
from algorithms.batches import DENSE_BYTES, Batch


@dataclass(frozen=True, eq=False)
class Lookup:
    """Columns of a batch that are looked up in a table.

    Attributes
    ----------
    codes : shape (n,), for each row of the batch its row in the table.
    table : shape (K, m), encoded numbers.
    columns : shape (m,), ascending, which of the p columns of a batch these are.
    levels : whether the table is the identity: row k has a one in column k.
    """

    codes: Places
    table: Floats
    columns: Places
    levels: bool = False

    def part(self, rows: slice) -> Lookup:
        """Return the same of some rows; nothing is copied."""
        return Lookup(self.codes[rows], self.table, self.columns, self.levels)


class CodedBatch(Batch):
    """Rows of which some columns are looked up in tables that are smaller than the batch.

    A summary whose ``takes`` accepts codes gets them as they are; others get dense rows, in pieces so that none is
    large.

    Parameters
    ----------
    dense : shape (n, q), the other columns, and the targets.
    columns : shape (q,), ascending, which of the p columns these are.
    lookups : the looked up columns.
    d, weight, priority, clock : as in :class:`~algorithms.batches.Batch`.

    Examples
    --------
    >>> looked = Lookup(np.array([1, 0, 1]), np.array([[5.0], [7.0]]), np.array([1]))
    >>> batch = CodedBatch(np.array([[1.0], [2.0], [3.0]]), np.array([0]), [looked], d=2)
    >>> batch.n, batch.present.tolist(), batch.values.tolist()
    (3, [0, 1], [[1.0, 7.0], [2.0, 5.0], [3.0, 7.0]])
    """

    dense_block: Floats
    columns: Places
    lookups: tuple[Lookup, ...]

    def __init__(
        self,
        dense: Floats,
        columns: Places,
        lookups: Sequence[Lookup],
        d: int,
        weight: Array | None = None,
        priority: NDArray[np.uint64] | None = None,
        clock: Array | None = None,
    ) -> None:
        given = {
            "dense_block": dense, "columns": columns, "lookups": tuple(lookups), "d": d, "weight": weight,
            "priority": priority, "clock": clock,
        }  # fmt: skip
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def values(self) -> Floats:
        """All present columns, shape (n, len(present)), Fortran order; made anew each time."""
        present = self.present
        made = np.empty((self.n, len(present)), self.dense_block.dtype, order="F")
        made[:, np.searchsorted(present, self.columns)] = self.dense_block
        for one in self.lookups:
            for place, column in zip(np.searchsorted(present, one.columns), one.table.T, strict=True):
                np.take(column, one.codes, out=made[:, place], mode="clip")
        return made

    @property
    def present(self) -> Places:
        """Columns that the batch has: dense ones, and those of tables."""
        return np.sort(np.concatenate([self.columns, *(one.columns for one in self.lookups)]))

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.dense_block.shape[0])

    def part(self, rows: slice) -> CodedBatch:
        """Return some of the rows; nothing is copied."""
        lookups = [one.part(rows) for one in self.lookups]
        return CodedBatch(self.dense_block[rows], self.columns, lookups, self.d).but(**self.beside(rows))

    def plain(self) -> Batch:
        """Return the rows with every column in place."""
        return Batch(self.values, self.d, present=self.present).but(**self.beside(slice(None)))

    def pieces(self) -> Iterator[Batch]:
        """Yield the rows, plain, in runs that take at most :data:`~algorithms.batches.DENSE_BYTES`."""
        step = max(1, DENSE_BYTES // (8 * max(1, len(self.present))))
        for start in range(0, self.n, step):
            yield self.part(slice(start, start + step)).plain()


NO_CODES = CodedBatch(np.zeros((0, 0)), np.zeros(0, np.intp), (), 0)
"""No rows, by which a summary is asked whether it takes codes."""
