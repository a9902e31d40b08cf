"""CSV files, compressed or not: one segment a file, read in blocks with types fixed by the first."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pyarrow import csv

from hpo.data.segment import Segment, fingerprint
from hpo.data.sources.blocks import BLOCK, Block, NoBlocks, Rest, blocks_of
from hpo.data.sources.csv_looks import SOME, checked_start, not_text, undecodable, usual_separator
from hpo.data.sources.files import DataFile
from hpo.data.sources.first_rows import as_wanted, first_rows
from hpo.data.sources.identities import identity, place
from hpo.data.sources.odd import odd_among, odd_values
from hpo.data.sources.roles import check_distinct
from hpo.data.sources.text import (
    USUAL,
    UTF8,
    Conversion,
    Number,
    Sight,
    TextFormat,
    as_text,
    conversions,
    converted,
)
from hpo.errors import DataError
from hpo.process.lazily import arrow_compute as pc
from hpo.process.parallel import side_by_side

READING = "2"
"""How values are read; another way makes other states."""
_SMALL = 1 << 18
"""Bytes of a compressed file whose rows are counted when it is opened; of a plain one, those of a block."""


@dataclass
class CsvReader:
    """One CSV file; whole numbers are read as float64, so that a later 1.5 is not an error.

    ``text`` is how the file is written; the columns of ``how`` are converted from their text. ``whole`` are the
    columns that hold whole numbers in the first block; where they are labels, they stay such. ``odd`` is some of
    what is not a number in the first block, of the columns of text that begin with numbers; ``first`` are the first
    rows of a large file, as they were parsed when it was opened.
    """

    file: DataFile
    schema: pa.Schema
    segments: tuple[Segment, ...]
    nullable: dict[str, bool] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    text: TextFormat = USUAL
    how: Mapping[str, Conversion] = field(default_factory=dict)
    odd: Mapping[str, pa.Array] = field(default_factory=dict)
    first: pa.RecordBatch | None = None

    def __getstate__(self) -> dict[str, object]:
        """Leave out what another process does not look at."""
        return {**self.__dict__, "first": None}

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
            with _stream(self.file, self.text, wanted, SOME) as reader:
                found = pa.Table.from_batches([reader.read_next_batch().slice(0, rows)])
            number = Number(self.text)
            names = [name for name in wanted.names if name in self.odd and number.fits(found.column(name))]
            odd = (pa.table({name: self.odd[name]}) for name in names)
            return Sight(pa.concat_tables([found, *odd], promote_options="default"), decimals)
        except (pa.ArrowInvalid, UnicodeError, StopIteration):
            return Sight(decimals=decimals)

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

    def _known(self, wanted: pa.Schema, rows: int) -> pa.RecordBatch | None:
        """Return the first rows, where they are known and so many of them are wanted at once."""
        if self.first is None or rows > self.first.num_rows or not wanted.names or {*wanted.names} & {*self.how}:
            return None
        known = as_wanted(self.first, wanted)
        return None if known is None else known.slice(0, rows)

    def _whole(self, wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the file in some types, read in one piece."""
        for batch in _stream(self.file, self.text, as_text(wanted, self.how)):
            yield self._converted(batch, wanted)

    def _parsed(self, block: Block, wanted: pa.Schema) -> list[pa.RecordBatch]:
        """Return the rows of a block; an error counts the rows from the beginning of the file."""
        try:
            table = _table(block, self.file, self.text, as_text(wanted, self.how))
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
        known = self._known(wanted, batch_rows)
        if known is not None:
            yield known
        begin = 0 if known is None else batch_rows
        try:
            for batch in self._batches(wanted, threads=threads):
                for start in range(begin, batch.num_rows, batch_rows):
                    yield batch.slice(start, batch_rows)
                begin = 0
        except (pa.ArrowInvalid, UnicodeError) as error:
            self.file.check_unchanged()
            if (why := undecodable(error, self.schema.names)) is not None:
                raise DataError(not_text(self.file, self.text, why)) from error
            raise DataError(
                f"{self.file.uri!r}: {str(error).splitlines()[0]}; column types are taken from the first "
                f"{BLOCK >> 20} MB of each file: correct the value, name it in na_values= if it means missing, "
                "drop the column, or convert to Parquet"
            ) from error


