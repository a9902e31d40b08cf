"""States to arrays and back: the codec reads the fields of a state and never names a type."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import Field, fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from state_store.errors import DamagedBlob, UnstorableValue

T = TypeVar("T")
Values: TypeAlias = NDArray[np.generic]
"""An array of any type that is stored."""

Arrays = dict[str, Values]
Scalars = dict[str, object]

ROOT = "state"
NOT_FINITE = {repr(value): value for value in (math.nan, math.inf, -math.inf)}
FIXED, ROWS, ANY_NUMBER, SIDES, NAMED = "fixed", "rows", "any_number", "sides", "named"
"""What of an array the template says: all of it, all but how many rows, neither these nor their type, all but the
sides of a matrix, or nothing: a field of arrays by name."""

PLAIN = (bool, int, float, str, type(None))


def flatten(state: object) -> tuple[Arrays, Scalars]:
    """Arrays and JSON scalars that hold a state, each under the path of its field.

    Parameters
    ----------
    state : a dataclass, tuple or list, nested in any way, of arrays (bool, integers, floats up to 8 bytes),
        numpy scalars, and Python's bool, int, float, str and None. Fields with ``metadata={"static": True}``
        and fields that are not arguments of ``__init__`` are not stored: the template supplies them. Fields with
        ``metadata={"varies": True}`` are arrays whose first dimension is theirs, and not the template's; with
        ``{"varies": True, "any_number": True}`` their type is too; with ``{"varies": True, "sides": True}`` they
        are matrices, or stacks of them, whose last two dimensions are theirs. A field with
        ``metadata={"named": True}`` is a mapping of arrays, whose names, types and shapes are its own. A field
        with ``{"unless": "other"}`` is not stored where the mapping of arrays in that other field has any: the
        template's value is restored. With ``metadata={"stored_as": "old"}`` a field that was renamed keeps the name
        under which stores hold it.

    Returns
    -------
    arrays : contiguous, little endian, true shapes; numpy scalars are arrays of shape ().
    scalars : JSON; a float that JSON cannot say is ``{"float": "nan"}``.

    Raises
    ------
    UnstorableValue
        For any other type, naming the path.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Mean:
    ...     rows: int
    ...     total: np.ndarray
    >>> flatten((Mean(3, np.zeros(2)), 1.5))
    ({'0.total': array([0., 0.])}, {'0.rows': 3, '1': 1.5})
    """
    arrays: Arrays = {}
    scalars: Scalars = {}
    for path, value in _walk(state, ""):
        if isinstance(value, np.ndarray | np.generic) and not isinstance(value, str):
            arrays[path] = dense(value, path)
        else:
            scalars[path] = _to_json(value, path)
    return arrays, scalars


def restore(arrays: Mapping[str, Values], scalars: Mapping[str, object], like: T) -> T:
    """Return the state of which ``arrays`` and ``scalars`` were made, by the template ``like``.

    Parameters
    ----------
    arrays, scalars : what :func:`flatten` gave.
    like : a state of the same layout in true shapes, such as the identity of merge. Arrays come back in its
        memory order, scalars in its types.

    Raises
    ------
    DamagedBlob
        If a name, dtype or shape differs from the template's; of a field that varies, its own sizes may.

    Examples
    --------
    >>> restore(*flatten((1, np.arange(3.0))), like=(0, np.zeros(3)))
    (1, array([0., 1., 2.]))
    >>> restore(*flatten((1, np.arange(3.0))), like=(0, np.zeros(4)))
    Traceback (most recent call last):
    ...
    state_store.errors.DamagedBlob: array '1' is float64 (3,) where float64 (4,) is expected
    """
    stored = {**arrays, **scalars}
    state = _rebuild(like, "", stored)
    if stored:
        raise DamagedBlob(f"holds {sorted(stored)}, which the state has no place for")
    return cast("T", state)


def dense(value: object, path: str) -> Values:
    """Return the array as safetensors needs it: contiguous, little endian, shape kept.

    safetensors writes the memory as it lies, so a Fortran-ordered, strided or big-endian array would be
    garbage; ``ascontiguousarray`` alone would turn shape () into (1,).

    Examples
    --------
    >>> dense(np.float32(2), "weight").shape
    ()
    """
    array = np.asarray(value)
    masked = isinstance(value, np.ma.MaskedArray)
    if masked or array.dtype.kind not in "biuf" or array.itemsize > 8:
        kind = "a masked array" if masked else f"an array of {array.dtype}"
        raise UnstorableValue(f"{path!r} is {kind}: bool, integers and floats up to 8 bytes are kept.")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)


@cache
def _varying_fields(kind: type) -> Mapping[str, str]:
    """Return the dataclass's fields that are arrays of sizes of their own, and what else is theirs."""
    known = fields(kind) if is_dataclass(kind) else ()
    found = (f for f in known if f.metadata.get("varies") or f.metadata.get(NAMED))
    kinds = NAMED, ANY_NUMBER, SIDES
    return {_path_of(f): next((kind for kind in kinds if f.metadata.get(kind)), ROWS) for f in found}


@cache
def _stored_fields(kind: type) -> Mapping[str, str] | None:
    """Return a dataclass's stored fields by the names they are stored under; None for any other type."""
    if not is_dataclass(kind):
        return None
    return {_path_of(f): f.name for f in fields(kind) if f.init and not f.metadata.get("static")}


