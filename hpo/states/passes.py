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
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, field, replace
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from algorithms.coded import NO_CODES
from algorithms.contract import Batch, State, Summary, pieces_for
from hpo.data.calendar import Order
from hpo.data.clocks import Clock, beside_of
from hpo.data.encoding.coded import Tables
from hpo.data.encoding.encoder import Encoded
from hpo.data.encoding.gather import Workspace
from hpo.data.hashing import priorities
from hpo.errors import Interrupted, StoreWarning
from hpo.process.engine import Engine
from hpo.process.parallel import in_order, read_ahead
from hpo.process.progress import Progress
from hpo.process.threads import one_thread
from hpo.process.workers import Workers
from hpo.states.driver import Roll, Rolls, made_elsewhere
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.series import named
from hpo.states.runs import (
    HELD,
    KEPT,
    Keyed,
    Leaf,
    Made,
    Rolled,
    Rolling,
    Run,
    cover_runs,
    empty_cells,
    empty_leaf,
    empty_run,
    is_long,
    joined,
    no_cells,
    runs_of,
    shortened,
)
from state_store import Key, Member, StateStore, StoreWriteError
from studies.counting import counted

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment

Summaries = Sequence[Summary]

DRAW = -1
"""Seed of the priorities that rows are drawn by: apart from every seed of folds."""


SMALL_SEGMENT, WAITING = 1 << 20, 8
"""Segments of so few bytes mostly wait for the disk: so many are read at once, where their states are small."""

PACK, UNITS, LEAST_PACK = 64, 8, 4
"""Leaves of many small segments are kept in packs: of so many at most, in so many packs at least, or not at all."""

PACK_BYTES = 1 << 24
"""Stored bytes of the segments of one pack, at most: what a killed process reads again."""

