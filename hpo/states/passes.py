"""The pass: every segment that lacks a state is read once, for all summaries of the study together.

Work is cut by segment; the leaf of a segment is published as soon as it is whole, so a pass that stops
anywhere goes on where it stopped. Leaves are merged in the order of the segments, never of arrival, so the
states are the same bits for any number of workers.
"""

from __future__ import annotations

import functools
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from algorithms.contract import Batch, State, Summary, pieces_for
from hpo.data.encoding.gather import Workspace
from hpo.data.hashing import priorities
from hpo.errors import Interrupted, StoreWarning
from hpo.process.parallel import in_order, read_ahead
from hpo.process.progress import Progress
from hpo.process.threads import one_thread
from hpo.states.learned.pilot import Pilot
from hpo.states.summaries import fields_of_summary
from state_store import Key, StateStore, StoreWriteError, digest

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment

Summaries = Sequence[Summary]

DRAW = -1
"""Seed of the priorities that rows are drawn by: apart from every seed of folds."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """What one segment adds to one summary: a state per cell, and the rows left out.

    Attributes
    ----------
    cells : one state per cell of the fold plan.
    rows : rows of the segment, those left out included.
    without_target, without_weight : rows left out for want of a target, or with weight zero.
    """

    cells: tuple[State, ...]
    rows: int
    without_target: int
    without_weight: int


SMALL_SEGMENT, SMALL_LEAVES, WAITING = 1 << 20, 1 << 26, 8
"""Segments of so few bytes mostly wait for the disk: so many are read at once, where their states are small."""

Found = tuple[dict[Summary, Leaf], set[Summary]]
"""A segment's leaves, and the summaries whose leaf had to be computed."""


@dataclass(frozen=True)
class SegmentCost:
    """One segment of a pass: how many rows it has, and whether they were read or their states reused."""

    name: str
    rows: int
    nbytes: int
    read: bool


@dataclass
class PassResult:
    """What a pass gives.

    Attributes
    ----------
    cells : summary → one state per cell, all segments merged.
    segments : what each segment cost, in order.
    states_built, states_reused : leaves computed, and leaves found in the store.
    without_target, without_weight : rows left out.
    seconds : of the whole pass.
    """

    cells: dict[Summary, list[State]]
    segments: list[SegmentCost] = field(default_factory=list)
    states_built: int = 0
    states_reused: int = 0
    without_target: int = 0
    without_weight: int = 0
    seconds: float = 0.0


def context_of(summary: Summary, pilot: Pilot, targets: Sequence[str], weight: str | None) -> str:
    """Return the digest of everything that a leaf depends on but its segment."""
    known = pilot.known.get(summary)
    return digest(
        {
            **fields_of_summary(summary),
            **({"known": known.digest} if known else {}),
            "pilot": pilot.digest,
            "targets": list(targets),
            "weight": weight,
        }
    )