def open_csv(file: DataFile, how: str, text: TextFormat = USUAL) -> CsvReader:
    """Infer the types of a CSV file from its first block; DataError where it is not written as said."""
    start = checked_start(file, text)
    try:
        return _opened(file, how, text, start)
    except UnicodeError as error:
        raise DataError(not_text(file, text, str(error))) from error


def _opened(file: DataFile, how: str, text: TextFormat, start: bytes) -> CsvReader:
    first = _first_block(file, text) if _is_large(file) else None
    begin = None if first is None else first_rows(first)
    if first is not None:
        schema, rows = first.schema, None
    else:
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
    odd = {} if first is None else odd_among(first, text)
    if b"0x" in start.lower():
        written = _hexadecimal(file, text, whole)
        whole, types, odd = whole - {*written}, types | dict.fromkeys(written, pa.string()), odd | written
    known = identity(file, how)
    digest = fingerprint(*known, READING, *text.parts)
    segment = Segment(
        file.uri, (0, 1), 0 if rows == 0 else None, file.size, digest, place(file, known, 0), rows
    )
    return CsvReader(
        file, pa.schema(types), (segment,), whole=frozenset(whole), text=text, how=made, odd=odd, first=begin
    )


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


def _hexadecimal(file: DataFile, text: TextFormat, names: Iterable[str]) -> dict[str, pa.Array]:
    """Return the columns, of those that Arrow takes for whole numbers, that are text to anyone else: 0x1f."""
    wanted = pa.schema([pa.field(name, pa.string()) for name in names])
    if not wanted.names:
        return {}
    with _stream(file, text, wanted) as reader:
        batch = reader.read_next_batch()
    columns = zip(batch.schema.names, batch.columns, strict=True)
    written = {n: c for n, c in columns if pc.any(pc.match_substring(c, "0x", ignore_case=True)).as_py()}
    return {name: odd_values(column, text) for name, column in written.items()}


def _first_block(file: DataFile, text: TextFormat) -> pa.RecordBatch | None:
    """Return the first block in the types that it has; None of a file that cannot be cut, or parsed.

    A reader of streams parses the block behind it as well.
    """
    if text.encoding not in (None, UTF8):
        return None
    try:
        with file.fs.open_input_stream(file.path, compression="detect") as stream:
            block = next(blocks_of(stream, text.sep or usual_separator(file), BLOCK))
        batches = _table(block, file, text, None).to_batches()
    except (NoBlocks, StopIteration, pa.ArrowInvalid, UnicodeError):
        return None  # the reader of streams says what is wrong
    return batches[0] if len(batches) == 1 and batches[0].num_rows else None


def _table(block: Block, file: DataFile, text: TextFormat, wanted: pa.Schema | None) -> pa.Table:
    """Return the rows of a block, in some types or in those that they have."""
    return csv.read_csv(
        pa.BufferReader(block.data),
        read_options=csv.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
        parse_options=_layout(file, text, newlines=block.quoted),
        convert_options=_values(text, wanted),
    )


def _is_large(file: DataFile) -> bool:
    """Return whether the rows of a file are not counted when it is opened."""
    plain = file.path.lower().endswith((".csv", ".tsv"))
    return file.size >= (BLOCK if plain else _SMALL)


def _rows(reader: csv.CSVStreamingReader, file: DataFile, rows: int) -> int | None:
    """Return the rows of a file of one block, which is parsed already; None of a larger one that has some."""
    large = _is_large(file)
    try:
        while not (rows and large):
            rows += reader.read_next_batch().num_rows
    except StopIteration:
        return rows
    except (pa.ArrowInvalid, UnicodeError):
        if not rows:
            raise
    return None  # of a later block: the pass reads it in settled types, and says what is wrong


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
        null_values=text.nulls,
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
