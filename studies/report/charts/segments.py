"""The strip of segments: which parts of the data were read, and which were known already."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from studies.counting import counted
from studies.report.charts.svg import coord, element, picture, title
from studies.report.data import SegmentRow
from studies.report.text import counted_text

BINS = 120
WIDTH, HEIGHT = 1000.0, 34.0


def segment_strip(segments: Sequence[SegmentRow], bins: int = BINS) -> str:
    """Return the strip in the order of the data: tall bars were read, low bars were reused.

    With more than `bins` segments each bar stands for several neighbours, split by their rows.
    """
    groups = _groups(segments, bins)
    step = WIDTH / max(1, len(groups))
    bars = [_bar(group, i * step, step) for i, group in enumerate(groups)]
    read = sum(segment.status == "read" for segment in segments)
    counts = f"{read:,} read, {len(segments) - read:,} reused"
    name = f"{counted(len(segments), 'segment')} in the order of the data: {counts}"
    drawing = picture(WIDTH, HEIGHT, name, bars, "strip")
    return drawing.replace("<svg ", '<svg preserveAspectRatio="none" ', 1)


def _groups(segments: Sequence[SegmentRow], bins: int) -> list[Sequence[SegmentRow]]:
    count = min(bins, len(segments))
    edges = [round(i * len(segments) / count) for i in range(count + 1)] if count else []
    return [segments[start:stop] for start, stop in pairwise(edges)]


def _bar(group: Sequence[SegmentRow], x: float, step: float) -> str:
    """Return one bar; the part of its rows that was read stands tall, the rest low."""
    gap = min(2.0, step * 0.15)
    rows = sum(segment.rows for segment in group)
    read = [segment for segment in group if segment.status == "read"]
    by_rows = sum(segment.rows for segment in read) / rows if rows > 0 else len(read) / len(group)
    share = min(1.0, max(0.0, by_rows))
    tall = (step - gap) * share
    parts = [title(_bar_text(group, read, rows))]
    if tall > 0:
        parts.append(_box(x, 0, tall, "read"))
    if share < 1:
        parts.append(_box(x + tall, HEIGHT * 0.6, step - gap - tall, "reused"))
    return element("g", "".join(parts), class_="hit-bar")


def _box(x: float, y: float, width: float, class_: str) -> str:
    across = f"{max(width, 0.0):.2f}"
    data = f"M{coord(x)} {coord(y)}h{across}V{coord(HEIGHT)}h-{across}z"
    return element("path", d=data, class_=class_)


def _bar_text(group: Sequence[SegmentRow], read: Sequence[SegmentRow], rows: int) -> str:
    if len(group) == 1:
        return f"{group[0].name}: {counted_text(rows, 'row')}, {group[0].status}"
    names = f"{group[0].name} to {group[-1].name}"
    return f"{names}: {counted_text(rows, 'row')}, {len(read)} of {len(group)} segments read"
