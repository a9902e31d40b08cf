"""Origins: what is subtracted from a number before anything is computed, so that differences keep their digits.

A year, a price in cents or a timestamp lies far from zero beside its spread. Sums and products of such numbers lose
digits, and a missing one that stands at zero stands far outside the others. So a column has an **origin** near the
middle of its values, taken from the statistics that a file has of them or from a few of its rows. What an origin is
changes no result but for rounding; a column whose values are not far from zero has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hpo.data.schema import DATE, DURATION, NUMERIC, TIME, TIMESTAMP, Field
from hpo.data.values import Numbers, null_mask, one_array, stored_numbers, ticks_of

FAR = 4
"""An origin is other than zero where the middle of the values is more than so many spreads from it."""

LARGEST = 1e300
"""No origin is larger: differences of numbers near the end of float64 would overflow."""

PLAIN = 1_000
"""Whole numbers below it are at most 1,000 spreads from zero, which costs six of sixteen digits of a square."""

UNLIKE = 1e-3
"""Share of the larger end of a column's values, below which one of the ends may be a sentinel."""

FEW = 0.01
"""Share of the values that may lose bits in their difference to the origin; where more do, the column has none. A
value within a factor of two of the origin loses nothing."""

MARKS = 4
"""Number of different whole numbers that lose bits and still are taken for sentinels, whose bits say nothing."""

KINDS = frozenset({NUMERIC, DATE, TIMESTAMP, TIME, DURATION})
"""Kinds of columns that may have an origin."""


@dataclass(frozen=True)
class Extent:
    """Where the values of a column lie: a middle and a spread about it, both in stored units.

    Attributes
    ----------
    middle, spread : the median and the median distance from it, or the middle of the ends and their distance.
    ends : the least and the largest value, where they are all that is known.
    mixed : whether more than a few values lose bits in their difference to the middle, as those of a file in
        another unit.

    Examples
    --------
    >>> Extent(2010, 3).origin(Field("year", "numeric", "int16"), 1)
    2010
    >>> Extent(30, 10).origin(Field("age", "numeric", "int16"), 1)
    0
    """

    middle: float
    spread: float
    ends: tuple[float, float] | None = None
    mixed: bool = False

    def hides(self, field: Field) -> bool:
        """Return whether values far from zero may hide behind a sentinel (0, -1, -9999), which is one of the ends.

        Beside missing values that costs digits, of whole numbers only of large ones; else only where one end is
        far larger than the other, and one of them a whole number, as sentinels are.

        Examples
        --------
        >>> Extent(5_000, 10_001, ends=(-1, 10_000)).hides(Field("price", "numeric", "int32", nullable=True))
        True
        >>> Extent(20, 41, ends=(-1, 40)).hides(Field("age", "numeric", "int32", nullable=True))
        False
        >>> Extent(6.0, 12.0, ends=(0.0, 12.0)).hides(Field("words", "numeric", "float64", nullable=False))
        False
        >>> Extent(5e6, 1e7, ends=(-1, 10_000_000)).hides(Field("sold", "numeric", "int32", nullable=False))
        True
        """
        if self.ends is None or self.origin(field, 1):
            return False
        whole, (least, most) = field.kind != NUMERIC or "int" in field.dtype, sorted(map(abs, self.ends))
        if field.nullable:
            return most >= (PLAIN if whole else math.ulp(0.0))
        counts = whole or all(float(end).is_integer() for end in self.ends)
        sentinel = any(float(end).is_integer() for end in self.ends) and least <= UNLIKE * most
        return sentinel and most >= (PLAIN / UNLIKE if counts else math.ulp(0.0))

    def origin(self, field: Field, unit: int) -> float:
        """Return the origin in units of the encoded column, of so many stored ones.

        It is a whole number of integers and of times, and else of as few bits as the spread needs, so that the
        difference to a value of the column's type is exact.
        """
        if self.mixed or not abs(self.middle) > FAR * self.spread or not abs(self.middle) < LARGEST:
            return 0
        if field.kind != NUMERIC or "int" in field.dtype:
            return round(self.middle / unit) if unit > 1 else int(self.middle)
        kind = np.float32 if field.dtype in ("float", "halffloat") else np.float64
        return float(kind(_rounded(float(self.middle), self.spread)))


