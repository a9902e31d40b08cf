"""Folds by groups: rows of one value of a column stay together, and folds have about as many rows.

Groups are counted before the pass. The largest goes to the fold that has the fewest rows, and so on, as
scikit-learn's ``GroupKFold`` has it; where classes count too, to the fold that lacks most of what the group has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.batches import Label
from hpo.data.cells import FoldPlan, check_splits, kfold_plan
from hpo.data.folds.dealing import Cells
from hpo.data.folds.schemes import DEALT, FoldScheme, FoldSizes
from hpo.data.hashing import Words, hash_values, splitmix
from hpo.data.segment import Segment, fingerprint
from hpo.errors import DataError
from studies.counting import counted

Counts = NDArray[np.int64]


def group_words(column: pa.Array) -> Words:
    """Return what a group is known by, for each row: a hash of its value; those without a value are one group."""
    return hash_values(column, 0)


@dataclass(frozen=True, eq=False)
class DealtGroups:
    """Which fold each group of a data set is in.

    Attributes
    ----------
    groups : the groups' words, sorted.
    folds : the fold of each.
    rows : of each group the rows by class, shape (groups, classes).
    classes : labels of the classes; empty where they do not count.
    segments : by the id of a segment, a digest of its groups' folds.
    """

    groups: Words
    folds: Cells
    rows: Counts
    classes: tuple[Label, ...] = ()
    segments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupFolds(FoldScheme):
    """K folds of groups: rows of one value are never split, in whatever file they are.

    Nulls are one group. Folds are as even in rows as the groups allow.

    Examples
    --------
    >>> GroupFolds("customer", 4).columns
    ('customer',)
    """

    column: str
    n_splits: int = 5
    seed: int = 0
    dealt: DealtGroups | None = field(default=None, repr=False, compare=False)
    scheme: ClassVar[str] = "group"
    stratified: ClassVar[bool] = False

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

    @property
    def sizes(self) -> FoldSizes | None:
        """Rows and groups of each fold, and the rows of each class."""
        if self.dealt is None or not self.dealt.segments:
            return None
        known, k = self.dealt, self.n_splits
        by_class = [np.bincount(known.folds, rows, k).astype(int).tolist() for rows in known.rows.T]
        total = np.bincount(known.folds, known.rows.sum(axis=1), k).astype(int).tolist()
        groups = np.bincount(known.folds, minlength=k).tolist()
        classes = zip(known.classes, by_class[: len(known.classes)], strict=True)
        return FoldSizes(tuple(total), tuple(groups), {str(c): tuple(n) for c, n in classes})

    def knowing(self, dealt: DealtGroups) -> Self:
        """Return the scheme that knows the fold of each group of a data set."""
        return replace(self, dealt=dealt)

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Return the cell of each row, by its group; DataError for a group that was not counted."""
        if self.dealt is None:
            raise DataError(f"folds by the groups of {self.column!r} must know the groups; count them first")
        words, groups = group_words(batch.column(self.column)), self.dealt.groups
        places = np.minimum(np.searchsorted(groups, words), len(groups) - 1)
        if not np.array_equal(groups[places], words):
            raise DataError(f"{self.column!r} has a group in {segment.id} that was not there when it was counted")
        return self.dealt.folds[places]

    def key(self, segment: Segment) -> str:
        """Return the digest of the segment and of its groups' folds."""
        if self.dealt is None:
            return segment.fingerprint
        return fingerprint(segment.fingerprint, self.dealt.segments.get(segment.id, ""))

    def to_dict(self) -> dict[str, object]:
        """Return scheme, column, number of splits, seed, and how they are dealt."""
        return {
            "scheme": self.scheme, "column": self.column, "n_splits": self.n_splits, "seed": self.seed,
            "dealt": DEALT,
        }  # fmt: skip

    def why_empty(self, split: int, side: str) -> str:
        """Return how many groups there are, where they are too few, and what to type."""
        there = self.n_splits if self.dealt is None else len(self.dealt.groups)
        if there >= self.n_splits:
            return super().why_empty(split, side)
        typed = "use another column"
        if there > 1:
            typed = f"{self.n_splits} folds need as many: use n_splits={there}"
        return f", and {self.column!r} has {counted(there, 'group')}; {typed}, or another scheme"

    def describe(self) -> str:
        """Return the scheme in words."""
        return f"{self.n_splits} folds by {self.column!r}, no group split (seed {self.seed})"


