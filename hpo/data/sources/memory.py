"""Data already in memory as a source: tables, frames, arrays and sparse matrices, cut into row blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from hpo.data.origins import Extent, extent_of
from hpo.data.schema import Field, Schema
from hpo.data.segment import SEGMENT_ROWS, Rows, Segment, fingerprint
from hpo.data.sources.memory_blocks import ArrayBlock, Block, is_sparse, spread_rows
from hpo.data.sources.roles import unify_schemas
from hpo.data.sources.text import Sight

MEMORY = "memory:frame"

SOME_ROWS = 4096
"""Rows that the origins of columns are taken from."""


@dataclass
class MemorySource:
    """Row blocks of data in memory as a source."""

    block: Block
    arrow: pa.Schema
    schema: Schema
    segments: tuple[Segment, ...]
    in_memory: bool = True
    is_text: bool = False

    @property
    def stored(self) -> pa.Schema:
        """The block's own schema."""
        return self.block.schema

    def scan(
        self,
        segment: Segment,
        columns: Sequence[str],
        batch_rows: int,
        *,
        threads: bool = False,
        apart: Sequence[str] = (),
    ) -> Iterator[Rows]:
        """Yield the segment's rows; sparse ones, which are small, :data:`SPARSE_ROWS` at a time."""
        kept = set(apart)
        beside = [name for name in columns if name not in kept]
        if isinstance(self.block, ArrayBlock) and apart and self.is_sparse(apart, beside):
            yield from self.block.sparse(*segment.part, apart, beside)
        else:
            for batch in self.block.batches(*segment.part, columns, batch_rows):
                yield Rows(batch)

    def is_sparse(self, features: Sequence[str], beside: Sequence[str]) -> bool:
        """Return whether the features are columns of a sparse matrix that holds none of those beside them."""
        block = self.block
        if not isinstance(block, ArrayBlock) or not is_sparse(block.matrix):
            return False
        return set(features) <= set(block.names) and set(beside) <= set(block.beside.schema.names)

    def looked_up(self, names: Sequence[str]) -> frozenset[str]:
        """Return none: the columns are the block's."""
        return frozenset()

    def stored_numbers(self) -> float | None:
        """Return how many numbers an average row of a sparse matrix stores; None of other data."""
        if not isinstance(self.block, ArrayBlock) or not is_sparse(self.block.matrix):
            return None
        return float(self.block.matrix.nnz / max(1, self.block.rows))

    def extents(self, fields: Sequence[Field]) -> dict[str, Extent] | None:
        """Return where the values of columns lie, by at most :data:`SOME_ROWS` evenly spread rows."""
        return {field.name: extent_of(self.some(field.name)) for field in fields}

    def some(self, name: str, most: int = SOME_ROWS) -> pa.Array:
        """Return a column's values in at most so many evenly spread rows; of a sparse matrix none."""
        return self.block.some(name, spread_rows(self.block.rows, most))

    def sight(self, names: Sequence[str], rows: int) -> Sight:
        """Return nothing: numbers and dates have types."""
        return Sight()

    def exactly(self, names: Sequence[str]) -> MemorySource:
        """Return the source itself: numbers have the types that they are to have."""
        return self

    def check(self, segment: Segment) -> None:
        """Accept the segment: data in memory is the caller's own."""


def gather_block(block: Block, required: Sequence[str] | None) -> MemorySource:
    """Return the source of data in memory, cut into blocks with digests of their content and place."""
    arrow = unify_schemas([(MEMORY, block.schema)], required)
    segments = []
    for start in range(0, block.rows, SEGMENT_ROWS):
        part = (start, min(start + SEGMENT_ROWS, block.rows))
        nbytes = block.nbytes * (part[1] - start) // block.rows
        digest = fingerprint("frame", block.digest(*part), start)
        segments.append(Segment(MEMORY, part, part[1] - start, nbytes, digest, f"frame[{start}]"))
    nullable = {field.name: True for field in arrow}
    return MemorySource(block, arrow, Schema.from_arrow(arrow, nullable), tuple(segments))
