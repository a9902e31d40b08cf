"""Elements of an SVG as text, with everything that comes from users escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from studies.report.text import clean

Point = tuple[float, float]


def coord(value: float) -> str:
    """Return a coordinate with one decimal and nothing superfluous.

    Examples
    --------
    >>> coord(12.04), coord(3.0), coord(-0.01)
    ('12', '3', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def element(tag: str, content: str = "", **attributes: object) -> str:
    """Return one element; `content` is markup already, attributes are escaped.

    Trailing underscores of attribute names fall away and inner ones become hyphens; None leaves one out.

    Examples
    --------
    >>> element("circle", cx=1.04, cy=2, r=3, class_="dot")
    '<circle cx="1" cy="2" r="3" class="dot"/>'
    """
    parts = [f'{_name(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None]
    head = " ".join([tag, *parts])
    return f"<{head}>{content}</{tag}>" if content else f"<{head}/>"


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    return coord(value) if isinstance(value, float) else escape(clean(value))


def label(x: float, y: float, content: str, anchor: str = "start", class_: str | None = None) -> str:
    """Return a piece of text at a place; `anchor` is start, middle or end."""
    side = None if anchor == "start" else anchor
    return element("text", escape(clean(content)), x=x, y=y, text_anchor=side, class_=class_)


def title(content: str) -> str:
    """Return a title element: what a pointer rests on, and what a screen reader says."""
    return element("title", escape(clean(content)))


def path(points: Sequence[Point]) -> str:
    """Return the path data of a line through the points."""
    return "M" + "L".join(f"{coord(x)} {coord(y)}" for x, y in points)


def picture(width: float, height: float, name: str, content: Iterable[str], class_: str = "") -> str:
    """Return a whole SVG that scales with its container; `name` says what it shows."""
    view = f"0 0 {coord(width)} {coord(height)}"
    inner = title(name) + "".join(content)
    return element("svg", inner, viewBox=view, role="img", aria_label=name, class_=class_ or None)
