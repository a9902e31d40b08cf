"""The format of CSV files: its options, checked."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from typing import Any

from studies.spec.ranges import wrong


def encoding(value: Any) -> Any:
    """Return the name of an encoding of text; a fault where Python knows none of that name.

    Examples
    --------
    >>> encoding("cp1252"), encoding(None)
    ('cp1252', None)
    """
    if value is None or (isinstance(value, str) and _is_text_encoding(value)):
        return value
    raise wrong(f"{value!r} is not an encoding that Python knows; write 'cp1252' (Windows), 'latin-1' or 'utf-16'")


def _is_text_encoding(name: str) -> bool:
    try:
        return bool(codecs.lookup(name)._is_text_encoding)
    except (LookupError, ValueError):
        return False


def separator(value: Any) -> Any:
    r"""Return what stands between the columns of a line: one character.

    Examples
    --------
    >>> separator(";"), separator("\\t")
    (';', '\t')
    """
    value = "\t" if value == "\\t" else value
    if value is None or (_is_character(value) and value not in '"\r\n'):
        return value
    raise wrong(f"{value!r} does not separate columns; write one character, such as ';', '|' or '\\t'")


def mark(value: Any) -> Any:
    """Return what stands between digits of a number: one character that is none of a number's own.

    Examples
    --------
    >>> mark(",")
    ','
    """
    if value is None or (_is_character(value) and not value.isalnum() and value not in "+-\"\r\n"):
        return value
    raise wrong(f"{value!r} is not a mark between digits; write one character, such as ',' or '.'")


def missing(value: object) -> object:
    """Return texts that mean missing, numbers as they are written; a fault for anything else.

    Examples
    --------
    >>> missing("?"), missing(["-", -999])
    ('?', ['-', '-999'])
    """
    if isinstance(value, Mapping):
        raise wrong(f"na_values={value!r}: texts for single columns are not taken; write a list for all columns")
    several = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    if value is None or not all(_is_number(one) or (isinstance(one, str) and one) for one in several):
        return value
    texts = [one if isinstance(one, str) else repr(one) for one in several]
    return texts[0] if several == [value] else texts


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_character(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 1 and value.isascii() | value.isprintable() | value.isspace()


def dates(value: Any) -> Any:
    """Return a format of dates, or formats by column.

    Examples
    --------
    >>> dates("%d.%m.%Y"), dates({"born": "%d.%m.%Y"})
    ('%d.%m.%Y', {'born': '%d.%m.%Y'})
    """
    formats = list(value.values()) if isinstance(value, Mapping) else [value]
    if value is None or (formats and all(isinstance(one, str) and "%" in one for one in formats)):
        return dict(value) if isinstance(value, Mapping) else value
    raise wrong(f"{value!r} is not a format of dates; write one such as '%d.%m.%Y', or {{COLUMN: '%d.%m.%Y'}}")
