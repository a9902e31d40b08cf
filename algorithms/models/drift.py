"""The drift forecast: the line through the first and the last value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array
from algorithms.families.forecasters import OfLags


@dataclass(frozen=True, kw_only=True)
class Drift(OfLags):
    """The line through the first and the last of some past values; of one alone, that value.

    Examples
    --------
    >>> from algorithms.summaries.windows import Windows
    >>> Drift(summary=Windows(context=3, horizon=2)).rows().tolist()
    [[-0.5, 0.0, 1.5], [-1.0, 0.0, 2.0]]
    """

    def rows(self) -> Array:
        """Return the last value and the slope times the steps."""
        context = self.summary.context
        slope = np.arange(1, self.ahead + 1) / max(1, self.kept - 1)
        made = np.zeros((self.ahead, context))
        made[:, -1] += 1.0 + slope
        made[:, context - self.kept] -= slope
        return made
