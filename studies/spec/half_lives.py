"""The half-life of rows, as a study says it: a number of rows, or a time by a column."""

from __future__ import annotations

import math
from collections.abc import Mapping

from studies.spec.durations import seconds_of
from studies.spec.fields import as_plain, duration
from studies.spec.ranges import wrong

_HELP = "write a number of rows (100000), or a column and a time by it ({day: 30d})"


def half_life(value: object) -> object:
    """Return a half-life as YAML has it: a number of rows, or a column and a time.

    Examples
    --------
    >>> import datetime
    >>> half_life(1000), half_life({"day": "30d"}), half_life({"day": datetime.timedelta(days=2)}), half_life(None)
    (1000.0, {'day': '30d'}, {'day': '172800s'}, None)
    """
    if isinstance(value, Mapping):
        if len(value) != 1 or not isinstance(next(iter(value)), str):
            raise wrong(f"{dict(value)!r} names {len(value)} columns, and rows age by one; {_HELP}")
        ((column, length),) = value.items()
        length = duration(length)
        return {column: length if isinstance(length, str) and seconds_of(length) else _number(length)}
    return None if value is None else _number(as_plain(value))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise wrong(f"{value!r} is not a half-life; {_HELP}")
    return float(value)
