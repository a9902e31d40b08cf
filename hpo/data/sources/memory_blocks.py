"""A block of rows in memory: a table, or an array beside its target, sparse or dense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeGuard

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from algorithms.arrays import Places, Values
from hpo.data.segment import Rows
from hpo.data.sources.roles import index_columns
from hpo.data.values import arrow_numbers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Stored: TypeAlias = "Values | csr_array"
"""A matrix: an array, or one of SciPy's in CSR form."""

NO_VALUES = pa.nulls(0, pa.float64())


class Block(Protocol):
    """Columns in memory that can be cut by rows; ``index`` are those of a pandas index."""

    index: tuple[str, ...]
    schema: pa.Schema
    rows: int
    nbytes: int

    def batches(
        self, start: int, stop: int, columns: Sequence[str], batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows ``start`` to ``stop`` of the named columns."""
        ...

    def digest(self, start: int, stop: int) -> str:
        """Return a digest of what those rows hold."""
        ...

    def some(self, name: str, rows: Places) -> pa.Array:
        """Return a column's values in some rows; of a sparse matrix none."""
        ...


class TableBlock:
    """A pyarrow Table; ``index`` are its columns of a pandas index, where its schema does not state them."""

    def __init__(self, table: pa.Table, index: Sequence[str] = ()) -> None:
        self.index = tuple(index) or index_columns(table.schema)
        self.table = _typed_nulls(table.replace_schema_metadata(None))
        self.schema: pa.Schema = self.table.schema
        self.rows: int = table.num_rows
        self.nbytes: int = table.nbytes

    def batches(
        self, start: int, stop: int, columns: Sequence[str], batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield slices; nothing is copied."""
        part = self.table.select(list(columns)).slice(start, stop - start)
        yield from part.to_batches(max_chunksize=batch_rows)

    def digest(self, start: int, stop: int) -> str:
        """Return xxh3_128 of the rows as one Arrow IPC stream."""
        sink = _HashingSink()
        part = self.table.slice(start, stop - start).combine_chunks()
        with pa.PythonFile(sink, mode="w") as stream, pa.ipc.new_stream(stream, part.schema) as writer:
            writer.write_table(part)
        return sink.hexdigest()


    def some(self, name: str, rows: Places) -> pa.Array:
        """Return a column's values in some rows."""
        return _one_chunk(self.table.column(name).take(arrow_numbers(rows)))


class ArrayBlock:
    """A two-dimensional NumPy array or CSR matrix with named columns, beside a table of further columns.

    A sparse matrix is made dense a batch at a time.
    """

    index: tuple[str, ...] = ()

    def __init__(self, matrix: Stored, names: Sequence[str], beside: pa.Table) -> None:
        self.matrix = matrix
        self.names = list(names)
        self.beside = TableBlock(beside)
        dtype = pa.from_numpy_dtype(matrix.dtype)
        self.schema = pa.schema([*(pa.field(name, dtype) for name in names), *self.beside.schema])
        self.rows = int(matrix.shape[0])
        self.nbytes = _matrix_bytes(matrix) + self.beside.nbytes

    def batches(
        self, start: int, stop: int, columns: Sequence[str], batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield batches; each copies its own rows and columns only."""
        wanted = {name: place for place, name in enumerate(n for n in columns if n in self.places)}
        others = [name for name in columns if name not in wanted]
        for low in range(start, stop, batch_rows):
            high = min(low + batch_rows, stop)
            places = [self.places[name] for name in wanted]
            dense = self._dense(low, high, places) if places else np.zeros((0, 0))
            table = self.beside.table.select(others).slice(low, high - low)
            arrays = [
                arrow_numbers(dense[:, wanted[name]]) if name in wanted else _one_chunk(table.column(name))
                for name in columns
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def digest(self, start: int, stop: int) -> str:
        """Return xxh3_128 of the rows' values (of a sparse matrix, its stored values) and further columns."""
        part = _rows(self.matrix, start, stop)
        digest = xxhash.xxh3_128(f"{self.schema}{part.shape}".encode())
        for array in (part.data, part.indices, part.indptr) if is_sparse(part) else (part,):
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        digest.update(self.beside.digest(start, stop).encode())
        return digest.hexdigest()

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each column of the matrix."""
        return {name: index for index, name in enumerate(self.names)}

    def other(self, low: int, high: int, columns: Sequence[str]) -> pa.RecordBatch:
        """Return columns beside the matrix; of none, as many rows all the same."""
        if not columns:
            return pa.record_batch([pa.nulls(high - low)], names=["-"])
        table = self.beside.table.select(list(columns)).slice(low, high - low)
        return pa.RecordBatch.from_arrays([_one_chunk(c) for c in table.columns], names=list(columns))

    def some(self, name: str, rows: Places) -> pa.Array:
        """Return a column's values in some rows; of a sparse matrix none, since its columns have no origin."""
        if name not in self.places:
            return self.beside.some(name, rows)
        if is_sparse(self.matrix):
            return NO_VALUES
        return arrow_numbers(np.ascontiguousarray(self.matrix[rows, self.places[name]]))

    def _dense(self, low: int, high: int, places: Sequence[int]) -> Values:
        """Return some columns of some rows, column by column."""
        rows = _rows(self.matrix, low, high)
        if len(places) < len(self.names):
            rows = rows[:, places]
        return rows.toarray(order="F") if is_sparse(rows) else np.asfortranarray(rows)


    def sparse(self, start: int, stop: int, features: Sequence[str], beside: Sequence[str]) -> Iterator[Rows]:
        """Yield some rows, the features of a sparse matrix as they are, :data:`SPARSE_ROWS` at a time."""
        places = [self.places[name] for name in features]
        whole = places == list(range(len(self.names)))
        for low in range(start, stop, SPARSE_ROWS):
            high = min(low + SPARSE_ROWS, stop)
            part = _rows(self.matrix, low, high)
            yield Rows(self.other(low, high, beside), part if whole else part[:, places])


SPARSE_ROWS = 16_384
"""Rows of a sparse matrix that are read at a time."""


@lru_cache(maxsize=8)
def spread_rows(rows: int, most: int) -> NDArray[np.int64]:
    """Return at most so many evenly spread rows: the same ones for each of many columns."""
    return np.unique(np.linspace(0, rows - 1, most if rows else 0).round().astype(np.int64))


class _HashingSink:
    """A file that keeps only the hash of what is written to it."""

    closed = False

    def __init__(self) -> None:
        self._digest = xxhash.xxh3_128()
        self.hexdigest = self._digest.hexdigest

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""


def _typed_nulls(table: pa.Table) -> pa.Table:
    """Return the table with its all-null columns as missing numbers."""
    for index, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.float64()))
    return table


def _rows(matrix: Stored, start: int, stop: int) -> Stored:
    """Return some rows; those of a CSR matrix share its values and their places."""
    if not is_sparse(matrix):
        return matrix[start:stop]
    low, high = matrix.indptr[start], matrix.indptr[stop]
    parts = (matrix.data[low:high], matrix.indices[low:high], matrix.indptr[start : stop + 1] - low)
    return type(matrix)(parts, shape=(stop - start, matrix.shape[1]))


def is_sparse(matrix: Stored) -> TypeGuard[csr_array]:
    """Return whether an array is sparse."""
    return hasattr(matrix, "indptr")


def _matrix_bytes(matrix: Stored) -> int:
    parts = (matrix.data, matrix.indices, matrix.indptr) if is_sparse(matrix) else (matrix,)
    return sum(int(part.nbytes) for part in parts)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
