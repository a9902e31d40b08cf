"""How CSV files are written: separators, encoding, and numbers and dates that are written in other ways."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol

import pyarrow as pa

from hpo.data.sources.signs import BELOW_ZERO, signed
from hpo.process.lazily import arrow_compute as pc

UTF8 = "utf8"
NULLS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""Texts that mean missing, those of ``pandas.read_csv``."""
SEVERAL = frozenset({"symbols", "na_values"})
"""Options that are lists of texts."""
_BLANKS = " \u00a0\u202f\u2009"
"""Spaces that may stand between groups of digits where a space is said to."""
_CLOCK = ("%H", "%I", "%M", "%S", "%p", "%T", "%R", "%r", "%X", "%c", "%s")


@dataclass(frozen=True)
class TextFormat:
    """How CSV files are written, as ``pandas.read_csv`` names it; None for what is usual.

    Attributes
    ----------
    sep : what separates columns; None for a comma, in ``.tsv`` files a tab.
    encoding : of the text; None for UTF-8.
    decimal : the decimal mark; None for a point.
    thousands : the mark between groups of digits.
    symbols : what stands before or after numbers and is left out.
    date_format : format of dates: of every column of text that it fits, or by column.
    na_values : texts that mean missing beside :data:`NULLS`.

    Examples
    --------
    >>> TextFormat.of({"decimal": ",", "trials": 3}).given
    {'decimal': ','}
    """

    sep: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    symbols: tuple[str, ...] = ()
    date_format: str | tuple[tuple[str, str], ...] | None = None
    na_values: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> TextFormat:
        """Return the format of the options that are about it."""
        found = {name: options[name] for name in NAMES if options.get(name) is not None}
        for name in SEVERAL & {*found}:
            found[name] = (found[name],) if isinstance(found[name], str) else tuple(found[name])
        found |= {"na_values": tuple(sorted({*found["na_values"]}))} if "na_values" in found else {}
        if isinstance(dates := found.get("date_format"), Mapping):
            found["date_format"] = tuple(sorted(dates.items()))
        return cls(**found)

    @property
    def nulls(self) -> list[str]:
        """Texts that mean missing."""
        return [*NULLS, *(text for value in self.na_values for text in _ways(value))]

    @property
    def given(self) -> dict[str, Any]:
        """What is not as usual, by name."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}

    @property
    def parts(self) -> tuple[str, ...]:
        """What the values of a file depend on beside its bytes; nothing of what is usual."""
        return tuple(f"{name}={value!r}" for name, value in self.given.items())

    def format_of(self, column: str) -> str | None:
        """Return the format of a column's dates; None where none is named for it."""
        return dict(self.date_format).get(column) if isinstance(self.date_format, tuple) else None

    @property
    def converts(self) -> bool:
        """Whether columns may have to be converted from their text."""
        return self.marks_numbers or self.date_format is not None

    @property
    def marks_numbers(self) -> bool:
        """Whether numbers may be written as Arrow does not read them."""
        return bool(self.thousands or self.symbols)


USUAL = TextFormat()
"""Commas, UTF-8, points."""

NAMES = tuple(f.name for f in fields(TextFormat))
"""The options of a study that say how CSV files are written."""


