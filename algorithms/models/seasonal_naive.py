"""The seasonal naive forecast: what was in the season before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from algorithms.arrays import Array
from algorithms.contract import Tags
from algorithms.families.forecasters import Baseline, Forecaster, last_season
from algorithms.ranges import Integer, Legal
from algorithms.summaries.windows import WindowsState


@dataclass(frozen=True, kw_only=True)
class SeasonalNaive(Baseline):
    """The last value of the same season: of a season of one step, the last value.

    Parameters
    ----------
    period : steps of a season; None for that of the windows.

    Examples
    --------
    >>> from algorithms.summaries.windows import Windows
    >>> SeasonalNaive(summary=Windows(context=3, horizon=3, season=2)).rows().tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """

    period: Annotated[int | None, Legal(ge=1), Integer(1, None, searched=False)] = None

    tags: ClassVar[Tags] = Forecaster.tags.but(auto=2)

    @property
    def length(self) -> int:
        """The steps of a season."""
        return self.summary.season if self.period is None else self.period

    def rows(self) -> Array:
        """Return the value of the same season, of each step."""
        return last_season(self.summary.context, self.length, self.ahead)

    def check_field(self, name: str, state: WindowsState | None = None) -> None:
        """Refuse a season that is longer than the past of windows."""
        super().check_field(name, state)
        if name == "period":
            self.check_within("period", self.length)
