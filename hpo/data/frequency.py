"""Regular times as whole numbers of steps, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.arrays import Values
from hpo.data.levels import decoded_strings, is_text
from hpo.data.values import as_numbers, null_mask, stored_numbers, ticks_of
from hpo.errors import DataError
from hpo.process.lazily import arrow_compute as pc

Steps = NDArray[np.int64]
Mask = NDArray[np.bool_]
Moments = NDArray[np.int64] | NDArray[np.float64]
"""Times as whole microseconds since 1970 (UTC), or the numbers that a column of numbers has."""

Document: TypeAlias = Mapping[str, Any]
"""What JSON had."""

SECOND = 1_000_000
DAY = 86_400 * SECOND
TICKS = {
    "W": 7 * DAY, "D": DAY, "h": 3_600 * SECOND, "min": 60 * SECOND, "s": SECOND, "ms": 1_000, "us": 1,
}  # fmt: skip
MONTH, BUSINESS, NUMBER = "M", "B", "number"

LONGER = {"Q": 3, "Y": 12}
"""Months of quarters and years."""

SPELLINGS = {
    "MS": "M", "ME": "M", "QS": "Q", "QE": "Q", "YS": "Y", "YE": "Y", "A": "Y", "AS": "Y", "H": "h", "T": "min",
    "S": "s", "L": "ms", "U": "us", "d": "D", "w": "W", "y": "Y", "q": "Q",
}  # fmt: skip
"""pandas' other names of the same."""

LAST = -1
"""The place of a day at its month's end."""

MONDAY = 3
"""Days from a Monday to 1970."""

CLOSE = 1e-6
"""By how much of a step a number may miss it."""

MOST_SEASON = 300
"""Steps of the longest season that is taken by itself."""


