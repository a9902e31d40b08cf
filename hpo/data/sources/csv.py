"""CSV files, compressed or not: one segment a file, read as a stream with types fixed by the first block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from hpo.data.segment import Segment, fingerprint
from hpo.data.sources.files import DataFile
from hpo.data.sources.readers import identity, place
from hpo.errors import DataError

_BLOCK = 8 << 20
READING = "2"
"""How values are read; another way makes other states."""
_SMALL = 1 << 18
"""Bytes of a compressed file whose rows are counted when it is opened; of a plain one, those of a block."""
_NULLS = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
]  # fmt: skip


@dataclass
class CsvReader:
    """One CSV file; whole numbers are read as float64, so that a later 1.5 is no error.

    ``whole`` are the columns that hold whole numbers in the first block; where they are labels, they stay such.
    """

    file: DataFile
    schema: pa.Schema
    segments: tuple[Segment, ...]
    nullable: dict[str, bool] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()

    def exact(self, name: str) -> pa.DataType:
        """Return the type of whole numbers where the first block has no other; text beyond 64 bits."""
        known = self.schema.field(name).type
        if name in self.whole or not pa.types.is_floating(known):
            return pa.int64() if name in self.whole else known
        block = self._first_block(name, known)
        vast = pc.all(pc.or_kleene(pc.is_null(block), pc.equal(block, pc.round(block))), min_count=0).as_py()
        if not vast or (pc.max(pc.abs(block)).as_py() or 0) < 2.0**63:
            return known
        try:
            self._first_block(name, pa.uint64())
        except pa.ArrowInvalid:
            return pa.string()
        return pa.uint64()

    def _first_block(self, name: str, kind: pa.DataType) -> pa.Array:
        """Return a column of the first block in some type."""
        with _stream(self.file, pa.schema([(name, kind)])) as reader:
            return reader.read_next_batch().column(0)

    def bounds(self, name: str) -> tuple[Any, Any] | None:
        """Return None: the file says nothing of its values."""
        return None

    def scan(
        self, segment: Segment, wanted: pa.Schema, batch_rows: int, *, threads: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows in the data set's types; DataError where a value does not fit its column's type."""
        try:
            for batch in _stream(self.file, wanted):
                for start in range(0, batch.num_rows, batch_rows):
                    yield batch.slice(start, batch_rows)
        except pa.ArrowInvalid as error:
            self.file.check_unchanged()
            raise DataError(
                f"{self.file.uri!r}: {str(error).splitlines()[0]}; column types are taken from the first "
                f"{_BLOCK >> 20} MB of each file: mend the value, drop the column, or convert to Parquet"
            ) from error


def open_csv(file: DataFile, how: str) -> CsvReader:
    """Infer the types of a CSV file from its first block; DataError where it is no comma-separated UTF-8."""
    _check_header(file)
    reader = _stream(file, None)
    fields = [pa.field(f.name, _settled(f.type)) for f in reader.schema]
    rows = _rows(reader, file)
    reader.close()
    known = identity(file, how)
    digest = fingerprint(*known, READING)
    segment = Segment(
        file.uri, (0, 1), 0 if rows == 0 else None, file.size, digest, place(file, known, 0), rows
    )
    whole = frozenset(f.name for f in reader.schema if pa.types.is_integer(f.type))
    return CsvReader(file, pa.schema(fields), (segment,), whole=whole)


def _rows(reader: csv.CSVStreamingReader, file: DataFile) -> int | None:
    """Return the rows of a file of one block, which is parsed already; None of a larger one that has some."""
    rows, plain = 0, file.path.lower().endswith((".csv", ".tsv"))
    try:
        for batch in reader:
            rows += batch.num_rows
            if rows and file.size >= (_BLOCK if plain else _SMALL):
                return None
    except pa.ArrowInvalid:  # of a later block: the pass reads it in settled types, and says what is wrong
        if not rows:
            raise
        return None
    return rows


def _check_header(file: DataFile) -> None:
    """Refuse text in UTF-16, and a header that another character separates."""
    with file.fs.open_input_stream(file.path, compression="detect") as stream:
        start = stream.read(1 << 16)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{file.uri!r} is UTF-16 text; save it as UTF-8")
    header, separator = start.splitlines()[0] if start else b"", _separator(file)
    try:
        header.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.uri!r} is no UTF-8 text: its header holds the byte 0x{header[error.start]:02x}, as text in "
            f"Windows-1252 or Latin-1 does; save it as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8)"
        ) from error
    other = next((c for c in (b";", b"\t", b"|", b",") if c in header), None)
    if other is not None and separator.encode() not in header:
        raise DataError(
            f"the header of {file.uri!r} is separated by {other.decode()!r}, and its name says "
            f"{separator!r}: .csv files are read by ',' and .tsv files by tabs; rename or rewrite it"
        )


def _separator(file: DataFile) -> str:
    return "\t" if ".tsv" in file.path.rsplit("/", 1)[-1].lower() else ","


def _stream(file: DataFile, wanted: pa.Schema | None) -> csv.CSVStreamingReader:
    stream = file.fs.open_input_stream(file.path, compression="detect", buffer_size=1 << 16)
    convert = csv.ConvertOptions(
        null_values=_NULLS,
        strings_can_be_null=True,
        column_types=wanted,
        include_columns=wanted.names if wanted is not None else None,
    )
    return csv.open_csv(
        stream,
        read_options=csv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=csv.ParseOptions(delimiter=_separator(file), newlines_in_values=True),
        convert_options=convert,
    )


def _settled(dtype: pa.DataType) -> pa.DataType:
    """Return the type a column keeps for the whole file."""
    if pa.types.is_integer(dtype):
        return pa.float64()
    if pa.types.is_timestamp(dtype) and dtype.unit == "s":
        return pa.timestamp("us", dtype.tz)
    return dtype
