"""Backtests: each split trains on the past of all series and tests on the steps that follow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa

from hpo.data.calendar import Calendar
from hpo.data.cells import FoldPlan, check_splits
from hpo.data.folds.dealing import Cells
from hpo.data.folds.schemes import FoldScheme
from hpo.data.folds.times import TimeFolds
from hpo.data.segment import Segment, fingerprint
from hpo.errors import DataError


@dataclass(frozen=True)
class BacktestFolds(FoldScheme):
    """Rolling origins: the last split tests on the last ``horizon`` steps, each other on those before the next.

    Where a segment lies as a whole before all of these, its leaves stay as they are when time passes.

    Attributes
    ----------
    horizon : steps that each split tests on.
    n_splits : number of splits.
    gap : steps before a test part that are known but not trained on.
    calendar : the series and their times; None until they are looked at.

    Examples
    --------
    >>> BacktestFolds(8, 3).describe()
    '3 splits in time, each tested on the next 8 steps'
    """

    horizon: int
    n_splits: int = 3
    gap: int = 0
    calendar: Calendar | None = field(default=None, repr=False, compare=False)
    scheme: ClassVar[str] = "backtest"

    def __post_init__(self) -> None:
        check_splits(self.n_splits, least=1)
        for name, value, least in (("horizon", self.horizon, 1), ("gap", self.gap, 0)):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise DataError(f"the {name} of backtests is {value!r}; give a number of steps, {least} or more")

    def knowing(self, calendar: Calendar) -> Self:
        """Return the folds of the series of a data set."""
        return replace(self, calendar=calendar)

    @property
    def _known(self) -> Calendar:
        if self.calendar is None:
            raise DataError("backtests are of series: name the column of times with time=")
        return self.calendar

    @cached_property
    def stretches(self) -> TimeFolds:
        """The same splits over steps."""
        ends = self._known.last + 1 - self.horizon * np.arange(self.n_splits, 0, -1)
        return TimeFolds(self._known.order.time, self.n_splits, tuple(map(float, ends)), float(self.gap))

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of times."""
        return (self._known.order.time,)

    @property
    def plan(self) -> FoldPlan:
        """Split i trains on the steps before its test part, but for the gap."""
        return self.stretches.plan

    def check(self) -> None:
        """Refuse series that begin after the first test part does."""
        known, begin = self._known, min((first for first, _ in self._known.spans.values()), default=0)
        first = int((self.stretches.boundaries or (0.0,))[0])
        if first - self.gap <= begin:
            frequency, needed = known.order.frequency, self.n_splits * self.horizon + self.gap
            steps = known.last - begin + 1
            fewer = (steps - self.gap) // (2 * self.horizon)
            half = f": 'n_splits': {fewer} leaves half of them to train on" if 0 < fewer < self.n_splits else ""
            raise DataError(
                f"{self.describe()}: that is {needed} steps, and the data has {steps}, {frequency.label(begin)} to "
                f"{frequency.label(known.last)}; give fewer splits or a smaller horizon{half}"
            )

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row, by its step."""
        steps = self._known.order.steps(batch, first_row, segment.id)
        return np.searchsorted(self.stretches.cuts, steps, side="right").astype(np.uint16)

    def key(self, segment: Segment) -> str:
        """Return the digest of the segment, and of its steps' cells where these are not all the first."""
        span = self._known.spans.get(segment.id)
        if span is None or span[1] < self.stretches.cuts[0]:
            return segment.fingerprint
        cells = np.searchsorted(self.stretches.cuts, span, side="right")
        within = self.stretches.cuts[cells[0] : cells[1]]
        return fingerprint(segment.fingerprint, "backtest", cells.tolist(), within.tolist())

    def to_dict(self) -> dict[str, object]:
        """Return scheme, horizon, number of splits, and the gap if there is one."""
        written = {"scheme": self.scheme, "horizon": self.horizon, "n_splits": self.n_splits}
        return written | ({"gap": self.gap} if self.gap else {})

    def describe(self) -> str:
        """Return the scheme in words."""
        gap = f", with a gap of {self.gap} before it" if self.gap else ""
        steps = "the next step" if self.horizon == 1 else f"the next {self.horizon} steps"
        if self.n_splits == 1:
            return f"one split in time, tested on {steps}{gap}"
        return f"{self.n_splits} splits in time, each tested on {steps}{gap}"
