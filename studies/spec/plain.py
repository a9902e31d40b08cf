"""Plain values before they are a spec: faults that no field sees, and how they are shown."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from studies.errors import Problem
from studies.masking import mask
from studies.naming import short
from studies.spec.yaml_document import Document

LONGEST = 2**1023
"""A whole number from which on none is computed with."""


def in_full(values: Mapping[str, object]) -> Mapping[str, object]:
    """Return a study's values with its one algorithm before the search keys that name none.

    Examples
    --------
    >>> in_full({"algorithm": "logistic", "search": {"C": [0.1, 1.0]}})["search"]
    {'logistic.C': [0.1, 1.0]}
    """
    search, algorithm = values.get("search"), values.get("algorithm")
    names = list(algorithm) if isinstance(algorithm, (list, tuple)) else [algorithm]
    name = names[0] if len(names) == 1 else None
    if not isinstance(search, Mapping) or not isinstance(name, str) or re.match(r"auto\b", name):
        return values
    made: dict[object, object] = {}
    for key, value in search.items():
        bare = isinstance(key, str) and key and "." not in key and ("__" not in key or ":" in name)
        full = f"{short(name)}.{key}" if bare else key
        made[key if full in made or (bare and full in search) else full] = value
    return {**values, "search": made}


def undotted(values: Mapping[str, object], document: Document) -> list[Problem]:
    """Return a fault for each search key that is not ``"algorithm.parameter"``."""
    search, algorithm = values.get("search"), values.get("algorithm")
    keys = search if isinstance(search, Mapping) else ()
    first = algorithm[0] if isinstance(algorithm, (list, tuple)) and algorithm else algorithm
    owner = short(first) if isinstance(first, str) else "ridge"
    return [
        Problem(
            document.line(("search", key)),
            f"search key {key!r} must be 'algorithm.parameter', such as '{_dotted(str(key), owner)}'",
        )
        for key in keys
        if not all(str(key).partition("."))
    ]


def _dotted(key: str, owner: str) -> str:
    """Return how a search key is written: that of a scikit-learn pipeline names its step before two underlines."""
    step, _, parameter = key.partition("__")
    return f"{step}.{parameter}" if step and parameter else f"{owner}.{key.strip('.')}"


def too_long(values: Mapping[str, object], document: Document) -> Problem | None:
    """Return the fault of the first whole number that is more than can be computed with; None without one."""
    for key, value in values.items():
        if (long := _digits(value)) is not None:
            what = f"{key}: a number of {long} digits is more than can be computed with; give one below 1e308"
            return Problem(document.line((key,)), what)
    return None


def masked(value: object) -> object:
    """Return a value as it is shown: passwords in addresses are masked."""
    if isinstance(value, tuple):
        return tuple(masked(v) for v in value)
    return mask(value) if isinstance(value, str) else value


def _digits(value: object) -> int | None:
    """Return how many digits a whole number has that no float holds, also within lists and mappings; else None."""
    if isinstance(value, dict | list | tuple):
        found = (_digits(one) for one in (value.values() if isinstance(value, dict) else value))
        return next((digits for digits in found if digits is not None), None)
    if not isinstance(value, int) or abs(value) < LONGEST:
        return None
    return int((abs(value).bit_length() - 1) * math.log10(2)) + 1
