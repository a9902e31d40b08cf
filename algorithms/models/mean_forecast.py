"""The mean of past values as the forecast of every next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array
from algorithms.families.forecasters import OfLags


@dataclass(frozen=True, kw_only=True)
class MeanForecast(OfLags):
    """The mean of some past values.

    Examples
    --------
    >>> from algorithms.summaries.windows import Windows
    >>> MeanForecast(summary=Windows(context=3, horizon=1), lags=2).rows().tolist()
    [[0.0, 0.5, 0.5]]
    """

    def rows(self) -> Array:
        """Return one over the number of values, of each of these."""
        made = np.zeros((self.ahead, self.summary.context))
        made[:, self.summary.context - self.kept :] = 1.0 / self.kept
        return made