@dataclass(frozen=True, eq=False)
class Pass:
    """One reading of a data set for several summaries.

    Attributes
    ----------
    dataset : what to read.
    pilot : encoder and folds.
    contexts : the key of each summary's states.
    store : where leaves are kept.
    """

    dataset: Dataset
    pilot: Pilot
    contexts: Mapping[Summary, str]
    store: StateStore

    def run(self, n_jobs: int | None, progress: Progress, stop: Event) -> PassResult:
        """Return the merged states, reading what no leaf is known of.

        Parameters
        ----------
        n_jobs : threads; None for one per core.
        progress : called with rows and bytes as they are read.
        stop : set to stop after the batch at hand; what is finished is kept.

        Raises
        ------
        DataError
            If a segment cannot be read.
        Interrupted
            If ``stop`` was set; says how far the pass came.
        """
        began = time.perf_counter()
        result = PassResult({s: self._identity(s) for s in self.contexts})
        unsaved: list[StoreWriteError] = []
        workers = os.cpu_count() or 1 if n_jobs is None else n_jobs
        missing = self._missing()
        ahead = 0 < len(missing) < workers
        read = functools.partial(self._leaves, progress=progress, stop=stop, unsaved=unsaved, ahead=ahead)
        with one_thread(), ThreadPoolExecutor(1) as beside:
            threads = self._threads(missing) if n_jobs is None else workers
            made, lacking = in_order(read, missing, threads, beside), set(missing)
            for segment in self.dataset.segments:
                self._stopped(stop, result)
                found = next(made) if segment in lacking else read(segment)
                self._stopped(stop, result)
                self._add(result, segment, *found)
        result.seconds = time.perf_counter() - began
        if unsaved:
            warnings.warn(_complaint(unsaved), StoreWarning, stacklevel=2)
        return result

    def _identity(self, summary: Summary) -> list[State]:
        return [self.pilot.ready(summary).init(self.pilot.shape)] * self.pilot.folds.plan.n_cells

    def _threads(self, missing: Sequence[Segment]) -> int:
        """Return how many threads read: one for each core, more of small segments, which wait for the disk."""
        cores = os.cpu_count() or 1
        leaves = self.pilot.folds.plan.n_cells * sum(s.nbytes(self.pilot.shape) for s in self.contexts)
        small = max((segment.nbytes for segment in missing), default=0) <= SMALL_SEGMENT
        return max(cores, WAITING) if small and leaves * WAITING <= SMALL_LEAVES else cores

    def _missing(self) -> list[Segment]:
        """Return the segments of which the store lacks a leaf, in order."""
        segments = self.dataset.segments
        keys = [self.pilot.folds.key(segment) for segment in segments]
        lacking = {f for c in self.contexts.values() for f in self.store.cover(c, keys).missing}
        return [segment for segment, key in zip(segments, keys, strict=True) if key in lacking]

    def _leaves(
        self,
        segment: Segment,
        progress: Progress,
        stop: Event,
        unsaved: list[StoreWriteError],
        *,
        ahead: bool,
    ) -> Found:
        """Return the segment's leaves, and the summaries whose leaf had to be computed."""
        found = {s: leaf for s in self.contexts if (leaf := self._known(s, segment)) is not None}
        if len(found) == len(self.contexts) or stop.is_set():
            return found, set()
        missing = [s for s in sorted(self.contexts, key=self._context) if s not in found]
        with ExitStack() as flights:
            mine = [s for s in missing if flights.enter_context(self.store.flight(self._key(s, segment)))]
            for s in missing:
                leaf = None if s in mine else self._known(s, segment)
                if leaf is None:
                    mine = [*mine, s] if s not in mine else mine
                else:
                    found[s] = leaf
            made = self._compute(segment, mine, progress, stop, ahead=ahead) if mine else {}
            for s, leaf in made.items():
                self._publish(s, segment, leaf, unsaved)
        return {**found, **made}, set(mine)

    def _compute(
        self, segment: Segment, summaries: Summaries, progress: Progress, stop: Event, *, ahead: bool
    ) -> dict[Summary, Leaf]:
        """Read the segment once and return its leaf for each summary; nothing if stopped."""
        cells = {s: self._identity(s) for s in summaries}
        rows = without_target = without_weight = 0
        draws = any(s.draws for s in summaries)
        ready = {s: self.pilot.ready(s) for s in summaries}
        for encoded, read in self._batches(segment, ahead=ahead, draws=draws):
            if stop.is_set():
                return {}
            for s, states in cells.items():
                for cell, batch in encoded.parts:
                    for piece in pieces_for(ready[s], batch):
                        states[cell] = ready[s].update(states[cell], piece)
            rows += read
            without_target += encoded.without_target
            without_weight += encoded.without_weight
            progress.advance(read, self._bytes(segment, read))
        return {s: Leaf(tuple(c), rows, without_target, without_weight) for s, c in cells.items()}

    def _batches(self, segment: Segment, *, ahead: bool, draws: bool) -> Iterator[tuple[_Parts, int]]:
        dataset, folds, workspace = self.dataset, self.pilot.folds, Workspace()
        columns = tuple(dict.fromkeys((*dataset.columns, *folds.columns)))
        first_row, n_cells, assign = 0, folds.plan.n_cells, folds.assigner(segment)
        features = [field.name for field in dataset.features]
        scanned = dataset.scan(segment, columns, threads=ahead, apart=features)
        for rows in read_ahead(scanned) if ahead else scanned:
            batch = rows.batch
            cells = assign(batch, first_row)
            hashes = priorities(segment.place, DRAW, first_row, batch.num_rows) if draws else None
            first_row += batch.num_rows
            encoded = self.pilot.encoder.encode_cells(
                rows, dataset.targets, dataset.weight, cells, n_cells,
                priority=hashes, workspace=workspace, where=segment.id,
            )  # fmt: skip
            parts = list(_by_cell(encoded.batch, encoded.counts.tolist()))
            yield _Parts(parts, encoded.without_target, encoded.without_weight), batch.num_rows

    def _bytes(self, segment: Segment, rows: int) -> int:
        return segment.nbytes * rows // segment.rows if segment.rows else 0

    def _add(
        self, result: PassResult, segment: Segment, leaves: Mapping[Summary, Leaf], made: set[Summary]
    ) -> None:
        for s, leaf in leaves.items():
            merge_leaf(result, s, leaf, self.pilot)
        any_leaf = next(iter(leaves.values()))
        result.segments.append(SegmentCost(segment.id, any_leaf.rows, segment.nbytes, bool(made)))
        result.states_built += len(made)
        result.states_reused += len(leaves) - len(made)
        result.without_target += any_leaf.without_target
        result.without_weight += any_leaf.without_weight

    def _stopped(self, stop: Event, result: PassResult) -> None:
        if stop.is_set():
            done = len(result.segments)
            raise Interrupted(
                f"stopped after {done} of {len(self.dataset.segments)} segments; their states are kept in "
                f"{self.store.location}: run the same again to go on"
            )

    def _context(self, summary: Summary) -> str:
        return self.contexts[summary]

    def _key(self, summary: Summary, segment: Segment) -> Key:
        return Key(self.contexts[summary], self.pilot.folds.key(segment))

    def _known(self, summary: Summary, segment: Segment) -> Leaf | None:
        return self.store.get(self._key(summary, segment), empty_leaf(summary, self.pilot))

    def _publish(
        self, summary: Summary, segment: Segment, leaf: Leaf, unsaved: list[StoreWriteError]
    ) -> None:
        about = {
            "summary": repr(summary), "segment": segment.id, "uri": segment.uri, "rows": leaf.rows,
            "targets": list(self.pilot.shape.targets), "folds": self.pilot.folds.describe(),
            "columns": self.pilot.shape.d, "pilot": self.pilot.name, "fingerprint": segment.fingerprint,
        }  # fmt: skip
        if (known := self.pilot.known.get(summary)) is not None:
            about["known"] = known.digest
        try:
            self.store.put(self._key(summary, segment), leaf, about)
        except StoreWriteError as error:
            unsaved.append(error)


