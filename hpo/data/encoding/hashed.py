"""Columns of very many levels: one column that holds a hash of each level, whatever their number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from algorithms.contract import HASH_BITS, HASHED, Column
from hpo.data.encoding.gather import Gather
from hpo.data.levels import as_strings, is_text
from hpo.data.schema import CATEGORICAL, NUMERIC, Field, unknown_column
from hpo.data.values import Places, null_mask, stored_numbers
from hpo.errors import DataError

AUTO = "auto"

Hashed: TypeAlias = Literal["auto"] | Sequence[str] | None
"""Which columns are hashed: those named, those of more levels than have columns (``"auto"``), or none."""

_NULL = b"\xff"
"""What a missing value hashes as: no text in UTF-8 has this byte."""


@dataclass(frozen=True)
class HashedEncoding:
    """A category of any number of levels: one column, the highest bits of xxh3_64 of each level's UTF-8 text.

    Nothing is learned, so levels that no sample held are kept apart as well. The name of the column is the seed,
    so one text in two columns is two levels. A missing value is a level of its own; a whole number hashes
    as its digits, be it stored as an integer, a float or text.

    Examples
    --------
    >>> HashedEncoding("user").columns()
    (Column(name='user_hash', source='user', role='hashed', origin=0.0),)
    >>> HashedEncoding("user").codes(pa.array(["ann", None, "ann"])).tolist()
    [6182874, 4598044, 6182874]
    """

    name: str
    kind: str = CATEGORICAL

    def columns(self) -> tuple[Column, ...]:
        """Return the column of the hash."""
        return (Column(f"{self.name}_hash", self.name, HASHED),)

    def write(self, gather: Gather, array: pa.Array, first: int) -> None:
        """Write the hash of each row."""
        gather.take(self.codes(array), first)

    def one_hot(self, array: pa.Array) -> tuple[Places, int] | None:
        """Return None: it is one column."""
        return None

    def to_dict(self) -> dict[str, object]:
        """Return name and kind, and that it is hashed."""
        return {"name": self.name, "kind": self.kind, "hashed": True}

    def codes(self, array: pa.Array) -> Places:
        """Return the hash of each value, from 0 to 2**HASH_BITS - 1; each distinct value is hashed once."""
        if pa.types.is_dictionary(array.type) and len(array.dictionary) > len(array):
            array = array.dictionary_decode()
        coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        table = np.array([self._code(value) for value in (*_bytes(coded.dictionary), _NULL)], np.intp)
        places, mask = stored_numbers(coded.indices), null_mask(coded.indices)
        return table[places if mask is None else np.where(mask, len(table) - 1, places)]

    def _code(self, value: bytes) -> int:
        return xxh3_64_intdigest(value, self._seed) >> (64 - HASH_BITS)

    @cached_property
    def _seed(self) -> int:
        return xxh3_64_intdigest(self.name.encode())


def hash_beyond(fields: Iterable[Field], hashed: Hashed, limit: int) -> dict[str, int]:
    """Return the number of levels beyond which a field is hashed: 0 for always; others never are.

    Raises
    ------
    DataError
        A named column is not a feature, or holds neither text nor numbers.

    Examples
    --------
    >>> hash_beyond([Field("c", CATEGORICAL, "string")], "auto", 64)
    {'c': 64}
    """
    kinds = {field.name: field.kind for field in fields}
    if hashed == AUTO:
        return {name: limit for name, kind in kinds.items() if kind == CATEGORICAL}
    for name in hashed or ():
        if name not in kinds:
            raise DataError(unknown_column(name, list(kinds), "column to hash"))
        if kinds[name] not in (CATEGORICAL, NUMERIC):
            raise DataError(
                f"hash_columns: {name!r} is {kinds[name]}, and only text, categories and numbers that are "
                "labels are hashed; leave it out of hash_columns"
            )
    return dict.fromkeys(hashed or (), 0)


def _bytes(values: pa.Array) -> list[bytes]:
    """Return what each value hashes as."""
    if is_text(values.type) or pa.types.is_null(values.type):
        found = as_strings(values).cast(pa.binary()).to_pylist()
        return [_NULL if value is None else value for value in found]
    return [_written(value) for value in values.to_pylist()]


def _written(value: float | None) -> bytes:
    """Return the text of a number or boolean; NaN is missing."""
    if value is None or math.isnan(value):
        return _NULL
    if isinstance(value, bool):
        return str(value).lower().encode()
    return (str(int(value)) if float(value).is_integer() else repr(float(value))).encode()
