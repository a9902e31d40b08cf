"""Folds in time: cells in order, each split trains on the past and tests on what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hpo.data.cells import FoldPlan, Split, check_splits
from hpo.data.folds.dealing import Cells
from hpo.data.folds.schemes import FoldScheme
from hpo.data.segment import Segment
from hpo.data.values import one_array, times_of
from hpo.errors import DataError
from studies.counting import counted

Times = NDArray[np.float64]


@dataclass(frozen=True)
class TimeFolds(FoldScheme):
    """Splits in time: split i trains on what lies before boundary i and tests on what follows, up to the next.

    One split is a hold-out of the latest rows.

    Attributes
    ----------
    column : a date, timestamp or number.
    n_splits : number of splits; there is one stretch of time more.
    boundaries : n_splits increasing values that begin the stretches to test on; dates in days since 1970.
        None until ``fit`` takes them from a sample, so that stretches have about as many rows. Later data falls in
        the last stretch; rows without a time are trained on, never tested on.
    gap : what lies less than this before a boundary is not trained on: days for dates and timestamps, else in
        units of the column.

    Examples
    --------
    >>> TimeFolds("day", 2, (10.0, 20.0)).plan.splits[1]
    Split(train=(0, 1), test=(2,))
    >>> TimeFolds("day", 2, (10.0, 20.0), gap=3.0).plan.splits[1]
    Split(train=(0, 1, 2), test=(4,))
    """

    column: str
    n_splits: int = 5
    boundaries: tuple[float, ...] | None = None
    gap: float = 0.0
    scheme: ClassVar[str] = "time"

    def __post_init__(self) -> None:
        check_splits(self.n_splits, least=1)
        known = self.boundaries
        if known is not None and (len(known) != self.n_splits or not np.all(np.diff(known) > 0)):
            raise DataError(f"time folds need {self.n_splits} increasing boundaries, not {list(known)}")
        if not 0.0 <= self.gap < np.inf:
            raise DataError(f"the gap of time folds is {self.gap!r}; give 0 or more")

    @property
    def columns(self) -> tuple[str, ...]:
        """The time column."""
        return (self.column,)

    @property
    def sample_columns(self) -> tuple[str, ...]:
        """The time column, until the boundaries are known."""
        return () if self.boundaries is not None else (self.column,)

    @cached_property
    def cuts(self) -> Times:
        """Where cells begin: at the boundaries, and a gap before each."""
        known = np.array(self.boundaries or (), np.float64)
        return np.unique(np.concatenate([known, known - self.gap]))

    @property
    def plan(self) -> FoldPlan:
        """Split i trains on the past of boundary i, but for the gap, and tests up to the next boundary."""
        if self.boundaries is None:  # as it will be without a gap
            plain = (Split(tuple(range(i + 1)), (i + 1,)) for i in range(self.n_splits))
            return FoldPlan(self.n_splits + 1, tuple(plain))
        begins = np.append(-np.inf, self.cuts)
        ends = np.append(self.cuts, np.inf)
        nexts = (*self.boundaries[1:], np.inf)
        splits = []
        for boundary, after in zip(self.boundaries, nexts, strict=True):
            train = np.flatnonzero(ends <= boundary - self.gap)
            test = np.flatnonzero((begins >= boundary) & (ends <= after))
            splits.append(Split(tuple(train.tolist()), tuple(test.tolist())))
        return FoldPlan(len(begins), tuple(splits))

    def fit(self, sample: pa.Table) -> TimeFolds:
        """Return the scheme with boundaries at the quantiles of a sample; DataError if there are too few times."""
        times = times_of(one_array(sample.column(self.column)))
        values, counts = np.unique(times[~np.isnan(times)], return_counts=True)
        if len(values) <= self.n_splits:
            raise DataError(
                f"{self.column!r} has too few distinct values for {counted(self.n_splits, 'split')} in time "
                f"({len(values)}, and {self.n_splits + 1} are needed); ask for fewer, or give boundaries"
            )
        cuts = [float(values[place]) for place in _even_cuts(counts, self.n_splits)]
        return replace(self, boundaries=tuple(cuts))

    def restored(self, document: Mapping[str, Any]) -> TimeFolds:
        """Return the scheme with the boundaries it had."""
        return replace(self, boundaries=tuple(document["boundaries"]))

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row, by its time."""
        if self.boundaries is None:
            raise DataError(
                f"time folds by {self.column!r} have no boundaries yet; fit them to a sample first"
            )
        times = times_of(batch.column(self.column))
        cells = np.searchsorted(self.cuts, times, side="right")
        cells[np.isnan(times)] = 0
        return cells.astype(np.uint16)

    def to_dict(self) -> dict[str, object]:
        """Return scheme, column, number of splits, boundaries, and the gap if there is one."""
        known = None if self.boundaries is None else list(self.boundaries)
        written = {"scheme": self.scheme, "column": self.column, "n_splits": self.n_splits, "boundaries": known}
        return written | ({"gap": self.gap} if self.gap else {})

    def why_empty(self, split: int, side: str) -> str:
        """Return what to type: a gap may be what leaves no row."""
        less = "a smaller gap, " if self.gap else ""
        return f"; use fewer folds, {less}or another scheme"

    def describe(self) -> str:
        """Return the scheme in words."""
        gap = f", leaving out {self.gap:g} before each test part" if self.gap else ""
        if self.n_splits == 1:
            return f"a hold-out in time by {self.column!r}: train on the past, test on the rest{gap}"
        return f"{self.n_splits} splits in time by {self.column!r}: train on the past, test on the next part{gap}"


def _even_cuts(counts: NDArray[np.int64], cuts: int) -> list[int]:
    """Return which values begin a part, so that the parts have about as many rows, and one value each at least.

    Examples
    --------
    >>> _even_cuts(np.array([100, 50, 50]), 2), _even_cuts(np.array([1] * 9), 2)
    ([1, 2], [3, 6])
    """
    before = np.cumsum(counts) - counts
    found: list[int] = []
    for i in range(1, cuts + 1):
        target = before[-1] + counts[-1]
        place = int(np.abs(before - target * i / (cuts + 1)).argmin())
        least = found[-1] + 1 if found else 1
        found.append(min(max(place, least), len(counts) - (cuts + 1 - i)))
    return found