@cache
def _alternatives(kind: type) -> Mapping[str, str]:
    """Return the dataclass's fields that are not stored where another is, and which: by the names stored."""
    known = fields(kind) if is_dataclass(kind) else ()
    return {_path_of(f): str(f.metadata["unless"]) for f in known if "unless" in f.metadata}


def _left_out(state: object, stored: Collection[str] | None = None, before: str = "") -> set[str]:
    """Return the fields of a state, or of what is stored below a path, in place of which another is."""
    kind: type = state.__class__
    found = _alternatives(kind).items()
    if stored is None:
        return {name for name, other in found if getattr(state, other)}
    return {name for name, other in found if any(path.startswith(f"{before}{other}.") for path in stored)}


def _path_of(known: Field[object]) -> str:
    return str(known.metadata.get("stored_as", known.name))


def _children(value: object) -> list[tuple[str, object]] | None:
    kind: type = value.__class__
    names = _stored_fields(kind)
    if names is not None:
        varying = _varying_fields(kind)
        absent = _left_out(value)
        found = ((path, getattr(value, name)) for path, name in names.items() if path not in absent)
        return [each for path, one in found for each in _of_field(one, path, varying.get(path))]
    if isinstance(value, tuple | list):
        return [(str(i), item) for i, item in enumerate(value)]
    return None


def _of_field(found: object, name: str, varies: str | None) -> list[tuple[str, object]]:
    """Return a field's value under its name; of arrays by name each under its own."""
    if varies != NAMED or not isinstance(found, Mapping):
        return [(name, found)]
    return [(f"{name}.{key}", found[key]) for key in sorted(found)]


def _walk(value: object, path: str) -> Iterator[tuple[str, object]]:
    children = _children(value)
    if children is None:
        yield path or ROOT, value
        return
    for name, child in children:
        yield from _walk(child, f"{path}.{name}" if path else name)


def _to_json(value: object, path: str) -> object:
    if type(value) is np.str_:
        return str(value)
    if type(value) not in PLAIN:
        raise UnstorableValue(
            f"{path!r} is a {type(value).__qualname__}: a state is made of arrays, scalars, dataclasses, "
            "tuples and lists; mark a field that the data does not change with metadata={'static': True}."
        )
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}  # JSON has no word for it
    return value


def _rebuild(like: Any, path: str, stored: dict[str, object], *, varies: str = FIXED) -> object:
    children = _children(like)
    if children is None:
        return _leaf(like, path or ROOT, stored, varies=varies)
    varying, before = _varying_fields(like.__class__), f"{path}." if path else ""
    absent = _left_out(like, stored, before)
    parts = {
        name: _rebuild(child, f"{before}{name}", stored, varies=varying.get(name, FIXED))
        for name, child in children
        if varying.get(name.partition(".")[0]) != NAMED and name not in absent
    }
    for name in (name for name, kind in varying.items() if kind == NAMED):
        parts[name] = _named(f"{before}{name}.", stored)
    if (names := _stored_fields(like.__class__)) is not None:
        return replace(like, **{names[path]: part for path, part in parts.items()})
    if hasattr(like, "_fields"):
        return type(like)(*parts.values())
    return type(like)(parts.values())


def _named(prefix: str, stored: dict[str, object]) -> object:
    """Return the arrays whose paths begin so, by the rest of their paths."""
    found = {name: stored.pop(name) for name in sorted(stored) if name.startswith(prefix)}
    for name, value in found.items():
        if not isinstance(value, np.ndarray):
            raise DamagedBlob(f"{name!r} is {value!r} where an array is expected")
    return {name.removeprefix(prefix): value for name, value in found.items()}


def _leaf(like: object, path: str, stored: dict[str, object], *, varies: str) -> object:
    if path not in stored:
        raise DamagedBlob(f"has no {path!r}")
    value = stored.pop(path)
    if isinstance(like, np.ndarray):
        return _array(like, path, value, varies=varies)
    if isinstance(like, np.generic) and not isinstance(like, str):
        return _array(like, path, value)[()]
    return _scalar(like, path, value)


def _array(
    like: Values | np.generic, path: str, value: object, *, varies: str = FIXED
) -> Values:
    expected = like.dtype.newbyteorder("=")
    if not isinstance(value, np.ndarray):
        raise DamagedBlob(f"{path!r} is {value!r} where {expected} {like.shape} is expected")
    fixed = {FIXED: slice(None), SIDES: slice(None, -2)}.get(varies, slice(1, None))
    fits = value.shape[fixed] == like.shape[fixed] and value.ndim == like.ndim
    typed = value.dtype == expected or (varies == ANY_NUMBER and value.dtype.kind in "uif")
    if not typed or not fits:
        raise DamagedBlob(
            f"array {path!r} is {value.dtype} {value.shape} where {expected} {like.shape} is expected"
        )
    return np.asfortranarray(value) if like.flags.fnc else value


def _scalar(like: object, path: str, value: object) -> object:
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value.item()
    if isinstance(value, dict):
        value = NOT_FINITE.get(str(value.get("float")))
    if isinstance(like, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(like):
        raise DamagedBlob(f"{path!r} is {value!r} where a {type(like).__name__} is expected")
    return value
