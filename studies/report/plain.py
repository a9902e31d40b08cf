"""Frozen values that can be written as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any


def to_plain(value: object) -> Any:
    """Return `value` as strict JSON material: numbers, text, lists and dicts.

    Numbers that are not finite become ``None``, NumPy scalars become Python's own, and whatever is unknown
    becomes its text.

    Examples
    --------
    >>> to_plain({"alpha": float("nan"), "sizes": (1, 2)})
    {'alpha': None, 'sizes': [1, 2]}
    """
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or type(value) in (bool, int, str):
        return value
    return _to_plain_parts(value)


def _to_plain_parts(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    return to_plain(value.tolist()) if hasattr(value, "tolist") else str(value)


@dataclass(frozen=True)
class Plain:
    """The base of the report's values: each can be written as JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Return the value and everything in it as strict JSON material.

        Examples
        --------
        >>> from studies.report.data import Difference
        >>> Difference(mean=-1.5, se=0.1).to_dict()
        {'mean': -1.5, 'se': 0.1, 'p': None}
        """
        plain: dict[str, Any] = to_plain(self)
        return plain
