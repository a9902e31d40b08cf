"""Two hyperparameters against one another: where the good trials are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from studies.counting import counted
from studies.report.charts.frame import Frame, frame_of
from studies.report.charts.marks import ring
from studies.report.charts.scales import Category, fit_scale
from studies.report.charts.svg import Point, coord, element, picture
from studies.report.data import TrialRow

RANKS = (0.1, 0.4, 1.0)
"""The best tenth, the next three tenths, and the others."""

LEVELS = 0.5, 1.0 / 3.0
"""Ranks, as shares of the trials, up to which a place is shaded; the second lies on the first."""

ENOUGH, MOST, ROWS, CELL, WIDTH, NEAR = 20, 300, 22, 13.0, 0.1, 0.5
"""Trials that a map needs and is made of at most; its rows, and pixels of a column; how far a trial counts, as a
share of an axis, and how much must be near a place."""


def pair_chart(
    best_first: Sequence[TrialRow],
    names: tuple[str, str],
    logs: tuple[bool | None, bool | None],
    width: float = 880,
    class_: str = "plot",
) -> str:
    """Return the trials that have both hyperparameters, the best ringed and the better ones in stronger colours.

    Parameters
    ----------
    best_first
        Trials with a score, the best first.
    names, logs
        The two hyperparameters, along x and y, and whether each has a logarithmic axis.
    """
    known = [trial for trial in best_first if all(name in trial.params for name in names)]
    scales = [
        fit_scale((trial.params[name] for trial in known), log) for name, log in zip(names, logs, strict=True)
    ]
    frame = frame_of(width, 300, scales[0], scales[1])
    points = [frame.point(*(trial.params[name] for name in names)) for trial in known]
    placed = [_apart(point, place, frame) for place, point in enumerate(points)]
    content, begin = [], 0
    for rank, share in enumerate(RANKS):
        end = max(1, round(share * len(known)))
        data = "".join(f"M{coord(p[0])} {coord(p[1])}h.01" for p in placed[begin:end] if p is not None)
        content.append(element("path", d=data, class_=f"mark round rank{rank}") if data else "")
        begin = max(begin, end)
    first = next((point for point in placed[:1] if point is not None), None)
    body = [*_map(points, frame), frame.axes(names[0], names[1]), *reversed(content), ring(first) if first else ""]
    name = f"{names[1]} against {names[0]}, {counted(len(known), 'trial')}, the better ones in stronger colours"
    return picture(width, 300, name, body, class_)


def _map(points: Sequence[Point | None], frame: Frame) -> list[str]:
    """Return shaded levels of the mean rank of trials near each place, by a Gaussian kernel; none of categories."""
    step = max(1, len(points) // MOST)
    known = [(p, rank / len(points)) for rank, p in enumerate(points) if p is not None][::step]
    if len(known) < ENOUGH or any(isinstance(scale, Category) for scale in (frame.x, frame.y)):
        return []
    begin, top, wide = frame.across(0.0), frame.up(1.0), frame.across(1.0) - frame.across(0.0)
    columns, high = max(6, round(wide / CELL)), frame.up(0.0) - frame.up(1.0)
    across = [_near([p[0] for p, _ in known], begin + (i + 0.5) * wide / columns, wide) for i in range(columns)]
    up = [_near([p[1] for p, _ in known], top + (j + 0.5) * high / ROWS, high) for j in range(ROWS)]
    ranks = [rank for _, rank in known]
    grid = [[_mean([a * b for a, b in zip(x, y, strict=True)], ranks) for x in across] for y in up]
    shapes = [_cells(grid, most, begin, top, (wide / columns, high / ROWS)) for most in LEVELS]
    return [element("path", d=shape, class_="level") for shape in shapes if shape]


def _near(places: Sequence[float], centre: float, length: float) -> list[float]:
    return [math.exp(-0.5 * ((place - centre) / (WIDTH * length)) ** 2) for place in places]


def _mean(weights: Sequence[float], ranks: Sequence[float]) -> float:
    """Return the weighted mean rank; 1, the worst, where no trial is near."""
    total = sum(weights)
    return 1.0 if total < NEAR else sum(w * r for w, r in zip(weights, ranks, strict=True)) / total


def _cells(
    grid: Sequence[Sequence[float]], most: float, left: float, top: float, size: tuple[float, float]
) -> str:
    """Return a path around the cells of a rank up to `most`, those of a row that touch in one piece."""
    parts = []
    for j, row in enumerate(grid):
        begin = 0
        for inside, cells in itertools.groupby(row, lambda rank: rank <= most):
            count = len(list(cells))
            if inside:
                x, y, wide = left + begin * size[0], top + j * size[1], count * size[0]
                parts.append(f"M{coord(x)} {coord(y)}h{coord(wide)}v{coord(size[1])}h{coord(-wide)}z")
            begin += count
    return "".join(parts)


def _apart(point: Point | None, place: int, frame: Frame) -> Point | None:
    """Return a point moved sideways among others of its category, the same in every run."""
    if point is None or not isinstance(frame.x, Category):
        return point
    return point[0] + frame.x.spread(place) * (frame.across(1.0) - frame.across(0.0)), point[1]