@dataclass(frozen=True, eq=False)
class _Parts:
    """An encoded batch, cell by cell; cells without rows are left out."""

    parts: list[tuple[int, Batch]]
    without_target: int
    without_weight: int


def merge_leaf(result: PassResult, summary: Summary, leaf: Leaf, pilot: Pilot) -> None:
    """Merge a leaf into a summary's cells."""
    merged, ready = result.cells[summary], pilot.ready(summary)
    result.cells[summary] = [ready.merge(a, b) for a, b in zip(merged, leaf.cells, strict=True)]


def empty_leaf(summary: Summary, pilot: Pilot) -> Leaf:
    """Return the leaf of no rows: the layout that a stored one must have."""
    return Leaf((pilot.ready(summary).init(pilot.shape),) * pilot.folds.plan.n_cells, 0, 0, 0)


def _by_cell(batch: Batch, counts: Sequence[int]) -> Iterator[tuple[int, Batch]]:
    start = 0
    for cell, count in enumerate(counts):
        rows = slice(start, start + count)
        if count:
            yield cell, batch.part(rows)
        start += count


def _complaint(unsaved: Sequence[StoreWriteError]) -> str:
    return (
        f"{len(unsaved)} states could not be kept: {unsaved[0]} "
        "The study goes on with what is in memory; until the store can be written, its next run reads those "
        "segments again."
    )
