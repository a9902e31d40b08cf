"""Types of columns from the first lines of a stream, where a few of their values are of another type.

A value that a later line should not have must not decide what a column is. A column has the type of nearly all of
its values: where at most one in a hundred of the first lines (one, of ten to 199 lines) has another, these are
bad ones. Where more have, a column of CSV is text, as anywhere else, and JSON has no type for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pyarrow as pa

Parse: TypeAlias = "Callable[[Sequence[bytes], pa.Schema | None], pa.Table]"
"""Makes a table of lines, in types that are given; those of other columns are inferred."""

ASKED = 64
"""Lines that are read one by one, for what type each column usually has."""

ONE_OF, FEWEST = 100, 10
"""Of so many lines one may be of another type, and of so few lines none."""


_WORDS = {
    "double": "a number", "int64": "a whole number", "number": "a number", "bool": "true or false",
    "boolean": "true or false", "string": "text", "array": "a list", "object": "an object",
    "date32": "a date", "timestamp": "a date", "time32": "a time of day",
}  # fmt: skip
"""Types of Arrow, and kinds of JSON, in words."""


def in_words(kind: str) -> str:
    """Return what a value of a type is.

    Examples
    --------
    >>> in_words("timestamp[ns, tz=UTC]"), in_words("int8")
    ('a date', 'int8')
    """
    return _WORDS.get(kind.split("[", maxsplit=1)[0], kind)


def usual_schema(parse: Parse, lines: Sequence[bytes]) -> pa.Schema:
    r"""Return the types that nearly all lines have.

    Raises
    ------
    pyarrow.ArrowException
        Half of the lines cannot be read, or too many values are of another type than JSON can have beside.

    Examples
    --------
    >>> import io, pyarrow.csv
    >>> def parse(lines, schema):
    ...     how = pyarrow.csv.ConvertOptions(column_types=schema)
    ...     return pyarrow.csv.read_csv(io.BytesIO(b"\n".join([b"a,b", *lines])), convert_options=how)
    >>> usual_schema(parse, [b"1,u"] * 20 + [b"what,v"]).types
    [DataType(int64), DataType(string)]
    """
    found = _types(parse, lines)
    if found is not None and not _texts(found):
        return found
    sound = lines if found is not None else sound_lines(parse, lines)
    if 2 * len(sound) <= len(lines):
        return parse(lines, None).schema
    known = found or _types(parse, sound)
    return parse(_usual_lines(parse, sound, known), None).schema


def most_odd(values: int) -> int:
    """Return how many of so many values may be of another type.

    Examples
    --------
    >>> [most_odd(values) for values in (9, 10, 199, 200)]
    [0, 1, 1, 2]
    """
    return max(values // ONE_OF, int(values >= FEWEST))


def sound_lines(parse: Parse, lines: Sequence[bytes]) -> list[bytes]:
    """Return the lines that can be read, alone if need be, by halves."""
    if _types(parse, lines) is not None:
        return list(lines)
    half = len(lines) // 2
    return [line for part in (lines[:half], lines[half:]) for line in sound_lines(parse, part)] if half else []


def _usual_lines(parse: Parse, lines: Sequence[bytes], known: pa.Schema | None) -> Sequence[bytes]:
    """Return the lines without those, if they are few, that keep a column from its usual type."""
    most = most_odd(len(lines))
    for field in _voted(parse, lines):
        if known is not None and (field.name not in _texts(known) or _is_text(field.type)):
            continue
        odd = _odd(parse, lines, pa.schema([field]), most)
        if odd is not None:
            lines = [line for index, line in enumerate(lines) if index not in odd]
    return lines


def _voted(parse: Parse, lines: Sequence[bytes]) -> pa.Schema:
    """Return the type of each column that most lines have, read one by one, in the widest of its kind."""
    votes: dict[str, Counter[pa.DataType]] = {}
    for line in lines[:: -(-len(lines) // ASKED)]:
        for field in _types(parse, [line]) or ():
            if not pa.types.is_null(field.type):
                votes.setdefault(field.name, Counter())[_widest(field.type)] += 1
    return pa.schema([(name, count.most_common(1)[0][0]) for name, count in votes.items()])


def _odd(parse: Parse, lines: Sequence[bytes], schema: pa.Schema, most: int) -> set[int] | None:
    """Return the places of the lines that are not of the types; None where they are more than may be."""
    odd: set[int] = set()
    parts = [(0, len(lines))]
    while parts and len(odd) <= most:
        begin, end = parts.pop()
        if _types(parse, lines[begin:end], schema) is not None:
            continue
        if end - begin == 1:
            odd.add(begin)
        else:
            half = (begin + end) // 2
            parts += [(half, end), (begin, half)]
    return odd if len(odd) <= most else None


def _types(parse: Parse, lines: Sequence[bytes], schema: pa.Schema | None = None) -> pa.Schema | None:
    """Return the types of lines; None where they cannot be read together."""
    try:
        return parse(lines, schema).schema
    except pa.ArrowException:
        return None


def _texts(schema: pa.Schema) -> set[str]:
    return {field.name for field in schema if _is_text(field.type)}


def _widest(kind: pa.DataType) -> pa.DataType:
    """Return a type that holds what others of its kind do: whole numbers are numbers, and seconds are moments."""
    if pa.types.is_integer(kind):
        return pa.float64()
    return pa.timestamp("ns", kind.tz) if pa.types.is_timestamp(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))
