"""Where the time went: the pass and the trials of each algorithm, one lane each, from left to right."""

from __future__ import annotations

from collections.abc import Sequence

from studies.counting import counted
from studies.report.charts.frame import RIGHT, spaced
from studies.report.charts.marks import series_class
from studies.report.charts.scales import Linear
from studies.report.charts.svg import coord, element, label, picture, title
from studies.report.data import TrialRow
from studies.report.text import seconds_text, shorten

LANE, TOP, LEAST, LEFT, HIGH = 36.0, 22.0, 1.0, 2.0, 14
PAUSE = 0.25
"""A wait between trials of more than this share of all work is a pause: another day, or another process."""

Span = tuple[float, float]


def spans(trials: Sequence[TrialRow], before: float) -> tuple[dict[str, list[Span]], float, int]:
    """Return when the trials of each algorithm ran, in seconds after the pass began; how long all took; the pauses.

    Pauses are cut out, so that a study that continued the next day is not a blank.

    Examples
    --------
    >>> rows = [TrialRow(0, "ridge", began=0.0, seconds=2.0), TrialRow(1, "ridge", began=90_000.0, seconds=1.0)]
    >>> spans(rows, 4.0)
    ({'ridge': [(4.0, 6.0), (6.0, 7.0)]}, 7.0, 1)
    """
    known = sorted((t.began, t.began + (t.seconds or 0.0), t.algorithm) for t in trials if t.began is not None)
    work = before + sum(end - begin for begin, end, _ in known)
    found: dict[str, list[Span]] = {}
    shift, last, pauses = before, 0.0, 0
    for begin, end, algorithm in known:
        if begin - last > max(1.0, PAUSE * work):
            shift -= begin - last
            pauses += 1
        found.setdefault(algorithm, []).append((begin + shift, end + shift))
        last = max(last, end)
    return found, max([before, *(end for each in found.values() for _, end in each)]), pauses


def timeline_chart(
    trials: Sequence[TrialRow],
    before: float,
    algorithms: Sequence[str],
    width: float = 880,
    class_: str = "timeline",
) -> str:
    """Return the chart of the pass, which took so many seconds, and of the trials by algorithm.

    A lane holds a block for each stretch without a visible gap, with the number of its trials and their time.
    """
    found, total, _ = spans(trials, before)
    lanes = [("pass", [(0.0, before)], "rest")] if before > 0.0 else []
    lanes += [(name, found[name], series_class(i)) for i, name in enumerate(algorithms) if name in found]
    height, room = TOP + LANE * len(lanes) + 26, width - RIGHT - LEFT
    pixels = room / (total or 1.0)
    parts = []
    for i, (name, each, colour) in enumerate(lanes):
        y, took = TOP + LANE * i, sum(end - begin for begin, end in each)
        number = "" if colour == "rest" else f"{counted(len(each), 'trial')}, "
        text = f"{shorten(name, 28)}: {number}{seconds_text(took)}"
        data = "".join(
            f"M{coord(LEFT + a)} {coord(y)}h{coord(b - a)}v{HIGH}h{coord(a - b)}z" for a, b in _merged(each, pixels)
        )
        block = element("path", d=data, class_=f"block {colour}")
        parts.append(label(LEFT, y - 5, text, class_="name") + element("g", title(text) + block, class_="hit-bar"))
    name = f"Timeline: the pass and {counted(len(trials), 'trial')} by algorithm over {seconds_text(total)}"
    return picture(width, height, name, [*parts, _axis(width, height - 22, total)], class_)


def _axis(width: float, base: float, total: float) -> str:
    room = width - RIGHT - LEFT
    unit = next((one for one in (3600.0, 60.0) if total >= 2.0 * one), 1.0)
    ticks = Linear(0.0, (total or 1.0) / unit).ticks(4)
    texts = [
        label(LEFT + u * room, base + 16, text, "start" if u < 0.02 else "end" if u > 0.97 else "middle")
        for u, text in spaced([(u, seconds_text(u * total)) for u, _ in ticks], room)
    ]
    return element("path", d=f"M{LEFT} {coord(base)}H{coord(LEFT + room)}", class_="axis") + "".join(texts)


def _merged(each: Sequence[Span], pixels: float) -> list[Span]:
    """Return spans in pixels, at least one wide, those that touch as one."""
    found: list[Span] = []
    for begin, end in each:
        a = begin * pixels
        b = max(end * pixels, a + LEAST)
        if found and a - found[-1][1] < LEAST / 2.0:
            found[-1] = (found[-1][0], max(b, found[-1][1]))
        else:
            found.append((a, b))
    return found
