"""Rows whose columns are looked up in tables, encoded: each table once, and of the rows their places in it.

A category of many levels is such a table, too: each row of it has a one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import pyarrow as pa

from algorithms.arrays import Array, Floats
from algorithms.batches import Column, Label
from algorithms.coded import CodedBatch, Lookup
from hpo.data.encoding.encodings import write_target
from hpo.data.encoding.gather import Gather, Workspace
from hpo.data.encoding.kinds import Encoding
from hpo.data.hashing import Words
from hpo.data.schema import CATEGORICAL
from hpo.data.segment import Looked, Rows
from hpo.data.values import Places

MANY, EACH = 24, 4
"""Categories of so many levels are worth codes of their own where a fold of a batch has so many rows for each."""

LEAST_LEVELS = 8
"""A category of the facts of fewer levels is written as columns: that costs less than looking them up."""


class Layout(Protocol):
    """What is needed of an encoder: columns, where those of each encoding begin, their type, and classes."""

    classes_: tuple[Label, ...]
    dtype_: np.dtype[np.floating]
    columns_: tuple[Column, ...]

    @property
    def placed(self) -> Iterator[tuple[Encoding, int]]:
        """Each encoding, with the place of its first column."""
        ...


class Tables:
    """The tables that the rows of a pass look up in, each encoded once.

    Parameters
    ----------
    encoder : of the pass.
    """

    def __init__(self, encoder: Layout) -> None:
        self.encoder = encoder
        self._known: dict[int, tuple[pa.RecordBatch, Floats, Places]] = {}

    def pay(self, rows: Rows, n_cells: int) -> bool:
        """Return whether some category has so many levels that rows of so many cells are better codes of it.

        Not of a sparse matrix, nor of rows that are looked up in tables: those have one form alone.
        """
        if rows.sparse is not None or rows.looked:
            return False
        most = rows.batch.num_rows // (EACH * n_cells)
        return any(MANY <= levels <= most for levels in self._levels)

    @cached_property
    def _levels(self) -> tuple[int, ...]:
        """The columns of each category."""
        return tuple(len(one.columns()) for one, _ in self.encoder.placed if one.kind == CATEGORICAL)

    def batch(
        self,
        rows: Rows,
        targets: Sequence[str],
        weight: Array | None,
        order: Places,
        priority: Words | None,
        workspace: Workspace,
        where: str,
    ) -> CodedBatch:
        """Return some encoded rows, in order; their weights and hashes are given."""
        encoder, arrays = self.encoder, dict(zip(rows.batch.schema.names, rows.batch.columns, strict=True))
        lookups = [self._lookup(looked, order) for looked in rows.looked]
        d, width = len(encoder.columns_), len(targets)
        written = []
        for encoding, first in encoder.placed:
            if encoding.name not in arrays:
                continue
            known = encoding.one_hot(arrays[encoding.name])
            if known is not None and known[1] >= LEAST_LEVELS:
                lookups.append(_levels(*known, first, order, encoder))
            else:
                written.append((encoding, first))
                width += len(encoding.columns())
        gather = Gather(workspace.reserve(len(order), width, encoder.dtype_), len(order), order, where)
        with np.errstate(over="ignore", invalid="ignore"):
            for encoding, first in written:
                encoding.write(gather, arrays[encoding.name], first)
            for index, name in enumerate(targets):
                write_target(gather, name, arrays[name], d + index, encoder.classes_)
        return CodedBatch(gather.values(), np.array(gather.present, np.intp), lookups, d, weight, priority)

    def _lookup(self, looked: Looked, order: Places) -> Lookup:
        known = self._known.get(id(looked.table))
        if known is None or known[0] is not looked.table:
            values, columns = self._encoded(looked)
            known = self._known[id(looked.table)] = looked.table, values, columns
        return Lookup(looked.places.take(order), known[1], known[2])

    def _encoded(self, looked: Looked) -> tuple[Floats, Places]:
        """Return the encoded rows of a table, and which columns they have."""
        table, encoder = looked.table, self.encoder
        own = [(encoding, first) for encoding, first in encoder.placed if encoding.name in table.schema.names]
        width = sum(len(encoding.columns()) for encoding, _ in own)
        buffer = np.empty(table.num_rows * width, encoder.dtype_)
        gather = Gather(buffer, table.num_rows, None, looked.where)
        with np.errstate(over="ignore", invalid="ignore"):
            for encoding, first in own:
                encoding.write(gather, table.column(encoding.name), first)
        return np.ascontiguousarray(gather.values()), np.array(gather.present, np.intp)


def _levels(codes: Places, width: int, first: int, order: Places, encoder: Layout) -> Lookup:
    """Return a category as a table of its levels, each a row with a one."""
    columns = np.arange(first, first + width, dtype=np.intp)
    return Lookup(codes.take(order), np.eye(width, dtype=encoder.dtype_), columns, levels=True)
