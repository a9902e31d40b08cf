"""Folds of whole files: each is tested by the models of all the others, as sites, months or machines are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa

from hpo.data.cells import FoldPlan, kfold_plan
from hpo.data.folds.dealing import Cells
from hpo.data.folds.schemes import FoldScheme, FoldSizes
from hpo.data.segment import Segment
from hpo.errors import DataError


@dataclass(frozen=True)
class SegmentFolds(FoldScheme):
    """A fold for each file, whatever the number of its segments.

    The leaf of a segment is one state, of all its rows, and knows nothing of the other files: those that join are
    folds more, and no leaf is made anew.

    Attributes
    ----------
    files : the fold of each file, by its address; None until the files are known.

    Examples
    --------
    >>> two = [Segment("a.csv", (0, 1), 5, 9, "00"), Segment("b.csv", (0, 1), 7, 9, "11")]
    >>> folds = SegmentFolds().of(two)
    >>> folds.places, folds.describe()
    ((0, 1), '2 folds, a file each')
    """

    cells: tuple[int, ...] = field(default=(), repr=False, compare=False)
    rows: Mapping[int, int | None] = field(default_factory=dict, repr=False, compare=False)
    names: tuple[str, ...] = field(default=(), repr=False, compare=False)
    scheme: ClassVar[str] = "segment"

    def of(self, segments: Sequence[Segment]) -> Self:
        """Return the folds of the files that some segments are of.

        Raises
        ------
        DataError
            There are more files than folds may be.
        """
        files = {uri: number for number, uri in enumerate(dict.fromkeys(segment.uri for segment in segments))}
        if len(files) > 512:
            raise DataError(
                f"folds of the scheme 'segment' are a fold for each file, and {len(files):,} files are more than "
                "512; use {'scheme': 'group', 'column': …}"
            )
        rows: dict[int, int | None] = {}
        for segment in segments:
            number = files[segment.uri]
            known = rows.get(number, 0)
            rows[number] = None if known is None or segment.rows is None else known + segment.rows
        cells = tuple(files[segment.uri] for segment in segments)
        return replace(self, cells=cells, rows=rows, names=tuple(files))

    def check(self) -> None:
        """Refuse a study of one file: it may be a site, whose states others add to theirs, and no more.

        Raises
        ------
        DataError
            There is one file.
        """
        if self.n_splits < 2:
            raise DataError(
                "folds of the scheme 'segment' test each file with the models of the others, and there is one "
                "file; use {'scheme': 'kfold'}, or cut the data into files"
            )

    @property
    def n_splits(self) -> int:  # type: ignore[override]
        """Number of files."""
        return len(self.rows)

    @property
    def places(self) -> tuple[int, ...] | None:
        """The fold of each segment."""
        return self.cells

    @property
    def plan(self) -> FoldPlan:
        """Split i tests on file i and trains on the others."""
        return kfold_plan(self.n_splits)

    @property
    def sizes(self) -> FoldSizes | None:
        """Rows of each file."""
        counts = [count for count in self.rows.values() if count is not None]
        return FoldSizes(tuple(counts)) if len(counts) == len(self.rows) else None

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the only cell of a leaf."""
        return np.zeros(batch.num_rows, np.uint16)

    def to_dict(self) -> dict[str, object]:
        """Return the scheme: nothing else decides what is in a leaf."""
        return {"scheme": self.scheme}

    def why_empty(self, split: int, side: str) -> str:
        """Return which file has no row that can be used, and what to type."""
        if side != "test":
            return super().why_empty(split, side)
        name = self.names[split]
        return f", and {name!r} has none; leave it out with exclude=[{name!r}], or use another scheme"

    def describe(self) -> str:
        """Return the scheme in words."""
        return f"{self.n_splits} folds, a file each"
