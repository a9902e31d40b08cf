"""Arrow IPC (Feather) files: segments are runs of record batches."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import pyarrow as pa

from hpo.data.segment import Segment, fingerprint, group_runs
from hpo.data.sources.files import DataFile
from hpo.data.sources.identities import identity, place
from hpo.data.sources.text import Sight

_MAGIC = b"ARROW1"


@dataclass
class IpcReader:
    """One opened Arrow IPC file."""

    file: DataFile
    schema: pa.Schema
    segments: tuple[Segment, ...]
    nullable: dict[str, bool] = field(default_factory=dict)

    def exact(self, name: str) -> pa.DataType:
        """Return the type that a column is stored in."""
        return self.schema.field(name).type

    def sight(self, names: Sequence[str], rows: int) -> Sight:
        """Return nothing: numbers and dates have types."""
        return Sight()

    def bounds(self, name: str) -> tuple[float, float] | None:
        """Return None: the file says nothing of its values."""
        return None

    def scan(
        self, segment: Segment, wanted: pa.Schema, batch_rows: int, *, threads: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the segment's record batches."""
        places = sorted(self.schema.get_field_index(name) for name in wanted.names)
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=places or [0])
        with self.file.fs.open_input_file(self.file.path) as stream:
            reader = pa.ipc.open_file(stream, options=options)
            for index in range(*segment.part):
                batch = reader.get_batch(index)
                batch.validate(full=True)  # offsets of a damaged file would lead outside its memory
                for start in range(0, batch.num_rows, batch_rows):
                    yield batch.slice(start, batch_rows)


def open_ipc(file: DataFile, how: str) -> IpcReader:
    """Read the footer of an Arrow IPC file and cut the file into segments."""
    with file.fs.open_input_file(file.path) as stream:
        footer = _footer(stream, file.size)
        reader = pa.ipc.open_file(stream, options=pa.ipc.IpcReadOptions(included_fields=[0]))
        rows = [reader.get_batch(index).num_rows for index in range(reader.num_record_batches)]
        stream.seek(0)
        schema = pa.ipc.open_file(stream).schema
    known = identity(file, how)
    total = max(1, sum(rows))
    segments = []
    for part in group_runs(rows):
        count = sum(rows[slice(*part)])
        digest = fingerprint(*known, footer, *part)
        segments.append(
            Segment(file.uri, part, count, file.size * count // total, digest, place(file, known, part[0]))
        )
    return IpcReader(file, schema, tuple(segments))


def _footer(stream: pa.NativeFile, size: int) -> str:
    """Return the digest of the footer; ArrowInvalid if the file is not of the IPC file format."""
    if stream.read(6) != _MAGIC:
        raise pa.ArrowInvalid("not the Arrow IPC file format; write it with pyarrow.feather.write_feather")
    stream.seek(max(0, size - 10))
    tail = stream.read(10)
    if tail[4:] != _MAGIC:
        raise pa.ArrowInvalid("the footer that ends every Arrow IPC file is missing")
    length = min(struct.unpack("<i", tail[:4])[0], size - 10)
    stream.seek(size - 10 - length)
    digest = blake2b(stream.read(length), digest_size=16).hexdigest()
    stream.seek(0)
    return digest
