"""What the first line of a pipe says: that it is none of CSV or JSON, or written in another way than is said."""

from __future__ import annotations

from typing import Literal

from hpo.data.sources.csv_looks import encoding_of, header_of, other_separator
from hpo.data.sources.first_bytes import kind_of
from hpo.data.sources.text import TextFormat
from hpo.errors import DataError

Lines = Literal["csv", "jsonl"]

_ARROW_STREAM = b"\xff\xff\xff\xff"
"""What an Arrow IPC stream begins with."""


def check_first(line: bytes, form: Lines, text: TextFormat) -> None:
    """Refuse lines that are no CSV, or no objects of JSON, by their first one.

    Raises
    ------
    DataError
        Says what they are, and what to type.

    Examples
    --------
    >>> check_first(b"a,b", "csv", TextFormat())
    >>> check_first(b'{"a": 1}', "csv", TextFormat())
    Traceback (most recent call last):
    hpo.errors.DataError: the rows are not CSV: they begin with an object of JSON; write --format jsonl
    """
    if (why := _other_form(line) or (_no_csv(line, text) if form == "csv" else _no_json(line))) is not None:
        raise DataError(f"the rows are not {'CSV' if form == 'csv' else 'lines of JSON'}: {why}")


def _other_form(line: bytes) -> str | None:
    """Return what binary rows are, and what to do."""
    if line.startswith(_ARROW_STREAM):
        return "they are an Arrow IPC stream; write --format arrow"
    if (found := kind_of(line)) is not None:
        return f"they are {found[0].partition(',')[0]}; send text, or an Arrow IPC stream with --format arrow"
    guessed = encoding_of(line)
    if guessed is not None and guessed.startswith(("utf-16", "utf-32")):
        return f"they are {guessed[:6].upper()} text; send UTF-8 (iconv -f {guessed[:6].upper()} -t UTF-8)"
    return None


def _no_csv(line: bytes, text: TextFormat) -> str | None:
    """Return why a first line does not name columns."""
    if line.lstrip().startswith(b"{"):
        return "they begin with an object of JSON; write --format jsonl"
    if b"\r" in line:
        return "their lines end in carriage returns alone; send them with line feeds (tr '\\r' '\\n')"
    try:
        header = header_of(line, text.encoding)
    except UnicodeError:
        known = text.encoding or "UTF-8"
        return f"the header is not {known} text; say what it is by encoding: cp1252 in the study's file"
    other = other_separator(header, text.sep or ",", [])
    if other is None:
        return None
    return f"the header is separated by {other!r}; write sep: {other!r} in the study's file"


def _no_json(line: bytes) -> str | None:
    """Return why a first line is no object."""
    begun = line.lstrip(b"\xef\xbb\xbf \t")[:1]
    if begun == b"[":
        return "they begin with a list; write an object a line, as to_json(orient='records', lines=True) does"
    return None if begun == b"{" else "the first one is no object; lines of CSV are read without --format jsonl"
