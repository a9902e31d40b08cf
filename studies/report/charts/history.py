"""The optimisation history: every trial's score in order, and the best so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from studies.counting import counted
from studies.report.charts.frame import Frame, frame_of
from studies.report.charts.marks import mark_path, ring
from studies.report.charts.scales import fit_linear, score_scale
from studies.report.charts.svg import coord, element, picture
from studies.report.data import TrialRow
from studies.report.text import Metric, finite


def history_chart(
    trials: Sequence[TrialRow],
    drawn: Sequence[int],
    algorithms: Sequence[str],
    metric: Metric,
    width: float = 880,
    height: float = 300,
    class_: str = "points",
) -> str:
    """Return the chart of scores against trial numbers with the running best as a stepped line.

    Parameters
    ----------
    trials
        All trials in order; the running best uses all of them.
    drawn
        The places in `trials` of those that get a mark.
    algorithms
        The order that gives each algorithm its colour and shape.
    """
    shown = [metric.shown(trial.value) for trial in trials]
    y, _ = score_scale(shown, metric.sign)
    frame = frame_of(width, height, fit_linear([trial.number for trial in trials], pad=0.01, whole=True), y)
    name = f"Optimisation history: {metric.short} of {counted(len(trials), 'trial')}, {metric.direction}"
    marks = (_marks(frame, trials, drawn, metric, algorithm, i) for i, algorithm in enumerate(algorithms))
    axes, line = frame.axes("trial", metric.label), _running(frame, trials, metric)
    content = [axes, _failed(frame, trials), *marks, line]
    return picture(width, height, name, content, class_)


def _marks(
    frame: Frame, trials: Sequence[TrialRow], drawn: Sequence[int], metric: Metric, algorithm: str, index: int
) -> str:
    return mark_path(_places(frame, trials, drawn, metric, algorithm), index)


def _places(
    frame: Frame, trials: Sequence[TrialRow], drawn: Sequence[int], metric: Metric, algorithm: str
) -> Iterator[tuple[tuple[float, float], int]]:
    for place in drawn:
        trial = trials[place]
        point = frame.point(trial.number, metric.shown(trial.value))
        if trial.algorithm == algorithm and point is not None:
            yield point, place


def _failed(frame: Frame, trials: Sequence[TrialRow]) -> str:
    """Return a tick on the axis for each trial without a score."""
    lost = [trial.number for trial in trials if finite(trial.value) is None][:500]
    places = (frame.across(frame.x.unit(number) or 0.0) for number in lost)
    data = "".join(f"M{coord(x)} {coord(frame.base)}v-9" for x in places)
    return element("path", d=data, class_="failed") if data else ""


def _running(frame: Frame, trials: Sequence[TrialRow], metric: Metric) -> str:
    scored = [(trial.number, value) for trial in trials if (value := finite(trial.value)) is not None]
    if not scored:
        return ""
    best = list(accumulate((value for _, value in scored), max))
    steps = [
        (number, value)
        for k, ((number, _), value) in enumerate(zip(scored, best, strict=True))
        if k == 0 or value > best[k - 1]
    ]
    points = [point for number, value in steps if (point := frame.point(number, metric.shown(value)))]
    if not points:
        return ""
    first, *later = points
    data = f"M{coord(first[0])} {coord(first[1])}" + "".join(f"H{coord(x)}V{coord(y)}" for x, y in later)
    line = element("path", d=f"{data}H{coord(frame.across(1.0))}", class_="running")
    return line + ring(points[-1])
