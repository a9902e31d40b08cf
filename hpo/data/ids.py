"""Whole numbers that are an id: by their name, by counting the rows, or by differing though they lie close."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from hpo.data.origins import Extent
from hpo.data.schema import NUMERIC, Field
from hpo.data.values import Numbers

LEAST = 100
"""Rows from which on a column may look like an id or a group."""

MOSTLY = 0.95
"""Share of the values that differ, of ids and of free text."""

CLOSE = 48
"""That values differ is not chance where half of them have a neighbour nearer than a share of one in so many of
the values: drawn at random from as narrow a range, some 12 of them at least would be there twice."""

RARE = 16
"""Some may be there twice: so many, times this and the median step, are at most the values; a quarter of chance."""

SOME = 16_384
"""Rows of data in memory of which a closer look tells whether all values may differ."""

_ID = re.compile(
    r"(?i:(?:^|[_\W])(?:id|ids|uuid|guid|key)$)|[a-z](?:Id|ID)$|(?i:^(?:unnamed.*|rownames?|index|level_0)$)"
)
_WHO = re.compile(
    r"^(?:customer|client|user|patient|subject|participant|person|student|pupil|employee|member|account|household|"
    r"session|visitor|driver)(?:[_\W]?(?:id|no|nr|number|name|key|code))?$",
    re.I,
)


def undecided(fields: Iterable[Field], extents: Mapping[str, Extent], rows: int) -> tuple[Field, ...]:
    """Return the whole numbers of which statistics of files leave open whether they are an id; some rows tell.

    Examples
    --------
    >>> from hpo.data.origins import extent_between
    >>> fields = [Field(name, "numeric", "int64", nullable=False) for name in ("order_id", "order", "cents", "age")]
    >>> ends = {"order_id": (7, 10**9), "order": (1_000, 6_000), "cents": (0, 10**7), "age": (0, 99)}
    >>> extents = {name: extent_between(*pair) for name, pair in ends.items()}
    >>> [field.name for field in undecided(fields, extents, rows=1_000)]
    ['order_id', 'order']
    """
    return tuple(f for f in fields if f.name in extents and _may_be_id(f, extents[f.name], rows))


def _may_be_id(field: Field, extent: Extent, rows: int) -> bool:
    """Return whether a column may have a value for each row, and an id's name or not many values more."""
    if not is_whole(field) or rows < LEAST or extent.ends is None:
        return False
    values = extent.spread + 1
    counts = values <= 1.01 * rows and not field.nullable
    return values >= rows and not counts and (named(field.name) or values <= rows * rows / CLOSE)


def may_lie_close(values: Numbers, rows: int) -> bool:
    """Return whether all values of a column may differ though they lie close, by those of some of its rows."""
    spread = float(values.max()) - float(values.min())
    may = rows >= LEAST and 0.5 * rows <= spread <= rows * rows / CLOSE
    return may and len(np.unique(values)) >= MOSTLY * len(values)


def counts_rows(values: Numbers, rows: int) -> bool:
    """Return whether whole numbers count the rows, up or down, with few left out."""
    steps = np.diff(values.astype(np.float64))
    if not (len(steps) and steps.all() and (np.all(steps > 0) or np.all(steps < 0))):
        return False
    return bool(abs(float(values[-1]) - float(values[0])) + 1 <= 1.01 * rows)


def lie_close(values: Numbers) -> bool:
    """Return whether numbers, hardly two of which are alike, lie so close that it is not chance.

    Examples
    --------
    >>> steps = np.cumsum(np.arange(1_000) % 7 + 1)
    >>> lie_close(steps), lie_close(steps[::-1]), lie_close(steps * 100)
    (True, True, False)
    >>> lie_close(np.r_[steps, steps[:3]]), lie_close(np.r_[steps, steps[:30]])
    (True, False)
    """
    n, distinct = len(values), np.unique(values).astype(np.float64)
    step = float(np.median(np.diff(distinct)))
    return step <= n / CLOSE and (n - len(distinct)) * RARE * step <= n


def is_whole(field: Field) -> bool:
    """Return whether a column's type is that of whole numbers."""
    return field.kind == NUMERIC and "int" in field.dtype


def named(name: str) -> bool:
    """Return whether a name is that of an id, or of whoever has one.

    Examples
    --------
    >>> [named(n) for n in ("customer_id", "PassengerId", "customer", "width", "humid", "grid", "Unnamed: 0")]
    [True, True, True, False, False, False, True]
    """
    return bool(_ID.search(name) or _WHO.match(name))
