"""Folds that a splitter of scikit-learn dealt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import ClassVar, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from algorithms.arrays import Values
from hpo.data.cells import FoldPlan, Split
from hpo.data.folds.dealing import Cells
from hpo.data.folds.schemes import FoldScheme
from hpo.data.indices import cells_of, check_pairs, first_seen, refine, roles_of
from hpo.data.segment import Segment
from hpo.errors import DataError
from studies.counting import counted

Pair = tuple[ArrayLike, ArrayLike]
"""Indices of the rows to train on, and of those to test on."""


class Splitter(Protocol):
    """What is used of a splitter of scikit-learn."""

    def split(self, X: Values, y: Values | None, groups: ArrayLike | None) -> Iterable[Pair]:
        """Yield the splits."""
        ...


@dataclass(frozen=True)
class ExplicitFolds(FoldScheme):
    """The very splits of a scikit-learn splitter, for data in memory.

    Rows with the same part in every split share a cell. Rows that no split uses have a cell of their own.

    Attributes
    ----------
    cells : cell of each row of the data.
    splits : the cells of each split.
    name : what made the splits, for reports.

    Examples
    --------
    >>> from sklearn.model_selection import KFold
    >>> folds = ExplicitFolds.from_splitter(KFold(2), np.zeros((4, 1)))
    >>> folds.cells.tolist(), folds.plan.splits[0]
    ([0, 0, 1, 1], Split(train=(1,), test=(0,)))
    """

    cells: Cells = field(repr=False, compare=False)
    splits: tuple[Split, ...]
    name: str
    digest: str
    scheme: ClassVar[str] = "explicit"

    @classmethod
    def from_splitter(
        cls, cv: Splitter | Iterable[Pair], X: Values, y: Values | None = None, groups: ArrayLike | None = None
    ) -> ExplicitFolds:
        """Return the folds of a splitter, or of an iterable of (train, test) index pairs.

        DataError where a split repeats a row, has an empty side, or the splits cut the rows into more than
        512 cells.
        """
        rows = int(X.shape[0]) if hasattr(X, "shape") else len(X)
        try:
            pairs = list(cv.split(X, y, groups)) if hasattr(cv, "split") else list(cv)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{cv!r} cannot split this data: {str(error).rstrip('.')}; a splitter that needs groups or classes "
                "can be given as its splits, folds=list(splitter.split(X, classes, groups))"
            ) from error
        check_pairs(pairs)
        cells = np.zeros(rows, np.int64)
        for number, (train, test) in enumerate(pairs):
            cells = refine(cells, roles_of(train, test, rows, number))
        cells = first_seen(cells)
        splits = tuple(Split(cells_of(cells, train), cells_of(cells, test)) for train, test in pairs)
        name = type(cv).__name__ if hasattr(cv, "split") else "explicit indices"
        digest = blake2b(cells.tobytes() + repr(splits).encode(), digest_size=16).hexdigest()
        return cls(cells.astype(np.uint16), splits, name, digest)

    @property
    def n_splits(self) -> int:  # type: ignore[override]
        """Number of splits."""
        return len(self.splits)

    @property
    def plan(self) -> FoldPlan:
        """The splitter's splits."""
        return FoldPlan(int(self.cells.max()) + 1, self.splits)

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row, by its place in the data."""
        start = segment.part[0] + first_row
        return self.cells[start : start + batch.num_rows]

    def to_dict(self) -> dict[str, object]:
        """Return scheme, name and the digest of cells and splits."""
        return {"scheme": self.scheme, "name": self.name, "n_splits": self.n_splits, "digest": self.digest}

    def describe(self) -> str:
        """Return the scheme in words."""
        return f"{counted(self.n_splits, 'split')} of {self.name}"
