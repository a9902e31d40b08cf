"""Hashes of rows and of values, whole columns at a time."""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hpo.process.lazily import arrow_compute as pc

Words: TypeAlias = NDArray[np.uint64]

DRAW = -1
"""Seed of the priorities that rows are drawn by: apart from every seed of folds."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_NULL = np.uint64(0x6E756C6C)


def splitmix(x: Words) -> Words:
    """Return the splitmix64 finalizer of each word (Steele, Lea, Flood 2014).

    Examples
    --------
    >>> int(splitmix(np.array([0], np.uint64))[0])
    16294208416658607535
    """
    z = x + _GOLDEN
    z ^= z >> np.uint64(30)
    z *= _MIX1
    z ^= z >> np.uint64(27)
    z *= _MIX2
    z ^= z >> np.uint64(31)
    return z


def seed_word(*parts: object) -> np.uint64:
    """Return 64 bits of the digest of some values."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def priorities(place: str, seed: int, first_row: int, rows: int) -> Words:
    """Return the hash of each row of a segment, by the segment's place and the row's index in it."""
    return drawn_by(row_word(place, seed), np.arange(first_row, first_row + rows))


def row_word(place: str, seed: int) -> np.uint64:
    """Return what the rows of a segment are hashed with, beside their index."""
    return seed_word("row", place, seed)


def drawn_by(word: np.uint64, numbers: NDArray[np.int64]) -> Words:
    """Return the hash of rows, by their index in a segment whose word it is."""
    return splitmix(splitmix(numbers.astype(np.uint64)) ^ word)


def hash_values(column: pa.Array, seed: int) -> Words:
    """Return the hash of each value, equal for equal values of one type; nulls and NaN share one hash.

    A number has the same hash as an integer and as a float.
    """
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    distinct = _hash_distinct(encoded.dictionary)
    table = np.append(distinct, _NULL)
    places = pc.fill_null(encoded.indices.cast(pa.int64()), len(distinct)).to_numpy()
    return splitmix(splitmix(table)[places] ^ seed_word("value", seed))


def _hash_distinct(values: pa.Array) -> Words:
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _hash_strings(values.cast(pa.large_string()))
    if pa.types.is_decimal(kind):
        return _hash_decimals(values)
    if pa.types.is_floating(kind):
        return _hash_floats(values.cast(pa.float64()))
    if pa.types.is_boolean(kind):
        values = values.cast(pa.uint8())
    if pa.types.is_temporal(kind):
        values = values.cast(pa.int64() if values.type.bit_width == 64 else pa.int32())
    words = pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    return _restore_nulls(words, values)


def _hash_decimals(values: pa.Array) -> Words:
    """Hash whole decimals of 64 bits as integers, those of more as their text, and others as floats."""
    words, found = _hash_floats(values.cast(pa.float64())).copy(), values.to_pylist()
    for place, value in enumerate(found):
        if value is not None and value == (whole := int(value)) and abs(whole) > 2**53:
            words[place] = whole % 2**64 if -(2**63) <= whole < 2**64 else seed_word("whole", whole)
    return words


def _hash_floats(values: pa.Array) -> Words:
    x = pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False)
    whole = (np.abs(x) < 2.0**63) & (np.trunc(x) == x)
    words = np.where(whole, 0.0, x).view(np.uint64).copy()
    words[whole] = x[whole].astype(np.int64).view(np.uint64)
    words[np.isnan(x)] = _NULL
    return words


def _hash_strings(values: pa.Array) -> Words:
    """Hash the bytes of each string: the sum of byte × an odd word for its place, mixed with the length."""
    n = len(values)
    offsets = np.frombuffer(values.buffers()[1], np.int64, n + 1, values.offset * 8)
    lengths = np.diff(offsets)
    if n == 0 or offsets[-1] == offsets[0]:
        return _restore_nulls(splitmix(lengths.astype(np.uint64)), values)
    data = np.frombuffer(values.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    places = np.arange(len(data)) - np.repeat(offsets[:-1] - offsets[0], lengths)
    terms = (data.astype(np.uint64) + np.uint64(1)) * (splitmix(places.astype(np.uint64)) | np.uint64(1))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    ends = offsets - offsets[0]
    return _restore_nulls(splitmix(sums[ends[1:]] - sums[ends[:-1]]) ^ lengths.astype(np.uint64), values)


def _restore_nulls(words: Words, values: pa.Array) -> Words:
    if values.null_count:
        words = words.copy()
        words[values.is_null().to_numpy(zero_copy_only=False)] = _NULL
    return words
