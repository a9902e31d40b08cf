"""How the loss on rows that are held out of training falls with the epochs, in each fold."""

from __future__ import annotations

from collections.abc import Sequence

from studies.counting import counted
from studies.report.charts.frame import frame_of
from studies.report.charts.marks import ring
from studies.report.charts.scales import fit_scale, score_scale
from studies.report.charts.svg import element, path, picture


def epochs_chart(losses: Sequence[Sequence[float]], width: float = 880, class_: str = "curve") -> str:
    """Return the chart of the losses after each epoch, a line for each fold; the lowest of each has a ring.

    Examples
    --------
    >>> epochs_chart([[3.0, 2.0, 2.5], [3.0, 1.0]]).count("ring many")
    2
    """
    longest = max(map(len, losses))
    y, _ = score_scale([loss for fold in losses for loss in fold], -1)
    frame = frame_of(width, 240, fit_scale([1.0, float(longest)], log=False), y)
    drawn: list[str] = []
    for fold in losses:
        places = [place for i, loss in enumerate(fold) if (place := frame.point(float(i + 1), loss)) is not None]
        drawn.append(element("path", d=path(places), class_="rung") if len(places) > 1 else "")
        best = min(range(len(fold)), key=lambda i: fold[i])
        lowest = frame.point(float(best + 1), fold[best])
        drawn.append("" if lowest is None else ring(lowest, "ring many"))
    name = f"Held-out loss by epoch in {counted(len(losses), 'fold')}, lower is better"
    return picture(width, 240, name, [frame.axes("epoch", "held-out loss"), *drawn], class_)
