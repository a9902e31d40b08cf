"""A summary as plain values: its type, version and fields, for keys."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from algorithms.contract import Summary


def fields_of_summary(summary: Summary[Any]) -> dict[str, Any]:
    """Return what makes a summary itself, as JSON-ready values; what it learned is left out.

    Examples
    --------
    >>> from algorithms.summaries.moments import Moments
    >>> fields_of_summary(Moments())["fields"]["precision"]
    'auto'
    """
    kind = type(summary)
    named = (f.name for f in dataclasses.fields(cast(Any, summary)) if not f.metadata.get("learned"))
    fields = {name: getattr(summary, name) for name in named}
    return {"summary": f"{kind.__module__}.{kind.__qualname__}", "version": summary.version, "fields": fields}
