"""The pass: every segment that lacks a state is read once, for all summaries of the study together.

Work is cut by segment; the leaf of a segment is published as soon as it is whole, so a pass that stops
anywhere continues where it stopped. Leaves are merged in the order of the segments, never of arrival, so the
states are the same bits for any number of workers.
"""

from __future__ import annotations

import functools
import os
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from algorithms.coded import NO_CODES
from algorithms.contract import Batch, Summary, pieces_for
from hpo.data.calendar import Order
from hpo.data.clocks import Clock, beside_of
from hpo.data.encoding.coded import Tables
from hpo.data.encoding.encoder import Encoded
from hpo.data.encoding.gather import Workspace
from hpo.data.hashing import DRAW, priorities
from hpo.errors import Interrupted, StoreWarning
from hpo.process.engine import Engine
from hpo.process.parallel import as_it_pays, in_order, read_ahead
from hpo.process.progress import Progress
from hpo.process.threads import one_thread
from hpo.process.workers import Workers
from hpo.states.driver import Roll, Rolls, made_elsewhere
from hpo.states.kept_rows import Keeping, smaller
from hpo.states.leaves import PACK, Leaves
from hpo.states.merging import Merging, Surveyed
from hpo.states.pass_result import PassResult
from hpo.states.runs import HELD, Keyed, Leaf, Made, cover_runs, empty_cells, is_long, no_cells, runs_of
from state_store import StateStore, StoreWriteError
from studies.counting import counted

if TYPE_CHECKING:
    from hpo.data.segment import Segment

Summaries = Sequence[Summary]

SMALL_SEGMENT, WAITING = 1 << 20, 8
"""Segments of so few bytes mostly wait for the disk: so many are read at once, where their states are small."""

UNITS, LEAST_PACK = 8, 4
"""Leaves of many small segments are kept in so many packs at least, of so many each at least, or not at all."""

QUICK = 2.5e-3
"""Seconds of a small segment, in which little is computed and nothing waited for: one thread makes most of them."""

PACK_BYTES = 1 << 24
"""Stored bytes of the segments of one pack, at most: what a killed process reads again."""


