"""Dealing the rows of a segment to folds: of every K rows of a class each fold gets one, in the order of hashes.

A row's fold depends on the segment's place, on how many rows of its class stand before it in the segment, and on a
seed; so it is known while the rows stream by, and equal for every batch size. What is left over at the end of a
class, fewer than K rows, goes to the folds that have the fewest: ``share_out`` says which.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.batches import Label
from hpo.data.encoding.rows import usable_rows
from hpo.data.hashing import Words, seed_word, splitmix
from hpo.data.levels import class_codes
from hpo.data.values import Mask

Cells: TypeAlias = NDArray[np.uint16]
Counts: TypeAlias = NDArray[np.int64]

_SLOT = np.uint64(511)
_UNKNOWN = -1


@dataclass(frozen=True)
class Share:
    """How the rows of one segment and class are divided: evenly, and one more to some folds.

    Attributes
    ----------
    rows : how many there are; None if unknown before reading.
    extra : the folds that get one more, ``rows % K`` of them.
    """

    rows: int | None = None
    extra: tuple[int, ...] = ()


Shares = Mapping[Label | None, Share]
"""By class, in the order of the classes; of folds that know no classes, one share by None."""


@dataclass(frozen=True, eq=False)
class Roles:
    """What of a row decides whether it is dealt, and to what class it belongs.

    Attributes
    ----------
    targets, weight : rows without a target or of weight zero are not dealt.
    classes : the labels that are dealt apart; empty where all rows are dealt together.
    known : the labels of a target that is a class, dealt apart or not.
    """

    targets: tuple[str, ...] = ()
    weight: str | None = None
    classes: tuple[Label, ...] = ()
    known: tuple[Label, ...] = ()


@dataclass(eq=False)
class Dealer:
    """Gives the rows of one segment their folds, one batch after another.

    Attributes
    ----------
    place : of the segment.
    seed, n_splits : of the scheme.
    shares : what is known of the segment's rows.
    roles : which rows are dealt.
    dealt : shape (C,), rows of each class that were given their fold.
    """

    place: str
    seed: int
    n_splits: int
    shares: Shares
    roles: Roles = field(default_factory=Roles)
    dealt: Counts = field(init=False)

    def __post_init__(self) -> None:
        k, shares = self.n_splits, list(self.shares.values())
        self.dealt = np.zeros(len(shares), np.int64)
        words = [seed_word("fold", self.place, self.seed, label_text(c)) for c in self.shares]
        self._words = np.array(words, np.uint64)
        self._rest = np.array([len(s.extra) for s in shares], np.uint64)
        self._last = np.array([s.rows // k if s.rows and s.extra else _UNKNOWN for s in shares], np.int64)
        self._extra = np.zeros((len(shares), k), np.uint16)
        for row, share in zip(self._extra, shares, strict=True):
            row[: len(share.extra)] = share.extra

    def __call__(self, batch: pa.RecordBatch, first_row: int = 0) -> Cells:
        """Return the fold of each row of the next batch; 0 for a row that is not dealt."""
        roles, keep = self.roles, cast("Mask | None", None)
        if roles.classes:
            codes = class_codes(batch.column(roles.targets[0]), roles.classes)
            weighted = usable_rows(batch, (), roles.weight, self.place).keep
            labelled = ~np.isnan(codes)
            used: Mask = labelled if weighted is None else labelled & weighted
            keep = None if used.all() else used
            dealt = self._classed((codes if keep is None else codes[keep]).astype(np.uint16))
        else:
            keep = usable_rows(batch, roles.targets, roles.weight, self.place, roles.known).keep
            rows = batch.num_rows if keep is None else int(np.count_nonzero(keep))
            dealt = self.run(int(self.dealt[0]), rows)
            self.dealt[0] += rows
        if keep is None:
            return dealt
        cells = np.zeros(batch.num_rows, np.uint16)
        cells[keep] = dealt
        return cells

    def run(self, start: int, rows: int) -> Cells:
        """Return the folds of rows ``start`` and following, all of the only class."""
        first = start // self.n_splits
        blocks = np.arange(first, -(-(start + rows) // self.n_splits))
        dealt = self._blocks(np.zeros(len(blocks), np.intp), blocks).reshape(-1)
        return dealt[start - first * self.n_splits :][:rows]

    def _classed(self, codes: NDArray[np.uint16]) -> Cells:
        """Return the folds of rows, each in its class."""
        order = np.argsort(codes, kind="stable")
        codes, counts = codes[order], np.bincount(codes, minlength=len(self.dealt))
        number = np.arange(len(codes)) + (self.dealt - (np.cumsum(counts) - counts))[codes]
        self.dealt += counts
        block, slot = np.divmod(number, self.n_splits)
        begins = np.empty(len(codes), np.bool_)
        begins[:1] = True
        begins[1:] = (codes[1:] != codes[:-1]) | (block[1:] != block[:-1])
        dealt = self._blocks(codes[begins].astype(np.intp), block[begins])
        cells = np.empty(len(codes), np.uint16)
        cells[order] = dealt[np.cumsum(begins) - 1, slot]
        return cells

    def _blocks(self, codes: NDArray[np.intp], blocks: Counts) -> Cells:
        """Return the folds of whole runs of K rows, shape (runs, K)."""
        slots = np.arange(self.n_splits, dtype=np.uint64)
        places = blocks.astype(np.uint64)[:, np.newaxis] * np.uint64(self.n_splits) + slots
        keys: Words = splitmix(splitmix(places) ^ self._words[codes][:, np.newaxis])
        keys |= _SLOT
        last = np.flatnonzero(self._last[codes] == blocks)
        beyond = slots >= self._rest[codes[last]][:, np.newaxis]
        keys[last] |= np.where(beyond, ~np.uint64(0), np.uint64(0))
        keys ^= _SLOT ^ slots
        keys.sort(axis=1)
        cells = (keys & _SLOT).astype(np.uint16)
        if len(last):
            cells[last] = np.take_along_axis(self._extra[codes[last]], cells[last].astype(np.intp), axis=1)
        return cells


class Table:
    """How many rows of each class every fold has so far, and what further rows are to be given to whom.

    Examples
    --------
    >>> table = Table(5, ["rare", "usual"])
    >>> table.share({"rare": 3, "usual": 11})
    {'rare': Share(rows=3, extra=(0, 1, 2)), 'usual': Share(rows=11, extra=(3,))}
    >>> table.share({"rare": 2})
    {'rare': Share(rows=2, extra=(4, 3))}
    """

    def __init__(self, n_splits: int, classes: Sequence[Label | None]) -> None:
        self.rows: dict[Label | None, Counts] = {c: np.zeros(n_splits, np.int64) for c in classes}
        self.total = np.zeros(n_splits, np.int64)
        self.known = True

    def share(self, rows: Mapping[Label | None, int | None]) -> dict[Label | None, Share]:
        """Divide a further segment's rows: what is left over of a class goes to the folds with the fewest of it."""
        return {label: self._shared(label, n) for label, n in rows.items()}

    def add(self, segments: Iterable[Shares]) -> None:
        """Count segments that were divided before."""
        k, even, extra = len(self.total), Counter[Label | None](), defaultdict[Label | None, list[int]](list)
        for label, share in (pair for shares in segments for pair in shares.items()):
            self.known &= share.rows is not None
            even[label] += (share.rows or 0) // k
            extra[label] += share.extra
        for label, each in even.items():
            self._count(label, each + np.bincount(np.array(extra[label], np.intp), minlength=k))

    def _shared(self, label: Label | None, rows: int | None) -> Share:
        k = len(self.total)
        order = np.lexsort((self.total, self.rows[label]))
        share = Share(rows, tuple(order[: (rows or 0) % k].tolist()))
        self.add([{label: share}])
        return share

    def _count(self, label: Label | None, rows: Counts) -> None:
        self.rows[label] += rows
        self.total += rows


def label_text(label: Label | None) -> str:
    """Return what stands for a label wherever it is stored: whole numbers alike in every type.

    Examples
    --------
    >>> label_text(2), label_text(2.0), label_text("2"), label_text(None)
    ('2', '2', "'2'", '')
    """
    if label is None:
        return ""
    return repr(label) if isinstance(label, str) else f"{float(label):.17g}"
