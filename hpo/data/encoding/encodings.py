"""How the columns of each kind are encoded: the columns they become, and how a batch of them is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from algorithms.batches import Label
from algorithms.contract import Column
from hpo.data.encoding.gather import Gather
from hpo.data.encoding.hashed import HashedEncoding
from hpo.data.encoding.kinds import (
    PARTS,
    CalendarEncoding,
    CategoryEncoding,
    Encoding,
    NumberEncoding,
    frequent,
    infinite_value,
)
from hpo.data.levels import class_codes, decoded_strings, is_text
from hpo.data.schema import BOOLEAN, CATEGORICAL, NUMERIC, Field, kind_of, plain_type
from hpo.data.values import as_numbers, calendar_part, one_array
from hpo.errors import DataError
from hpo.process.lazily import arrow_compute as pc


def needs_sample(field: Field) -> bool:
    """Whether a field's encoding is learned from a sample."""
    return field.kind == CATEGORICAL or field.kind in PARTS


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
        return CategoryEncoding(field.name, frequent(strings, max_categories, weights))
    array = array.drop_null()
    parts = PARTS[field.kind]
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
            name, kind, tuple((part, tuple(known[part])) for part in PARTS[kind] if part in known), origin
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
        distinct.append(column if name == column.name else replace(column, name=name))
    return tuple(distinct)


def as_learned(encoding: Encoding, array: pa.Array) -> pa.Array:
    """Return a column as its encoding takes it; DataError where it is of another kind than was learned.

    A column without any value is of whatever kind: what pandas and CSV files make of dates that are all missing.
    """
    kind = kind_of(plain_type(array.type))
    if pa.types.is_null(array.type):
        return array.cast(pa.string()) if encoding.kind == CATEGORICAL else array
    if encoding.kind == CATEGORICAL and (is_text(array.type) or kind in (NUMERIC, BOOLEAN)):
        return array
    if kind == encoding.kind or any({kind, encoding.kind} <= s for s in ({NUMERIC, BOOLEAN}, {*PARTS})):
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
