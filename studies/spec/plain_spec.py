"""A study's description as plain values, such as its record keeps."""

from __future__ import annotations

import json
from typing import Any

from studies.spec.search_options import SearchOptions


def plain(spec: SearchOptions) -> dict[str, Any]:
    """Return a spec as lists, dicts and scalars, without credentials; what :func:`build` takes."""
    values: dict[str, Any] = json.loads(spec.model_dump_json(exclude_none=False))
    for key in ("data", "algorithm"):
        if len(values[key]) == 1:
            values[key] = values[key][0]
    values["search"] = {k: _plain_range(spec.search[k], v) for k, v in values["search"].items()}
    if isinstance(values["folds"], dict):
        given = {k: v for k, v in values["folds"].items() if v is not None}
        values["folds"] = given if given.get("scheme") != "segment" else {"scheme": "segment"}
    return values


def _plain_range(original: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        return list(original) if isinstance(original, tuple) else original
    return {k: v for k, v in value.items() if k in ("low", "high") or v not in (None, False)}
