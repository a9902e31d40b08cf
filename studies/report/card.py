"""A card of a few lines and a small table, as notebooks show it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

ROWS = 5
"""Rows of the table at most, and with three lines above it a card is no higher than 300 pixels."""

LONGEST = 160
"""Characters of a line at most."""

BOX = "border:1px solid #8884;border-radius:6px;padding:8px;max-width:720px;overflow-x:auto"
STYLE = f"font:13px/1.5 system-ui,sans-serif;{BOX}"
LINE = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
TABLE = "font:inherit;border-collapse:collapse;margin:6px 0 0"
CELL = "text-align:left;padding:1px 16px 1px 0;border:0"


def card(
    title: str,
    lines: Sequence[str],
    head: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
    most: int = ROWS,
) -> str:
    """Return a card as HTML: any text in it is escaped, what is too long is cut, and `most` rows are shown.

    Examples
    --------
    >>> "<b>delays &lt;1&gt;</b>" in card("delays <1>", ["R² 0.9"])
    True
    """
    parts = [f"<b>{_text(title)}</b>", *(_text(line) for line in lines)]
    made = "".join(f'<div style="{LINE}">{part}</div>' for part in parts)
    if rows:
        shown = [_row("th", head), *(_row("td", row) for row in rows[:most])]
        left = len(rows) - most
        more = f"<div>and {left} more</div>" if left > 0 else ""
        made += f'<table style="{TABLE}">{"".join(shown)}</table>{more}'
    return f'<div style="{STYLE}">{made}</div>'


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f'<{tag} style="{CELL}">{_text(cell)}</{tag}>' for cell in cells) + "</tr>"


def _text(text: str) -> str:
    return escape(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")
