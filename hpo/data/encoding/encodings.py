"""How the columns of each kind are encoded: the columns they become, and how a batch of them is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from algorithms.batches import Label
from algorithms.contract import INDICATOR, LEVEL, MISSING, OTHER, VALUE, Column
from hpo.data.encoding.gather import Gather
from hpo.data.encoding.hashed import HashedEncoding
from hpo.data.schema import BOOLEAN, CATEGORICAL, DATE, NUMERIC, TIMESTAMP, Field, kind_of, plain_type
from hpo.data.values import (
    Places,
    as_numbers,
    calendar_part,
    class_codes,
    decoded_strings,
    is_text,
    level_codes,
    null_mask,
    one_array,
)
from hpo.errors import DataError
from hpo.process.lazily import arrow_compute as pc

_PARTS = {DATE: ("month", "weekday"), TIMESTAMP: ("month", "weekday", "hour")}


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
        value = f"{self.name}_days" if self.kind in _PARTS else self.name
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


def needs_sample(field: Field) -> bool:
    """Whether a field's encoding is learned from a sample."""
    return field.kind == CATEGORICAL or field.kind in _PARTS


def learn(
    field: Field,
    column: pa.ChunkedArray | None,
    max_categories: int,
    weights: pa.ChunkedArray | None = None,
    hash_beyond: int | None = None,
    origin: float = 0,
) -> Encoding:
    """Return the encoding of a field; ``column`` is its sample, where one is needed, ``weights`` its rows'.

    A category of more than ``hash_beyond`` levels is hashed; with 0 whatever the field holds. ``origin`` is that
    of a number.
    """
    if hash_beyond == 0:
        return HashedEncoding(field.name)
    if not needs_sample(field):
        return NumberEncoding(field.name, field.kind, origin)
    if column is None:
        raise DataError(
            f"{field.kind} column {field.name!r} is encoded by what a sample holds; give a sample"
        )
    array = one_array(column)
    if field.kind == CATEGORICAL:
        strings = decoded_strings(array)
        if hash_beyond is not None and pc.count_distinct(strings).as_py() > hash_beyond:
            return HashedEncoding(field.name)
        return CategoryEncoding(field.name, _frequent(strings, max_categories, weights))
    array = array.drop_null()
    parts = _PARTS[field.kind]
    seen = {part: np.unique(calendar_part(array, part)).tolist() for part in parts}
    return CalendarEncoding(
        field.name, field.kind, tuple((part, tuple(seen[part])) for part in parts), origin
    )


def restore(document: Mapping[str, Any]) -> Encoding:
    """Return the encoding that ``to_dict`` wrote."""
    name, kind, origin = document["name"], document["kind"], document.get("origin", 0)
    if "hashed" in document:
        return HashedEncoding(name, kind)
    if "levels" in document:
        return CategoryEncoding(name, tuple(document["levels"]))
    if "parts" in document:
        known = dict(document["parts"])
        return CalendarEncoding(
            name, kind, tuple((part, tuple(known[part])) for part in _PARTS[kind] if part in known), origin
        )
    return NumberEncoding(name, kind, origin)


def distinct_names(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns with a number appended to a name that is already taken."""
    taken: set[str] = set()
    distinct = []
    for column in columns:
        name, count = column.name, 1
        while name in taken:
            count += 1
            name = f"{column.name}_{count}"
        taken.add(name)
        distinct.append(replace(column, name=name))
    return tuple(distinct)


def check_kind(encoding: Encoding, array: pa.Array) -> pa.Array:
    """Return a column as its encoding takes it; DataError where it is of another kind than was learned.

    A column without any value is of whatever kind: what pandas and CSV files make of dates that are all missing.
    """
    kind = kind_of(plain_type(array.type))
    if pa.types.is_null(array.type):
        return array.cast(pa.string()) if encoding.kind == CATEGORICAL else array
    if encoding.kind == CATEGORICAL and (is_text(array.type) or kind in (NUMERIC, BOOLEAN)):
        return array
    if kind == encoding.kind or any({kind, encoding.kind} <= s for s in ({NUMERIC, BOOLEAN}, {*_PARTS})):
        return array
    if pc.all(pc.is_null(array, nan_is_null=pa.types.is_floating(array.type)), min_count=0).as_py():
        return pa.nulls(len(array), pa.string() if encoding.kind == CATEGORICAL else pa.null())
    raise DataError(
        f"column {encoding.name!r} is {array.type} here and was {encoding.kind} when the encoder was fitted; "
        "convert it, or fit again"
    )


def write_target(
    gather: Gather, name: str, array: pa.Array, index: int, classes: Sequence[Label] = ()
) -> None:
    """Write a target: a number, or the place of its class.

    DataError where a value is infinite, or too large for the type of the batch.
    """
    out = gather.take(class_codes(array, classes) if classes else as_numbers(array), index)
    if not gather.finite(out) and np.isinf(out).any():
        raise infinite_value(
            name, float(out[np.isinf(out).argmax()]), gather.where, str(out.dtype), target=True
        )


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


def _frequent(strings: pa.Array, limit: int, weights: pa.ChunkedArray | None) -> tuple[str, ...]:
    """Return the strings of the most rows (of the most weight), equal ones by name, in the order of their names.

    Ordered by name, another sample with the same levels makes the same encoder, whose old leaves still match.
    """
    rows = pa.repeat(1, len(strings)) if weights is None else weights
    table = pa.table({"level": strings, "weight": rows}).filter(pc.is_valid(strings))
    counted = table.group_by("level").aggregate([("weight", "sum")])
    order = [("weight_sum", "descending"), ("level", "ascending")]
    return tuple(sorted(counted.sort_by(order).column("level").slice(0, limit).to_pylist()))
