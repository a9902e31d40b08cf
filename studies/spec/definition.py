"""What makes a study the same study: its definition, the definition's digest, and differences in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from studies.counting import in_singular
from studies.masking import mask
from studies.spec.spec import StudySpec


def definition_digest(spec: StudySpec | Mapping[str, object]) -> str:
    """Return 32 hexadecimal digits that are equal exactly when the definitions are.

    Examples
    --------
    >>> len(definition_digest(StudySpec(data="x.csv", algorithm="pca")))
    32
    """
    values = spec.definition() if isinstance(spec, StudySpec) else spec
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def differences(a: StudySpec | Mapping[str, object], b: StudySpec | Mapping[str, object]) -> list[str]:
    """Return in words how two definitions differ, first ``a``'s value, then ``b``'s; empty if they agree.

    Examples
    --------
    >>> a = StudySpec(data="x.csv", algorithm="pca")
    >>> differences(a, a.but(folds=10))
    ['folds: 5, now 10']
    """
    before = a.definition() if isinstance(a, StudySpec) else dict(a)
    after = b.definition() if isinstance(b, StudySpec) else dict(b)
    left, right = _flat(before), _flat(after)
    return [
        f"{key}: {_shown(left, key)}, now {_shown(right, key)}"
        for key in dict.fromkeys([*left, *right])
        if json.dumps(left.get(key, ...), default=str) != json.dumps(right.get(key, ...), default=str)
    ]


def _flat(values: Mapping[str, Any]) -> dict[str, object]:
    flat = {k: v for k, v in values.items() if k != "search"}
    return flat | {f"search of {k}": v for k, v in (values.get("search") or {}).items()}


def _shown(values: Mapping[str, object], key: str) -> str:
    if key not in values:
        return "not given"
    value = values[key]
    return mask(json.dumps(in_singular(value) if isinstance(value, str) else value, ensure_ascii=False))
