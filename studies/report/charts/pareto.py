"""The Pareto front: two scores of every trial, and the trials that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from studies.counting import counted
from studies.report.charts.frame import frame_of
from studies.report.charts.marks import mark_path, ring
from studies.report.charts.scales import Linear, fit_linear, score_scale, useful_scale
from studies.report.charts.svg import Point, coord, element, picture
from studies.report.data import Chosen, TrialRow
from studies.report.text import Metric, finite


def pareto_chart(
    trials: Sequence[TrialRow],
    drawn: Sequence[int],
    front: Sequence[int],
    algorithms: Sequence[str],
    metrics: tuple[Metric, Metric],
    names: tuple[str, str],
    size: tuple[float, float, str] = (880, 340, "points"),
    joined: bool = True,
) -> str:
    """Return the chart of one score against another; the front is ringed, and `joined` by a line.

    Parameters
    ----------
    trials
        All trials in order.
    drawn
        The places in `trials` of those that get a mark.
    front
        The numbers of the trials on the front.
    algorithms
        The order that gives each algorithm its colour and shape.
    metrics, names
        The scores along x and y: how they are shown, and their names.
    """
    width, height, class_ = size
    pairs = [(_shown(t, names[0], metrics[0]), _shown(t, names[1], metrics[1])) for t in trials]
    best = [pair for t, pair in zip(trials, pairs, strict=True) if t.number in front]
    x = _scale([a for a, _ in pairs], [a for a, _ in best], metrics[0].sign)
    y = _scale([b for _, b in pairs], [b for _, b in best], metrics[1].sign)
    frame = frame_of(width, height, x, y)
    points = [frame.point(*pair) for pair in pairs]
    kept = sorted({*drawn, *(i for i, t in enumerate(trials) if t.number in front)})
    marks = [
        mark_path(((p, i) for i in kept if trials[i].algorithm == name and (p := points[i])), place)
        for place, name in enumerate(algorithms)
    ]
    ringed = [p for t, p in zip(trials, points, strict=True) if t.number in front and p is not None]
    title = f"Pareto front: {metrics[1].short} against {metrics[0].short} of {counted(len(trials), 'trial')}"
    axes = frame.axes(metrics[0].label, metrics[1].label)
    rings = [ring(point, "ring many") for point in ringed]
    return picture(width, height, title, [axes, *marks, _steps(ringed) if joined else "", *rings], class_)


def _scale(shown: Sequence[float | None], front: Sequence[float | None], sign: int) -> Linear:
    """Return the scale that gives the good scores room: half of it, or what the whole front takes."""
    scale, _ = useful_scale(shown, sign)
    known = [one for one in front if one is not None]
    if all(scale.low <= one <= scale.high for one in known):
        return scale
    reach = 1.5 * (max(known) - min(known))
    floor = max(known, key=lambda one: sign * one) - sign * reach
    kept = [one for one in shown if one is not None and sign * one >= sign * floor]
    return fit_linear([*kept, floor], pad=0.06) if len(kept) < len(shown) else score_scale(shown, sign)[0]


def value_of(trial: TrialRow | Chosen, name: str) -> float | None:
    """Return a trial's mean by one of the study's scores; the first one is its value."""
    return finite(trial.metrics[name].mean) if name in trial.metrics else finite(trial.value)


def valued_by(trials: Sequence[TrialRow], name: str) -> list[TrialRow]:
    """Return the trials with one of the study's scores as their value, in the same order.

    Examples
    --------
    >>> from studies.report.data import Estimate
    >>> row = TrialRow(0, "ridge", value=-2.0, metrics={"r2": Estimate(0.5)})
    >>> [valued_by([row], name)[0].value for name in ("neg_mean_squared_error", "r2")]
    [-2.0, 0.5]
    """
    return [replace(trial, value=value_of(trial, name)) for trial in trials]


def _shown(trial: TrialRow, name: str, metric: Metric) -> float | None:
    return None if finite(trial.value) is None else metric.shown(value_of(trial, name))


def _steps(points: Sequence[Point]) -> str:
    """Return the line through the front in the order of x."""
    if len(points) < 2:
        return ""
    first, *rest = sorted(points)
    data = f"M{coord(first[0])} {coord(first[1])}" + "".join(f"L{coord(x)} {coord(y)}" for x, y in rest)
    return element("path", d=data, class_="running")
