"""Two hyperparameters against one another: where the good trials are."""

from __future__ import annotations

from collections.abc import Sequence

from studies.counting import counted
from studies.report.charts.frame import Frame, frame_of
from studies.report.charts.marks import ring
from studies.report.charts.scales import Category, fit_scale
from studies.report.charts.svg import Point, coord, element, picture
from studies.report.data import TrialRow

RANKS = (0.1, 0.4, 1.0)
"""The best tenth, the next three tenths, and the others."""


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
    body = [frame.axes(names[0], names[1]), *reversed(content), ring(first) if first else ""]
    name = f"{names[1]} against {names[0]}, {counted(len(known), 'trial')}, the better ones in stronger colours"
    return picture(width, 300, name, body, class_)


def _apart(point: Point | None, place: int, frame: Frame) -> Point | None:
    """Return a point moved sideways among others of its category, the same in every run."""
    if point is None or not isinstance(frame.x, Category):
        return point
    return point[0] + frame.x.spread(place) * (frame.across(1.0) - frame.across(0.0)), point[1]
