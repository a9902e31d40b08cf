"""What a pass may take, guessed from rows, columns and summaries: nothing is read.

The constants are of one core of one machine. Over the studies that they were fitted to, the guess is within a
factor of two of what the pass took; :mod:`hpo.states.forecast` measures instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from algorithms.contract import EXACT, Summary

FLOOR, PER_SEGMENT = 5e-3, 2e-3
"""Seconds of any pass, and of each segment."""

PER_VALUE, PER_COLUMN = 1e-8, 1.5e-9
"""Reading one value, and writing it into one encoded column."""

PER_PRODUCT = 5e-11
"""One of the p² products of a row."""

CHECKED = 12
"""Products of a summary that checks what it learned: a loss and its curvature, in place of squares."""

PER_ROW = 1.5e-6
"""Drawing a row into what keeps rows."""

PER_BYTE = 1e-9
"""Making and keeping one byte of a state."""

PER_CHARACTER = 3.3e-9
"""Parsing one byte of text."""


@dataclass(frozen=True)
class Work:
    """What a pass reads.

    Attributes
    ----------
    rows : None where unknown: those of text, as numbers of eight letters.
    nbytes, segments : of the data.
    columns : values of a row, and the target; of a sparse matrix what a row stores.
    width : encoded columns, the target among them; of a sparse matrix what a row stores.
    state_bytes : of all states.
    """

    rows: int | None
    nbytes: int
    segments: int
    columns: float
    width: float
    state_bytes: int = 0

    def seconds(self, summaries: Sequence[Summary]) -> float:
        """Return a guess of the seconds that one core needs for states of some summaries.

        Examples
        --------
        >>> from algorithms.summaries.moments import Moments
        >>> round(Work(1_000_000, 80_000_000, 1, 11, 11).seconds([Moments()]), 2)
        0.14
        """
        if not self.segments:
            return 0.0
        text = PER_CHARACTER * self.nbytes if self.rows is None else 0.0
        rows = self.nbytes / (8 * self.columns) if self.rows is None else self.rows
        each = PER_VALUE * self.columns + PER_COLUMN * self.width
        each += sum(_per_row(one, self.width) for one in summaries)
        return FLOOR + PER_SEGMENT * self.segments + text + rows * each + PER_BYTE * self.state_bytes


def _per_row(summary: Summary, width: float) -> float:
    """Return what a summary takes of a row."""
    learning = summary.learning
    if learning is not None and learning.checks:
        return CHECKED * PER_PRODUCT * width**2
    return PER_PRODUCT * width**2 if summary.family == EXACT else PER_ROW
