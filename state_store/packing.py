"""Arrays in fewer bytes, every bit kept: one triangle, no zeros, the narrowest type; compressed where that helps.

A state is laid out for any data; what is stored is what this data filled of it. Each array is written as a recipe:

* ``triangle``: a stack of matrices equal to their transposes is its lower triangles;
* ``mask``: where many numbers are zero, a bit says of each whether it is, and the others follow;
* ``narrow``: numbers that a smaller type holds exactly are of that type.

Numbers are compared by their bits, so that -0.0 and NaN come back as they were.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from state_store.backend import Bytes
from state_store.codec import Arrays, Values
from state_store.errors import DamagedBlob


class Recipe(TypedDict, total=False):
    """How one array is made again; see the module."""

    triangle: bool
    mask: int
    narrow: bool
    shape: list[int]
    dtype: str


Recipes = dict[str, Recipe]

SMALL = 64
"""Arrays of fewer numbers are left as they are."""

MASK = "@mask"
ZEROS = 0.1
"""Share of zeros from which on a mask is smaller than they are."""

MOST = 2**53
"""Whole numbers below it are exact in every type."""

CODEC = "zstd"
PROBE, PROBES, SAVED = 1 << 15, 8, 0.9
"""Of a large payload so many parts of so many bytes are compressed first; less than that share pays."""


def pack(arrays: Mapping[str, Values]) -> tuple[Arrays, Recipes]:
    """Return the arrays as they are stored, and how they are made again.

    Examples
    --------
    >>> parts, recipes = pack({"scatter": np.eye(20), "mean": np.ones(2)})
    >>> sorted(parts), sum(part.nbytes for part in parts.values()), recipes["scatter"]["triangle"]
    (['mean', 'scatter', 'scatter@mask'], 63, True)
    >>> bool((unpack(parts, recipes)["scatter"] == np.eye(20)).all())
    True
    """
    parts: Arrays = {}
    recipes: Recipes = {}
    for name, array in arrays.items():
        if array.size < SMALL:
            parts[name] = array
            continue
        recipe: Recipe = {}
        values = _triangles(array, recipe)
        values = _without_zeros(values, recipe, parts, name)
        values = _narrowed(values, recipe)
        parts[name] = values if recipe else array
        if recipe:
            recipes[name] = {**recipe, "shape": list(array.shape), "dtype": array.dtype.str}
    return parts, recipes


def unpack(parts: Mapping[str, Values], recipes: Mapping[str, Recipe]) -> Arrays:
    """Return the arrays that :func:`pack` was given.

    Raises
    ------
    DamagedBlob
        If a recipe does not fit the parts.
    """
    try:
        return {
            name: _unpacked(name, part, parts, recipes[name]) if name in recipes else part
            for name, part in parts.items()
            if not (name.endswith(MASK) and name.removesuffix(MASK) in recipes)
        }
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise DamagedBlob(f"arrays cannot be unpacked: {error}") from error


def compress(payload: bytes) -> tuple[bytes, int]:
    """Return the payload compressed and its length; as it is, and zero, where that saves little.

    Examples
    --------
    >>> data, size = compress(bytes(10_000))
    >>> len(data) < 100, size, len(decompress(data, size)), compress(b"short")
    (True, 10000, 10000, (b'short', 0))
    """
    if len(payload) > 2 * PROBE * PROBES:
        starts = range(0, len(payload) - PROBE, len(payload) // PROBES)
        probe = b"".join(payload[start : start + PROBE] for start in starts)
        if len(pa.compress(probe, CODEC, asbytes=True)) > SAVED * len(probe):
            return payload, 0
    made: bytes = pa.compress(payload, CODEC, asbytes=True)
    return (made, len(payload)) if len(made) < SAVED * len(payload) else (payload, 0)


def decompress(data: Bytes, size: int) -> bytes:
    """Return what :func:`compress` was given. Raises DamagedBlob."""
    try:
        made: bytes = pa.decompress(data, size, CODEC, asbytes=True)
    except (OSError, ValueError) as error:
        raise DamagedBlob(f"arrays cannot be decompressed: {error}") from error
    return made


def _bits(array: Values) -> Values:
    """Return the numbers as whole ones of the same bits."""
    return array.view(f"u{array.itemsize}")


def _triangles(array: Values, recipe: Recipe) -> Values:
    if array.ndim < 2 or array.shape[-1] != array.shape[-2] or array.shape[-1] < 2:
        return array.ravel()
    bits = _bits(array)
    if not np.array_equal(bits, np.swapaxes(bits, -1, -2)):
        return array.ravel()
    recipe["triangle"] = True
    return np.ascontiguousarray(array[..., np.tri(array.shape[-1], dtype=np.bool_)]).ravel()


def _without_zeros(values: Values, recipe: Recipe, parts: Arrays, name: str) -> Values:
    there = _bits(values) != 0
    if np.count_nonzero(there) > (1.0 - ZEROS) * len(values):
        return values
    recipe["mask"] = len(values)
    parts[name + MASK] = np.packbits(there)
    return np.ascontiguousarray(values[there])


def _narrowed(values: Values, recipe: Recipe) -> Values:
    for kind in _narrower(values):
        with np.errstate(over="ignore", invalid="ignore"):
            made = values.astype(kind)
            if np.array_equal(_bits(made.astype(values.dtype)), _bits(values)):
                recipe["narrow"] = True
                return made
    return values


def _narrower(values: Values) -> list[np.dtype[np.generic]]:
    """Return smaller types that may hold the numbers exactly, the smallest first."""
    if values.dtype.kind == "b" or not values.size:
        return []
    kinds = ["<f4"] if values.dtype.kind == "f" else []
    low, high = values.min().item(), values.max().item()
    if math.isfinite(low) and math.isfinite(high) and max(-low, high) < MOST and _whole(values):
        kinds = [np.result_type(np.min_scalar_type(int(low)), np.min_scalar_type(int(high))).str, *kinds]
    return [np.dtype(kind) for kind in kinds if np.dtype(kind).itemsize < values.itemsize]


def _whole(values: Values) -> bool:
    return values.dtype.kind != "f" or (
        values[0] == np.rint(values[0]) and bool(np.all(values == np.rint(values)))
    )


def _unpacked(
    name: str, part: Values, parts: Mapping[str, NDArray[Any]], recipe: Recipe
) -> Values:
    dtype, shape = np.dtype(recipe["dtype"]), tuple(recipe["shape"])
    values = part.astype(dtype) if recipe.get("narrow") else part
    if "mask" in recipe:
        filled = np.zeros(recipe["mask"], dtype)
        filled[np.unpackbits(parts[name + MASK], count=recipe["mask"]).astype(np.bool_)] = values
        values = filled
    if not recipe.get("triangle"):
        return values.reshape(shape)
    n = shape[-1]
    made, (rows, columns) = np.empty(shape, dtype), np.tril_indices(n)
    made[..., rows, columns] = made[..., columns, rows] = values.reshape(*shape[:-2], -1)
    return made
