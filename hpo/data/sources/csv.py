"""CSV files, compressed or not: one segment a file, read in blocks with types fixed by the first."""

from __future__ import annotations

import functools
import os
import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pyarrow import csv

from hpo.data.segment import Segment, fingerprint
from hpo.data.sources.blocks import BLOCK, Block, NoBlocks, Rest, blocks_of
from hpo.data.sources.files import DataFile
from hpo.data.sources.first_bytes import kind_of
from hpo.data.sources.readers import identity, place
from hpo.data.sources.roles import check_distinct
from hpo.data.sources.text import USUAL, UTF8, Conversion, Sight, TextFormat, as_text, conversions, converted
from hpo.errors import DataError
from hpo.process.lazily import arrow_compute as pc
from hpo.process.parallel import side_by_side

SPACES = "  "
"""What stands for one or more spaces between columns, which no reader of CSV takes for a separator."""

_START, _SOME, _FEW = 1 << 16, 1 << 20, 1 << 13
READING = "2"
"""How values are read; another way makes other states."""
_SMALL = 1 << 18
"""Bytes of a compressed file whose rows are counted when it is opened; of a plain one, those of a block."""
NULLS = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
]  # fmt: skip


@dataclass
class CsvReader:
    """One CSV file; whole numbers are read as float64, so that a later 1.5 is no error.

    ``text`` is how the file is written; the columns of ``how`` are converted from their text. ``whole`` are the
    columns that hold whole numbers in the first block; where they are labels, they stay such.
    """

    file: DataFile
    schema: pa.Schema
    segments: tuple[Segment, ...]
    nullable: dict[str, bool] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    text: TextFormat = USUAL
    how: Mapping[str, Conversion] = field(default_factory=dict)

    def exact(self, name: str) -> pa.DataType:
        """Return the type of whole numbers where the first block has no other; text beyond 64 bits."""
        known = self.schema.field(name).type
        if name in self.whole or not pa.types.is_floating(known):
            return pa.int64() if name in self.whole else known
        block = self._first(name, known)
        vast = pc.all(pc.or_kleene(pc.is_null(block), pc.equal(block, pc.round(block))), min_count=0).as_py()
        if not vast or (pc.max(pc.abs(block)).as_py() or 0) < 2.0**63:
            return known
        try:
            self._first(name, pa.uint64())
        except pa.ArrowInvalid:
            return pa.string()
        return pa.uint64()

    def sight(self, names: Sequence[str], rows: int) -> Sight:
        """Return the first rows of those columns that are text; none where they cannot be read."""
        types = {name: self.schema.field(name).type for name in names}
        decimals = any(pa.types.is_floating(t) and name not in self.whole for name, t in types.items())
        wanted = pa.schema([pa.field(name, t) for name, t in types.items() if pa.types.is_string(t)])
        if not wanted.names:
            return Sight(decimals=decimals)
        try:
            with _stream(self.file, self.text, wanted, _SOME) as reader:
                found = pa.Table.from_batches([reader.read_next_batch().slice(0, rows)])
        except (pa.ArrowInvalid, UnicodeError, StopIteration):
            return Sight(decimals=decimals)
        return Sight(found, decimals)

    def _first(self, name: str, kind: pa.DataType) -> pa.Array:
        """Return a column of the first block in some type; of a file without rows none."""
        batch = next(self._batches(pa.schema([pa.field(name, kind)])), None)
        return pa.array([], kind) if batch is None else batch.column(0)

    def _batches(self, wanted: pa.Schema, *, threads: bool = False) -> Iterator[pa.RecordBatch]:
        """Yield the blocks of the file in some types, parsed side by side where threads may."""
        if self.text.encoding not in (None, UTF8):
            yield from self._whole(wanted)
            return
        separator = self.text.sep or usual_separator(self.file)
        with self.file.fs.open_input_stream(self.file.path, compression="detect") as stream:
            parse, blocks = functools.partial(self._parsed, wanted=wanted), blocks_of(stream, separator, BLOCK)
            made = side_by_side(parse, blocks, os.cpu_count() or 1) if threads else map(parse, blocks)
            try:
                for batches in made:
                    yield from batches
            except NoBlocks as left:
                rest = pa.PythonFile(Rest(left.rest, stream), mode="r")
                for batch in _reader(rest, self.file, self.text, as_text(wanted, self.how)):
                    yield self._converted(batch, wanted)

    def _whole(self, wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the file in some types, read in one piece."""
        for batch in _stream(self.file, self.text, as_text(wanted, self.how)):
            yield self._converted(batch, wanted)

    def _parsed(self, block: Block, wanted: pa.Schema) -> list[pa.RecordBatch]:
        """Return the rows of a block; an error counts the rows from the beginning of the file."""
        try:
            table = csv.read_csv(
                pa.BufferReader(block.data),
                read_options=csv.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
                parse_options=_layout(self.file, self.text, newlines=block.quoted),
                convert_options=_values(self.text, as_text(wanted, self.how)),
            )
            return [self._converted(batch, wanted) for batch in table.to_batches()]
        except pa.ArrowInvalid:
            for _ in self._whole(wanted):
                pass
            raise

    def _converted(self, batch: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch:
        return converted(batch, self.how, wanted) if self.how else batch

    def bounds(self, name: str) -> tuple[float, float] | None:
        """Return None: the file says nothing of its values."""
        return None

    def scan(
        self, segment: Segment, wanted: pa.Schema, batch_rows: int, *, threads: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows in the data set's types; DataError where a value does not fit its column's type."""
        try:
            for batch in self._batches(wanted, threads=threads):
                for start in range(0, batch.num_rows, batch_rows):
                    yield batch.slice(start, batch_rows)
        except (pa.ArrowInvalid, UnicodeError) as error:
            self.file.check_unchanged()
            if (why := _undecodable(error, self.schema.names)) is not None:
                raise DataError(_not_text(self.file, self.text, why)) from error
            raise DataError(
                f"{self.file.uri!r}: {str(error).splitlines()[0]}; column types are taken from the first "
                f"{BLOCK >> 20} MB of each file: mend the value, drop the column, or convert to Parquet"
            ) from error


def open_csv(file: DataFile, how: str, text: TextFormat = USUAL) -> CsvReader:
    """Infer the types of a CSV file from its first block; DataError where it is not written as said."""
    start = _check_header(file, text)
    try:
        return _opened(file, how, text, start)
    except UnicodeError as error:
        raise DataError(_not_text(file, text, str(error))) from error


def _opened(file: DataFile, how: str, text: TextFormat, start: bytes) -> CsvReader:
    with _stream(file, text, None) as reader:
        schema = reader.schema
        first = next(iter(reader), None)
        rows = 0 if first is None else _rows(reader, file, first.num_rows)
    check_distinct(repr(file.uri), schema.names)
    whole = {f.name for f in schema if pa.types.is_integer(f.type)}
    types = {f.name: _settled(f.type) for f in schema}
    made: dict[str, Conversion] = {}
    if first is not None and text.converts:
        made = conversions(text, first)
        whole = {name for name in (*whole, *made) if _is_whole(first.column(name), made.get(name))}
        types |= {name: conversion.kind for name, conversion in made.items()}
    if b"0x" in start.lower():
        written = _hexadecimal(file, text, whole)
        whole, types = whole - written, types | dict.fromkeys(written, pa.string())
    known = identity(file, how)
    digest = fingerprint(*known, READING, *text.parts)
    segment = Segment(
        file.uri, (0, 1), 0 if rows == 0 else None, file.size, digest, place(file, known, 0), rows
    )
    return CsvReader(file, pa.schema(types), (segment,), whole=frozenset(whole), text=text, how=made)


def _is_whole(column: pa.Array, conversion: Conversion | None) -> bool:
    """Return whether a column of the first block holds whole numbers."""
    if pa.types.is_integer(column.type):
        return conversion is None or pa.types.is_floating(conversion.kind)
    if conversion is None or not (pa.types.is_string(column.type) and pa.types.is_floating(conversion.kind)):
        return False
    try:
        return bool(len(conversion(column, pa.int64())))
    except pa.ArrowInvalid:
        return False


def _hexadecimal(file: DataFile, text: TextFormat, names: Iterable[str]) -> set[str]:
    """Return the columns, of those that Arrow takes for whole numbers, that are text to anyone else: 0x1f."""
    wanted = pa.schema([pa.field(name, pa.string()) for name in names])
    if not wanted.names:
        return set()
    with _stream(file, text, wanted) as reader:
        batch = reader.read_next_batch()
    columns = zip(batch.schema.names, batch.columns, strict=True)
    return {name for name, c in columns if pc.any(pc.match_substring(c, "0x", ignore_case=True)).as_py()}


def _rows(reader: csv.CSVStreamingReader, file: DataFile, rows: int) -> int | None:
    """Return the rows of a file of one block, which is parsed already; None of a larger one that has some."""
    plain = file.path.lower().endswith((".csv", ".tsv"))
    large = file.size >= (BLOCK if plain else _SMALL)
    try:
        while not (rows and large):
            rows += reader.read_next_batch().num_rows
    except StopIteration:
        return rows
    except (pa.ArrowInvalid, UnicodeError):
        if not rows:
            raise
    return None  # of a later block: the pass reads it in settled types, and says what is wrong


def _check_header(file: DataFile, text: TextFormat) -> bytes:
    """Return the beginning of a file; refuse one in another encoding, or that another character separates."""
    start = start_of(file)
    guessed = encoding_of(start)
    if text.encoding is None and guessed is not None and guessed.startswith("utf-"):
        name = guessed[:6].upper()
        raise DataError(f"{file.uri!r} is {name} text; pass encoding={guessed!r}, or save it as UTF-8")
    begun = start.splitlines()[0] if start and text.encoding is None else start
    try:
        header = header_of(begun, text.encoding)
    except LookupError as error:
        why = "is none that Python knows; write 'cp1252' (Windows), 'latin-1' or 'utf-16'"
        raise DataError(f"encoding={text.encoding!r} {why}") from error
    except UnicodeDecodeError as error:
        why = f"its header holds the byte 0x{begun[error.start]:02x}"
        raise DataError(_not_text(file, text, why)) from error
    except UnicodeError as error:  # that of UTF-16 without a mark at its beginning
        raise DataError(_not_text(file, text, str(error))) from error
    separator = text.sep or usual_separator(file)
    other = other_separator(header, separator, lines_below(start, text.encoding))
    usual = "" if text.sep else f", and its name says {separator!r}"
    if other == SPACES:
        raise DataError(
            f"the header of {file.uri!r} is separated by several spaces{usual}: read it with "
            r"pandas.read_csv(…, sep=r'\s+') and pass the frame"
        )
    if other is not None:
        raise DataError(
            f"the header of {file.uri!r} is separated by {other!r}{usual}; pass sep={other!r}: without it "
            ".csv files are read by ',' and .tsv files by tabs"
        )
    return start


def start_of(file: DataFile) -> bytes:
    """Return the first bytes of a file, decompressed; DataError where they are those of no text."""
    with file.fs.open_input_stream(file.path, compression="detect") as stream:
        start: bytes = stream.read(_START)
    if kind_of(start) is not None and (mistaken := file.mistaken()) is not None:
        raise DataError(f"cannot read {file.uri!r}: {mistaken}")
    return start


def header_of(start: bytes, encoding: str | None) -> str:
    r"""Return the first line of a text; UnicodeError where it is in another encoding.

    Examples
    --------
    >>> header_of("é,b\n1,2".encode("utf-16"), "utf-16")
    'é,b'
    """
    decoded = getincrementaldecoder(encoding or UTF8)().decode(start)
    return decoded.splitlines()[0] if decoded else ""


def lines_below(start: bytes, encoding: str | None) -> list[str]:
    r"""Return some whole lines below the header.

    Examples
    --------
    >>> lines_below(b"a b\n1 2\n3 4\n5", None)
    ['1 2', '3 4']
    """
    decoded = getincrementaldecoder(encoding or UTF8)("replace").decode(start[:_FEW])
    return [line for line in decoded.splitlines()[1:-1] if line.strip()][:20]


def other_separator(header: str, separator: str, below: Sequence[str] = ()) -> str | None:
    """Return what separates a header that holds no separator of its own; None where nothing else does.

    A colon or spaces do only if some lines below hold as many; several spaces are :data:`SPACES`.

    Examples
    --------
    >>> other_separator("a;b", ","), other_separator("a,b", ","), other_separator("a", ",")
    (';', None, None)
    >>> other_separator("a b", ",", ["1 2", "3 4"]), other_separator("first name", ",", ["Ann", "Jo"])
    (' ', None)
    >>> other_separator("a  b", ",", ["1   2", "3  4"]) == SPACES
    True
    """
    if separator in header:
        return None
    sure = next((c for c in ";\t|," if c in header), None)
    if sure is not None or len(below) < 2:
        return sure
    for c in ": ":
        if c in header.strip() and SPACES not in header and all(line.count(c) == header.count(c) for line in below):
            return c
    columns = len(header.split())
    return SPACES if columns > 1 and all(len(line.split()) == columns for line in below) else None


def _undecodable(error: Exception, names: Sequence[str]) -> str | None:
    """Return what text cannot be decoded, where that is what an error says."""
    if isinstance(error, UnicodeDecodeError):
        return f"it holds the byte 0x{error.object[error.start]:02x}"
    if isinstance(error, UnicodeError):
        return str(error)
    found = re.match(r"In CSV column #(\d+): Row #(\d+): .*invalid UTF8 data", str(error))
    return None if found is None else f"column {names[int(found[1])]!r} holds other bytes in line {int(found[2]):,}"


def _not_text(file: DataFile, text: TextFormat, why: str) -> str:
    """Return the message for a file that is in another encoding than it should be."""
    if (other := file.mistaken()) is not None:
        return f"cannot read {file.uri!r}: {other}"
    guessed = encoding_of(start_of(file)) or "cp1252"
    if text.encoding is not None:
        advice = f"give the encoding that it has, such as {guessed!r}" if guessed != text.encoding else (
            "give the encoding that it has"
        )
        return f"{file.uri!r} is no text in encoding={text.encoding!r}: {why}; {advice}"
    return (
        f"{file.uri!r} is no UTF-8 text: {why}, as text in Windows-1252 or Latin-1 does; pass "
        f"encoding={guessed!r}, or save it as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8)"
    )


def encoding_of(start: bytes) -> str | None:
    """Return the encoding that the beginning of a text is likely in; None for UTF-8.

    Examples
    --------
    >>> encoding_of("é".encode("cp1252")), encoding_of("é".encode("utf-16")), encoding_of("é".encode())
    ('cp1252', 'utf-16', None)
    >>> encoding_of("a,b".encode("utf-16-le"))
    'utf-16-le'
    """
    if start[:4] == b"\xff\xfe\x00\x00":
        return "utf-32"
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    even, odd = start[:1024:2].count(0), start[1:1024:2].count(0)
    if max(even, odd) > len(start[:1024]) // 8:
        return "utf-16-le" if odd > even else "utf-16-be"
    for name, known in ((UTF8, None), ("cp1252", "cp1252")):
        try:
            getincrementaldecoder(name)().decode(start, final=len(start) < _START)
        except UnicodeDecodeError:
            continue
        return known
    return "latin-1"


def usual_separator(file: DataFile) -> str:
    """Return what separates the columns of a file by its name."""
    return "\t" if ".tsv" in file.path.rsplit("/", 1)[-1].lower() else ","


def _stream(
    file: DataFile, text: TextFormat, wanted: pa.Schema | None, block: int = BLOCK
) -> csv.CSVStreamingReader:
    stream = file.fs.open_input_stream(file.path, compression="detect", buffer_size=1 << 16)
    return _reader(stream, file, text, wanted, block)


def _reader(
    stream: pa.NativeFile, file: DataFile, text: TextFormat, wanted: pa.Schema | None, block: int = BLOCK
) -> csv.CSVStreamingReader:
    return csv.open_csv(
        stream,
        read_options=csv.ReadOptions(use_threads=False, block_size=block, encoding=text.encoding or UTF8),
        parse_options=_layout(file, text, newlines=True),
        convert_options=_values(text, wanted),
    )


def _layout(file: DataFile, text: TextFormat, *, newlines: bool) -> csv.ParseOptions:
    return csv.ParseOptions(delimiter=text.sep or usual_separator(file), newlines_in_values=newlines)


def _values(text: TextFormat, wanted: pa.Schema | None) -> csv.ConvertOptions:
    return csv.ConvertOptions(
        null_values=NULLS,
        strings_can_be_null=True,
        column_types=wanted,
        include_columns=wanted.names if wanted is not None else None,
        decimal_point=text.decimal or ".",
    )


def _settled(dtype: pa.DataType) -> pa.DataType:
    """Return the type a column keeps for the whole file."""
    if pa.types.is_integer(dtype):
        return pa.float64()
    if pa.types.is_binary(dtype):  # bytes that the encoding does not have: refused where they are read
        return pa.string()
    if pa.types.is_timestamp(dtype) and dtype.unit == "s":
        return pa.timestamp("us", dtype.tz)
    return dtype
