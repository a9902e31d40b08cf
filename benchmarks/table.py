"""Rows of the table: what was compared, both sides, their ratio, the target, and whether it is reached."""

from __future__ import annotations

import json
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HEAD = ("what", "ours", "theirs", "ratio", "target", "reached")


@dataclass(frozen=True)
class Target:
    """A bound on a ratio.

    Examples
    --------
    >>> at_most(1.5).met(1.4), str(at_least(1000))
    (True, '≥ 1,000')
    """

    sign: str
    bound: float

    def met(self, ratio: float) -> bool:
        """Whether a ratio is within the bound."""
        return bool({"≤": operator.le, "≥": operator.ge}[self.sign](ratio, self.bound))

    def __str__(self) -> str:
        return f"{self.sign} {number(self.bound)}"


def at_most(bound: float) -> Target:
    """Return an upper bound."""
    return Target("≤", bound)


def at_least(bound: float) -> Target:
    """Return a lower bound."""
    return Target("≥", bound)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    what : what is compared.
    ours, theirs : both sides, with units.
    ratio : as the target is put: ours/theirs for "≤", theirs/ours for "≥".
    target : the bound; None for a line that only informs.
    note : what is extrapolated, and the like.
    others : share of the cores that other processes used while it was measured.
    """

    what: str
    ours: str
    theirs: str
    ratio: float
    target: Target | None
    note: str = ""
    others: float = 0.0

    @property
    def reached(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.target.met(self.ratio)

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        verdict = {None: "–", True: "yes", False: "NO"}[self.reached]
        return self.what, self.ours, self.theirs, number(self.ratio), str(self.target or "–"), verdict

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-ready values."""
        return {
            "what": self.what, "ours": self.ours, "theirs": self.theirs, "ratio": self.ratio,
            "target": str(self.target) if self.target else None, "reached": self.reached,
            "note": self.note, "others": round(self.others, 3),
        }  # fmt: skip


def as_text(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, aligned, with its notes below.

    Examples
    --------
    >>> print(as_text([Row("a", "1 s", "2 s", 0.5, at_most(1))]))
    | what | ours | theirs | ratio | target | reached |
    |------|------|--------|-------|--------|---------|
    | a    | 1 s  | 2 s    | 0.5   | ≤ 1    | yes     |
    """
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    drawn = [
        "| " + " | ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    notes = list(dict.fromkeys(f"{row.what}: {row.note}" for row in rows if row.note))
    return "\n".join([drawn[0], rule, *drawn[1:], *([""] if notes else []), *(f"- {n}" for n in notes)])


def as_json(rows: Sequence[Row], machine: dict[str, Any]) -> str:
    """Return the table as JSON."""
    return json.dumps({"machine": machine, "rows": [row.to_dict() for row in rows]}, indent=2)


def number(x: float) -> str:
    """Return a number with three significant digits.

    Examples
    --------
    >>> number(1234.5), number(0.0123), number(2.0)
    ('1,230', '0.0123', '2')
    """
    return f"{float(f'{x:.3g}'):,.10g}"


def seconds(x: float) -> str:
    """Return a duration in a unit that suits it.

    Examples
    --------
    >>> seconds(0.00012), seconds(0.25), seconds(3.0)
    ('0.12 ms', '250 ms', '3 s')
    """
    return f"{number(x)} s" if x >= 1.0 else f"{number(1e3 * x)} ms"
