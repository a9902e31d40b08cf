"""A slice: the score of every trial against one of its hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from studies.counting import counted
from studies.report.charts.frame import Frame, frame_of
from studies.report.charts.marks import mark_path, ring
from studies.report.charts.scales import Category, Scale, fit_scale, useful_scale
from studies.report.charts.svg import Point, picture
from studies.report.data import TrialRow
from studies.report.text import Metric


def slice_chart(
    parameter: str,
    trials: Sequence[TrialRow],
    drawn: Sequence[int],
    algorithms: Sequence[str],
    metric: Metric,
    best: int | None = None,
    log: bool | None = None,
    error: float | None = None,
) -> str:
    """Return the chart of scores against `parameter`.

    The scale of scores is that of the trials that have the hyperparameter: a worse algorithm would else lie at the
    end of the axis. `best` is the number of the trial that gets a ring, `error` the standard error of its score.
    """
    set_here = [place for place in drawn if parameter in trials[place].params]
    x = fit_scale((trials[place].params[parameter] for place in set_here), log)
    scored = [metric.shown(trial.value) for trial in trials if parameter in trial.params]
    y, _ = useful_scale(scored, metric.sign, error)
    frame = frame_of(360, 240, x, y, headed=True)
    content = [frame.axes(parameter, metric.label, metric.brief)]
    for index, algorithm in enumerate(algorithms):
        chosen = [place for place in set_here if trials[place].algorithm == algorithm]
        content.append(mark_path(_points(frame, x, trials, chosen, parameter, metric), index, " small"))
    content += [
        ring(point)
        for point, place in _points(frame, x, trials, set_here, parameter, metric)
        if trials[place].number == best
    ]
    name = f"{parameter} against {metric.short}, {metric.direction}, {counted(len(set_here), 'trial')}"
    return picture(360, 240, name, content, "points")


def _points(
    frame: Frame, x: Scale, trials: Sequence[TrialRow], places: Sequence[int], parameter: str, metric: Metric
) -> Iterator[tuple[Point, int]]:
    for place in places:
        trial = trials[place]
        point = frame.point(_drawable(x, trial.params[parameter]), metric.shown(trial.value))
        if point is not None:
            yield (point[0] + _spread(frame, x, place), point[1]), place


def _drawable(x: Scale, value: object) -> object:
    return value if not isinstance(x, Category) or value is not None else "none"


def _spread(frame: Frame, x: Scale, place: int) -> float:
    """Return the sideways shift that keeps trials of one category apart, the same in every run."""
    if not isinstance(x, Category):
        return 0.0
    return x.spread(place) * (frame.across(1.0) - frame.across(0.0))
