"""What the first bytes of a CSV file say of it: header, separator, encoding; and what is wrong with it."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Sequence

from hpo.data.sources.files import DataFile
from hpo.data.sources.first_bytes import kind_of
from hpo.data.sources.text import UTF8, TextFormat
from hpo.errors import DataError

SPACES = "  "
"""What stands for one or more spaces between columns, which no reader of CSV takes for a separator."""

_START, SOME, _FEW = 1 << 16, 1 << 20, 1 << 13


def checked_start(file: DataFile, text: TextFormat) -> bytes:
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
        raise DataError(not_text(file, text, why)) from error
    except UnicodeError as error:  # that of UTF-16 without a mark at its beginning
        raise DataError(not_text(file, text, str(error))) from error
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


def undecodable(error: Exception, names: Sequence[str]) -> str | None:
    """Return what text cannot be decoded, where that is what an error says."""
    if isinstance(error, UnicodeDecodeError):
        return f"it holds the byte 0x{error.object[error.start]:02x}"
    if isinstance(error, UnicodeError):
        return str(error)
    found = re.match(r"In CSV column #(\d+): Row #(\d+): .*invalid UTF8 data", str(error))
    return None if found is None else f"column {names[int(found[1])]!r} holds other bytes in line {int(found[2]):,}"


def not_text(file: DataFile, text: TextFormat, why: str) -> str:
    """Return the message for a file that is in another encoding than it should be."""
    if (other := file.mistaken()) is not None:
        return f"cannot read {file.uri!r}: {other}"
    guessed = encoding_of(start_of(file)) or "cp1252"
    if text.encoding is not None:
        advice = f"give the encoding that it has, such as {guessed!r}" if guessed != text.encoding else (
            "give the encoding that it has"
        )
        return f"{file.uri!r} is not text in encoding={text.encoding!r}: {why}; {advice}"
    return (
        f"{file.uri!r} is not UTF-8 text: {why}, as text in Windows-1252 or Latin-1 does; pass "
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
