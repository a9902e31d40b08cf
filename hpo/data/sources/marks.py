"""Texts among numbers and dates that likely mean a missing value: ``?``, ``-``, ``unknown``."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from hpo.process.lazily import arrow_compute as pc

MOST = 3
"""Different texts that may mark missing values in one column."""

MANY = 20
"""Different values beside a text of any kind, from which on it is taken for such a mark."""

USUAL = re.compile(
    r"[?.*#_~–—-]+|x+|n\.?/?[adk]\.?|n/?d|none|nil|null|missing|unknown|unk|undefined|invalid|error|no ?data"
    r"|not? (?:available|known|applicable|reported|recorded)|tbd|k\. ?a\.|-?nan\(ind\)|#\w+[/\d]*[!?]",
    re.IGNORECASE,
)
"""Texts that are such marks beside few different values, too."""


@dataclass(frozen=True, eq=False)
class Parted:
    """The different values of a column of text, and those among them that likely mean a missing one.

    Attributes
    ----------
    values : without the marks.
    marks : texts without a digit, as they are written.
    """

    values: pa.Array
    marks: tuple[str, ...] = ()


NUMBER = r"^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$"
"""A number as it is usually written."""

OTHER = r"[^\s\d.,'’+$€£¥%-]|\+$"
"""What makes a text with digits another thing than a number that is written in another way."""


def parted(values: pa.Array) -> Parted:
    """Return the different values of a column, and apart the texts that likely mark a missing one.

    Beside many numbers a text with digits is one, too: ``90+`` or ``<5``.

    Examples
    --------
    >>> found = parted(pa.array(["1.5", "?", "2"]))
    >>> found.values.to_pylist(), found.marks
    (['1.5', '2'], ('?',))
    >>> parted(pa.array(["1", "2", "K"])).marks, parted(pa.array(["?", "-"])).marks
    ((), ())
    >>> parted(pa.array([*map(str, range(90)), "90+"])).marks
    ('90+',)
    """
    for odd in (pc.invert(pc.match_substring_regex(values, r"\d")), _no_numbers(values)):
        texts, rest = values.filter(odd), values.filter(pc.invert(odd))
        if 0 < len(texts) <= MOST and len(rest) > 1:
            marks = tuple(texts.to_pylist())
            if len(rest) >= MANY or all(USUAL.fullmatch(mark.strip()) for mark in marks):
                return Parted(rest, marks)
    return Parted(values)


def _no_numbers(values: pa.Array) -> pa.Array:
    """Return which values are not numbers, however these are written."""
    return pc.and_(pc.invert(pc.match_substring_regex(values, NUMBER)), pc.match_substring_regex(values, OTHER))


def numbers_in_text(values: pa.Array) -> Parted | None:
    """Return the different values of a column of text that holds numbers, or nearly; None of other columns.

    Whole numbers alone are none: text is what codes are kept as, whose zeros in front count.

    Examples
    --------
    >>> numbers_in_text(pa.array(["1.5", "2.5", "?"])).marks, numbers_in_text(pa.array(["01", "02"]))
    (('?',), None)
    """
    found = parted(pc.unique(values))
    numeric = pc.all(pc.match_substring_regex(found.values, NUMBER), min_count=0).as_py()
    decimals = pc.any(pc.match_substring(found.values, "."), min_count=0).as_py()
    return found if len(found.values) > 1 and numeric and (found.marks or decimals) else None
