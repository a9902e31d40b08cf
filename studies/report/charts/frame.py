"""The frame of a chart: axes, grid and ticks around a plot, and the pixels of its scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studies.report.charts.scales import Category, Scale, Ticks
from studies.report.charts.svg import Point, coord, element, label, title
from studies.report.text import shorten

CHARACTER = 6.1  # pixels of a digit at the charts' text size
BOLD = 6.7  # and of a letter of a name
TOP, RIGHT = 26.0, 14.0
INSET = 8.0  # what a headed chart keeps clear at either side, so that a ring covers no tick's label


@dataclass(frozen=True)
class Frame:
    """A plot of `width` × `height` pixels inside its margins, with one scale along each side."""

    width: float
    height: float
    x: Scale
    y: Scale
    x_ticks: Ticks
    y_ticks: Ticks
    left: float
    bottom: float
    headed: bool = False

    @property
    def base(self) -> float:
        """The y pixel of the x axis."""
        return self.height - self.bottom

    def across(self, place: float) -> float:
        """Return the x pixel of a place in 0…1."""
        inset = INSET if self.headed else 0.0
        return self.left + inset + place * (self.width - self.left - RIGHT - 2.0 * inset)

    def up(self, place: float) -> float:
        """Return the y pixel of a place in 0…1."""
        return self.base - place * (self.base - TOP)

    def point(self, x: object, y: object) -> Point | None:
        """Return the pixels of a pair of values, or None when either has no place."""
        place_x, place_y = self.x.unit(x), self.y.unit(y)
        if place_x is None or place_y is None:
            return None
        return self.across(place_x), self.up(place_y)

    def axes(self, x_label: str, y_label: str, y_brief: str = "") -> str:
        """Return grid, ticks and labels; the y label stands above the plot, where it reads level.

        A headed frame has the name of its x axis above the plot, too, as the chart's heading; ``y_brief`` stands
        for the y label where there is no room for both.
        """
        parts = [self._rule(self.up(place), text) for place, text in self.y_ticks]
        parts += [self._tick(self.across(place), text) for place, text in self.x_ticks]
        base = f"M{coord(self.left)} {coord(self.base)}H{coord(self.width - RIGHT)}"
        parts.append(element("path", d=base, class_="axis"))
        if self.headed:
            heading = shorten(x_label if len(x_label) <= 30 else x_label.rpartition(".")[2], 30)
            room = self.width - RIGHT - 12 - len(heading) * BOLD
            beside = y_label if len(y_label) * CHARACTER <= room else y_brief
            parts.append(label(2, 13, heading, class_="name"))
            parts.append(label(self.width - RIGHT, 13, beside, "end"))
        else:
            parts.append(label(2, 13, y_label, class_="name"))
            parts.append(label(self.width - RIGHT, self.height - 5, x_label, "end", "name"))
        return "".join(parts)

    def _rule(self, y: float, text: str) -> str:
        line = element("path", d=f"M{coord(self.left)} {coord(y)}H{coord(self.width - RIGHT)}", class_="grid")
        return line + label(self.left - 6, y + 4, text, "end")

    def _tick(self, x: float, text: str) -> str:
        line = element("path", d=f"M{coord(x)} {coord(self.base)}v4", class_="axis")
        if not isinstance(self.x, Category):
            return line + label(x, self.base + 16, text, "middle")
        return line + self._category(x, text)

    def _category(self, x: float, text: str) -> str:
        room = (self.width - self.left - RIGHT) / max(1, len(self.x_ticks))
        longest = max(len(name) for _, name in self.x_ticks)
        if longest * CHARACTER <= room - 4:
            return label(x, self.base + 16, text, "middle")
        turned = label(0, 0, shorten(text, 12), "end")
        place = f"translate({coord(x + 4)} {coord(self.base + 14)}) rotate(-32)"
        return element("g", title(text) + turned, transform=place)


def frame_of(width: float, height: float, x: Scale, y: Scale, headed: bool = False) -> Frame:
    """Return a frame whose margins fit the ticks of its scales."""
    y_ticks = y.ticks(6)
    left = max((len(text) for _, text in y_ticks), default=1) * CHARACTER + 12
    x_ticks = spaced(x.ticks(max(6, int(width // 80))), width - left - RIGHT)
    bottom = 24.0 if headed else 40.0
    if isinstance(x, Category):
        x_ticks = x.ticks(0)
        room = (width - left - RIGHT) / len(x.labels)
        longest = max(map(len, x.labels))
        bottom += 0 if longest * CHARACTER <= room - 4 else 3.6 * min(longest, 12)
    return Frame(width, height, x, y, x_ticks, y_ticks, left, bottom, headed)


def spaced(ticks: Ticks, pixels: float) -> Ticks:
    """Return the ticks whose labels do not touch the one before."""
    kept: Ticks = []
    for place, text in ticks:
        if not kept or (place - kept[-1][0]) * pixels > CHARACTER * (len(text) + len(kept[-1][1])) / 2 + 8:
            kept.append((place, text))
    return kept


def runs(points: Sequence[Point | None]) -> list[list[Point]]:
    """Return the stretches of neighbouring points that exist, so that a gap stays a gap.

    Examples
    --------
    >>> runs([(0, 0), None, (1, 1), (2, 2)])
    [[(0, 0)], [(1, 1), (2, 2)]]
    """
    stretches: list[list[Point]] = [[]]
    for point in points:
        if point is not None:
            stretches[-1].append(point)
        elif stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]
