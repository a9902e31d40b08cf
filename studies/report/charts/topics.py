"""A map of topics: those of like words are near, and each is as large as its share of all words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from studies.report.charts.frame import CHARACTER
from studies.report.charts.svg import element, label, picture, title
from studies.report.data import Topic
from studies.report.text import shorten

LARGEST, MARGIN, LINE, LEAST = 46.0, 56.0, 18.0, 1e-12
"""Pixels of the largest circle's radius, around the map, and of a line; the least share to divide by."""


def topics_chart(topics: Sequence[Topic], width: float = 880, height: float = 340, class_: str = "points") -> str:
    """Return the map: a circle for each topic, its area by its share, with its number and first word.

    Where names would lie over one another, the smaller topic has none but in what the pointer shows.
    """
    xs, ys = [one.x for one in topics], [one.y for one in topics]
    across, up = max(max(xs) - min(xs), LEAST), max(max(ys) - min(ys), LEAST)
    scale = min((width - 2 * MARGIN) / across, (height - 2 * MARGIN) / up)
    most = max([LEAST, *(one.share for one in topics)])
    parts: list[str] = []
    named: list[tuple[float, float, float]] = []
    for number, one in enumerate(topics, start=1):
        x = width / 2 + (one.x - (max(xs) + min(xs)) / 2) * scale
        y = height / 2 - (one.y - (max(ys) + min(ys)) / 2) * scale
        words = f"topic {number}, {one.share:.1%} of all words: {', '.join(one.words)}"
        circle = {"cx": float(x), "cy": float(y), "r": LARGEST * math.sqrt(one.share / most), "class_": "band"}
        parts.append(element("circle", title(words), **circle))
        name = f"{number} {shorten(one.words[0] if one.words else '', 14)}"
        half = CHARACTER * len(name) / 2 + 4
        if all(abs(x - a) > half + b or abs(y - c) > LINE for a, b, c in named):
            named.append((x, half, y))
            parts.append(label(x, y + 4, name, "middle"))
    return picture(width, height, f"Map of {len(topics)} topics", parts, class_)
