r"""A blob: arrays and JSON in one run of bytes that notices every change to itself.

=====================  ========================================================================
bytes                  meaning
=====================  ========================================================================
8                      magic ``1PASSHPO``
2, 2, 4                format, zero, length h of the header (little endian)
h                      header: JSON with ``name``, ``created``, ``about``, ``scalars``, from format 2 on ``packed``
                       and ``size``; h divides by 8
8                      xxh3_64 of everything before: the header can be trusted without the rest
...                    arrays, in the format of safetensors; of another ``size`` than 0 compressed to so many bytes
16                     xxh3_128 of everything before
=====================  ========================================================================

The magic, the format and the last sixteen bytes stay where they are in every later format, so that a blob
from the future is distinguished from a damaged one. Blobs of format 1 have arrays as they are;
:mod:`state_store.packing` says what ``packed`` is.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from xxhash import xxh3_64_digest, xxh3_128, xxh3_128_digest

from state_store.arrays import read_arrays, write_arrays
from state_store.backend import Bytes
from state_store.codec import Arrays, Scalars, Values, dense, flatten
from state_store.errors import UPGRADE, DamagedBlob, NewerFormat
from state_store.key import canonical_json
from state_store.packing import Recipes, compress, decompress, pack, unpack

MAGIC, FORMAT = b"1PASSHPO", 2
HEAD = Struct("<8sHHI")
HEAD_SUM, TAIL_SUM = 8, 16
SMALLEST = HEAD.size + HEAD_SUM + TAIL_SUM


@dataclass(frozen=True, eq=False)
class Header:
    """What a blob says of itself.

    Attributes
    ----------
    name : where in the store it was written, or ``""``.
    created : seconds since the epoch.
    about : JSON, for people and programs: what the state is of.
    scalars : the state's scalars.
    packed : how each packed array is made again.
    size : bytes of the arrays before they were compressed; 0 where they are not.
    """

    name: str
    created: float
    about: dict[str, Any]
    scalars: Scalars
    packed: Recipes = field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True, eq=False)
class Blob(Header):
    """A decoded blob: its header and its arrays."""

    arrays: Arrays = field(default_factory=dict)


def encode_blob(
    arrays: Mapping[str, Values],
    about: Mapping[str, object],
    *,
    scalars: Mapping[str, object] | None = None,
    name: str = "",
) -> bytes:
    """Bytes that hold arrays and JSON, with checksums.

    Raises
    ------
    UnstorableValue
        If an array has another dtype than bool, integer or float up to 8 bytes, or ``about`` is not JSON.

    Examples
    --------
    >>> import numpy as np
    >>> blob = decode_blob(encode_blob({"mean": np.ones(2)}, {"rows": 7}))
    >>> blob.about, blob.arrays
    ({'rows': 7}, {'mean': array([1., 1.])})
    """
    stored, packed = pack({path: dense(array, path) for path, array in arrays.items()})
    payload, size = compress(write_arrays(stored))
    said = {"name": name, "created": time.time(), "about": dict(about), "scalars": dict(scalars or {})}
    header = canonical_json({**said, "packed": packed, "size": size}).encode("ascii")
    header += b" " * (-len(header) % 8)
    front = HEAD.pack(MAGIC, FORMAT, 0, len(header)) + header
    parts = [front, xxh3_64_digest(front), payload]
    total = xxh3_128()
    for part in parts:
        total.update(part)
    return b"".join((*parts, total.digest()))


def stored_bytes(state: object) -> int:
    """Return how many bytes a state takes in a store, its header apart.

    Examples
    --------
    >>> import numpy as np
    >>> stored_bytes(np.zeros(1_000_000)) < 1_000 < stored_bytes(np.random.default_rng(0).random(1_000))
    True
    """
    arrays, scalars = flatten(state)
    payload, _ = compress(write_arrays(pack(arrays)[0]))
    return len(payload) + len(canonical_json(scalars))


def decode_blob(data: Bytes, name: str | None = None) -> Blob:
    """Return what :func:`encode_blob` was given, and refuse a blob that was written under another name.

    Raises
    ------
    DamagedBlob
        If any byte was changed, added or lost, or the name differs from ``name``.
    NewerFormat
        If the blob is whole but its format is newer than this version.

    Examples
    --------
    >>> data = encode_blob({}, {"rows": 7})
    >>> decode_blob(data[:-1])
    Traceback (most recent call last):
    ...
    state_store.errors.DamagedBlob: checksum differs
    """
    if len(data) < SMALLEST:
        raise DamagedBlob(f"has fewer bytes ({len(data)}) than any blob")
    view = memoryview(data)
    if xxh3_128_digest(view[:-TAIL_SUM]) != view[-TAIL_SUM:]:
        raise DamagedBlob("checksum differs")
    header = decode_header(data)
    if name is not None and header.name != name:
        raise DamagedBlob(f"it was written as {header.name!r}")
    start, end = header_bytes(data), len(data) - TAIL_SUM
    if header.size:
        data = decompress(bytes(view[start:end]), header.size)
        start, end = 0, len(data)
    return Blob(**vars(header), arrays=unpack(read_arrays(data, start, end), header.packed))


def header_bytes(data: Bytes) -> int:
    """Return how many bytes of a blob :func:`decode_header` needs, from its first sixteen.

    Examples
    --------
    >>> header_bytes(encode_blob({}, {})[:16]) > 16
    True
    """
    if len(data) < HEAD.size:
        raise DamagedBlob(f"has fewer bytes ({len(data)}) than any blob")
    magic, version, zero, length = HEAD.unpack_from(data)
    if magic != MAGIC:
        raise DamagedBlob(f"begins with {magic!r} where {MAGIC!r} is expected")
    if version > FORMAT:
        raise NewerFormat(
            f"The blob has format {version}; this version of onepass-hpo reads up to {FORMAT}. {UPGRADE}"
        )
    if version < 1 or zero:
        raise DamagedBlob(f"has format {version}.{zero}, which never was")
    return HEAD.size + int(length) + HEAD_SUM


def decode_header(data: Bytes) -> Header:
    """Return the header of a blob from its first :func:`header_bytes` bytes, checked by its own checksum.

    Examples
    --------
    >>> data = encode_blob({}, {"rows": 7})
    >>> decode_header(data[: header_bytes(data)]).about
    {'rows': 7}
    """
    end = header_bytes(data) - HEAD_SUM
    if xxh3_64_digest(memoryview(data)[:end]) != data[end : end + HEAD_SUM]:
        raise DamagedBlob("checksum of the header differs")
    try:
        header = Header(**json.loads(data[HEAD.size : end]))
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedBlob(f"header cannot be read: {error}") from error
    return _checked(header)


def _checked(header: Header) -> Header:
    values = header.name, header.created, header.about, header.scalars, header.packed, header.size
    if tuple(map(type, values)) != (str, float, dict, dict, dict, int) or not math.isfinite(header.created):
        raise DamagedBlob("header has fields of wrong types")
    return header
