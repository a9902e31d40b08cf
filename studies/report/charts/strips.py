"""Small strips that stand inside cards and tables: fold scores, and a score among others."""

from __future__ import annotations

from collections.abc import Sequence

from studies.counting import counted
from studies.report.charts.scales import Linear, fit_linear
from studies.report.charts.svg import coord, element, label, picture
from studies.report.text import Metric, finite, number_text


def fold_strip(scores: Sequence[float], mean: float | None, metric: Metric) -> str:
    """Return one dot per fold score and a rule at their mean; an empty text without scores."""
    shown = [value for value in map(metric.shown, scores) if value is not None]
    if len(shown) < 2:
        return ""
    scale = fit_linear(shown, pad=0.05)
    dots = "".join(f"M{coord(_across(scale, value))} 13h.01" for value in shown)
    middle = metric.shown(mean)
    rule = (
        ""
        if middle is None
        else element("path", d=f"M{coord(_across(scale, middle))} 4v18", class_="best-rule")
    )
    content = [
        element("path", d="M10 13H310", class_="grid"),
        rule,
        element("path", d=dots, class_="mark round s0"),
        label(10, 34, number_text(min(shown), 5)),
        label(310, 34, number_text(max(shown), 5), "end"),
        label(160, 34, counted(len(shown), "fold"), "middle"),
    ]
    listed = ", ".join(number_text(value, 5) for value in shown)
    return picture(320, 40, f"{metric.short} of each fold: {listed}", content, "folds")


def range_strip(
    value: float | None, se: float | None, scale: Linear, metric: Metric, series: int, folds: Sequence[float] = ()
) -> str:
    """Return a dot with its ± 1 standard error, and those of the folds, on a scale that several strips share."""
    shown, error = metric.shown(value), finite(se) or 0.0
    if shown is None:
        return ""
    low, high, middle = (_across(scale, v, 190) for v in (shown - error, shown + error, shown))
    whisker = f"M{coord(low)} 6v8M{coord(low)} 10H{coord(high)}M{coord(high)} 6v8"
    known = [fold for fold in map(metric.shown, folds) if fold is not None]
    dots = "".join(f"M{coord(_across(scale, fold, 190))} 10h.01" for fold in known)
    content = [
        element("path", d="M10 10H190", class_="grid"),
        element("path", d=dots, class_="mark round fold") if dots else "",
        element("path", d=whisker, class_="whisker"),
        element("path", d=f"M{coord(middle)} 10h.01", class_=f"mark round s{series % 8}"),
    ]
    return picture(200, 20, f"{metric.short} {metric.text(value, se)}", content, "range")


def _across(scale: Linear, value: float, end: float = 310) -> float:
    return 10 + (scale.unit(value) or 0.0) * (end - 10)
