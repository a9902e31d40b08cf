"""Parquet files: segments are runs of row groups, read column by column with a bounded buffer."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import pyarrow as pa

from hpo.data.origins import joined_bounds
from hpo.data.segment import Segment, fingerprint, group_runs
from hpo.data.sources.files import DataFile
from hpo.data.sources.footers import Footer, Footers
from hpo.data.sources.identities import identity, place, reading
from hpo.data.sources.text import Sight
from hpo.process.lazily import arrow_parquet as pq

_BUFFER = 1 << 18  # bytes read ahead in each column; whole column chunks would be held without it
_BUFFERS, _LEAST = 1 << 26, 1 << 13  # in all columns together, and in each of many

STATED_GROUPS = 8
"""Row groups, evenly spread, whose statistics are looked at."""


@dataclass
class ParquetReader:
    """One Parquet file; the footer is parsed once and kept. One that is remembered is parsed when it is needed."""

    file: DataFile
    schema: pa.Schema
    segments: tuple[Segment, ...]
    nullable: Mapping[str, bool]
    parsed: pq.FileMetaData | None = None

    @property
    def metadata(self) -> pq.FileMetaData:
        """The footer."""
        if self.parsed is None:
            with reading(self.file), self.file.fs.open_input_file(self.file.path) as stream:
                self.parsed = pq.ParquetFile(stream, pre_buffer=False).metadata
        return self.parsed

    def __getstate__(self) -> dict[str, object]:
        """Leave out what another process parses of the file itself."""
        return {**self.__dict__, "parsed": None}

    def exact(self, name: str) -> pa.DataType:
        """Return the type that a column is stored in."""
        return self.schema.field(name).type

    def sight(self, names: Sequence[str], rows: int) -> Sight:
        """Return nothing: numbers and dates have types."""
        return Sight()

    def bounds(self, name: str) -> tuple[float, float] | None:
        """Return the least and the largest value that the footer has of a column, of times their ticks."""
        index = self.schema.get_field_index(name)
        groups = self.metadata.num_row_groups
        if not groups or self.metadata.row_group(0).num_columns != len(self.schema):
            return None
        some = sorted({round(i * (groups - 1) / STATED_GROUPS) for i in range(STATED_GROUPS + 1)})
        chunks = [self.metadata.row_group(g).column(index) for g in some]
        found = [_bounds(chunk, self.schema.field(index).type) for chunk in chunks if not _all_null(chunk)]
        known = [pair for pair in found if pair is not None]
        if len(known) < len(found):
            return None
        return joined_bounds(known)

    def scan(
        self, segment: Segment, wanted: pa.Schema, batch_rows: int, *, threads: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the segment's row groups; strings come as dictionaries, decoded once a page."""
        texts = [f.name for f in wanted if pa.types.is_string(f.type)]
        with self.file.fs.open_input_file(self.file.path) as stream:
            buffer = max(_LEAST, min(_BUFFER, _BUFFERS // max(1, len(wanted.names))))
            reader = pq.ParquetFile(
                stream, metadata=self.parsed, pre_buffer=False, buffer_size=buffer, read_dictionary=texts
            )
            groups = list(range(*segment.part))
            if not wanted.names:
                yield from _empty_batches(segment, batch_rows)
                return
            yield from reader.iter_batches(batch_rows, groups, wanted.names, use_threads=threads)


def open_parquet(file: DataFile, how: str, footers: Footers) -> ParquetReader:
    """Read the footer of a Parquet file, unless it is known, and cut the file into segments."""
    parsed, footer = None, footers.get(file)
    if footer is None:
        parsed, footer = _read(file)
    known = ("content", footer.content) if how == "content" and footer.content else identity(file, how)
    if parsed is not None or (how == "content" and not footer.content):
        footers.put(file, replace(footer, content=known[1] if how == "content" else ""))
    segments = []
    for part in group_runs(list(footer.rows)):
        digest, inside = fingerprint(*known, footer.digest, *part), slice(*part)
        rows, nbytes = sum(footer.rows[inside]), sum(footer.nbytes[inside])
        segments.append(Segment(file.uri, part, rows, nbytes, digest, place(file, known, part[0])))
    return ParquetReader(file, footer.schema, tuple(segments), footer.nullable, parsed)


def _read(file: DataFile) -> tuple[pq.FileMetaData, Footer]:
    with file.fs.open_input_file(file.path) as stream:
        digest = _footer(stream, file.size)
        parsed = pq.ParquetFile(stream, pre_buffer=False)
        metadata, schema = parsed.metadata, parsed.schema_arrow
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    rows, nbytes = tuple(group.num_rows for group in groups), tuple(map(_stored_bytes, groups))
    return metadata, Footer(digest, schema, rows, nbytes, _nullable(schema, groups))


def _bounds(chunk: pq.ColumnChunkMetaData, kind: pa.DataType) -> tuple[float, float] | None:
    """Return the least and the largest value of a column chunk; None where its statistics are not numbers."""
    statistics = chunk.statistics
    if statistics is None or not statistics.has_min_max:
        return None
    low, high = statistics.min, statistics.max
    if pa.types.is_temporal(kind):
        try:
            low, high = (_ticks(value, kind) for value in (low, high))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return None
    return (low, high) if isinstance(low, int | float) and isinstance(high, int | float) else None


def _all_null(chunk: pq.ColumnChunkMetaData) -> bool:
    """Return whether a column chunk says that it holds nothing but nulls."""
    statistics = chunk.statistics
    return bool(
        statistics is not None and statistics.has_null_count and statistics.null_count == chunk.num_values
    )


def _ticks(value: object, kind: pa.DataType) -> int:
    whole = pa.int64() if kind.bit_width == 64 else pa.int32()
    ticks: int = pa.scalar(value, kind).cast(whole).as_py()
    return ticks


def _footer(stream: pa.NativeFile, size: int) -> str:
    """Return the digest of the footer; ArrowInvalid if the file does not end as Parquet does."""
    stream.seek(max(0, size - 8))
    tail = stream.read(8)
    if len(tail) < 8 or tail[4:] != b"PAR1":
        raise pa.ArrowInvalid("the footer that ends every Parquet file is missing")
    length = min(struct.unpack("<I", tail[:4])[0], size - 8)
    stream.seek(size - 8 - length)
    digest = blake2b(stream.read(length), digest_size=16).hexdigest()
    stream.seek(0)
    return digest


def _stored_bytes(group: pq.RowGroupMetaData) -> int:
    return sum(group.column(index).total_compressed_size for index in range(group.num_columns))


def _nullable(schema: pa.Schema, groups: Sequence[pq.RowGroupMetaData]) -> dict[str, bool]:
    """Return False for the columns that by their statistics hold no null."""
    if not groups or groups[0].num_columns != len(schema):
        return {}
    found = dict.fromkeys(schema.names, False)
    for group in groups:
        for i, (name, known) in enumerate(found.items()):
            if not known:
                statistics = group.column(i).statistics
                found[name] = statistics is None or not statistics.has_null_count or statistics.null_count > 0
    return found


def _empty_batches(segment: Segment, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of no columns that still say how many rows there are (all columns are partitions)."""
    for start in range(0, segment.rows or 0, batch_rows):
        rows = min(batch_rows, (segment.rows or 0) - start)
        yield pa.record_batch([pa.nulls(rows)], names=["-"])