@dataclass(frozen=True, eq=False)
class Pass(Leaves):
    """One reading of a data set for several summaries."""

    def run(self, engine: Engine, progress: Progress, stop: Event) -> PassResult:
        """Return the merged states, reading what no leaf is known of.

        Parameters
        ----------
        engine : where it runs; data in memory is read in threads of this process.
        progress : called with rows and bytes as they are read.
        stop : set to stop after the batch at hand; what is finished is kept.

        Raises
        ------
        DataError
            If a segment cannot be read.
        EngineError
            If there are no workers, or they cannot do it.
        Interrupted
            If ``stop`` was set; says how far the pass came.
        """
        began = time.perf_counter()
        result = PassResult({s: no_cells(s, self.pilot) for s in self.contexts})
        unsaved: list[StoreWriteError] = []
        cores = os.cpu_count() or 1 if engine.n_jobs is None else engine.n_jobs
        known = self._survey()
        units = self._units(known.missing)
        work = functools.partial(
            self.unit, lacking=known.lacking, progress=progress, stop=stop, unsaved=unsaved,
            prefetch=0 < len(known.missing) < cores,
        )  # fmt: skip
        with one_thread(), ExitStack() as opened:
            workers = opened.enter_context(self._workers(engine, units))
            if workers is None:
                beside = opened.enter_context(ThreadPoolExecutor(1))
                made = self._made(work, units, engine.n_jobs, beside)
            else:
                rolls = Rolls(known.rolled, self._rolls(known))
                elsewhere = made_elsewhere(self, workers, units, known.lacking, rolls, progress, stop)
                made = opened.enter_context(closing(elsewhere))
            Merging(self, result, known, made, work, unsaved).run(functools.partial(self._stopped, stop, result))
        result.seconds = time.perf_counter() - began
        if unsaved:
            warnings.warn(_complaint(unsaved), StoreWarning, stacklevel=2)
        return result

    def _made(
        self, work: Callable[..., list[Made]], units: Sequence[Sequence[Keyed]], n_jobs: int | None,
        beside: ThreadPoolExecutor,
    ) -> Iterator[list[Made]]:  # fmt: skip
        """Return the leaves of units in their order, made in threads; quick small segments in one, unless asked."""
        if n_jobs is not None or len(units) < 2 or len(units[0]) < 2:
            return in_order(work, units, n_jobs or self._threads(units), beside)
        return as_it_pays(work, units, self._threads(units), beside, QUICK * len(units[0]))

    def _workers(self, engine: Engine, units: Sequence[object]) -> AbstractContextManager[Workers | None]:
        """Return the workers of an engine, if there is something for them; None for threads."""
        return engine.workers() if units and not self.dataset.in_memory else nullcontext()

    def stored_in(self, store: StateStore) -> Pass:
        """Return the same pass over another way to the store."""
        return replace(self, store=store)

    def __getstate__(self) -> dict[str, object]:
        """Leave the store out: who loads it opens that (:meth:`stored_in`)."""
        return {**self.__dict__, "store": None}

    def _survey(self) -> Surveyed:
        """Return what the store has of the segments."""
        segments = self.dataset.segments
        keys = [self.pilot.folds.key(segment) for segment in segments]
        runs = runs_of(keys, alone=self.pilot.folds.places is not None)
        rolled, lacking = {}, {}
        for s, context in self.contexts.items():
            rolled[s], lacking[s] = cover_runs(self.store, context, runs)
        some = set().union(*lacking.values())
        missing = [(segment, key) for segment, key in zip(segments, keys, strict=True) if key in some]
        return Surveyed(runs, rolled, lacking, missing)

    def _units(self, missing: Sequence[Keyed]) -> list[list[Keyed]]:
        """Return what is read one after another and kept together: neighbours where segments are small and many.

        Where a unit ends follows from all segments, known or not: so processes that begin at different moments, and
        find different leaves, wait for each other's units and never read half of one.
        """
        if not missing:
            return []
        segments, lacking = self.dataset.segments, dict(missing)
        size = min(PACK, sum(segment.nbytes <= SMALL_SEGMENT for segment in segments) // UNITS)
        if size < LEAST_PACK:
            return [[one] for one in missing]
        units: list[list[Keyed]] = []
        room = held = count = 0
        costs = zip(*(self.leaf_bytes(s, segments) for s in self.contexts), strict=True)
        for segment, cost in zip(segments, map(sum, costs), strict=True):
            room, held, count = room - segment.nbytes, held - cost, count + 1
            if not (units and count <= size and room >= 0 and held >= 0 and segment.nbytes <= SMALL_SEGMENT):
                units.append([])
                room, held, count = PACK_BYTES - segment.nbytes, HELD - cost, 1
            if segment in lacking:
                units[-1].append((segment, lacking[segment]))
        return [unit for unit in units if unit]

    def _rolls(self, known: Surveyed) -> list[Roll]:
        """Return the runs that workers merge: those that are long, and of states too large for :meth:`small`."""
        found = []
        for run in known.runs:
            if is_long(run):
                segments = self.dataset.segments[run.start : run.start + len(run.keys)]
                large = {s for s in self.contexts if run.key not in known.rolled[s] and not self.small(s, segments)}
                found += [Roll(run, frozenset(large))] if large else []
        return found

    def _threads(self, units: Sequence[Sequence[Keyed]]) -> int:
        """Return how many threads read: one for each core, more of single small segments, which wait for disks."""
        cores = os.cpu_count() or 1
        leaves = self.pilot.folds.leaf_cells * sum(s.nbytes(self.pilot.shape) for s in self.contexts)
        small = all(len(unit) == 1 and unit[0][0].nbytes <= SMALL_SEGMENT for unit in units)
        return max(cores, WAITING) if small and leaves * WAITING <= HELD else cores

    def unit(
        self,
        unit: Sequence[Keyed],
        lacking: Mapping[Summary, Collection[str]],
        progress: Progress,
        stop: Event,
        unsaved: list[StoreWriteError],
        *,
        prefetch: bool,
    ) -> list[Made]:
        """Return the lacking leaves of neighbouring segments, kept together; of fewer where it is stopped."""
        ordered = sorted(lacking, key=self.contexts.__getitem__)
        wanted = {s: [k for _, k in unit if k in lacking[s]] for s in ordered}
        wanted = {s: keys for s, keys in wanted.items() if keys}
        made: list[Made] = []
        if stop.is_set():
            return made
        with ExitStack() as flights:
            leaves: dict[Summary, dict[str, Leaf]] = {}
            for s, keys in wanted.items():
                cover = flights.enter_context(self.store.flights(self.contexts[s], keys))
                leaves[s] = self.known(s, cover.found)
            new: dict[Summary, dict[str, tuple[Segment, Leaf]]] = {s: {} for s in wanted}
            try:
                for segment, key in unit:
                    mine = [s for s, keys in wanted.items() if key in keys and key not in leaves[s]]
                    found = self._compute(segment, mine, progress, stop, prefetch=prefetch) if mine else {}
                    if len(found) < len(mine):
                        break
                    for s, leaf in found.items():
                        leaves[s][key], new[s][key] = replace(leaf, kept={}), (segment, smaller(leaf, segment))
                    made.append(({s: of[key] for s, of in leaves.items() if key in of}, set(mine)))
            finally:
                for s, fresh in new.items():
                    self.publish(s, fresh, unsaved)
        return made

    def missing(self) -> tuple[list[Keyed], list[Segment]]:
        """Return the segments that must be read, with their keys, and the others."""
        missing = self._survey().missing
        lacking = {key for _, key in missing}
        return missing, [s for s in self.dataset.segments if self.pilot.folds.key(s) not in lacking]

    def threads(self, missing: Sequence[Keyed]) -> int:
        """Return how many threads read so many segments."""
        return self._threads(self._units(missing))

    def in_packs(self, missing: Sequence[Keyed]) -> bool:
        """Return whether the leaves of segments are kept together."""
        return any(len(unit) > 1 for unit in self._units(missing))

    def beginning(
        self, segment: Segment, most: int, progress: Progress, *, prefetch: bool
    ) -> dict[Summary, Leaf]:
        """Return the leaves of a segment's first rows, about so many of them, kept nowhere."""
        return self._compute(segment, list(self.contexts), progress, Event(), prefetch=prefetch, most=most)

    def _compute(
        self, segment: Segment, summaries: Summaries, progress: Progress, stop: Event, *, prefetch: bool,
        most: int | None = None,
    ) -> dict[Summary, Leaf]:  # fmt: skip
        """Read the segment once and return its leaf for each summary; nothing if stopped."""
        cells = {s: list(empty_cells(s, self.pilot)) for s in summaries}
        rows = without_target = without_weight = 0
        draws = any(s.draws for s in summaries)
        ready = {s: self.pilot.ready(s) for s in summaries}
        kept = {s: Keeping.of(one, self.pilot, segment, whole=most is None) for s, one in ready.items()}
        codes = {s for s in summaries if ready[s].takes(NO_CODES)}
        forms = len(codes) < len(ready), bool(codes)
        calendar = self.pilot.calendar
        beside = beside_of(summaries, None if calendar is None else calendar.order)
        for encoded, read in self._batches(segment, prefetch=prefetch, draws=draws, beside=beside, forms=forms):
            if stop.is_set():
                return {}
            for s, states in cells.items():
                for cell, batch in encoded.coded if s in codes else encoded.parts:
                    for piece in pieces_for(ready[s], batch):
                        states[cell] = ready[s].update(states[cell], piece)
                        kept[s].add(cell, piece)
            rows += read
            without_target += encoded.without_target
            without_weight += encoded.without_weight
            progress.advance(read, self._bytes(segment, read))
            if most is not None and rows >= most:
                break
        return {
            s: Leaf(
                tuple(map(ready[s].ended, c)), rows, without_target, without_weight, kept[s].rows(segment)
            )
            for s, c in cells.items()
        }

    def _batches(
        self, segment: Segment, *, prefetch: bool, draws: bool, beside: Sequence[Clock | Order],
        forms: tuple[bool, bool],
    ) -> Iterator[tuple[_Parts, int]]:  # fmt: skip
        """Yield encoded batches, as columns and as codes as ``forms`` has it, and how many rows were read."""
        dataset, folds, workspaces = self.dataset, self.pilot.folds, (Workspace(), Workspace())
        more = (*folds.columns, *(column for one in beside for column in one.columns))
        columns = tuple(dict.fromkeys((*dataset.columns, *more)))
        looked = dataset.looked_up
        first_row, n_cells, assign = 0, folds.leaf_cells, folds.assigner(segment)
        features = [field.name for field in dataset.features if not looked or field.name not in more]
        scanned = dataset.scan(segment, columns, threads=prefetch, apart=features)
        for rows in read_ahead(scanned) if prefetch else scanned:
            batch = rows.batch
            cells = assign(batch, first_row)
            hashes = priorities(segment.place, DRAW, first_row, batch.num_rows) if draws else None
            given = {k: v for one in beside for k, v in one.of(batch, first_row, segment.id).items()}
            if draws:
                given["number"] = np.arange(first_row, first_row + batch.num_rows)
            first_row += batch.num_rows
            pay = self._tables.pay(rows, n_cells)
            made = [
                self.pilot.encoder.encode_cells(
                    rows, dataset.targets, dataset.weight, cells, n_cells, priority=hashes, beside=given,
                    workspace=workspaces[codes], where=segment.id, tables=self._tables, codes=codes,
                )
                for codes in (False, True)
                if (forms[codes] if pay else not codes)
            ]  # fmt: skip
            yield _Parts.of(made), batch.num_rows

    @functools.cached_property
    def _tables(self) -> Tables:
        """The tables that rows look up in."""
        return Tables(self.pilot.encoder)

    def _bytes(self, segment: Segment, rows: int) -> int:
        return segment.nbytes * rows // segment.rows if segment.rows else 0

    def _stopped(self, stop: Event, result: PassResult) -> None:
        if stop.is_set():
            done = len(result.segments)
            raise Interrupted(
                f"stopped after {done} of {counted(len(self.dataset.segments), 'segment')}; their states are kept "
                f"in {self.store.location}: run the same again to continue"
            )

@dataclass(frozen=True, eq=False)
class _Parts:
    """An encoded batch, cell by cell; cells without rows are left out. ``coded`` are parts for who takes codes."""

    parts: list[tuple[int, Batch]]
    coded: list[tuple[int, Batch]]
    without_target: int
    without_weight: int

    @classmethod
    def of(cls, made: Sequence[Encoded]) -> _Parts:
        """Return the parts of the batch as columns and as codes, or of the only form that there is."""
        parts = [list(_by_cell(one.batch, one.counts.tolist())) for one in made]
        return cls(parts[0], parts[-1], made[0].without_target, made[0].without_weight)


def _by_cell(batch: Batch, counts: Sequence[int]) -> Iterator[tuple[int, Batch]]:
    start = 0
    for cell, count in enumerate(counts):
        rows = slice(start, start + count)
        if count:
            yield cell, batch.part(rows)
        start += count


def _complaint(unsaved: Sequence[StoreWriteError]) -> str:
    return (
        f"{counted(len(unsaved), 'state')} could not be kept: {unsaved[0]} "
        "The study continues with what is in memory; until the store can be written, its next run reads those "
        "segments again."
    )
