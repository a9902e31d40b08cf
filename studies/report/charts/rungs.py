"""The rungs of trials that are stopped early: each trial's score at ever more rows or epochs."""

from __future__ import annotations

from collections.abc import Sequence

from studies.counting import counted
from studies.report.charts.frame import Frame, frame_of
from studies.report.charts.marks import ring
from studies.report.charts.scales import Linear, fit_scale, useful_scale
from studies.report.charts.svg import Point, coord, element, path, picture
from studies.report.data import TrialRow
from studies.report.text import Metric

MOST = 240


def rungs_scale(trials: Sequence[TrialRow], metric: Metric, error: float | None) -> tuple[Linear, int]:
    """Return the scale of all rungs' scores that gives the good ones room, and how many fall beyond its end."""
    return useful_scale([metric.shown(mean) for trial in trials for _, mean in trial.rungs], metric.sign, error)


def rungs_chart(
    trials: Sequence[TrialRow],
    metric: Metric,
    x_label: str,
    error: float | None = None,
    width: float = 880,
    class_: str = "curve",
) -> str:
    """Return the chart of trials with rungs, given best first: those stopped are grey, the best has a ring.

    Better scores have room, as in the other charts of trials; `error` is the standard error of the best one.
    """
    y, _ = rungs_scale(trials, metric, error)
    frame = frame_of(width, 260, fit_scale([size for trial in trials for size, _ in trial.rungs], log=True), y)
    kept = [trial for trial in trials if not trial.pruned][: MOST // 2]
    stopped = [trial for trial in trials if trial.pruned][: MOST - len(kept)]
    lines = [_line(frame, trial, metric) for trial in (*stopped, *reversed(kept))]
    ends = [_end(frame, trial, metric) for trial in kept[:1]]
    name = f"Rungs of {counted(len(trials), 'trial')}: {metric.short} by {x_label}, {metric.direction}"
    return picture(width, 260, name, [frame.axes(x_label, metric.label), *lines, *ends], class_)


def _points(frame: Frame, trial: TrialRow, metric: Metric) -> list[Point]:
    places = (frame.point(size, metric.shown(mean)) for size, mean in trial.rungs)
    return [place for place in places if place is not None]


def _line(frame: Frame, trial: TrialRow, metric: Metric) -> str:
    """Return a line through the rungs; where a trial was stopped, a stroke ends it."""
    points = _points(frame, trial, metric)
    if not points:
        return ""
    x, y = points[-1]
    stroke = f"M{coord(x)} {coord(y - 4)}v8" if trial.pruned else ""
    drawn = (path(points) if len(points) > 1 else "") + stroke
    return element("path", d=drawn, class_="rung stopped" if trial.pruned else "rung") if drawn else ""


def _end(frame: Frame, trial: TrialRow, metric: Metric) -> str:
    points = _points(frame, trial, metric)
    if not points:
        return ""
    whole = element("path", d=path(points), class_="mean") if len(points) > 1 else ""
    return whole + ring(points[-1])
