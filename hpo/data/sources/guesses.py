"""How CSV files are likely written: what their first rows look like, for a warning and for ``hpo init``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from hpo.data.sources.csv_looks import (
    SPACES,
    encoding_of,
    header_of,
    lines_below,
    other_separator,
    start_of,
    usual_separator,
)
from hpo.data.sources.files import CSV, DataFile
from hpo.data.sources.marks import parted
from hpo.data.sources.text import USUAL, Moment, Number, Sight, TextFormat, words
from hpo.process.lazily import arrow_compute as pc

ROWS = 1_000
"""Rows that are looked at."""

_MARKS = (
    (None, None), (None, ","), (",", None), (",", "."), (None, " "), (",", " "), (None, "'"), (None, "’"),
    (",", "'"),
)  # fmt: skip
"""Decimal marks, with marks of thousands, the likely ones first."""

_DAYS = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%y", "%d/%m/%y",
    "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%d-%b-%y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S")
_ZONED = tuple(f"%Y-%m-%d{time} {zone}" for time in (" %H:%M", " %H:%M:%S", "T%H:%M:%S") for zone in ("UTC", "GMT"))
_USUAL = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_FORMATS = (*(day + time for day, time in itertools.product(_DAYS, _TIMES)), *_ZONED)

_LIKE_A_DATE = (
    r"^(\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})|"
    r"\d{1,2}[ -]\pL{3,9}[ -](\d{4}|\d{2})|\pL{3,9} \d{1,2}, \d{4})($|[ T])"
)
"""What begins with a day, a month and a year of two or four digits, in some order."""

_SYMBOL = re.compile(
    r"[$€£¥₹₽₩₺₴₪฿%‰()\u2212]|(?<=\d)-(?=\s*$)|\b(?:USD|EUR|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|INR|CNY|BRL|MXN|ZAR|kr|zł)\b"
)


@dataclass(frozen=True)
class Guess:
    """How some columns of text are likely written.

    Attributes
    ----------
    text : the format under which they are numbers and dates.
    numbers, dates : which they are.
    either : another format of dates that suits the rows as well; empty where there is none.
    mixed : whether the numbers have another decimal mark than those of other columns.
    marks : texts that likely mean missing among numbers and dates, by column.
    several : columns of dates that are written in several ways.
    """

    text: TextFormat = USUAL
    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    either: str = ""
    mixed: bool = False
    marks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    several: tuple[str, ...] = ()

    def new(self, known: TextFormat) -> dict[str, Any]:
        """Return the options that are not known yet."""
        return {k: v for k, v in self.text.given.items() if not _among(v, known.given.get(k))}


def _among(value: object, known: object) -> bool:
    """Return whether an option says nothing that is not known."""
    return {*value} <= {*known} if isinstance(value, tuple) and isinstance(known, tuple) else value == known


def guess(sight: Sight, known: TextFormat = USUAL) -> Guess:
    """Return how columns of text are likely written, beside what is known.

    Examples
    --------
    >>> table = pa.table({"price": ["1,50 €", "12,00 €"], "day": ["31.12.2024", "1.1.2025"]})
    >>> guess(Sight(table)).text.given
    {'decimal': ',', 'symbols': ('€',), 'date_format': '%d.%m.%Y'}
    >>> guess(Sight(pa.table({"hp": ["130", "?", "165"]}))).text.given
    {'na_values': ('?',)}
    """
    table = sight.text
    both = {name: parted(_distinct(c)) for name, c in zip(table.column_names, table.columns, strict=True)}
    columns = {name: _trimmed(part.values) for name, part in both.items()}
    columns = {name: values for name, values in columns.items() if _with_digits(values)}
    numbers, text = _numbers(columns, known)
    rest = {name: values for name, values in columns.items() if name not in numbers}
    dates, formats = ([], []) if known.date_format is not None else _dates(rest)
    if formats:
        text = replace(text, date_format=formats[0])
    marks = {name: both[name].marks for name in (*numbers, *dates) if both[name].marks}
    if marks:
        text = replace(text, na_values=tuple(sorted({*known.na_values, *itertools.chain(*marks.values())})))
    mixed = sight.decimals and text.decimal != known.decimal
    several = _several({name: values for name, values in rest.items() if name not in dates})
    return Guess(text, tuple(numbers), tuple(dates), _other(rest, dates, formats), mixed, marks, several)


def _distinct(column: pa.ChunkedArray) -> pa.Array:
    values = pc.unique(column.combine_chunks().drop_null())
    return values.filter(pc.not_equal(pc.utf8_trim_whitespace(values), ""))


def _trimmed(values: pa.Array) -> pa.Array:
    return pc.unique(pc.utf8_trim_whitespace(values))


def _with_digits(values: pa.Array) -> bool:
    """Return whether there are values, and digits in the first of them."""
    some = values.slice(0, 20).to_pylist()
    return bool(some) and all(re.search(r"\d", value) for value in some)


def _numbers(columns: dict[str, pa.Array], known: TextFormat) -> tuple[list[str], TextFormat]:
    """Return the columns of numbers under the marks that suit most of them, and these marks."""
    best: tuple[list[str], TextFormat] = ([], known)
    own = (known.decimal, known.thousands)
    for decimal, thousands in [own] if any(own) else _MARKS:
        found, symbols = [], set(known.symbols)
        for name, values in columns.items():
            beside = {s for value in values.to_pylist() for s in _SYMBOL.findall(value)}
            text = TextFormat(decimal=decimal, thousands=thousands, symbols=tuple({*beside, *known.symbols}))
            if Number(text).fits(values):
                found.append(name)
                symbols |= beside
        if len(found) > len(best[0]):
            asked = replace(known, decimal=decimal, thousands=thousands, symbols=tuple(sorted(symbols)))
            best = found, asked
    return best


def _dates(columns: dict[str, pa.Array]) -> tuple[list[str], list[str]]:
    """Return the columns of dates in the format that suits most of them, and the formats that suit these."""
    matching: dict[str, list[str]] = {}
    for form in _FORMATS:
        found = [name for name, values in columns.items() if Moment(form).fits(values)]
        if found:
            matching[form] = found
    if not matching:
        return [], []
    most = max(map(len, matching.values()))
    formats = [one for one, found in matching.items() if len(found) == most and _years(columns, found, one)]
    return (matching[formats[0]], formats) if formats else ([], [])


def _several(columns: Mapping[str, pa.Array]) -> tuple[str, ...]:
    """Return the columns of dates that are written in several ways."""
    alike = {
        name: values
        for name, values in columns.items()
        if pc.all(pc.match_substring_regex(values, _LIKE_A_DATE)).as_py()
    }
    return tuple(name for name, values in alike.items() if _each_a_date(values))


def _each_a_date(values: pa.Array) -> bool:
    """Return whether each value is a date in some way, and no way suits all."""
    left, ways = values, 0
    for form in (*_USUAL, *_FORMATS):
        others = left.filter(pc.is_null(pc.strptime(left, format=form, unit="us", error_is_null=True)))
        ways += len(others) < len(left)
        left = others
    return ways > 1 and not len(left)


def _other(columns: dict[str, pa.Array], names: Sequence[str], formats: Sequence[str]) -> str:
    """Return a format in which dates are other days than in the first; empty where there is none."""
    for form in formats[1:]:
        pairs = ((Moment(one)(columns[name], pa.timestamp("us")) for one in (formats[0], form)) for name in names)
        if any(not one.equals(other) for one, other in pairs):
            return form
    return ""


def _years(columns: dict[str, pa.Array], names: Sequence[str], form: str) -> bool:
    """Return whether dates have years of four or of two digits, as their format says: '%Y' takes 24 for one too."""
    year = r"(^|\D)\d{4}(\D|$)" if "%Y" in form else r"(^|\D)\d{2}($| )"
    return all(pc.all(pc.match_substring_regex(columns[name], year)).as_py() for name in names)


@dataclass(frozen=True)
class Written:
    """How the files of a study are likely written, and why, by option.

    Attributes
    ----------
    text : the format.
    why : what was seen in the files, by the name of an option.
    """

    text: TextFormat = USUAL
    why: dict[str, str] = field(default_factory=dict)


def of_start(files: Sequence[DataFile]) -> Written:
    """Return the encoding and the separator that the beginnings of CSV files show; of other files nothing."""
    text, why = USUAL, {}
    for file in files:
        if file.format != CSV:
            return Written()
        start = start_of(file)
        encoding = encoding_of(start)
        if encoding is not None and text.encoding is None:
            text = replace(text, encoding=encoding)
            why["encoding"] = f"{file.name} is not UTF-8 text"
        header = header_of(start, encoding)
        separator = text.sep or usual_separator(file)
        other = other_separator(header, separator, lines_below(start, encoding))
        if other not in (None, SPACES) and text.sep is None:
            text = replace(text, sep=other)
            why["sep"] = f"the header of {file.name} has no {separator!r}"
    return Written(text, why)


def of_values(sight: Sight, known: Written) -> Written:
    """Return how numbers and dates are likely written too, by columns of text."""
    found, why = guess(sight, known.text), dict(known.why)
    if found.mixed:
        date = {"date_format": found.text.date_format} if found.dates else {}
        found = replace(found, text=TextFormat.of(known.text.given | date))
    for name in found.new(known.text):
        some = found.dates if name == "date_format" else found.numbers
        why[name] = f"{listed(some)} look{'s' if len(some) == 1 else ''} like it"
    if found.marks:
        holds = "holds" if len(found.marks) == 1 else "hold"
        why["na_values"] = f"{listed([*found.marks])} {holds} numbers or dates apart from it"
    if found.either:
        why["date_format"] += f"; {found.either!r} suits as well"
    return Written(found.text, why)


def listed(names: Sequence[str]) -> str:
    """Return some names in words, at most three.

    Examples
    --------
    >>> listed(["a", "b"])
    "'a', 'b'"
    """
    return ", ".join(map(repr, names[:3])) + (", …" if len(names) > 3 else "")


def _warning_of_several(names: Sequence[str]) -> str:
    if not names:
        return ""
    column, look = ("column", "looks") if len(names) == 1 else ("columns", "look")
    return (
        f"{column} {listed(names)} {look} like dates written in several ways, read as text; write them in one way "
        f"(pandas.to_datetime(…, format='mixed') reads them), or leave them out with drop={list(names[:3])!r}"
    )


def warning_of(found: Guess, known: TextFormat) -> str:
    """Return in words what columns of text look like, and what to type; empty where they look like text."""
    names, new = [*found.numbers, *found.dates], found.new(known)
    if not names or not new:
        return _warning_of_several(found.several)
    what = " and ".join(w for w, n in (("numbers", found.numbers), ("dates", found.dates)) if n)
    either = f" (or {found.either!r}, which suits as well)" if found.either else ""
    missing = ", which then means missing," if found.marks else ""
    if found.mixed:
        return (
            f"{listed(found.numbers)}: numbers with another decimal mark than other columns have, read as text; "
            f"write them alike, or leave them out with drop={list(found.numbers[:3])!r}"
        )
    column, look, it = ("column", "looks", "it") if len(names) == 1 else ("columns", "look", "them")
    return (
        f"{column} {listed(names)} {look} like {what} but {'is' if it == 'it' else 'are'} read as text; give "
        f"{words(new)}{either}{missing} to read {it} as such, or drop={names[:3]!r} to leave {it} out"
    )