@dataclass(frozen=True)
class StratifiedGroupFolds(GroupFolds):
    """K folds of groups whose classes are as even as the groups allow, as ``StratifiedGroupKFold``.

    Examples
    --------
    >>> StratifiedGroupFolds("customer", 4).describe()
    "4 folds by 'customer', no group split, classes as even as that allows (seed 0)"
    """

    scheme: ClassVar[str] = "stratified_group"
    stratified: ClassVar[bool] = True

    def describe(self) -> str:
        """Return the scheme in words."""
        return (
            f"{self.n_splits} folds by {self.column!r}, no group split, classes as even as that allows "
            f"(seed {self.seed})"
        )


def deal_groups(groups: Words, rows: Counts, folds: NDArray[np.int64], n_splits: int, seed: int) -> Cells:
    """Return the fold of each group: those that have one keep it, the others join, the largest first.

    Parameters
    ----------
    groups : shape (G,).
    rows : of each group by class, shape (G, C).
    folds : of each group, -1 where it has none.
    n_splits, seed : of the scheme; the seed orders groups of one size.

    Examples
    --------
    >>> rows, new = np.array([[50], [20], [20], [30]]), np.full(4, -1)
    >>> deal_groups(np.arange(4, dtype=np.uint64), rows, new, 2, 0).tolist()
    [0, 1, 0, 1]
    """
    new, found = np.flatnonzero(folds < 0), folds.copy()
    scale = 1.0 / np.maximum(rows.sum(axis=0), 1).astype(np.float64) ** 2
    chance = splitmix(groups[new] ^ splitmix(np.array([seed % 2**64], np.uint64)))
    order = new[np.lexsort((chance, -(rows[new].astype(np.float64) ** 2 @ scale)))]
    old = np.flatnonzero(folds >= 0)
    held = np.zeros((n_splits, rows.shape[1]), np.int64)
    np.add.at(held, folds[old], rows[old])
    if rows.shape[1] == 1:
        found[order] = _to_the_smallest(rows[order, 0], held[:, 0])
    else:
        found[order] = _to_the_lacking(rows[order], held, scale)
    return found.astype(np.uint16)


def _to_the_smallest(sizes: Counts, held: Counts) -> NDArray[np.int64]:
    """Return the fold of each group, sorted by size: each joins the smallest. Groups of one size go in rounds."""
    found, start, k = np.empty(len(sizes), np.int64), 0, len(held)
    while start < len(sizes):
        size = sizes[start]
        alike = int(np.searchsorted(-sizes, -size, side="right")) - start
        rounds = alike // k if held.max() - held.min() <= size else 0
        if rounds == 0:
            smallest = int(held.argmin())
            found[start], held[smallest] = smallest, held[smallest] + size
            start += 1
            continue
        found[start : start + rounds * k] = np.tile(np.argsort(held, kind="stable"), rounds)
        held += rounds * size
        start += rounds * k
    return found


def _to_the_lacking(rows: Counts, held: Counts, scale: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the fold of each group: where it adds least to the sum of squares of the classes' shares.

    All rows are one class more, so that folds are even too. ``scale`` is 1 / rows² of each class.
    """
    both = np.column_stack([rows, rows.sum(axis=1)]).astype(np.float64)
    now = np.column_stack([held, held.sum(axis=1)]).astype(np.float64)
    scale = np.append(scale, 1.0 / max(now[:, -1].sum() + both[:, -1].sum(), 1.0) ** 2)
    found = np.empty(len(rows), np.int64)
    for i, group in enumerate(both):
        cost = now @ (group * scale)
        smallest = np.flatnonzero(cost <= cost.min() * (1.0 + 1e-12))
        found[i] = smallest[now[smallest, -1].argmin()]
        now[found[i]] += group
    return found
