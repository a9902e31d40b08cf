"""A dataclass made again of what JSON kept of it, by the types of its fields."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def rebuilt(kind: Any, plain: Any) -> Any:
    """Return a value of a type, of what :func:`studies.report.data.to_plain` made of it.

    Dataclasses, lists, tuples and dictionaries are made again; anything else is taken as it is.

    Examples
    --------
    >>> rebuilt(list[tuple[str, float]], [["a", 1.0]]), rebuilt(int | None, None)
    ([('a', 1.0)], None)
    """
    if plain is None:
        return None
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass(kind, plain)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        known = [one for one in inner if one is not type(None)]
        return rebuilt(known[0], plain) if len(known) == 1 else plain
    return _parts(origin, inner, plain)


def _parts(origin: object, inner: Sequence[Any], plain: Any) -> object:
    if origin is list:
        return [rebuilt(inner[0], one) for one in plain]
    if origin is dict:
        return {key: rebuilt(inner[1], one) for key, one in plain.items()}
    if origin is tuple:
        return tuple(rebuilt(one, value) for one, value in zip(inner, plain, strict=True))
    return plain


def _dataclass(kind: type, plain: Mapping[str, Any]) -> object:
    hints = _hints(kind)
    known = [item.name for item in fields(kind) if item.name in plain]
    return kind(**{name: rebuilt(hints[name], plain[name]) for name in known})
