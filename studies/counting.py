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


def without_numbers(text: str) -> str:
    """Return a sentence with a sign in the place of each number: reasons that differ in them alone are one.

    Examples
    --------
    >>> without_numbers("alpha=1.5e-3 is too small")
    'alpha=# is too small'
    """
    return _NUMBER.sub("#", text)
