"""Rows that come through a pipe: lines of CSV or JSON, or an Arrow stream, as they arrive.

A row of text is a line. Lines that cannot be read are found by halves, so that a block with one bad line costs a
few readings of it.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import select
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, TypeAlias

import pyarrow as pa
import pyarrow.json as pa_json

from hpo.data.sources.csv_lines import csv_lines
from hpo.data.sources.piped_first import check_first
from hpo.data.sources.text import USUAL, TextFormat
from hpo.data.sources.usual_types import ONE_OF, Parse, in_words, usual_schema
from hpo.errors import DataError

Format = Literal["csv", "jsonl", "arrow"]

AT_ONCE = 1 << 20
"""Bytes that are read at once, at most."""

FIRST = 1 << 23
"""Bytes of the first lines, from which the types of columns are inferred, at most."""


_UNREADABLE = (pa.ArrowException, UnicodeDecodeError)


@dataclass(frozen=True)
class Bad:
    """A line that cannot be read, and why."""

    why: str


Item: TypeAlias = "pa.Table | Bad | None"
"""Some rows, a row that cannot be read, or nothing for a while."""


def piped(
    stream: BinaryIO,
    form: Format,
    *,
    schema: Callable[[], pa.Schema | None] = lambda: None,
    first_rows: int = 10_000,
    wait: float = 1.0,
    text: TextFormat = USUAL,
) -> Generator[Item]:
    r"""Yield the rows of a pipe in order, as they arrive.

    Parameters
    ----------
    stream : a binary file; a pipe where there may be waiting.
    form : ``"csv"``, whose first line names the columns; ``"jsonl"``, an object a line; ``"arrow"``, an IPC
        stream.
    schema : returns the types of columns as far as they are known by now. Others are those that nearly all of the
        first rows have (:mod:`hpo.data.sources.usual_types`).
    first_rows : rows to infer types from.
    wait : seconds after which None is yielded where nothing arrived.
    text : how CSV is written.

    Raises
    ------
    DataError
        It is not a stream of that form.

    Examples
    --------
    >>> lines = io.BytesIO(b"a,b\n1,2\n3,x\n5,6\n")
    >>> [item.to_pydict() if isinstance(item, pa.Table) else item for item in piped(lines, "csv", first_rows=1)]
    [{'a': [1], 'b': [2]}, Bad(why="column 'b': 'x' is not a whole number"), {'a': [5], 'b': [6]}]
    """
    if form == "arrow":
        yield from _arrow(stream)
        return
    if text.encoding and text.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        raise DataError(f"encoding={text.encoding!r}: lines of a stream are bytes; send UTF-8 (iconv -t UTF-8)")
    lines = _lines(stream, wait)
    header = next((line for line in lines if line is not None and line is not _END), b"")
    if header:
        check_first(header, form, text)
    if form != "csv":
        header, lines = b"", itertools.chain([header] if header else [], lines)
    reader = _Reader(csv_lines(header, text) if form == "csv" else _json, schema)
    waiting: list[bytes] | None = [] if schema() is None else None
    size = 0
    for line in _blocks(lines):
        if waiting is None:
            yield from (None,) if line is None else reader.read(line)
        elif line is not None:
            waiting += line
            size += sum(map(len, line))
            if len(waiting) >= first_rows or size >= FIRST:
                yield from reader.begin(waiting[:first_rows])
                yield from reader.read(waiting[first_rows:])
                waiting = None
    if waiting:
        yield from reader.begin(waiting)


@dataclass
class _Reader:
    """Reads lines; types that nobody knows are those of the first ones.

    Attributes
    ----------
    parse : makes a table of lines, of a schema or of types that it infers.
    known : returns the types of columns that are known by now.
    first : the types of the first lines.
    """

    parse: Parse
    known: Callable[[], pa.Schema | None]
    first: pa.Schema | None = None

    def begin(self, lines: Sequence[bytes]) -> Iterator[Item]:
        """Take the types of columns from the lines, those that nearly all of them have, and yield the rows."""
        try:
            self.first = usual_schema(self.parse, lines)
        except _UNREADABLE as error:
            raise DataError(f"the first rows cannot be read: {_in_common(error)}") from None
        yield from self.read(lines)

    def read(self, lines: Sequence[bytes]) -> Iterator[Item]:
        """Yield the rows of lines, and those that cannot be read, in order."""
        if not lines:
            return
        try:
            yield self.parse(lines, self.known() or self.first)
        except _UNREADABLE as error:
            if len(lines) == 1:
                yield Bad(self._why(lines[0], error))
                return
            half = len(lines) // 2
            yield from self.read(lines[:half])
            yield from self.read(lines[half:])

    def _why(self, line: bytes, error: Exception) -> str:
        """Return what is wrong with a line: the value that its column does not take, or as Arrow says."""
        if found := _OF_CSV.search(_first(error)):
            place, kind, value = found.groups()
            name = self.parse([b""], None).column_names[int(place)]
        elif found := _CONVERTED.search(_first(error)):
            return f"column {found[1]}: {found[2]!r} is not {in_words(found[3])}"
        elif found := _OF_JSON.search(str(error)):
            name, kind, _ = found.groups()
            value = str(json.loads(line).get(name))
        else:
            return _first(error)
        return f"column {name!r}: {value!r} is not {in_words(kind)}"


_OF_CSV = re.compile(r"column #(\d+): CSV conversion error to ([^:]+): invalid value '(.*)'")
_CONVERTED = re.compile(r"column ('.+'): Failed to parse string: '(.*)' as a scalar of type (\w+)")
_OF_JSON = re.compile(r"Column\(/([^/)]*)\) changed from (\w+) to (\w+)")


def _in_common(error: Exception) -> str:
    """Return why lines have no types in common."""
    if (found := _OF_JSON.search(str(error))) is None:
        return _first(error)
    name, one, other = found.groups()
    return (
        f"column {name!r} is {in_words(one)} in some and {in_words(other)} in others, the rarer in more "
        f"than one line of {ONE_OF}"
    )


def _json(lines: Sequence[bytes], schema: pa.Schema | None) -> pa.Table:
    whole = b"\n".join(lines)
    whole.decode()  # Arrow takes other encodings for UTF-8
    found = pa_json.read_json(
        io.BytesIO(whole),
        read_options=pa_json.ReadOptions(use_threads=False, block_size=len(whole) + 1),
        parse_options=pa_json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore"
        ),
    )
    if found.num_rows != len(lines):
        raise pa.ArrowInvalid("a line is not one object")
    return found


def _arrow(stream: BinaryIO) -> Iterator[Item]:
    try:
        with pa.ipc.open_stream(stream) as reader:
            for batch in reader:
                batch.validate(full=True)
                yield pa.Table.from_batches([batch])
    except pa.ArrowException as error:
        raise DataError(f"this is not an Arrow IPC stream, or it is damaged: {_first(error)}") from None


def _lines(stream: BinaryIO, wait: float) -> Iterator[bytes | None]:
    """Yield lines that are not blank, the last one without an end too; None where nothing arrived for a while."""
    rest = b""
    for data in _arriving(stream, wait):
        if data is None:
            yield None
            continue
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            if line.strip():
                yield line.removesuffix(b"\r")
        yield _END
    if rest.strip():
        yield rest.removesuffix(b"\r")


_END = b"\n"
"""Stands where what arrived at once ends: no line is one."""


def _blocks(lines: Iterator[bytes | None]) -> Iterator[list[bytes] | None]:
    """Yield the lines that arrived together."""
    block: list[bytes] = []
    for line in lines:
        if line is None or line is _END:
            if block:
                yield block
            block = []
            if line is None:
                yield None
        else:
            block.append(line)
    if block:
        yield block


def _arriving(stream: BinaryIO, wait: float) -> Iterator[bytes | None]:
    """Yield what arrives; None where that is nothing for so many seconds."""
    try:
        place = stream.fileno()
    except OSError:
        place = None
    while True:
        if place is not None and not select.select([place], [], [], wait)[0]:
            yield None
            continue
        data = stream.read(AT_ONCE) if place is None else os.read(place, AT_ONCE)
        if not data:
            return
        yield data


def _first(error: Exception) -> str:
    """Return what is wrong, without the number of the row in the block that was read."""
    if isinstance(error, UnicodeDecodeError):
        return f"a value is not UTF-8 text (it holds the byte 0x{error.object[error.start]:02x})"
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return re.sub(r"Row #\d+: ", "", line)
