"""Point marks: one path for all points of a series, its shape and colour distinguish series."""

from __future__ import annotations

from collections.abc import Iterable

from studies.report.charts.svg import Point, coord, element

# Each shape is drawn from its centre, so that the page's script finds the centres in the path.
SHAPES = (
    ("round", "h.01"),
    ("fill", "m-3.6 2.8h7.2l-3.6-6.3z"),
    ("square", "h.01"),
    ("fill", "m0-4l4 4-4 4-4-4z"),
    ("line", "m-3-3l6 6m0-6l-6 6"),
    ("line", "m0-4v8m-4-4h8"),
    ("fill", "m-3.6-2.8h7.2l-3.6 6.3z"),
)
COLOURS = 8


def series_class(index: int) -> str:
    """Return the CSS class of a series' colour; beyond the last colour they begin again."""
    return f"s{index % COLOURS}"


def mark_path(points: Iterable[tuple[Point, int]], index: int, extra: str = "") -> str:
    """Return one path with the marks of series `index`; each point carries its trial's place.

    Examples
    --------
    >>> mark_path([((1, 2), 7)], 0)
    '<path d="M1 2h.01" class="mark round s0" data-t="7"/>'
    """
    kind, stroke = SHAPES[index % len(SHAPES)]
    known = list(points)
    if not known:
        return ""
    data = "".join(f"M{coord(x)} {coord(y)}{stroke}" for (x, y), _ in known)
    places = " ".join(str(place) for _, place in known)
    return element("path", d=data, class_=f"mark {kind} {series_class(index)}{extra}", data_t=places)


def swatch(index: int) -> str:
    """Return a small picture of a series' mark, for a legend."""
    kind, stroke = SHAPES[index % len(SHAPES)]
    mark = element("path", d=f"M7 7{stroke}", class_=f"mark {kind} {series_class(index)}")
    return element("svg", mark, viewBox="0 0 14 14", class_="swatch", aria_hidden="true")


def ring(point: Point, class_: str = "ring") -> str:
    """Return the ring that marks the best; of a class of its own where there are many."""
    return element("circle", cx=point[0], cy=point[1], r=7, class_=class_)