LEAST_STATE, EXPANDED = 1 << 16, 32
"""Bytes of the state of no rows, at most, and of others in memory for each stored byte of their rows; roughly."""

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
                made = in_order(work, units, engine.n_jobs or self._threads(units), beside)
            else:
                rolls = Rolls(known.rolled, self._rolls(known))
                elsewhere = made_elsewhere(self, workers, units, known.lacking, rolls, progress, stop)
                made = opened.enter_context(closing(elsewhere))
            _Merging(self, result, known, made, work, unsaved).run(functools.partial(self._stopped, stop, result))
        result.seconds = time.perf_counter() - began
        if unsaved:
            warnings.warn(_complaint(unsaved), StoreWarning, stacklevel=2)
        return result

    def _workers(self, engine: Engine, units: Sequence[object]) -> AbstractContextManager[Workers | None]:
        """Return the workers of an engine, if there is something for them; None for threads."""
        return engine.workers() if units and not self.dataset.in_memory else nullcontext()

    def stored_in(self, store: StateStore) -> Pass:
        """Return the same pass over another way to the store."""
        return replace(self, store=store)

    def __getstate__(self) -> dict[str, object]:
        """Leave the store out: who loads it opens that (:meth:`stored_in`)."""
        return {**self.__dict__, "store": None}

    def _survey(self) -> _Known:
        """Return what the store has of the segments."""
        segments = self.dataset.segments
        keys = [self.pilot.folds.key(segment) for segment in segments]
        runs = runs_of(keys, alone=self.pilot.folds.places is not None)
        rolled, lacking = {}, {}
        for s, context in self.contexts.items():
            rolled[s], lacking[s] = cover_runs(self.store, context, runs)
        some = set().union(*lacking.values())
        missing = [(segment, key) for segment, key in zip(segments, keys, strict=True) if key in some]
        return _Known(runs, rolled, lacking, missing)

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

    def _rolls(self, known: _Known) -> list[Roll]:
        """Return the runs that workers merge: those that are long, and of states too large for :meth:`small`."""
        found = []
        for run in known.runs:
            if is_long(run):
                segments = self.dataset.segments[run.start : run.start + len(run.keys)]
                large = {s for s in self.contexts if run.key not in known.rolled[s] and not self.small(s, segments)}
                found += [Roll(run, frozenset(large))] if large else []
        return found

    def small(self, summary: Summary, segments: Sequence[Segment]) -> bool:
        """Return whether the state of a run of segments is small: this process keeps it merged."""
        most = sum(self.leaf_bytes(summary, segments))
        return min(most, self.pilot.folds.leaf_cells * summary.nbytes(self.pilot.shape)) <= KEPT

    def most_leaves(self, summary: Summary, segments: Sequence[Segment]) -> int:
        """Return how many leaves of segments may be held at once."""
        largest = max(self.leaf_bytes(summary, segments))
        return min(PACK, max(1, HELD // max(1, largest)))

    def leaf_bytes(self, summary: Summary, segments: Sequence[Segment]) -> list[int]:
        """Return how large the leaf of each segment is at most, roughly: no state is much larger than its rows."""
        cells, most = self.pilot.folds.leaf_cells, summary.nbytes(self.pilot.shape)
        return [cells * min(most, LEAST_STATE + EXPANDED * segment.nbytes) for segment in segments]

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
        wanted = {s: [k for _, k in unit if k in lacking[s]] for s in sorted(lacking, key=self._context)}
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
                        leaves[s][key], new[s][key] = leaf, (segment, leaf)
                    made.append(({s: of[key] for s, of in leaves.items() if key in of}, set(mine)))
            finally:
                for s, fresh in new.items():
                    self._publish(s, fresh, unsaved)
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
            rows += read
            without_target += encoded.without_target
            without_weight += encoded.without_weight
            progress.advance(read, self._bytes(segment, read))
            if most is not None and rows >= most:
                break
        return {s: Leaf(tuple(c), rows, without_target, without_weight) for s, c in cells.items()}

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
            pay = rows.sparse is None and not rows.looked and self._tables.pay(batch.num_rows, n_cells)
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
                f"in {self.store.location}: run the same again to go on"
            )

    def _context(self, summary: Summary) -> str:
        return self.contexts[summary]

    def known(self, summary: Summary, keys: Sequence[str]) -> dict[str, Leaf]:
        """Return the leaves of those of some segments that the store has."""
        return self.store.get_many(self.contexts[summary], keys, empty_leaf(summary, self.pilot)) if keys else {}

    def _publish(
        self, summary: Summary, leaves: Mapping[str, tuple[Segment, Leaf]], unsaved: list[StoreWriteError]
    ) -> None:
        members = [
            Member(key, leaf, {**self.about(summary), **_about_leaf(segment, leaf)})
            for key, (segment, leaf) in leaves.items()
        ]
        if len(members) > 1:
            self.keep(summary, members, unsaved)
        for one in members if len(members) == 1 else ():
            try:
                self.store.publish(Key(self.contexts[summary], one.segment), one.state, one.about)
            except StoreWriteError as error:
                unsaved.append(error)

    def keep(self, summary: Summary, members: Sequence[Member], unsaved: list[StoreWriteError]) -> None:
        """Keep states together; adds an error for each that cannot be kept."""
        try:
            self.store.put_pack(self.contexts[summary], members)
        except StoreWriteError as error:
            unsaved.extend([error] * len(members))

    def keep_runs(
        self, summary: Summary, runs: Mapping[str, tuple[Run, Rolled]], unsaved: list[StoreWriteError]
    ) -> None:
        """Keep runs merged, as :meth:`keep`."""
        about = self.about(summary)
        said = {k: {**about, "rolled": len(run.keys), "of": shortened(run.keys)} for k, (run, _) in runs.items()}
        self.keep(summary, [Member(k, rolled, said[k]) for k, (_, rolled) in runs.items()], unsaved)

    @functools.cached_property
    def _series(self) -> dict[str, object]:
        """Where the names of series are kept: what goes with the states to another store."""
        calendar = self.pilot.calendar
        return {} if calendar is None else {"series": named(calendar)}

    def about(self, summary: Summary) -> dict[str, object]:
        """Return what is said of every state of a summary."""
        about: dict[str, object] = {
            "summary": repr(summary), "targets": list(self.pilot.shape.targets),
            "folds": self.pilot.folds.describe(), "columns": self.pilot.shape.d, "pilot": self.pilot.name,
            **self._series,
        }  # fmt: skip
        known = self.pilot.known.get(summary)
        return about if known is None else {**about, "known": known.digest}


@dataclass(frozen=True, eq=False)
class _Known:
    """What the store has of the segments of a pass.

    Attributes
    ----------
    runs : of all segments.
    rolled : by summary, the keys of runs that are kept merged.
    lacking : by summary, the keys of segments that must be read for it.
    missing : the segments that must be read, in order, with their keys.
    """

    runs: list[Run]
    rolled: Mapping[Summary, set[str]]
    lacking: Mapping[Summary, set[str]]
    missing: list[Keyed]


@dataclass(eq=False)
class _Merging:
    """The merging of leaves in the order of the segments, while others are made.

    Attributes
    ----------
    of : the pass.
    result : what leaves are merged into.
    known : what the store had when the pass began.
    made : the leaves of the units that are read, in order.
    work : what reads a unit.
    unsaved : an error for each state that could not be kept.
    """

    of: Pass
    result: PassResult
    known: _Known
    made: Iterator[list[Made]]
    work: Callable[..., list[Made]]
    unsaved: list[StoreWriteError]
    _before: int = 0
    _fresh: deque[Made] = field(default_factory=deque)
    _runs: dict[Summary, dict[str, Rolled]] = field(default_factory=dict)
    _new: dict[Summary, dict[str, tuple[Run, Rolled]]] = field(default_factory=dict)

    def run(self, stopped: Callable[[], None]) -> None:
        """Merge everything; ``stopped`` raises where the pass is to stop."""
        missing = {key for _, key in self.known.missing}
        for place, run in enumerate(self.known.runs):
            self._run(place, run, missing, stopped)
        self._flush()

    def _run(self, place: int, run: Run, missing: set[str], stopped: Callable[[], None]) -> None:
        if not missing.isdisjoint(run.keys):
            self._wait(stopped)  # workers may merge the run meanwhile
        rolled = {s: found for s in self.of.contexts if (found := self._rolled(s, place)) is not None}
        rolling = {s: Rolling(self.of.pilot.ready(s)) for s in self.of.contexts if s not in rolled}
        segments = self.of.dataset.segments[run.start : run.start + len(run.keys)]
        stored: dict[Summary, dict[str, Leaf]] = {s: {} for s in rolling}
        for i, (segment, key) in enumerate(zip(segments, run.keys, strict=True)):
            stopped()
            leaves, computed = self._next(stopped) if key in missing else ({}, set())
            for s in rolling:
                if s not in leaves:
                    leaves[s] = self._stored(s, stored[s], segment, run.keys[i:], computed, stopped)
            for s, states in rolling.items():
                states.add(leaves[s])
            rows = next((leaves[s].rows for s in rolling), None)
            if rows is None:
                rows = int(next(iter(rolled.values())).rows[i])
            self.result.segments.append(SegmentCost(segment.id, rows, segment.nbytes, bool(computed)))
            self.result.states_built += len(computed)
            self.result.states_reused += len(self.of.contexts) - len(computed)
        whole = {**rolled, **{s: states.result() for s, states in rolling.items()}}
        any_run = next(iter(whole.values()))
        self.result.without_target += any_run.without_target
        self.result.without_weight += any_run.without_weight
        for s, found in whole.items():
            cells, pilot = self.result.cells[s], self.of.pilot
            self.result.cells[s] = joined(s, pilot, cells, found.cells, run.start, self._before)
        self._before += sum(segment.rows for segment in self.result.segments[run.start :])
        if is_long(run):
            self._keep(run, {s: whole[s] for s in rolling}, segments)

    def _next(self, stopped: Callable[[], None]) -> Made:
        """Return the leaves of the next segment that was read."""
        self._wait(stopped)
        return self._fresh.popleft()

    def _wait(self, stopped: Callable[[], None]) -> None:
        """Wait for the next segment that is read."""
        while not self._fresh:
            unit = next(self.made)
            stopped()
            self._fresh.extend(unit)

    def _rolled(self, summary: Summary, place: int) -> Rolled | None:
        """Return a run that is kept merged; loads those that follow with it, which lie in the same pack."""
        runs, there = self.known.runs[place:], self.known.rolled[summary]
        if runs[0].key not in there:
            return None
        known = self._runs.get(summary, {})
        if runs[0].key not in known:
            most = self.of.most_leaves(summary, self.of.dataset.segments)
            keys = [run.key for run in runs[:most] if run.key in there]
            like = empty_run(summary, self.of.pilot)
            known = self._runs[summary] = self.of.store.get_many(self.of.contexts[summary], keys, like)
        return known.pop(runs[0].key, None)

    def _stored(
        self,
        summary: Summary,
        stored: dict[str, Leaf],
        segment: Segment,
        keys: Sequence[str],
        computed: set[Summary],
        stopped: Callable[[], None],
    ) -> Leaf:
        """Return a leaf from the store, with those that follow in its run; one that is damaged or gone is made."""
        if keys[0] not in stored:
            stored.clear()
            most, lacking = self.of.most_leaves(summary, [segment]), self.known.lacking[summary]
            stored.update(self.of.known(summary, [key for key in keys[:most] if key not in lacking]))
        if keys[0] in stored:
            return stored.pop(keys[0])
        made = self.work([(segment, keys[0])], lacking={summary: {keys[0]}})
        stopped()
        computed.update(made[0][1])
        return made[0][0][summary]

    def _keep(self, run: Run, found: Mapping[Summary, Rolled], segments: Sequence[Segment]) -> None:
        """Keep a run merged, with those that follow, where its state is small."""
        for s, rolled in found.items():
            if self.of.small(s, segments):
                self._new.setdefault(s, {})[run.key] = run, rolled
                if len(self._new[s]) >= PACK:
                    self.of.keep_runs(s, self._new.pop(s), self.unsaved)

    def _flush(self) -> None:
        for s, runs in self._new.items():
            self.of.keep_runs(s, runs, self.unsaved)


def _about_leaf(segment: Segment, leaf: Leaf) -> dict[str, object]:
    return {
        "segment": segment.id, "uri": segment.uri, "rows": leaf.rows, "fingerprint": segment.fingerprint,
    }  # fmt: skip


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
        "The study goes on with what is in memory; until the store can be written, its next run reads those "
        "segments again."
    )
