"""One kind of column each: how numbers, categories and calendars become numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import pyarrow as pa

from algorithms.contract import INDICATOR, LEVEL, MISSING, OTHER, VALUE, Column
from hpo.data.encoding.gather import Gather
from hpo.data.levels import level_codes
from hpo.data.schema import CATEGORICAL, DATE, TIMESTAMP
from hpo.data.values import Places, as_numbers, calendar_part, null_mask
from hpo.errors import DataError
from hpo.process.lazily import arrow_compute as pc

PARTS = {DATE: ("month", "weekday"), TIMESTAMP: ("month", "weekday", "hour")}


class Encoding(Protocol):
    """How one field is encoded."""

    @property
    def name(self) -> str:
        """Column of the data."""
        ...

    @property
    def kind(self) -> str:
        """Kind it was learned as."""
        ...

    def columns(self) -> tuple[Column, ...]:
        """Return the encoded columns, in order."""
        ...

    def write(self, gather: Gather, array: pa.Array, first: int) -> None:
        """Write a batch of the field; its first encoded column is layout column ``first``."""
        ...

    def one_hot(self, array: pa.Array) -> tuple[Places, int] | None:
        """Return which column of each row is one, the others zero, and how many there are; None if it is not so."""
        ...

    def to_dict(self) -> dict[str, object]:
        """Return the encoding as JSON-ready values."""
        ...


@dataclass(frozen=True)
class NumberEncoding:
    """A number: its value less an origin (zero where missing), and an indicator of where it is missing.

    Attributes
    ----------
    name, kind : of the column.
    origin : near the middle of its values where these lie far from zero, else zero; a whole number of integers,
        days, hours or seconds.

    Examples
    --------
    >>> [column.name for column in NumberEncoding("x", "numeric").columns()]
    ['x', 'missingindicator_x']
    """

    name: str
    kind: str
    origin: float = 0

    def columns(self) -> tuple[Column, ...]:
        """Return the value and the indicator."""
        value = f"{self.name}_days" if self.kind in PARTS else self.name
        return (
            Column(value, self.name, VALUE, float(self.origin)),
            Column(f"missingindicator_{self.name}", self.name, INDICATOR),
        )

    def write(self, gather: Gather, array: pa.Array, first: int) -> None:
        """Write the value, and the indicator if anything is missing; DataError where a value is infinite."""
        out = gather.take(as_numbers(array, self.origin), first)
        mask = null_mask(array)
        if mask is None and gather.finite(out):
            return
        missing = np.isnan(out)
        if mask is not None:
            missing |= gather.taken(mask)
        infinite = np.isinf(out) & ~missing
        if infinite.any():
            raise infinite_value(self.name, float(out[infinite.argmax()]), gather.where, str(out.dtype))
        if missing.any():
            out[missing] = 0
            gather.column(first + 1)[:] = missing

    def one_hot(self, array: pa.Array) -> tuple[Places, int] | None:
        """Return None: it is a number."""
        return None

    def to_dict(self) -> dict[str, object]:
        """Return name and kind, and the origin where there is one."""
        return {"name": self.name, "kind": self.kind, **({"origin": self.origin} if self.origin else {})}


@dataclass(frozen=True)
class CategoryEncoding:
    """A category: one column for each learned level, one for other values, one for missing ones.

    Examples
    --------
    >>> [column.name for column in CategoryEncoding("c", ("a", "b")).columns()]
    ['c_a', 'c_b', 'c_other', 'c_missing']
    """

    name: str
    levels: tuple[str, ...]
    kind: str = CATEGORICAL

    def columns(self) -> tuple[Column, ...]:
        """Return the levels, other and missing."""
        named = [(level, LEVEL) for level in self.levels] + [("other", OTHER), ("missing", MISSING)]
        return tuple(Column(f"{self.name}_{label}", self.name, role) for label, role in named)

    def write(self, gather: Gather, array: pa.Array, first: int) -> None:
        """Write the columns of the levels that are in the batch."""
        gather.levels(level_codes(array, _held(self.levels)), first, len(self.levels) + 2)

    def one_hot(self, array: pa.Array) -> tuple[Places, int] | None:
        """Return the level of each row, and how many there are."""
        return level_codes(array, _held(self.levels)), len(self.levels) + 2

    def to_dict(self) -> dict[str, object]:
        """Return name, kind and levels."""
        return {"name": self.name, "kind": self.kind, "levels": list(self.levels)}


@lru_cache(maxsize=256)
def _held(levels: tuple[str, ...]) -> pa.Array:
    """Return levels as Arrow looks them up. An encoding holds none: what writes models may not know Arrow."""
    return pa.array(levels, pa.string())


@dataclass(frozen=True)
class CalendarEncoding:
    """A date or timestamp, in UTC: days since 1970, and month, weekday (Monday 0) and hour as levels.

    A missing one shows in the indicator of its days; its other columns are zero.

    Examples
    --------
    >>> encoding = CalendarEncoding("d", "date", (("month", (1, 2)), ("weekday", (0,))))
    >>> [column.name for column in encoding.columns()][1:]
    ['missingindicator_d', 'd_month_1', 'd_month_2', 'd_month_other', 'd_weekday_0', 'd_weekday_other']
    """

    name: str
    kind: str
    parts: tuple[tuple[str, tuple[int, ...]], ...]
    origin: float = 0

    @property
    def days(self) -> NumberEncoding:
        """How the days are encoded."""
        return NumberEncoding(self.name, self.kind, self.origin)

    def columns(self) -> tuple[Column, ...]:
        """Return the days, their indicator, and each part's levels and other."""
        columns = list(self.days.columns())
        for part, levels in self.parts:
            source = f"{self.name}_{part}"
            columns += [Column(f"{source}_{level}", source, LEVEL) for level in levels]
            columns.append(Column(f"{source}_other", source, OTHER))
        return tuple(columns)

    def write(self, gather: Gather, array: pa.Array, first: int) -> None:
        """Write the days and the columns of the parts that are in the batch."""
        self.days.write(gather, array, first)
        mask = null_mask(array)
        first += 2
        for part, levels in self.parts:
            table = np.full(25, len(levels), np.intp)
            table[list(levels)] = np.arange(len(levels))
            codes = table[calendar_part(array, part)]
            if mask is not None:
                codes[mask] = len(levels) + 1
            gather.levels(codes, first, len(levels) + 1)
            first += len(levels) + 1

    def one_hot(self, array: pa.Array) -> tuple[Places, int] | None:
        """Return None: it is a number and levels."""
        return None

    def to_dict(self) -> dict[str, object]:
        """Return name, kind and parts: pairs, since their order is that of the columns."""
        return {**self.days.to_dict(), "parts": [[part, list(v)] for part, v in self.parts]}


def infinite_value(
    name: str, value: float, where: str, dtype: str = "float64", *, target: bool = False
) -> DataError:
    """Return the error for an infinite value."""
    place = f" in {where}" if where else ""
    instead = "rows of a null are left out" if target else f"or leave the column out with drop=[{name!r}]"
    return DataError(
        f"{'target' if target else 'column'} {name!r} holds {value}{place} (as {dtype}); "
        f"make infinite values finite or null{';' if target else ','} {instead}"
    )


def frequent(strings: pa.Array, limit: int, weights: pa.ChunkedArray | None) -> tuple[str, ...]:
    """Return the strings of the most rows (of the most weight), equal ones by name, in the order of their names.

    Ordered by name, another sample with the same levels makes the same encoder, whose old leaves still match.
    """
    rows = pa.repeat(1, len(strings)) if weights is None else weights
    table = pa.table({"level": strings, "weight": rows}).filter(pc.is_valid(strings))
    counted = table.group_by("level").aggregate([("weight", "sum")])
    order = [("weight_sum", "descending"), ("level", "ascending")]
    return tuple(sorted(counted.sort_by(order).column("level").slice(0, limit).to_pylist()))
