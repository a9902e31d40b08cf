"""Folds: which cell each row falls in, and which cells each split trains and tests on.

K-fold has a cell for each fold; time has cells in order, and trains on the past.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hpo.data.cells import FoldPlan, Split, check_splits, kfold_plan
from hpo.data.hashing import hash_values, priorities, to_cells
from hpo.data.segment import Segment
from hpo.data.values import as_numbers, null_mask, one_array
from hpo.errors import DataError

Cells = NDArray[np.uint16]


class FoldScheme(ABC):
    """How rows are given cells: the base of every scheme.

    Attributes
    ----------
    columns : what ``assign`` must find in a batch, besides the features.
    sample_columns : what ``fit`` must find in a sample; empty where nothing is learned.
    """

    scheme: ClassVar[str]
    n_splits: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that ``assign`` reads."""
        return ()

    @property
    def sample_columns(self) -> tuple[str, ...]:
        """Columns that ``fit`` must be given a sample of; empty if there is nothing to learn."""
        return ()

    @property
    @abstractmethod
    def plan(self) -> FoldPlan:
        """The splits over this scheme's cells."""

    def fit(self, sample: pa.Table) -> Self:
        """Return the scheme with what it learns from a sample; most learn nothing."""
        return self

    def restored(self, document: Mapping[str, Any]) -> FoldScheme:
        """Return the scheme with what it learned before, as ``to_dict`` said it."""
        return self

    @abstractmethod
    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row of a batch that begins at row ``first_row`` of its segment."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return all that ``assign`` depends on, as JSON-ready values."""

    @abstractmethod
    def describe(self) -> str:
        """Return the scheme in words."""


@dataclass(frozen=True)
class HashFolds(FoldScheme):
    """K folds by a hash of (segment place, row, seed): random, and the same however the rows are read.

    Examples
    --------
    >>> HashFolds(3).describe()
    '3 folds at random (seed 0)'
    """

    n_splits: int = 5
    seed: int = 0
    scheme: ClassVar[str] = "kfold"

    def __post_init__(self) -> None:
        check_splits(self.n_splits)

    @property
    def plan(self) -> FoldPlan:
        """Split i tests on cell i and trains on the others."""
        return kfold_plan(self.n_splits)

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row, by its place in the segment."""
        return to_cells(priorities(segment.place, self.seed, first_row, batch.num_rows), self.n_splits)

    def to_dict(self) -> dict[str, Any]:
        """Return scheme, number of splits and seed."""
        return {"scheme": self.scheme, "n_splits": self.n_splits, "seed": self.seed}

    def describe(self) -> str:
        """Return the scheme in words."""
        return f"{self.n_splits} folds at random (seed {self.seed})"


@dataclass(frozen=True)
class GroupFolds(FoldScheme):
    """K folds by a hash of a column's value: rows of one value are never split, in whatever file they are.

    Nulls are one group. Folds are even in groups, not in rows.

    Examples
    --------
    >>> GroupFolds("customer", 4).columns
    ('customer',)
    """

    column: str
    n_splits: int = 5
    seed: int = 0
    scheme: ClassVar[str] = "group"

    def __post_init__(self) -> None:
        check_splits(self.n_splits)

    @property
    def columns(self) -> tuple[str, ...]:
        """The group column."""
        return (self.column,)

    @property
    def plan(self) -> FoldPlan:
        """Split i tests on cell i and trains on the others."""
        return kfold_plan(self.n_splits)

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row, by its group."""
        return to_cells(hash_values(batch.column(self.column), self.seed), self.n_splits)

    def to_dict(self) -> dict[str, Any]:
        """Return scheme, column, number of splits and seed."""
        return {"scheme": self.scheme, "column": self.column, "n_splits": self.n_splits, "seed": self.seed}

    def describe(self) -> str:
        """Return the scheme in words."""
        return f"{self.n_splits} folds by {self.column!r}, no group split (seed {self.seed})"


@dataclass(frozen=True)
class TimeFolds(FoldScheme):
    """Splits in time: split i trains on cells 0..i and tests on cell i + 1.

    Attributes
    ----------
    column : a date, timestamp or number.
    n_splits : number of splits; there is one cell more.
    boundaries : n_splits increasing values that begin cells 1, 2, …; dates in days since 1970. Learned ones
        are quantiles of a sample of rows, whatever their weights.
        None until ``fit`` takes them from a sample. Later data falls in the last cell; rows without a time
        fall in cell 0, which is never tested on.

    Examples
    --------
    >>> TimeFolds("day", 2, (10.0, 20.0)).plan.splits[1]
    Split(train=(0, 1), test=(2,))
    """

    column: str
    n_splits: int = 5
    boundaries: tuple[float, ...] | None = None
    scheme: ClassVar[str] = "time"

    def __post_init__(self) -> None:
        check_splits(self.n_splits, least=1)
        known = self.boundaries
        if known is not None and (len(known) != self.n_splits or not np.all(np.diff(known) > 0)):
            raise DataError(f"time folds need {self.n_splits} increasing boundaries, not {list(known)}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The time column."""
        return (self.column,)

    @property
    def sample_columns(self) -> tuple[str, ...]:
        """The time column, until the boundaries are known."""
        return () if self.boundaries is not None else (self.column,)

    @property
    def plan(self) -> FoldPlan:
        """Split i trains on the past of cell i + 1."""
        splits = (Split(tuple(range(i + 1)), (i + 1,)) for i in range(self.n_splits))
        return FoldPlan(self.n_splits + 1, tuple(splits))

    def fit(self, sample: pa.Table) -> TimeFolds:
        """Return the scheme with boundaries at the quantiles of a sample; DataError if they coincide."""
        times = _times(one_array(sample.column(self.column)))
        times = times[~np.isnan(times)]
        fractions = np.arange(1, self.n_splits + 1) / (self.n_splits + 1)
        cuts = np.quantile(times, fractions, method="higher") if len(times) else np.empty(0)
        if len(np.unique(cuts)) < self.n_splits or cuts[0] <= times.min():
            raise DataError(
                f"{self.column!r} has too few distinct values for {self.n_splits} splits in time; "
                "ask for fewer, or give boundaries"
            )
        return replace(self, boundaries=tuple(float(cut) for cut in cuts))

    def restored(self, document: Mapping[str, Any]) -> TimeFolds:
        """Return the scheme with the boundaries it had."""
        return replace(self, boundaries=tuple(document["boundaries"]))

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row, by its time."""
        if self.boundaries is None:
            raise DataError(
                f"time folds by {self.column!r} have no boundaries yet; fit them to a sample first"
            )
        times = _times(batch.column(self.column))
        cells = np.searchsorted(np.array(self.boundaries), times, side="right")
        cells[np.isnan(times)] = 0
        return cells.astype(np.uint16)

    def to_dict(self) -> dict[str, Any]:
        """Return scheme, column, number of splits and boundaries."""
        known = None if self.boundaries is None else list(self.boundaries)
        return {"scheme": self.scheme, "column": self.column, "n_splits": self.n_splits, "boundaries": known}

    def describe(self) -> str:
        """Return the scheme in words."""
        return f"{self.n_splits} splits in time by {self.column!r}: train on the past, test on the next part"


def _times(array: pa.Array) -> NDArray[np.float64]:
    """Return times as numbers, NaN where missing."""
    times = as_numbers(array).astype(np.float64)
    mask = null_mask(array)
    if mask is not None:
        times[mask] = np.nan
    return times
