"""Who gets which fold: rows and groups are counted, dealt, and what was dealt is remembered for each segment.

The deal of a segment begins where that of the others stood when it was first seen, and stays: so folds are even
over all segments together, and growing or shrinking data keeps the folds, and the leaves, of segments that stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.batches import Label
from hpo.data.encoding.rows import usable_rows
from hpo.data.folds.dealing import Roles, Share, Shares, Table, label_text
from hpo.data.folds.groups import DealtGroups, GroupFolds, deal_groups, group_words
from hpo.data.folds.schemes import DealtRows, FoldScheme, RowFolds, StratifiedFolds
from hpo.data.levels import class_codes
from hpo.data.segment import fingerprint
from hpo.data.sources.memory import MEMORY
from hpo.states.learned.kinds import DEALS, GROUPS
from hpo.states.learned.labels import known_label_rows, label_rows
from hpo.states.learned.notes import Notes
from state_store import StateStore, digest, digests
from state_store.blob import Blob

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hpo.data.dataset import Dataset
    from hpo.data.hashing import Words
    from hpo.data.segment import Segment


HELD = 1 << 23
"""Groups of segments, in all, that are held while they are dealt; those of further segments are looked up again."""


def dealt(
    folds: FoldScheme, dataset: Dataset, store: StateStore, classes: Sequence[Label] = ()
) -> FoldScheme:
    """Return the scheme with what it deals to whom; reads what it must count of segments that are not known yet.

    ``classes`` are the labels of a target that is a class. Schemes that deal nothing are returned as they are.
    """
    found = _dealt(folds, dataset, store, classes, read=True)
    assert found is not None  # noqa: S101 - known once all is read
    return found


def known_dealt(
    folds: FoldScheme, dataset: Dataset, store: StateStore, classes: Sequence[Label] = ()
) -> FoldScheme | None:
    """Return the scheme as :func:`dealt`, of what is counted already; None where that is nothing. Reads no data."""
    return _dealt(folds, dataset, store, classes, read=False)


def _dealt(
    folds: FoldScheme, dataset: Dataset, store: StateStore, classes: Sequence[Label], *, read: bool
) -> FoldScheme | None:
    deal = _Deal(dataset, store, tuple(classes), read)
    if isinstance(folds, RowFolds):
        return deal.rows(folds)
    return deal.groups(folds) if isinstance(folds, GroupFolds) else folds


@dataclass(frozen=True, eq=False)
class _Deal:
    """A deal over a data set, and where it is remembered."""

    dataset: Dataset
    store: StateStore
    classes: tuple[Label, ...]
    read: bool

    def rows(self, folds: RowFolds) -> RowFolds | None:
        """Return folds that know what is left over of each segment and class, and who gets it."""
        apart = self.classes if isinstance(folds, StratifiedFolds) else ()
        segments, table = self.dataset.segments, Table(folds.n_splits, apart or [None])
        counted = self._counted(apart)
        if counted is None:
            return None
        names = self._names(folds, counted)
        notes = Notes(self.store, DEALS, digest([self._asked(folds), "rows"]))
        files = [name for name, s in zip(names, segments, strict=True) if s.uri != MEMORY]
        known = notes.recall(files, _extra_rows) if files else {}
        found: dict[str, Shares] = {}
        alike: dict[object, Shares | None] = {}  # most of many segments
        for segment, name, rows in zip(segments, names, counted, strict=True):
            kind = (*known.get(name, {}).items(), *rows.items())
            if name in known and kind not in alike:
                alike[kind] = _remembered_shares(known[name], rows, folds.n_splits)
            shares = alike[kind] if name in known else None
            if shares is not None:
                found[segment.id] = shares
        table.add(found.values())
        new: dict[str, dict[str, object]] = {}
        for segment, name, rows in zip(segments, names, counted, strict=True):
            if segment.id not in found:
                shares = found[segment.id] = table.share(rows)
                extra = {label_text(c): list(share.extra) for c, share in shares.items() if share.extra}
                new |= {name: {"segment": segment.fingerprint, "extra": extra}} if segment.uri != MEMORY else {}
        if self.read and new:
            notes.keep(new)
        roles = Roles(self.dataset.targets, self.dataset.weight, apart, self.classes)
        return folds.knowing(DealtRows(found, roles, table))

    def _counted(self, apart: tuple[Label, ...]) -> list[dict[Label | None, int | None]] | None:
        """Return the rows of each class of each segment in the order of the classes, or of all; None if unknown."""
        segments = self.dataset.segments
        if not apart:
            return [{None: segment.opened if segment.rows is None else segment.rows} for segment in segments]
        counts = label_rows if self.read else known_label_rows
        found = counts(self.dataset, self.store)
        return None if found is None else [{label: rows.get(label, 0) for label in apart} for rows in found]

    def _asked(self, folds: FoldScheme) -> list[object]:
        """Return what a deal depends on, beside what it deals."""
        asked = {k: v for k, v in folds.to_dict().items() if k != "seed" or isinstance(folds, GroupFolds)}
        return [asked, [*self.dataset.targets, self.dataset.weight]]

    def _names(self, folds: FoldScheme, counted: Sequence[Mapping[Label | None, int | None]]) -> list[str]:
        """Return what the deal of each segment is remembered by."""
        found = zip(self.dataset.segments, counted, strict=True)
        return digests(
            self._asked(folds),
            (self._own(segment, [[label_text(c), n] for c, n in rows.items()]) for segment, rows in found),
        )

    def _own(self, segment: Segment, counted: object) -> list[object]:
        """Return what a segment's deal is remembered by: where it is and how many rows it has, not its time."""
        where = segment.fingerprint if segment.uri == MEMORY else segment.uri
        return [where, segment.place, *segment.part, counted]

    def groups(self, folds: GroupFolds) -> GroupFolds:
        """Return folds that know the fold of each group, of the segments that are counted."""
        together, names = _Groups(len(self.classes) if folds.stratified else 1), {}
        held: dict[str, Words] = {}
        asked = self._asked(folds)
        room = HELD
        for segment in self.dataset.segments:
            counted = self._counted_groups(folds, segment)
            if counted is None:
                continue
            words, rows = counted
            room -= len(words)
            if room >= 0:
                held[segment.id] = words
            counted_as = fingerprint(words.tobytes(), rows.tobytes())
            names[segment.id] = name = digest([*asked, *self._own(segment, counted_as)])
            together.add(words, rows, self._folds_of(name, words.shape))
        words, rows, known = together.result()
        made = deal_groups(words, rows, known, folds.n_splits, folds.seed)
        prints = {}
        for segment in self.dataset.segments:
            if segment.id in names:
                own = held.pop(segment.id, None)
                if own is None and (again := self._counted_groups(folds, segment)) is not None:
                    own = again[0]
                mine = made[:0] if own is None else made[np.searchsorted(words, own)]
                prints[segment.id] = fingerprint(mine.tobytes())
                if self.read and self._folds_of(names[segment.id], mine.shape) is None:
                    about = {"segment": segment.fingerprint}
                    DEALS.put(self.store, names[segment.id], about, {"folds": mine})
        labels = self.classes if folds.stratified else ()
        return folds.knowing(DealtGroups(words, made, rows, labels, prints))

    def _folds_of(self, name: str, shape: tuple[int, ...]) -> NDArray[np.int64] | None:
        """Return the remembered folds of a segment's groups."""
        document = DEALS.get(self.store, name)
        found = None if document is None else document.arrays.get("folds")
        return found.astype(np.int64) if found is not None and found.shape == shape else None

    def _counted_groups(self, folds: GroupFolds, segment: Segment) -> tuple[Words, NDArray[np.int64]] | None:
        """Return the groups of a segment, sorted, and the rows of each by class; None if unknown before reading."""
        roles = [folds.column, *self.dataset.targets, self.dataset.weight]
        labels = [label_text(c) for c in self.classes] if folds.stratified else []
        name = digest([segment.fingerprint, roles, labels, len(self.classes)])
        kept = GROUPS.made(self.store, name, _groups_and_rows)
        if kept is not None:
            return kept
        if not self.read:
            return None
        found = _Groups(len(self.classes) if folds.stratified else 1)
        for words, rows in self._batches(folds, segment):
            found.add(words, rows)
        words, rows, _ = found.result()
        GROUPS.put(self.store, name, {"segment": segment.fingerprint}, {"groups": words, "rows": rows})
        return words, rows

    def _batches(
        self, folds: GroupFolds, segment: Segment
    ) -> Iterator[tuple[Words, NDArray[np.int64]]]:
        """Yield the groups of each batch with their usable rows by class."""
        targets, weight = self.dataset.targets, self.dataset.weight
        columns = tuple(dict.fromkeys([folds.column, *targets, *([weight] if weight else [])]))
        width = len(self.classes) if folds.stratified else 1
        for batch in self.dataset.look(segment, columns):
            keep = usable_rows(batch, targets, weight, segment.id, self.classes).keep
            words, places = np.unique(group_words(batch.column(folds.column)), return_inverse=True)
            codes = np.zeros(batch.num_rows)
            if folds.stratified:
                codes = class_codes(batch.column(targets[0]), self.classes)
            used = slice(None) if keep is None else keep
            flat = places[used] * width + codes[used].astype(np.int64)
            yield words, np.bincount(flat, minlength=len(words) * width).reshape(len(words), width)


