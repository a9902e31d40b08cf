"""Fan charts: the last values of a series, what came then, and its forecast with an interval."""

from __future__ import annotations

from collections.abc import Sequence

from studies.report.charts.frame import Frame, frame_of, runs
from studies.report.charts.scales import fit_linear
from studies.report.charts.svg import Point, element, path, picture, title
from studies.report.data import Fan
from studies.report.text import finite, number_text

HEIGHT = 240


def fan_chart(fan: Fan, width: float = 360, class_: str = "curve") -> str:
    """Return the chart of a series: what was known, the forecast with its interval, and what came."""
    before, ahead = len(fan.past), len(fan.mean)
    steps = list(range(1 - before, ahead + 1))
    values = [*fan.past, *fan.mean, *fan.low, *fan.high, *fan.actual]
    y = fit_linear([found for value in values if (found := finite(value)) is not None], pad=0.04)
    frame = frame_of(width, HEIGHT, fit_linear([steps[0], steps[-1]], pad=0.02, whole=True), y, headed=True)
    known = _points(frame, steps[:before], fan.past)
    came = _points(frame, steps[before - 1 :], [*fan.past[-1:], *fan.actual])
    made = _points(frame, steps[before:], fan.mean)
    low, high = (_points(frame, steps[before:], side) for side in (fan.low, fan.high))
    content = [
        frame.axes(f"{fan.rank}: {fan.name}", f"steps from {fan.begins}", "steps"), _area(low, high),
        _line(known, "seen"), _line(came, "seen came"), _line(made, "mean"), _hits(fan, made),
    ]  # fmt: skip
    name = f"{fan.rank} series, {fan.name}: forecast with its interval of 8 in 10, and what came"
    return picture(width, HEIGHT, name, content, class_)


def _points(frame: Frame, steps: Sequence[int], values: Sequence[float]) -> list[Point | None]:
    return [frame.point(step, value) for step, value in zip(steps, values, strict=False)]


def _area(low: Sequence[Point | None], high: Sequence[Point | None]) -> str:
    areas = [[*a, *reversed(b)] for a, b in zip(runs(low), runs(high), strict=False) if len(a) > 1]
    return "".join(element("path", d=path(area) + "Z", class_="band") for area in areas)


def _line(points: Sequence[Point | None], class_: str) -> str:
    return "".join(element("path", d=path(run), class_=class_) for run in runs(points) if len(run) > 1)


def _hits(fan: Fan, points: Sequence[Point | None]) -> str:
    """Return an invisible target around each forecast that shows it, and what came, under the pointer."""
    parts = []
    for number, (point, mean) in enumerate(zip(points, fan.mean, strict=True)):
        if point is not None:
            came = f", came {number_text(fan.actual[number])}" if number < len(fan.actual) else ""
            text = f"step {number + 1}: {number_text(mean)}{came}"
            parts.append(element("circle", title(text), cx=point[0], cy=point[1], r=9, class_="hit"))
    return "".join(parts)