@dataclass(frozen=True)
class Frequency:
    """How far apart the times of a series are, and where they lie.

    Attributes
    ----------
    unit : ``"M"`` (months), ``"B"`` (weekdays), ``"W"``, ``"D"``, ``"h"``, ``"min"``, ``"s"``, ``"ms"``, ``"us"``,
        or ``"number"``, of a column of numbers.
    n : units of a step.
    phase : the time of step 0: a month, microseconds, or a number.
    place : of months the day, from 0; -1 for the last.
    within : of months and weekdays, microseconds after midnight.

    Examples
    --------
    >>> quarters = Frequency("M", 3)
    >>> quarters.name, quarters.season
    ('Q', 4)
    >>> days = np.array(["1970-01-01", "1970-04-01", "1970-05-01"], "M8[us]").astype(np.int64)
    >>> steps, fits = quarters.steps(days)
    >>> steps[fits].tolist(), fits.tolist(), quarters.label(2)
    ([0, 1], [True, True, False], '1970-07-01')
    """

    unit: str
    n: float = 1
    phase: float = 0
    place: int = 0
    within: int = 0

    @property
    def name(self) -> str:
        """What it is called: ``"M"``, ``"Q"``, ``"15min"``; of numbers how far apart they are."""
        if self.unit == NUMBER:
            return f"{self.n:g}"
        for name, months in reversed(LONGER.items()):
            if self.unit == MONTH and self.n % months == 0:
                return _times(int(self.n) // months, name)
        return _times(int(self.n), self.unit)

    @property
    def season(self) -> int:
        """Steps of a year of months, of a week of days, of a day of hours and minutes; else 1."""
        n = int(self.n)
        if self.unit == MONTH:
            return 12 // n if n < 12 and 12 % n == 0 else 1
        if self.unit == BUSINESS or (self.unit == "D" and n == 1):
            return 5 if self.unit == BUSINESS else 7
        if self.unit not in ("h", "min", "s"):
            return 1
        for whole in (DAY, TICKS["h"], TICKS["min"]):
            steps, left = divmod(whole, n * TICKS[self.unit])
            if 1 < steps <= MOST_SEASON and not left:
                return int(steps)
        return 1

    def steps(self, moments: Moments) -> tuple[Steps, Mask]:
        """Return the number of the step of each time, and whether it lies on one."""
        if self.unit == NUMBER:
            steps = np.rint((moments - self.phase) / self.n)
            return steps.astype(np.int64), np.abs(moments - (self.phase + steps * self.n)) <= CLOSE * self.n
        whole = moments.astype(np.int64)
        n, phase = int(self.n), int(self.phase)
        if self.unit == MONTH:
            months, place, last, within = month_parts(whole)
            fits = (last if self.place == LAST else place == self.place) & (within == self.within)
            steps, left = np.divmod(months - phase, n)
            return steps, fits & (left == 0)
        if self.unit == BUSINESS:
            days, within = np.divmod(whole, DAY)
            weeks, weekday = np.divmod(days + MONDAY, 7)
            return weeks * 5 + weekday, (weekday < 5) & (within == self.within)
        steps, left = np.divmod(whole - phase, n * TICKS[self.unit])
        return steps, left == 0

    def moments(self, steps: Steps) -> Moments:
        """Return the times of some steps: the inverse of :meth:`steps`."""
        if self.unit == NUMBER:
            return np.asarray(self.phase + steps * self.n, np.float64)
        n, phase = int(self.n), int(self.phase)
        if self.unit == MONTH:
            months = (steps * n + phase + (self.place == LAST)).astype("M8[M]")
            days = months.astype("M8[D]").astype(np.int64) + self.place
            return np.asarray(days * DAY + self.within, np.int64)
        if self.unit == BUSINESS:
            weeks, weekday = np.divmod(steps, 5)
            return np.asarray((weeks * 7 + weekday - MONDAY) * DAY + self.within, np.int64)
        return np.asarray(phase + steps * n * TICKS[self.unit], np.int64)

    def times(self, steps: Steps) -> Values:
        """Return the times of some steps as a column has them: moments without a zone, or numbers."""
        found = self.moments(steps)
        if self.unit != NUMBER:
            return found.astype("M8[us]")
        whole = float(self.n).is_integer() and float(self.phase).is_integer()
        return found.astype(np.int64) if whole else found

    def label(self, step: int) -> str:
        """Return the time of a step in words."""
        return written(self.moments(np.array([step])))[0]

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Document) -> Frequency:
        """Return what ``to_dict`` wrote."""
        return cls(**document)

    @classmethod
    def of_name(cls, name: str) -> Frequency:
        """Return the frequency of that name, wherever its times lie."""
        n, unit = _parsed(name)
        return cls(unit, n)

    @classmethod
    def named(cls, name: str, moments: Moments) -> Frequency:
        """Return the frequency of that name that the first of some times lies on.

        Raises
        ------
        DataError
            There is none of that name.

        Examples
        --------
        >>> Frequency.named("MS", np.array(["1970-02-15"], "M8[us]").astype(np.int64)).label(0)
        '1970-01-15'
        """
        n, unit = _parsed(name)
        numbers = moments.dtype.kind == "f"
        if numbers != (unit == NUMBER):
            what, such = ("numbers", "'1'") if numbers else ("dates", "'M', 'W', 'D', 'B', 'h' or '15min'")
            raise DataError(f"freq={name!r}: the times are {what}; give one of them, as {such}, or leave it out")
        if numbers:
            return cls(NUMBER, n, float(moments[0] % n))
        return _on(unit, int(n), moments.astype(np.int64))

    @classmethod
    def found(cls, moments: Moments) -> Frequency:
        """Return the frequency of some times, sorted, each once: what all their distances are multiples of.

        Examples
        --------
        >>> days = np.array(["2024-01-31", "2024-02-29", "2024-05-31"], "M8[us]").astype(np.int64)
        >>> Frequency.found(days)
        Frequency(unit='M', n=1, phase=0, place=-1, within=0)
        """
        if moments.dtype.kind == "f":
            return _of_numbers(moments.astype(np.float64))
        whole = moments.astype(np.int64)
        months, place, last, within = month_parts(whole)
        n = int(np.gcd.reduce(np.diff(months)))
        if n and np.ptp(within) == 0 and (last.all() or np.ptp(place) == 0):
            return _on(MONTH, n, whole)
        if np.ptp(within):
            apart = int(np.gcd.reduce(np.diff(whole)))
            unit = next(u for u, ticks in TICKS.items() if u not in ("W", "D") and apart % ticks == 0)
            return _on(unit, apart // TICKS[unit], whole)
        days = whole // DAY
        n = int(np.gcd.reduce(np.diff(days)))
        if n == 1 and np.all((days + MONDAY) % 7 < 5) and days[-1] - days[0] >= 7:
            return _on(BUSINESS, 1, whole)
        return _on("W", n // 7, whole) if n % 7 == 0 else _on("D", n, whole)


def _on(unit: str, n: int, moments: NDArray[np.int64]) -> Frequency:
    """Return the frequency that the first of some times lies on; that of months, where all are, at their ends."""
    months, place, last, within = month_parts(moments)
    if unit == MONTH:
        day = LAST if last.all() and (len(moments) > 1 or place[0] >= 28) else int(place[0])
        return Frequency(MONTH, n, int(months[0] % n), day, int(within[0]))
    if unit == BUSINESS:
        return Frequency(BUSINESS, n, 0, 0, int(within[0]))
    return Frequency(unit, n, int(moments[0] % (n * TICKS[unit])))


def _of_numbers(numbers: NDArray[np.float64]) -> Frequency:
    apart = np.diff(numbers)
    whole = bool(np.all(numbers == np.trunc(numbers)) and np.abs(numbers).max() < 2.0**53)
    n = float(np.gcd.reduce(apart.astype(np.int64))) if whole else float(apart.min())
    return Frequency(NUMBER, n, float(numbers[0] % n))


def _times(n: int, unit: str) -> str:
    return unit if n == 1 else f"{n}{unit}"


def _parsed(name: str) -> tuple[float, str]:
    """Return how many of which unit a name says."""
    text = name.strip().partition("-")[0]
    found = re.fullmatch(r"(\d*\.?\d*)\s*([A-Za-z]*)", text)
    n = float(found[1]) if found and found[1] not in ("", ".") else 1.0
    unit = SPELLINGS.get(found[2], found[2]) if found else ""
    if unit in LONGER:
        n, unit = n * LONGER[unit], MONTH
    known = unit in TICKS or unit in (MONTH, BUSINESS) or (unit == "" and found is not None and found[1] != "")
    if not known or n <= 0 or (unit and not n.is_integer()) or (unit == BUSINESS and n != 1):
        raise DataError(
            f"freq={name!r} is not a frequency; give 'Y', 'Q', 'M', 'W', 'D', 'B' (weekdays), 'h', 'min', 's' or "
            "several of them, as '15min'; of a column of numbers how far apart they are, as '1'"
        )
    return n, unit or NUMBER


def month_parts(
    moments: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], Mask, NDArray[np.int64]]:
    """Return the month of each time, its day from 0, whether that is the last, and what is after midnight."""
    days, within = np.divmod(moments, DAY)
    months = days.astype("M8[D]").astype("M8[M]")
    place = days - months.astype("M8[D]").astype(np.int64)
    last: Mask = (months + 1).astype("M8[D]").astype(np.int64) - 1 == days
    return months.astype(np.int64), place, last, within


def moments_of(column: pa.Array, name: str) -> tuple[Moments, Mask]:
    """Return a column of times as :data:`Moments`, and where there is none.

    Raises
    ------
    DataError
        It holds no times.

    Examples
    --------
    >>> found, _ = moments_of(pa.array(["1998 Q2", "1998-07-01"]), "quarter")
    >>> written(found)
    ['1998-04-01', '1998-07-01']
    """
    missing = null_mask(column)
    none: Mask = np.zeros(len(column), np.bool_) if missing is None else missing
    if is_text(column.type):
        return _moments_of_text(column, name, none), none
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        per_day = ticks_of(column.type)
        ticks = stored_numbers(column).astype(np.int64)
        made = ticks * (DAY // per_day) if per_day <= DAY else ticks // (per_day // DAY)
        return np.where(none, 0, made), none
    if pa.types.is_temporal(column.type) or pa.types.is_boolean(column.type):
        raise DataError(f"time={name!r} is {column.type}; a time is a date, a timestamp, a number or text of these")
    numbers = np.where(none, np.nan, as_numbers(column).astype(np.float64))
    return numbers, none | ~np.isfinite(numbers)


def on_clocks(moments: Moments, zone: str) -> Moments:
    """Return times in UTC as clocks of a zone show them; as they are where there is none.

    Examples
    --------
    >>> written(on_clocks(np.array(["2024-06-30T22:00"], "M8[us]").astype(np.int64), "Europe/Berlin"))
    ['2024-07-01']
    """
    if not zone:
        return moments
    column = pa.array(moments.astype(np.int64), pa.timestamp("us", zone))
    return np.asarray(pc.local_timestamp(column).cast(pa.int64()).to_numpy(), np.int64)


def _moments_of_text(column: pa.Array, name: str, none: Mask) -> NDArray[np.int64]:
    coded = decoded_strings(column).dictionary_encode()
    table = np.array([_moment(text, name) for text in coded.dictionary.to_pylist()] or [0], np.int64)
    places = pc.fill_null(coded.indices.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    made: NDArray[np.int64] = np.where(none, 0, table[places])
    return made


_PERIOD = re.compile(
    r"(\d{4})[-/ ]?(?:Q(?P<quarter>[1-4])|M?(?P<month>\d{1,2})|(?P<name>[A-Z]{3}))", re.IGNORECASE
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _moment(text: str, name: str) -> int:
    """Return the microseconds of a time as people write it: ISO 8601, ``1998 Q1``, ``1998-01``, ``1998 Jan``."""
    found = _PERIOD.fullmatch(text.strip())
    try:
        if found is not None:
            quarter, month, word = found["quarter"], found["month"], found["name"]
            number = 3 * int(quarter) - 2 if quarter else int(month) if month else _MONTHS.index(word.lower()) + 1
            return int(np.datetime64(f"{found[1]}-{number:02d}", "us").astype(np.int64))
        return int(pc.cast(pa.scalar(text), pa.timestamp("us")).value)
    except (ValueError, pa.ArrowInvalid):
        raise DataError(
            f"time={name!r} holds {text!r}, which is not a time; write 2024-12-31, 2024-12-31 18:00, 2024-12 or "
            "2024 Q4, or say how dates are written with date_format"
        ) from None


def written(moments: Moments) -> list[str]:
    """Return times in words."""
    if moments.dtype.kind == "f":
        return [f"{one:g}" for one in moments.tolist()]
    texts = np.datetime_as_string(moments.astype("M8[us]"), unit="s").tolist()
    return [text.removesuffix("T00:00:00").replace("T", " ") for text in texts]
