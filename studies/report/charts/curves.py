"""Curves of the mean score with its standard error: validation curves and the learning curve."""

from __future__ import annotations

import math
from collections.abc import Sequence

from studies.report.charts.frame import TOP, Frame, frame_of, runs
from studies.report.charts.marks import ring
from studies.report.charts.scales import Category, category_text, fit_scale, score_scale
from studies.report.charts.svg import Point, coord, element, label, path, picture, title
from studies.report.data import Curve
from studies.report.text import Metric, finite, number_text, shorten

FAR = 4.0
"""Times the last place of a curve from which on what is beyond it stands on a logarithmic axis."""

Band = tuple[Point, float, float]
Beyond = tuple[float, float, float, float]
"""Where it is, the score there, and the ends of its interval."""


def curve_chart(
    curve: Curve,
    metric: Metric,
    bars: bool = False,
    x_label: str = "",
    width: float = 360,
    class_: str = "curve",
    beyond: Beyond | None = None,
) -> str:
    """Return the chart of a curve: mean with a band of ± 1 standard error, the best place marked.

    Parameters
    ----------
    bars
        Draw error bars in the place of the band; categories always have them.
    x_label
        The name of the x axis; when empty the curve's own name heads the chart.
    beyond
        Where the curve is expected beyond its last point, with the ends of an interval: dashed.
    """
    far = beyond is not None and beyond[0] > FAR * (finite(curve.x[-1]) or math.inf)
    x = fit_scale([*curve.x, *([beyond[0]] if beyond else [])], curve.log or far)
    means = [metric.shown(value) for value in [*curve.mean, *(beyond[1:] if beyond else ())]]
    y, _ = score_scale([*means, *_ends(curve, metric)], metric.sign)
    frame = frame_of(width, 240, x, y, headed=not x_label)
    places = _places(frame, curve, metric)
    categories = isinstance(x, Category)
    body = _bars(places) if bars or categories else _band(places)
    line = "" if categories else "".join(_line(run) for run in runs([place and place[0] for place in places]))
    axes = frame.axes(x_label or curve.name, metric.label, metric.brief)
    further = _further(frame, places, metric, beyond) if beyond else ""
    content = [axes, further, body, line, _best(frame, curve, places), _hits(curve, metric, places)]
    name = f"{x_label or curve.name}: mean {metric.short} ± 1 standard error, {metric.direction}"
    return picture(width, 240, name, content, class_)


def _errors(curve: Curve) -> list[float]:
    given = [finite(se) or 0.0 for se in curve.se]
    return (given + [0.0] * len(curve.x))[: len(curve.x)]


def _ends(curve: Curve, metric: Metric) -> list[float | None]:
    pairs = zip(map(metric.shown, curve.mean), _errors(curve), strict=False)
    return [mean + side * se for mean, se in pairs if mean is not None for side in (-1, 1)]


def _places(frame: Frame, curve: Curve, metric: Metric) -> list[Band | None]:
    """Return for each place of the curve its point and the y pixels of mean - se and mean + se."""
    places: list[Band | None] = []
    for x, mean, se in zip(curve.x, map(metric.shown, curve.mean), _errors(curve), strict=False):
        point = frame.point(category_text(x) if isinstance(frame.x, Category) else x, mean)
        if point is None or mean is None:
            places.append(None)
            continue
        low, high = (frame.up(frame.y.unit(mean + side * se) or 0.0) for side in (-1, 1))
        places.append((point, low, high))
    return places


def _band(places: Sequence[Band | None]) -> str:
    lows = runs([place and (place[0][0], place[1]) for place in places])
    highs = runs([place and (place[0][0], place[2]) for place in places])
    areas = [[*low, *reversed(high)] for low, high in zip(lows, highs, strict=True) if len(low) > 1]
    lone = [place for place in places if place] if not areas else []
    return "".join(element("path", d=path(area) + "Z", class_="band") for area in areas) + _bars(lone)


