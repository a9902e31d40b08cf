"""Periods of time as people write them: a date, a month, a moment; and what names of files say of theirs."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

_YEAR = r"(?<!\d)(?P<year>(?:19|20)\d\d)"
_MONTH, _DAY, _HOUR = r"(?P<month>0[1-9]|1[0-2])", r"(?P<day>0[1-9]|[12]\d|3[01])", r"(?P<hour>[01]\d|2[0-3])"
_SIGN = r"[-_./]?"
_WRITTEN = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"year=(?P<year>\d{4})/month=(?P<month>\d\d?)/day=(?P<day>\d\d?)(?:/hour=(?P<hour>\d\d?))?(?!\d)",
        rf"{_YEAR}(?P<sign>{_SIGN}){_MONTH}(?P=sign){_DAY}(?:(?:T|/hour=){_HOUR}(?:[:-]?(?P<minute>[0-5]\d))?)?(?!\d)",
        rf"{_YEAR}[-_]?W(?P<week>[0-4]\d|5[0-3])(?!\d)",
        r"year=(?P<year>\d{4})/month=(?P<month>\d\d?)(?!\d)",
        rf"{_YEAR}{_SIGN}{_MONTH}(?!\d)",
        rf"{_YEAR}[-_]?Q(?P<quarter>[1-4])(?!\d)",
        r"year=(?P<year>\d{4})(?!\d)",
        rf"{_YEAR}(?!\d)",
    )
)
"""From the finest to the coarsest."""


def end_of(text: str) -> float | None:
    """Return the end of the period in a name, in seconds since 1970; None for a name without a date.

    The finest date counts, of several the last. Moments are in UTC.

    Examples
    --------
    >>> for name in ("part=2024-01-31/0.parquet", "sales_202401.csv", "2024-01-01_2024-01-31.csv", "0001.parquet"):
    ...     print(shown(end_of(name)) if end_of(name) else None)
    2024-01-31
    2024-01-31
    2024-01-31
    None
    """
    for pattern in _WRITTEN:
        found = list(pattern.finditer(text))
        for match in reversed(found):
            try:
                return _end(match.groupdict()).timestamp()
            except ValueError:  # the 31st of February
                continue
    return None


def moment_of(text: str) -> float | None:
    """Return a moment in seconds since 1970: of a date, month or year its end; None for text that is none.

    Examples
    --------
    >>> [shown(moment_of(text)) for text in ("2024-01-31", "2024-02", "2024-01-31T06:00+02:00")]
    ['2024-01-31', '2024-02-29', '2024-01-31 04:00']
    >>> moment_of("yesterday")
    """
    if re.fullmatch(r"\d{4}(-\d\d)?", text):
        return end_of(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        found += timedelta(days=1)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def shown(moment: float) -> str:
    """Return a moment in words; one at midnight, the end of a day, by that day."""
    found = datetime.fromtimestamp(moment, UTC)
    if (found.hour, found.minute, found.second, found.microsecond) == (0, 0, 0, 0):
        return f"{found - timedelta(days=1):%Y-%m-%d}"
    return f"{found:%Y-%m-%d %H:%M}"


def _end(parts: dict[str, str | None]) -> datetime:
    """Return the end of a period that is given by its parts."""
    year = int(parts["year"] or 0)
    if parts.get("week"):
        return datetime.fromisocalendar(year, int(parts["week"] or 0), 1).replace(tzinfo=UTC) + timedelta(weeks=1)
    month = 3 * int(parts.get("quarter") or 4) if parts.get("month") is None else int(parts["month"] or 0)
    if parts.get("day") is None:
        return datetime(year, month, monthrange(year, month)[1], tzinfo=UTC) + timedelta(days=1)
    day = datetime(year, month, int(parts["day"] or 0), tzinfo=UTC)
    if parts.get("hour") is None:
        return day + timedelta(days=1)
    hour = day + timedelta(hours=int(parts["hour"] or 0))
    if parts.get("minute") is None:
        return hour + timedelta(hours=1)
    return hour + timedelta(minutes=int(parts["minute"] or 0) + 1)
