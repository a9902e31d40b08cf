"""Numbers with their nouns, and sentences without their numbers."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?")


def counted(number: float, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, in the plural but for one.

    Examples
    --------
    >>> counted(1, "file"), counted(1200, "row"), counted(2, "study", "studies")
    ('1 file', '1,200 rows', '2 studies')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def in_singular(text: str) -> str:
    """Return a text that begins with a count of segments with the right noun: recorded ones say "1 segments".

    Examples
    --------
    >>> in_singular("1 segments, 20 rows"), in_singular("12 segments")
    ('1 segment, 20 rows', '12 segments')
    """
    return f"1 segment{text.removeprefix('1 segments')}" if text.startswith("1 segments") else text


def without_numbers(text: str) -> str:
    """Return a sentence with a sign in the place of each number: reasons that differ in them alone are one.

    Examples
    --------
    >>> without_numbers("alpha=1.5e-3 is too small")
    'alpha=# is too small'
    """
    return _NUMBER.sub("#", text)