def _bars(places: Sequence[Band | None]) -> str:
    data = "".join(
        f"M{coord(x - 4)} {coord(low)}h8M{coord(x)} {coord(low)}V{coord(high)}M{coord(x - 4)} {coord(high)}h8"
        for (x, _), low, high in filter(None, places)
    )
    dots = "".join(f"M{coord(x)} {coord(y)}h.01" for (x, y), _, _ in filter(None, places))
    if not dots:
        return ""
    return element("path", d=data, class_="whisker") + element("path", d=dots, class_="mark round s0")


def _line(points: Sequence[Point]) -> str:
    return element("path", d=path(points), class_="mean") if len(points) > 1 else ""


def _further(frame: Frame, places: Sequence[Band | None], metric: Metric, beyond: Beyond) -> str:
    """Return a dashed line from the last point to what is expected beyond it, with a whisker for its interval."""
    rows, *scores = beyond
    ends = [frame.point(rows, metric.shown(score)) for score in scores]
    known = [place[0] for place in places if place]
    if not known or None in ends:
        return ""
    (x, y), (_, low), (_, high) = (end for end in ends if end is not None)
    parts = [element("path", d=path([known[-1], (x, y)]), class_="mean further")]
    if low != high:
        parts.append(_bars([((x, y), low, high)]))
    text = title(f"{number_text(rows)}: {metric.short} {number_text(metric.shown(scores[0]), 3)}, extrapolated")
    parts += [] if low != high else [element("path", d=f"M{coord(x)} {coord(y)}h.01", class_="mark round s0")]
    return "".join([*parts, element("circle", text, cx=x, cy=y, r=9, class_="hit")])


def _best(frame: Frame, curve: Curve, places: Sequence[Band | None]) -> str:
    """Return the rule and ring at the best trial's place, and at a better one, each with its value beside it."""
    if curve.better_x is None:
        return _marked(frame, places, curve.best_x, "best", "best-rule")
    tried = _marked(frame, places, curve.best_x, "", "best-rule")
    return tried + _marked(frame, places, curve.better_x, "better", "better-rule")


def _marked(frame: Frame, places: Sequence[Band | None], value: object, name: str, class_: str) -> str:
    """Return a rule and a ring at a value, with a note unless its name is empty."""
    unit = None if value is None else frame.x.unit(value)
    if unit is None:
        return ""
    x = frame.across(unit)
    rule = element("path", d=f"M{coord(x)} {coord(frame.base)}V24", class_=class_)
    if isinstance(frame.x, Category):
        rule = ""
    near = [place for place in places if place and abs(place[0][0] - x) < 0.5]
    note = ""
    if name:
        text = f"{name} {shorten(number_text(value), 18)}"
        side = "end" if unit > 0.6 else "start"
        note = label(x + (-6 if side == "end" else 6), _free(frame, places, x, side), text, side, "best-note")
    return rule + note + (ring(near[0][0]) if near else "")


def _free(frame: Frame, places: Sequence[Band | None], x: float, side: str) -> float:
    """Return the height at which a note beside x is furthest from the curve: above the axis or below the top."""
    reach = sorted((x + 6, x + (110 if side == "start" else -110)))
    spans = [place[1:] for place in places if place and reach[0] <= place[0][0] <= reach[1]]
    low = max((max(span) for span in spans), default=TOP)
    high = min((min(span) for span in spans), default=frame.base)
    return frame.base - 7 if frame.base - low >= min(high - TOP, 20.0) else TOP + 12


def _hits(curve: Curve, metric: Metric, places: Sequence[Band | None]) -> str:
    """Return an invisible target around each point that shows its value under the pointer."""
    parts = []
    for x, mean, se, place in zip(curve.x, curve.mean, _errors(curve), places, strict=False):
        if place is not None:
            text = f"{category_text(x)}: {metric.short} {metric.text(mean, se)}"
            parts.append(element("circle", title(text), cx=place[0][0], cy=place[0][1], r=9, class_="hit"))
    return "".join(parts)
