"""What a data set asks of where its rows come from, and of a file: two base classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from hpo.data.origins import Extent
from hpo.data.schema import Field, Schema
from hpo.data.segment import Rows, Segment
from hpo.data.sources.files import DataFile
from hpo.data.sources.text import Sight


class Source(Protocol):
    """Where batches come from: what a data set asks of files and of frames alike."""

    in_memory: bool
    is_text: bool
    arrow: pa.Schema
    schema: Schema
    segments: tuple[Segment, ...]

    @property
    def stored(self) -> pa.Schema:
        """The schema as it is stored, in the first of several files: categories with the type of their values."""
        ...

    def scan(
        self,
        segment: Segment,
        columns: Sequence[str],
        batch_rows: int,
        *,
        threads: bool = False,
        apart: Sequence[str] = (),
    ) -> Iterator[Rows]:
        """Yield the segment's rows in order, at most ``batch_rows`` at a time, the columns as asked.

        Those of ``apart`` come as a sparse matrix where :meth:`is_sparse` returns True, and beside the batch where
        :meth:`looked_up` has them.
        """
        ...

    def looked_up(self, names: Sequence[str]) -> frozenset[str]:
        """Return those of some columns that come beside the batch where they are asked for ``apart``."""
        ...

    def is_sparse(self, features: Sequence[str], beside: Sequence[str]) -> bool:
        """Return whether the features are a sparse matrix that holds none of the columns beside them."""
        ...

    def stored_numbers(self) -> float | None:
        """Return how many numbers an average row of a sparse matrix stores; None of other data."""
        ...

    def extents(self, fields: Sequence[Field]) -> dict[str, Extent] | None:
        """Return where the values of columns lie, as far as that is known without reading; None where it is not."""
        ...

    def some(self, name: str, most: int) -> pa.Array:
        """Return a column's values in at most so many evenly spread rows of data in memory; of files none."""
        ...

    def sight(self, names: Sequence[str], rows: int) -> Sight:
        """Return the first rows of those columns that are text, where the data is in files of text; else none."""
        ...

    def exactly(self, names: Sequence[str]) -> Source:
        """Return the source that reads whole numbers of these columns exactly, in files that have a wider type."""
        ...

    def check(self, segment: Segment) -> None:
        """Raise DataError if the segment is no longer what its fingerprint says."""
        ...


class FileReader(Protocol):
    """One opened file: its schema, its segments, and how their rows are read."""

    file: DataFile
    schema: pa.Schema
    segments: tuple[Segment, ...]

    @property
    def nullable(self) -> Mapping[str, bool]:
        """Whether a column may hold nulls, of those of which the file says it."""
        ...

    def exact(self, name: str) -> pa.DataType:
        """Return the type in which no two values of a column are one: of whole numbers no float."""
        ...

    def sight(self, names: Sequence[str], rows: int) -> Sight:
        """Return the first rows of those columns that are text, where the file is one; else none."""
        ...

    def bounds(self, name: str) -> tuple[float, float] | None:
        """Return the least and the largest stored value of a column, NO_VALUES of none; None if unsaid."""
        ...

    def scan(
        self, segment: Segment, wanted: pa.Schema, batch_rows: int, *, threads: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yield the segment's rows, the columns named by ``wanted``, in types that cast to its types."""
        ...
