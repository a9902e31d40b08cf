"""The leaves that a store lists, as notebooks show and draw them."""

from __future__ import annotations

from html import escape
from importlib import import_module
from typing import TYPE_CHECKING

from state_store.entry import Entry, readable_age, readable_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 8
"""Contexts of the card at most: it is no higher than 300 pixels."""

LISTED = 3
"""Leaves of the text at most: no more than 20 lines of a terminal."""

DIGITS = 12
"""Digits of a context that are shown."""

STYLE = "font:13px/1.5 system-ui,sans-serif;border:1px solid #8884;border-radius:6px;padding:8px;max-width:720px"
TABLE = "font:inherit;border-collapse:collapse"
CELL = "text-align:left;padding:1px 16px 1px 0;border:0"


class Entries(list[Entry]):
    """The leaves of a store, a list; in a notebook a table of its contexts, the largest first.

    A context is one summary, encoder and fold scheme. Leaves in one pack share its bytes.

    Examples
    --------
    >>> from state_store.key import Key
    >>> leaves = [Entry(Key("ab" * 20, one * 20), 4096, 0.0, 0.0, about={"rows": 7}) for one in ("cd", "ef")]
    >>> Entries(leaves).contexts()
    {'abababababab': (2, 14, 8192, 0.0)}
    """

    def contexts(self) -> dict[str, tuple[int, int, int, float]]:
        """Return of each context its leaves, their rows, their bytes, and when one was last used."""
        groups: dict[str, list[Entry]] = {}
        for entry in self:
            groups.setdefault(entry.key.context[:DIGITS], []).append(entry)
        found = {
            context: (
                sum("rolled" not in e.about for e in leaves), sum(int(e.about.get("rows") or 0) for e in leaves),
                sum(e.bytes for e in leaves), max(e.last_used for e in leaves),
            )
            for context, leaves in groups.items()
        }  # fmt: skip
        return dict(sorted(found.items(), key=lambda one: (-one[1][2], one[0])))

    def __repr__(self) -> str:
        """Show the first leaves alone: a store has thousands."""
        more = [f" and {len(self) - LISTED} more"] if len(self) > LISTED else []
        return "[" + ",\n ".join([*map(repr, self[:LISTED]), *more]) + "]"

    def _repr_html_(self) -> str:
        """Show a line for each context, the largest first, as notebooks do."""
        rows = [
            (context, f"{leaves:,}", f"{seen:,}", readable_bytes(size), f"{readable_age(used)} ago")
            for context, (leaves, seen, size, used) in self.contexts().items()
        ]
        lines = [_row("th", ("context", "leaves", "rows", "size", "used")), *(_row("td", r) for r in rows[:SHOWN])]
        table = f'<table style="{TABLE}">{"".join(lines)}</table>' if rows else "<div>no leaf</div>"
        more = f"<div>and {len(rows) - SHOWN} more</div>" if len(rows) > SHOWN else ""
        return f'<div style="{STYLE}"><b>States</b>{table}{more}</div>'

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the bytes of each context by matplotlib, and return the axes: the given ones, or new ones.

        Raises
        ------
        ImportError
            matplotlib is not installed.
        """
        if ax is None:
            try:
                ax = import_module("matplotlib.pyplot").subplots(layout="constrained")[1]
            except ImportError as error:
                why = "plot() draws with matplotlib, which is not installed; pip install matplotlib"
                raise ImportError(why) from error
        sizes = {context: size for context, (_, _, size, _) in self.contexts().items()}
        ax.barh(list(sizes)[::-1], list(sizes.values())[::-1])
        ax.set_xlabel("bytes")
        return ax


def _row(tag: str, cells: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f'<{tag} style="{CELL}">{escape(cell)}</{tag}>' for cell in cells) + "</tr>"
