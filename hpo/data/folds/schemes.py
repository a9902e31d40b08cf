"""Folds: which cell each row falls in, and which cells each split trains and tests on.

K-fold has a cell for each fold. Folds by row are dealt (``hpo.data.folds.dealing``): evenly, and of classes each.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeAlias

import pyarrow as pa

from algorithms.brief import briefly
from hpo.data.cells import FoldPlan, check_splits, kfold_plan
from hpo.data.folds.dealing import Cells, Dealer, Roles, Shares, Table, label_text
from hpo.data.segment import Segment, fingerprint
from hpo.errors import DataError

Assign: TypeAlias = Callable[[pa.RecordBatch, int], Cells]
"""Gives the rows of a batch, which begins at that row of its segment, their cells; batches come in order."""

DEALT = 2
"""Version of the folds that are dealt: those of version 1 were drawn, and uneven."""


@dataclass(frozen=True)
class FoldSizes:
    """What is known of the folds before any row of features is read.

    Attributes
    ----------
    rows : of each fold.
    groups : of each fold; empty where there are none.
    classes : by label, the rows of each fold; empty where folds know no classes.
    """

    rows: tuple[int, ...]
    groups: tuple[int, ...] = ()
    classes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


class FoldScheme(ABC):
    """How rows are given cells: the base of every scheme.

    Attributes
    ----------
    columns : what rows are dealt into cells by, besides the targets and the weight.
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

    @property
    def sizes(self) -> FoldSizes | None:
        """What is known of the folds' sizes before the pass; None where that is nothing."""
        return None

    @property
    def places(self) -> tuple[int, ...] | None:
        """The cell of each segment, in order, where every one is in one as a whole; else None."""
        return None

    @property
    def leaf_cells(self) -> int:
        """Cells of a leaf: those of the plan, or one where every segment is in one as a whole."""
        return self.plan.n_cells if self.places is None else 1

    def check(self) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuse, with DataError, data of which some split would have no rows."""

    def why_empty(self, split: int, side: str) -> str:
        """Return why a split, counted from 0, has no rows to ``"train"`` or ``"test"`` on, and what to type."""
        return "; use fewer folds, or another scheme"

    def fit(self, sample: pa.Table) -> Self:
        """Return the scheme with what it learns from a sample; most learn nothing."""
        return self

    def restored(self, document: Mapping[str, Any]) -> FoldScheme:
        """Return the scheme with what it learned before, as ``to_dict`` said it."""
        return self

    @abstractmethod
    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row of a batch that begins at row ``first_row`` of its segment."""

    def assigner(self, segment: Segment) -> Assign:
        """Return what gives the rows of a segment their cells, batch after batch from the first."""
        return functools.partial(self.assign, segment)

    def key(self, segment: Segment) -> str:
        """Return the digest of what the cells of a segment's rows depend on, what it holds included."""
        return segment.fingerprint

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """Return all that ``assign`` depends on, as JSON-ready values."""

    @abstractmethod
    def describe(self) -> str:
        """Return the scheme in words."""


@briefly
@dataclass(frozen=True, eq=False)
class DealtRows:
    """How the rows of a data set are divided among the folds.

    Attributes
    ----------
    shares : by the id of the segment.
    roles : which rows are dealt, and to which classes they belong.
    table : all the segments together.
    """

    shares: Mapping[str, Shares]
    roles: Roles
    table: Table


@dataclass(frozen=True)
class RowFolds(FoldScheme):
    """K folds of rows, dealt: the base of those that know classes and those that do not.

    Attributes
    ----------
    dealt : how the rows of a data set are divided among the folds, once they are counted.
    """

    n_splits: int = 5
    seed: int = 0
    dealt: DealtRows | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_splits(self.n_splits)

    @property
    def plan(self) -> FoldPlan:
        """Split i tests on cell i and trains on the others."""
        return kfold_plan(self.n_splits)

    @property
    def sizes(self) -> FoldSizes | None:
        """Rows of each fold, and those of each class."""
        if self.dealt is None or not self.dealt.table.known:
            return None
        table = self.dealt.table
        by_class = {str(c): tuple(n.tolist()) for c, n in table.rows.items() if c is not None}
        return FoldSizes(tuple(table.total.tolist()), (), by_class)

    def knowing(self, dealt: DealtRows) -> Self:
        """Return the scheme that deals the rows of a data set."""
        return replace(self, dealt=dealt)

    def assigner(self, segment: Segment) -> Dealer:
        """Return what deals the rows of a segment, batch after batch from the first."""
        return self._dealer(segment)

    def key(self, segment: Segment) -> str:
        """Return the digest of the segment and of which folds get one row more."""
        shares = {} if self.dealt is None else self.dealt.shares[segment.id]
        extra = [(label_text(c), share.extra) for c, share in shares.items() if share.extra]
        return fingerprint(segment.fingerprint, extra) if extra else segment.fingerprint

    def to_dict(self) -> dict[str, object]:
        """Return scheme, number of splits, seed, and how they are dealt."""
        return {"scheme": self.scheme, "n_splits": self.n_splits, "seed": self.seed, "dealt": DEALT}

    def _dealer(self, segment: Segment) -> Dealer:
        shares, roles = self._alone(segment), Roles()
        if self.dealt is not None:
            shares, roles = self.dealt.shares[segment.id], self.dealt.roles
        return Dealer(segment.place, self.seed, self.n_splits, shares, roles)

    def _alone(self, segment: Segment) -> Shares:
        """Return how the rows of a segment are divided where it is all the data."""
        return Table(self.n_splits, [None]).share({None: segment.rows})


@dataclass(frozen=True)
class HashFolds(RowFolds):
    """K folds of rows at random: even, and the same however and wherever the rows are read.

    Rows are dealt by their place (``Segment.place``, their number in the segment) and the seed.

    Examples
    --------
    >>> HashFolds(3).describe()
    '3 random folds (seed 0)'
    """

    scheme: ClassVar[str] = "kfold"

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row, of a segment all of whose rows have a target and a weight."""
        return self._dealer(segment).run(first_row, batch.num_rows)

    def describe(self) -> str:
        """Return the scheme in words."""
        return f"{self.n_splits} random folds (seed {self.seed})"


@dataclass(frozen=True)
class StratifiedFolds(RowFolds):
    """K folds of rows at random, with as many of each class in every fold as divides evenly.

    A class of at least K rows is in every fold.

    Examples
    --------
    >>> StratifiedFolds(3).describe()
    '3 stratified folds (seed 0)'
    """

    scheme: ClassVar[str] = "stratified"

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Refuse: rows of a class are dealt in turn, so that batches have to come in order."""
        raise DataError("stratified folds deal rows in order; use assigner(segment), once rows are counted")

    def assigner(self, segment: Segment) -> Dealer:
        """Return what deals the rows of a segment, batch after batch from the first."""
        if self.dealt is None:
            raise DataError("stratified folds must know how many rows each class has; count them first")
        return self._dealer(segment)

    def describe(self) -> str:
        """Return the scheme in words."""
        return f"{self.n_splits} stratified folds (seed {self.seed})"
