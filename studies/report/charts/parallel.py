"""Parallel coordinates, lying down: one level axis per hyperparameter, one line per trial.

The axes lie level because names of hyperparameters are long: before its own axis, or above it where there is little
room, each can be read in full, on a telephone as on a wall.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studies.counting import counted
from studies.report.charts.frame import spaced
from studies.report.charts.scales import Category, Scale, Ticks, fit_scale, useful_scale
from studies.report.charts.svg import Point, coord, element, label, path, picture
from studies.report.data import TrialRow
from studies.report.text import Metric, finite, shorten

UNSET = 26.0  # pixels left of an axis where trials that do not set it pass
LEFT, RIGHT, FIRST, STEP = 12.0, 22.0, 26.0, 58.0
GUTTER, ROOMY = 172.0, 600.0  # pixels that names take before the axes, from that width on
RANKS = ((0.1, "q0"), (0.4, "q1"), (1.0, "q2"))


@dataclass(frozen=True)
class Axis:
    """One level axis at height `y`: `unset` says whether some trials do not set it."""

    name: str
    scale: Scale
    y: float
    width: float
    unset: bool

    @property
    def left(self) -> float:
        """Where lines pass that do not set it; names stand before that, where there is room."""
        return LEFT + (GUTTER if self.width >= ROOMY else 0.0)

    def across(self, place: float) -> float:
        """Return the x pixel of a place in 0…1."""
        start = self.left + UNSET
        return start + place * (self.width - RIGHT - start)

    def point(self, value: object, known: bool, index: int = 0) -> Point:
        """Return where the line of trial `index` meets the axis."""
        place = self.scale.unit(value) if known else None
        if place is None:
            return (self.left, self.y)
        shift = self.scale.spread(index) if isinstance(self.scale, Category) else 0.0
        return (self.across(place + shift), self.y)


def parallel_chart(
    algorithm: str,
    lines: Sequence[tuple[int, TrialRow]],
    parameters: Sequence[str],
    labels: Sequence[str],
    metric: Metric,
    log: Mapping[str, bool],
    width: float = 880,
    class_: str = "parallel",
) -> str:
    """Return the chart of an algorithm's trials, given best first with their places; the first line is the best.

    `labels` are the names of the `parameters` as the axes say them. `log` says which hyperparameters have a
    logarithmic axis; the values decide for the others. Line colours and widths mark the best tenth of the drawn
    trials, the next three tenths, and the others.
    """
    rows = [trial for _, trial in lines]
    axes = [
        _axis(i, name, shown, rows, width, log.get(name))
        for i, (name, shown) in enumerate(zip(parameters, labels, strict=True))
    ]
    scale, _ = useful_scale([metric.shown(trial.value) for trial in rows], metric.sign)
    axes.append(Axis(metric.label, scale, FIRST + len(axes) * STEP, width, unset=False))
    drawn = [_line(*line, rank / len(lines), parameters, axes, metric) for rank, line in enumerate(lines)]
    height = axes[-1].y + 34
    over = f"{counted(len(parameters), 'hyperparameter')} and {metric.short}"
    name = f"Parallel coordinates of {counted(len(lines), 'trial')} of {algorithm} over {over}"
    return picture(width, height, name, [*reversed(drawn), *map(_draw_axis, axes)], class_)


def _axis(index: int, name: str, label: str, rows: Sequence[TrialRow], width: float, log: bool | None) -> Axis:
    values = [trial.params[name] for trial in rows if name in trial.params]
    return Axis(label, fit_scale(values, log), FIRST + index * STEP, width, unset=len(values) < len(rows))


def _line(
    place: int, trial: TrialRow, share: float, parameters: Sequence[str], axes: Sequence[Axis], metric: Metric
) -> str:
    points = [
        axis.point(trial.params.get(name), name in trial.params, place)
        for name, axis in zip(parameters, axes, strict=False)
    ]
    points.append(axes[-1].point(metric.shown(trial.value), finite(trial.value) is not None))
    class_ = "best" if share == 0.0 else next(name for limit, name in RANKS if share < limit)
    return element("path", d=path(points), class_=class_, data_t=place)


def _draw_axis(axis: Axis) -> str:
    start, end = axis.across(0.0), axis.across(1.0)
    line = element("path", d=f"M{coord(start)} {coord(axis.y)}H{coord(end)}", class_="axis")
    unset = ""
    if axis.unset:
        mark = element("circle", cx=axis.left, cy=axis.y, r=3, class_="unset")
        unset = mark + label(axis.left - 10, axis.y + 16, "unset")
    parts = [_tick(axis, place, text) for place, text in _fit_ticks(axis, end - start)]
    if axis.width >= ROOMY:
        name = label(2, axis.y + 4, shorten(axis.name, int(GUTTER // 6.7)), class_="name")
    else:
        name = label(start, axis.y - 8, shorten(axis.name, int(axis.width // 7.2)), class_="name halo")
    ends = {"data_y": axis.y, "data_from": start, "data_to": end}
    return element("g", line + unset + "".join(parts) + name, class_="line-axis", **ends)


def _fit_ticks(axis: Axis, pixels: float) -> Ticks:
    ticks = [(place, shorten(text, 14)) for place, text in axis.scale.ticks(max(3, int(pixels // 110)))]
    return spaced([tick for tick in ticks if not axis.unset or tick[0] * pixels > 24], pixels)


def _tick(axis: Axis, place: float, text: str) -> str:
    x = axis.across(place)
    return element("path", d=f"M{coord(x)} {coord(axis.y - 3)}v6", class_="axis") + label(
        x, axis.y + 16, text, "middle", "halo"
    )
