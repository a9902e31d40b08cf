"""The seasonal naive forecast: what was in the season before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from algorithms.contract import Tags
from algorithms.families.forecasters import Forecast, Forecaster, last_season, past_of
from algorithms.ranges import Integer, Legal
from algorithms.summaries.windows import WindowsState


@dataclass(frozen=True, kw_only=True)
class SeasonalNaive(Forecaster):
    """The last value of the same season: of a season of one step, the last value.

    Parameters
    ----------
    period : steps of a season; None for that of the windows.

    Examples
    --------
    >>> SeasonalNaive(period=7).length
    7
    """

    period: Annotated[int | None, Legal(ge=1), Integer(1, None, searched=False)] = None

    tags: ClassVar[Tags] = Forecaster.tags.but(auto=2)

    @property
    def length(self) -> int:
        """The steps of a season."""
        return self.summary.season if self.period is None else self.period

    def check_field(self, name: str, state: WindowsState | None = None) -> None:
        """Refuse a season that is longer than the past of windows."""
        super().check_field(name, state)
        if name == "period":
            self.check_within("period", self.length)

    def solve(self, state: WindowsState) -> Forecast:
        """Return the map; nothing is solved for."""
        self.check(state)
        self.check_field("period")
        coef = past_of(last_season(self.summary.context, self.length, self.ahead))
        coef[:, -1] -= 1.0
        return Forecast(coef, np.zeros(self.ahead), self.summary)
