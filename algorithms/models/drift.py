"""The drift forecast: the line through the first and the last value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from algorithms.contract import Tags
from algorithms.families.forecasters import Forecast, Forecaster, past_of
from algorithms.ranges import Integer, Legal
from algorithms.summaries.windows import WindowsState


@dataclass(frozen=True, kw_only=True)
class Drift(Forecaster):
    """The line through the first and the last of some past values.

    Parameters
    ----------
    lags : how many past values; None for those of the windows.

    Examples
    --------
    >>> Drift(lags=7).lags
    7
    """

    lags: Annotated[int | None, Legal(ge=2), Integer(2, None, searched=False)] = None

    tags: ClassVar[Tags] = Forecaster.tags.but(auto=None)

    def check_field(self, name: str, state: WindowsState | None = None) -> None:
        """Refuse more past values than windows have."""
        super().check_field(name, state)
        if name == "lags":
            self.check_within("lags", self.lags)

    def solve(self, state: WindowsState) -> Forecast:
        """Return the map; nothing is solved for."""
        self.check(state)
        self.check_field("lags")
        context = self.summary.context
        lags = context if self.lags is None else self.lags
        rows = np.zeros((self.ahead, context))
        if lags > 1:
            slope = np.arange(1, self.ahead + 1) / (lags - 1)
            rows[:, -1] += slope
            rows[:, context - lags] -= slope
        return Forecast(past_of(rows), np.zeros(self.ahead), self.summary)
