"""Durations as people write them: ``90s``, ``10m``, ``2h``, ``7d``, ``2w``."""

from __future__ import annotations

import re

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
"""Seconds of each unit."""

_WRITTEN = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([smhdw])\s*", re.ASCII | re.IGNORECASE)


def seconds_of(text: str) -> float | None:
    """Return the seconds of a duration with a unit; None for text that is none.

    Examples
    --------
    >>> seconds_of("1.5h"), seconds_of("2 W"), seconds_of("10")
    (5400.0, 1209600.0, None)
    """
    found = _WRITTEN.fullmatch(text)
    return None if found is None else float(found[1]) * UNITS[found[2].lower()]
