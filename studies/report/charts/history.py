"""The optimisation history: every trial's score in order, and the best so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from studies.counting import counted
from studies.report.charts.frame import Frame, frame_of
from studies.report.charts.marks import mark_path, ring
from studies.report.charts.scales import fit_linear, useful_scale
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
    error: float | None = None,
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
    error
        The standard error of the best score.
    """
    shown = [metric.shown(trial.value) for trial in trials]
    y, _ = useful_scale(shown, metric.sign, error)
    frame = frame_of(width, height, fit_linear([trial.number for trial in trials], pad=0.01, whole=True), y)
    name = f"Optimisation history: {metric.short} of {counted(len(trials), 'trial')}, {metric.direction}"
    marks = (_marks(frame, trials, drawn, metric, algorithm, i) for i, algorithm in enumerate(algorithms))
    axes, line = frame.axes("trial", metric.label), _running(frame, trials, metric)
    content = [axes, _unscored(frame, trials), *marks, line]
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


def _unscored(frame: Frame, trials: Sequence[TrialRow]) -> str:
    """Return a tick on the axis for each trial without a score: those that failed, and those that were pruned."""
    lost = [trial for trial in trials if finite(trial.value) is None][:500]
    parts = []
    for class_, pruned, length in (("failed", False, 9), ("pruned", True, 6)):
        places = (frame.across(frame.x.unit(t.number) or 0.0) for t in lost if t.pruned == pruned)
        data = "".join(f"M{coord(x)} {coord(frame.base)}v-{length}" for x in places)
        parts.append(element("path", d=data, class_=class_) if data else "")
    return "".join(parts)


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
