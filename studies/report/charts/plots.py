"""Plots of what models answer: points, lines and bins in a frame, with a rule to compare them by."""

from __future__ import annotations

from collections.abc import Sequence

from studies.report.charts.frame import Frame, frame_of
from studies.report.charts.marks import ring, series_class
from studies.report.charts.scales import Linear, fit_linear
from studies.report.charts.svg import Point, coord, element, path, picture, title
from studies.report.text import finite, number_text, shorten

WIDTH, HEIGHT = 360.0, 260.0
SHARE = Linear(0.0, 1.0)

Pair = tuple[float, float]


def scatter_chart(
    groups: Sequence[Sequence[Pair]],
    x_label: str,
    y_label: str,
    name: str,
    rule: str = "",
    width: float = WIDTH,
    class_: str = "plot",
) -> str:
    """Return points, each group in its colour; `rule` draws the line of equal values, or that of zero.

    Parameters
    ----------
    rule
        ``"equal"`` (both axes then have one scale), ``"zero"``, or nothing.
    """
    known = [[p for p in group if None not in map(finite, p)] for group in groups]
    xs, ys = [x for group in known for x, _ in group], [y for group in known for _, y in group]
    x = fit_linear([*xs, *(ys if rule == "equal" else ())], pad=0.03)
    y = x if rule == "equal" else fit_linear([*ys, *([0.0] if rule == "zero" else [])], pad=0.05)
    frame = frame_of(width, HEIGHT, x, y)
    content = [frame.axes(shorten(x_label, 40), shorten(y_label, 40)), _rule(frame, rule)]
    content += [_dots(frame, group, i) for i, group in enumerate(known)]
    return picture(width, HEIGHT, name, content, class_)


def line_chart(
    points: Sequence[Pair],
    x_label: str,
    y_label: str,
    name: str,
    *,
    diagonal: bool = False,
    dots: bool = False,
    at: Pair | None = None,
) -> str:
    """Return a line through shares from 0 to 1; `diagonal` is drawn to compare it with, and `at` gets a ring."""
    frame = frame_of(WIDTH, HEIGHT, SHARE, SHARE)
    places = [p for p in (frame.point(*pair) for pair in points) if p is not None]
    content = [frame.axes(x_label, y_label), _rule(frame, "equal" if diagonal else "")]
    content.append(element("path", d=path(places), class_="mean") if len(places) > 1 else "")
    content += [_dots(frame, points, 0)] if dots else []
    if at is not None and (place := frame.point(*at)) is not None:
        content.append(ring(place, "ring cut"))
    return picture(WIDTH, HEIGHT, name, content, "plot")


def shares_frame() -> Frame:
    """Return the frame of :func:`line_chart`, so that its points can be found again."""
    return frame_of(WIDTH, HEIGHT, SHARE, SHARE)


def bins_chart(
    bins: Sequence[tuple[float, float, float]],
    names: tuple[str, str],
    x_label: str,
    name: str,
    rule: float | None = None,
    width: float = WIDTH,
    class_: str = "plot",
) -> str:
    """Return stacked bars of two kinds of rows by a score, and a rule at one of the scores."""
    frame, step = _bins_frame(bins, width)
    content = [frame.axes(shorten(x_label, 40), "rows")]
    for begin, first, second in bins:
        low = 0.0
        for i, (count, kind) in enumerate(((first, names[0]), (second, names[1]))):
            if count > 0.0:
                text = f"{number_text(begin, 3)} to {number_text(begin + step, 3)}: {number_text(count)} {kind}"
                content.append(_box(frame, begin, step, (low, low + count), i, text))
            low += count
    if rule is not None and (unit := frame.x.unit(rule)) is not None:
        at = frame.across(unit)
        content.append(element("path", d=f"M{coord(at)} {coord(frame.base)}V26", class_="best-rule cut-rule"))
    return picture(width, HEIGHT, name, content, class_)


def bins_places(bins: Sequence[tuple[float, float, float]], scores: Sequence[float]) -> list[float]:
    """Return the x pixels of scores on :func:`bins_chart`."""
    frame, _ = _bins_frame(bins)
    return [frame.across(frame.x.unit(score) or 0.0) for score in scores]


def _bins_frame(bins: Sequence[tuple[float, float, float]], width: float = WIDTH) -> tuple[Frame, float]:
    """Return the frame of some bins, and how wide each is."""
    step = bins[1][0] - bins[0][0] if len(bins) > 1 else 1.0
    most = max([1e-300, *(a + b for _, a, b in bins)])
    x = Linear(bins[0][0], bins[-1][0] + step)
    return frame_of(width, HEIGHT, x, Linear(0.0, most * 1.05)), step


def scree_chart(shares: Sequence[float], name: str, width: float = WIDTH, class_: str = "plot") -> str:
    """Return bars of shares, and the line of their sums."""
    x = Linear(0.5, len(shares) + 0.5, whole=True)
    frame = frame_of(width, HEIGHT, x, SHARE)
    content = [frame.axes("component", "share of the variance")]
    total, sums = 0.0, []
    for number, share in enumerate(shares, start=1):
        total += share
        text = f"component {number}: {share:.1%} of the variance, {total:.1%} with those before"
        content.append(_box(frame, number - 0.4, 0.8, (0.0, share), 0, text))
        sums.append(frame.point(number, total))
    points = [point for point in sums if point is not None]
    if len(points) > 1:
        content.append(element("path", d=path(points), class_="running"))
    return picture(width, HEIGHT, name, content, class_)


def _dots(frame: Frame, points: Sequence[Pair], index: int) -> str:
    places = [place for x, y in points if (place := frame.point(x, y)) is not None]
    data = "".join(f"M{coord(x)} {coord(y)}h.01" for x, y in places)
    return element("path", d=data, class_=f"mark round small {series_class(index)}") if data else ""


def _rule(frame: Frame, rule: str) -> str:
    ends: list[Point | None] = []
    if rule == "equal" and isinstance(frame.x, Linear):
        ends = [frame.point(end, end) for end in (frame.x.low, frame.x.high)]
    elif rule == "zero" and isinstance(frame.x, Linear):
        ends = [frame.point(end, 0.0) for end in (frame.x.low, frame.x.high)]
    known = [end for end in ends if end is not None]
    return element("path", d=path(known), class_="best-rule") if known else ""


def _box(frame: Frame, begin: float, step: float, ends: Pair, index: int, text: str) -> str:
    left, right = (frame.across(frame.x.unit(one) or 0.0) for one in (begin, begin + step))
    low, high = (frame.up(frame.y.unit(one) or 0.0) for one in ends)
    data = f"M{coord(left + 0.5)} {coord(low)}V{coord(high)}H{coord(max(right - 0.5, left + 1.0))}V{coord(low)}z"
    box = element("path", d=data, class_=f"block {series_class(index)}")
    return element("g", title(text) + box, class_="hit-bar")
