"""The leaderboard as a frame that notebooks show as a card."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from hpo.process.axes import Drawn
from studies.report.card import card
from studies.report.text import metric_of, number_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 9
"""Rows of the card at most."""


class Leaderboard(Drawn, pd.DataFrame):  # type: ignore[misc]
    """One row per algorithm, the best first; what is made of it is a plain frame.

    Examples
    --------
    >>> rows = [{"algorithm": "ridge", "score": 0.9, "se": 0.01, "trials": 20}]
    >>> board = Leaderboard(rows)
    >>> board.attrs["metric"] = "r2"
    >>> board.plot().get_xlabel()
    'R² ↑ higher is better'
    >>> type(board[["score"]]).__name__
    'DataFrame'
    """

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        """Show the best setting of each algorithm, as notebooks do."""
        metric = metric_of(str(self.attrs.get("metric", "")))
        head = "algorithm", f"{metric.short} ({metric.direction})", "standard error", "trials"
        rows = [
            (str(name), number_text(metric.shown(score), 6), number_text(se, 2), str(trials))
            for name, score, se, trials in zip(*(self[key] for key in KEYS), strict=True)
        ]
        return card("Leaderboard", [], head, rows, SHOWN)

    def _draw(self, ax: Axes) -> None:
        """Draw each algorithm's best score with its standard error."""
        metric = metric_of(str(self.attrs.get("metric", "")))
        names, scores, errors = (self[key].tolist()[::-1] for key in KEYS[:3])
        ax.errorbar([metric.sign * score for score in scores], names, xerr=errors, fmt="o", capsize=3)
        ax.set_xlabel(metric.label)


KEYS = "algorithm", "score", "se", "trials"
