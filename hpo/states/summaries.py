"""A summary as plain values: its type, version and fields, for keys."""

from __future__ import annotations

from algorithms.contract import Summary, pass_fields


def fields_of_summary(summary: Summary) -> dict[str, object]:
    """Return what makes a summary itself, as JSON-ready values; what it learned is left out.

    Examples
    --------
    >>> from algorithms.summaries.moments import Moments
    >>> fields_of_summary(Moments())["fields"]["precision"]
    'auto'
    """
    kind = type(summary)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return {"summary": name, "version": summary.version, "fields": pass_fields(summary)}
