"""Numbers with their nouns."""

from __future__ import annotations


def counted(number: float, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, in the plural but for one.

    Examples
    --------
    >>> counted(1, "file"), counted(1200, "row"), counted(2, "study", "studies")
    ('1 file', '1,200 rows', '2 studies')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