def written(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a study's options that say how CSV files are written.

    Examples
    --------
    >>> written({"decimal": ",", "trials": 3})
    {'decimal': ','}
    """
    return {name: options[name] for name in NAMES if name in options}


@dataclass(frozen=True, eq=False)
class Sight:
    """The first rows of the columns of text of a file.

    Attributes
    ----------
    text : the columns, as they are written.
    decimals : whether other columns are numbers with decimals, written as is known.
    """

    text: pa.Table = field(default_factory=lambda: pa.table({}))
    decimals: bool = False


class Conversion(Protocol):
    """What makes the values of a column out of its text."""

    @property
    def kind(self) -> pa.DataType:
        """The type that the values have."""
        ...

    def __call__(self, text: pa.Array, kind: pa.DataType) -> pa.Array:
        """Return the values in a type; ArrowInvalid where one is no such value."""
        ...


@dataclass(frozen=True)
class Number:
    """Numbers with a mark between groups of digits, or symbols beside them.

    Examples
    --------
    >>> text = pa.array(["1.234,50 €", "-7", None])
    >>> Number(TextFormat(decimal=",", thousands=".", symbols=("€",)))(text, pa.float64()).to_pylist()
    [1234.5, -7.0, None]
    >>> Number(TextFormat(symbols=("(", ")")))(pa.array(["(1.5)", "2"]), pa.float64()).to_pylist()
    [-1.5, 2.0]
    """

    text: TextFormat

    @property
    def kind(self) -> pa.DataType:
        """Real numbers."""
        return pa.float64()

    def __call__(self, text: pa.Array, kind: pa.DataType) -> pa.Array:
        """Return the numbers."""
        return self.plain(text).cast(kind)

    def plain(self, text: pa.Array) -> pa.Array:
        """Return numbers as they are usually written, and anything else as it is."""
        whole = signed(text, self.text.symbols)
        matched = self.matches(text)
        bare = pc.replace_substring_regex(whole, self.pattern, r"\1\2\3")
        if self.text.thousands:
            bare = pc.replace_substring_regex(bare, _any_of(self.text.thousands), "")
        if self.text.decimal:
            bare = pc.replace_substring(bare, self.text.decimal, ".")
        return pc.if_else(matched, bare, text)

    def fits(self, text: pa.Array) -> bool:
        """Return whether all values are numbers, and there is one."""
        known = text.drop_null()
        return bool(len(known) and pc.all(self.matches(known)).as_py())

    def matches(self, text: pa.Array) -> pa.Array:
        """Return which values are numbers."""
        return pc.match_substring_regex(signed(text, self.text.symbols), self.pattern)

    @property
    def pattern(self) -> str:
        """The regular expression of a number: its sign, a sign after the symbol, and its digits."""
        point = re.escape(self.text.decimal or ".")
        whole = r"\d+"
        if self.text.thousands:
            mark = _any_of(self.text.thousands)
            whole = rf"(?:[1-9]\d{{0,2}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}|\d+)"
        digits = rf"(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"
        symbol = "|".join(re.escape(one) for one in self.text.symbols if one not in BELOW_ZERO)
        beside = rf"[{_BLANKS}]*(?:{symbol})?[{_BLANKS}]*"
        return rf"^[{_BLANKS}]*([+-]?){beside}([+-]?)({digits}){beside}$"


@dataclass(frozen=True)
class Moment:
    """Dates, or moments, in a format of their own.

    Examples
    --------
    >>> Moment("%d.%m.%Y")(pa.array(["31.12.2024", None]), pa.date32()).to_pylist()
    [datetime.date(2024, 12, 31), None]
    """

    format: str

    @property
    def kind(self) -> pa.DataType:
        """A date where the format has no time of day."""
        return pa.timestamp("us") if any(part in self.format for part in _CLOCK) else pa.date32()

    def __call__(self, text: pa.Array, kind: pa.DataType) -> pa.Array:
        """Return the moments."""
        return pc.strptime(pc.utf8_trim_whitespace(text), format=self.format, unit="us").cast(kind)

    def fits(self, text: pa.Array) -> bool:
        """Return whether all values are of this format, and there is one."""
        try:
            return bool(len(text) > text.null_count and len(self(text, pa.timestamp("us"))))
        except pa.ArrowInvalid:
            return False


def conversions(text: TextFormat, batch: pa.RecordBatch) -> dict[str, Conversion]:
    """Return what converts the columns that some rows show to be written in other ways.

    Where numbers may have marks and symbols, those without are converted too: a later one may have some.
    """
    number = Number(text)
    found: dict[str, Conversion] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kind = column.type
        is_text = pa.types.is_string(kind)
        named = text.format_of(name)
        if named is not None:
            found[name] = Moment(named)
        elif is_text and isinstance(text.date_format, str) and Moment(text.date_format).fits(column):
            found[name] = Moment(text.date_format)
        elif text.marks_numbers and (_is_number(kind) or (is_text and number.fits(column))):
            found[name] = number
    return found


def converted(batch: pa.RecordBatch, how: Mapping[str, Conversion], wanted: pa.Schema) -> pa.RecordBatch:
    """Return a batch with the values of the columns that are converted."""
    columns: list[pa.Array] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kind = wanted.field(name).type
        try:
            columns.append(how[name](column, kind) if name in how and kind != pa.string() else column)
        except pa.ArrowInvalid as error:
            raise pa.ArrowInvalid(f"column {name!r}: {error}") from error
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def as_text(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """Return a schema in which some columns are text."""
    some = set(names)
    return pa.schema([pa.field(f.name, pa.string()) if f.name in some else f for f in schema])


def _ways(value: str) -> tuple[str, ...]:
    """Return the ways in which a value is written: of a whole number with and without a decimal.

    Examples
    --------
    >>> _ways("-999"), _ways("?")
    (('-999', '-999.0'), ('?',))
    """
    whole = re.fullmatch(r"([+-]?\d+)(?:\.0)?", value)
    return (value,) if whole is None else (whole[1], f"{whole[1]}.0")


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _any_of(mark: str) -> str:
    return f"[{_BLANKS}]" if mark == " " else re.escape(mark)


def words(options: Mapping[str, Any]) -> str:
    """Return options as Python has them.

    Examples
    --------
    >>> words({"decimal": ",", "symbols": ("€",)})
    "decimal=',', symbols=['€']"
    """
    return ", ".join(
        f"{name}={list(value) if isinstance(value, tuple) else value!r}" for name, value in options.items()
    )