def _groups_and_rows(document: Blob) -> tuple[Words, NDArray[np.int64]]:
    groups, rows = document.arrays["groups"], document.arrays["rows"]
    if groups.ndim != 1 or rows.ndim != 2 or len(groups) != len(rows):
        raise ValueError(f"groups of shape {groups.shape} have rows of shape {rows.shape}")
    return groups.astype(np.uint64, copy=False), rows.astype(np.int64, copy=False)


def _extra_rows(about: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the folds that have a row more than others, by class."""
    return {str(label): tuple(int(fold) for fold in folds) for label, folds in about["extra"].items()}


def _remembered_shares(
    extra: Mapping[str, tuple[int, ...]], rows: Mapping[Label | None, int | None], n_splits: int
) -> Shares | None:
    """Return the shares of a segment by what is remembered of it; None where that is of another one."""
    found = {c: Share(n, extra.get(label_text(c), ())) for c, n in rows.items()}
    fits = all(len(share.extra) == (share.rows or 0) % n_splits for share in found.values())
    return found if fits else None


class _Groups:
    """Groups met so far, with their rows by class and the folds that they had; merged now and then."""

    def __init__(self, classes: int) -> None:
        self._parts = [(np.empty(0, np.uint64), np.zeros((0, classes), np.int64), np.empty(0, np.int64))]
        self._waiting = 0

    def add(self, words: Words, rows: NDArray[np.int64], folds: NDArray[np.int64] | None = None) -> None:
        """Take further groups; of two folds the first that was met stays."""
        known = np.full(len(words), -1) if folds is None else folds
        self._parts.append((words, rows, known))
        self._waiting += len(words)
        if self._waiting > max(1 << 20, len(self._parts[0][0])):
            self._parts = [self.result()]
            self._waiting = 0

    def result(self) -> tuple[Words, NDArray[np.int64], NDArray[np.int64]]:
        """Return the groups, sorted, each once."""
        words, rows, folds = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        found, places = np.unique(words, return_inverse=True)
        total = np.zeros((len(found), rows.shape[1]), np.int64)
        np.add.at(total, places, rows)
        first = np.full(len(found), -1)
        has = np.flatnonzero(folds >= 0)[::-1]  # the first that was met is written last
        first[places[has]] = folds[has]
        return found, total, first
