"""The page's tables of coefficients: by unit and by standard deviation, and what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studies.report.text import MISSING, clean, number_text

if TYPE_CHECKING:
    from studies.report.data import ReportData
    from studies.report.diagnosed import Coefficients

MAX_CLASSES, FEW_CLASSES = 12, 4


def units(data: ReportData) -> dict[str, object]:
    """Return the table of coefficients by the unit and by the spread of each column."""
    found = data.units
    if found is None:
        return {}
    most = max([1e-300, *(abs(row.unit if row.deviation is None else row.deviation) for row in found.rows)])
    rows = [
        {
            "name": clean(row.name),
            "unit": number_text(row.unit),
            "range": MISSING if row.low is None else f"{number_text(row.low)} to {number_text(row.high)}",
            "deviation": number_text(row.deviation, 3),
            "share": round(50 * abs(row.unit if row.deviation is None else row.deviation) / most, 2),
            "negative": row.unit < 0.0,
        }
        for row in found.rows
    ]
    return {
        "rows": rows,
        "total": found.total,
        "label": clean(found.label),
        "intercept": "" if found.intercept is None else number_text(found.intercept),
        "ranges": any(row.low is not None for row in found.rows),
        "adds": added(found, clean(data.target or "the target")),
    }


def added(found: Coefficients, target: str) -> str:
    """Return what coefficients add up to, in words.

    Examples
    --------
    >>> from studies.report.diagnosed import Coefficients
    >>> added(Coefficients([], label="late", adds="log-odds"), "arrival")
    'the log-odds of “late”'
    """
    words = {
        "prediction": f"the predicted {target}", "logarithm": f"the logarithm of the predicted {target}",
        "transformed": f"the prediction of the transformed {target}",
        "log-odds": f"the log-odds of “{clean(found.label)}”",
        "score": f"the decision score of “{clean(found.label)}”",
    }  # fmt: skip
    return words.get(found.adds, f"the score of “{clean(found.label)}”" if found.label else "")


def class_coefficients(data: ReportData) -> dict[str, object]:
    """Return the table of coefficients of several classes; the largest of each row stands out."""
    table = data.class_coefficients
    if table is None:
        return {}
    shown = table.labels[:MAX_CLASSES]
    ranges = [
        ["" if a is None else f"{number_text(a, 3)} to {number_text(b, 3)}" for a, b in zip(low, high, strict=True)]
        for low, high in zip(table.low, table.high, strict=True)
    ] or [[""] * len(values) for _, values in table.rows]
    rows = [
        {
            "name": name,
            "cells": [
                (number_text(v, 3), abs(v) == max(map(abs, values)), above)
                for v, above in zip(values[:MAX_CLASSES], over, strict=False)
            ],
        }
        for (name, values), over in zip(table.rows, ranges, strict=True)
    ]
    return {
        "labels": shown, "left_out": len(table.labels) - len(shown), "rows": rows, "total": table.total,
        "ranged": bool(table.low), "seen": len(shown) <= FEW_CLASSES, "deviations": table.deviations,
        "odds": table.adds == "log-odds",
        "intercepts": [number_text(one, 4) for one in table.intercepts[:MAX_CLASSES]],
    }  # fmt: skip