NOWHERE = Extent(0, 0.0)
"""The extent of a column without values."""


NO_VALUES = (math.inf, -math.inf)
"""The least and the largest of no value."""


def origins_from(
    fields: Iterable[Field], extents: Mapping[str, Extent], units: Mapping[str, int]
) -> dict[str, float]:
    """Return the origins of the fields whose extents are far from zero."""
    found = {f.name: extents[f.name].origin(f, units[f.name]) for f in fields if f.name in extents}
    return {name: origin for name, origin in found.items() if origin}


def origins_of(fields: Iterable[Field], columns: Mapping[str, pa.ChunkedArray]) -> dict[str, float]:
    """Return the origins of the fields that are in a sample and lie far from zero.

    Examples
    --------
    >>> year = pa.chunked_array([pa.array([2013, 2014, None, 2015], pa.int16())])
    >>> origins_of([Field("year", "numeric", "int16")], {"year": year})
    {'year': 2014}
    """
    found = {}
    for field in fields:
        if field.kind in KINDS and (column := columns.get(field.name)) is not None:
            array = one_array(column)
            origin = extent_of(array).origin(field, ticks_of(array.type))
            if origin:
                found[field.name] = origin
    return found


def extent_of(array: pa.Array) -> Extent:
    """Return the median of a column, one of its values, and the median distance from it (of those not at it).

    Examples
    --------
    >>> extent_of(pa.array([5, 7, None, 9]))
    Extent(middle=7, spread=2.0, ends=None, mixed=False)
    """
    values = _present(array)
    if not len(values):
        return NOWHERE
    middle = np.partition(values, len(values) // 2)[len(values) // 2].item()
    away = np.abs(values.astype(np.float64) - float(middle))
    spread = float(np.median(away)) or _lower_median(away[away > 0.0])
    return Extent(middle, spread, mixed=_mixed(values, middle))


def _lower_median(values: NDArray[np.float64]) -> float:
    """Return the lower of two middles: of two distances one may be that of a sentinel; 0 of no value.

    Examples
    --------
    >>> _lower_median(np.array([1e15, 3.0])), _lower_median(np.zeros(0))
    (3.0, 0.0)
    """
    at = (len(values) - 1) // 2
    return float(np.partition(values, at)[at]) if len(values) else 0.0


def _mixed(values: Numbers, middle: float) -> bool:
    if values.dtype.kind != "f":
        return False
    exactly = values.astype(np.float64)
    lost = exactly[(exactly - middle) + middle != exactly]
    whole = (lost == np.rint(lost)) & (np.abs(lost) < 2.0**53)
    if len(np.unique(lost[whole])) <= MARKS:
        lost = lost[~whole]
    return len(lost) > FEW * len(values)


def joined_bounds(bounds: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the least and the largest value of several parts of a column; parts without values say nothing.

    Examples
    --------
    >>> joined_bounds([(2005, 2010), NO_VALUES, (2012, 2015)])
    (2005, 2015)
    """
    held = [pair for pair in bounds if pair != NO_VALUES]
    return (min(low for low, _ in held), max(high for _, high in held)) if held else NO_VALUES


def extent_between(low: float, high: float) -> Extent:
    """Return the extent of a column of which the least and the largest value are known.

    Examples
    --------
    >>> extent_between(2005, 2015)
    Extent(middle=2010, spread=10, ends=(2005, 2015), mixed=False)
    """
    if (low, high) == NO_VALUES:
        return NOWHERE
    whole = isinstance(low, int) and isinstance(high, int)
    return Extent((low + high) // 2 if whole else low / 2 + high / 2, high - low, ends=(low, high))


def _present(array: pa.Array) -> Numbers:
    values, mask = stored_numbers(array), null_mask(array)
    if mask is not None:
        values = values[~mask]
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _rounded(middle: float, spread: float) -> float:
    """Return the middle as a multiple of the largest power of two that is not above the spread."""
    if not spread > 0.0:
        return middle
    step = 2.0 ** math.floor(math.log2(spread))
    return round(middle / step) * step if abs(middle) < 2.0**52 * step else middle
