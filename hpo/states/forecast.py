"""What a pass will take, measured on a few of its rows: seconds, memory, and the bytes that the store gains.

The rows are read as the pass reads them: in as many threads, through the same encoder, into the same states. What
the first batches take is counted once (libraries, files that are opened), what those after them take is the rate.
Leaves of theirs are written to a place of their own, read back and merged: so their bytes and seconds are known.
What takes a part of a second is done several times, and the median counts: a core that others use too is at times
half as fast. A run does each thing in memory that is new to its process, which is slow to touch. So freed memory is
given back before the first two times, and what the lesser of them takes beyond the others, in processor time, is
added once.
The forecast is kept in the store, and the run that follows notes what it took beside it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from algorithms.contract import State, Summary, fitted
from algorithms.errors import AlgorithmError
from algorithms.laws import size
from hpo.process.memory import peak_memory
from hpo.process.progress import Progress
from hpo.process.threads import one_thread
from hpo.question.question import Question
from hpo.states.contexts import make_pass, pilot_of
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.summaries import with_learned
from hpo.states.passes import Pass
from hpo.states.runs import Keyed, Leaf, empty_leaf, merged
from hpo.states.stand_in import with_stand_ins
from state_store import Key, Member, StateStore, digest
from studies.record.record_parts import Forecast

if TYPE_CHECKING:
    from hpo.data.segment import Segment

KIND = "forecasts"
"""Of the documents."""

ROWS, SECONDS = 1 << 18, 0.6
"""Of a segment so many rows are read at most; each thread reads further ones until so many seconds are over."""

TIMES = 5
"""How often what is quick is done, at most."""

COLD = 2
"""How often that is in memory that is new to the process."""

SOON = 0.2
"""Seconds after which a part is not done once more."""

SOME, HELD = 8, 1 << 22
"""Leaves that are held to be written, at most, and their bytes."""


def forecast(question: Question) -> Forecast:
    """Return what the pass of a question will take; draws the pilot, which the run will not, and reads some rows.

    Raises
    ------
    DataError
        The rows cannot be read.
    """
    with one_thread():
        pilot = pilot_of(question)
        question = with_stand_ins(question, pilot)
        pilot = with_learned(pilot, question.dataset, question.summaries, question.store, question.spec.seed)
        one_pass = make_pass(question, pilot)
        missing, known = one_pass.missing()
        lanes = min(question.engine.n_jobs or one_pass.threads(missing), len(missing))
        began = time.perf_counter()
        found = _read(one_pass, missing, lanes) if missing else _Read(())
        kept = _kept(one_pass, found, missing, len(known), packed=one_pass.in_packs(missing))
        _solve(question, found)
        memory = peak_memory() + _states(one_pass, found)
        found.read_again(one_pass)
        made = Forecast(
            rows=found.rows,
            seconds=found.seconds(sum(segment.nbytes for segment, _ in missing)) + kept.seconds,
            store_bytes=kept.nbytes,
            memory=memory,
            took=time.perf_counter() - began,
        )
    name = name_of(question, one_pass)
    question.store.put_document(KIND, name, {}, {"forecast": asdict(made)})
    return made


def name_of(question: Question, one_pass: Pass) -> str:
    """Return what the forecast of a pass is known by: what is read, and the states that are made."""
    return digest([question.data_state, *sorted(one_pass.contexts.values())])


@dataclass(frozen=True)
class Awaited:
    """A forecast of a pass that begins, and the bytes of the store before it."""

    forecast: Forecast
    before: int
    store: StateStore

    @classmethod
    def of(cls, question: Question, pilot: Pilot) -> Awaited | None:
        """Return what was forecast of a question's pass; None where nothing was."""
        one_pass = make_pass(question, pilot)
        document = question.store.get_document(KIND, name_of(question, one_pass))
        if document is None:
            return None
        return cls(Forecast(**document.about["forecast"]), question.store.total_bytes, question.store)

    def met(self, seconds: float) -> Forecast:
        """Return the forecast with what the pass took beside it."""
        real = {"seconds": seconds, "store_bytes": self.store.total_bytes - self.before}
        return replace(self.forecast, real=real)


def with_memory(forecast: Forecast | None) -> Forecast | None:
    """Return a forecast with the memory that the run took, now that it ends."""
    return None if forecast is None else replace(forecast, real={**forecast.real, "memory": peak_memory()})


@dataclass(frozen=True, eq=False)
class _Read:
    """What reading some rows took, thread by thread."""

    lanes: Sequence[_Lane]

    @property
    def rows(self) -> int:
        """Rows that were read."""
        return sum(lane.rows for lane in self.lanes)

    @property
    def leaves(self) -> Sequence[Mapping[Summary, Leaf]]:
        """Of some segments."""
        return self.lanes[0].leaves if self.lanes else ()

    def seconds(self, nbytes: int) -> float:
        """Return how long so many bytes take, all threads together: the median of several readings."""
        rounds = zip(*(lane.rounds for lane in self.lanes if lane.rows), strict=False)
        each = [_seconds(chunks, nbytes) for chunks in rounds] or [0.0]
        usual = statistics.median(each[COLD:] or each)
        return usual + max((lane.cold for lane in self.lanes), default=0.0)

    def read_again(self, one_pass: Pass) -> None:
        """Read the same rows a few times more where that is quick; their leaves are not kept."""
        for lane in self.lanes:
            lane.leaves.clear()
        _side_by_side(lambda lane: lane.read_more(one_pass), self.lanes)


def _seconds(chunks: Sequence[Sequence[tuple[float, float]]], nbytes: int) -> float:
    """Return the seconds of each thread's first bytes, and of the rest at the rate."""
    left = nbytes - sum(mine[0][0] for mine in chunks)
    rates = [_rate(mine[1:] or mine) for mine in chunks]
    return max(mine[0][1] for mine in chunks) + max(0.0, left) / sum(rates)


def _rate(chunks: Sequence[tuple[float, float]]) -> float:
    return max(1.0, sum(n for n, _ in chunks)) / max(1e-9, sum(s for _, s in chunks))


def _read(one_pass: Pass, missing: Sequence[Keyed], lanes: int) -> _Read:
    """Read rows of segments that lie apart from each other, in as many threads as the pass."""
    turns, cores = [missing[i::lanes] for i in range(lanes)], os.cpu_count() or 1

    made = [_Lane([*_apart(mine)], prefetch=len(missing) < cores) for mine in turns]
    _give_back()
    _side_by_side(lambda lane: lane.read_once(one_pass), made)
    return _Read(made)


def _side_by_side(work: Callable[[_Lane], None], lanes: Sequence[_Lane]) -> None:
    with ThreadPoolExecutor(max(1, len(lanes))) as threads:
        list(threads.map(work, lanes))


@dataclass(eq=False)
class _Lane(Progress):
    """What one thread reads: bytes and seconds of batches, by how often they were read, and leaves of segments.

    Attributes
    ----------
    segments, prefetch : what it reads, and whether ahead.
    rounds : bytes and seconds of batches, each time that they were read.
    spent : processor seconds of each round.
    leaves : of a few segments.
    rows : that were read.
    """

    segments: Sequence[Segment]
    prefetch: bool
    rounds: list[list[tuple[float, float]]] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)
    leaves: list[Mapping[Summary, Leaf]] = field(default_factory=list)
    rows: int = 0
    _batches: list[tuple[int, float]] = field(default_factory=list)
    _since: float = 0.0

    @property
    def cold(self) -> float:
        """Processor seconds that reading took in memory that was new, beyond those afterwards."""
        return _beyond(self.spent)

    def advance(self, rows: int, nbytes: int) -> None:
        """Note how long a batch took."""
        now = time.perf_counter()
        self._batches.append((rows, now - self._since))
        self._since = now

    def read_once(self, one_pass: Pass) -> None:
        """Read the beginnings of segments until it is time."""
        chunks, ends, began = list[tuple[float, float]](), time.perf_counter() + SECONDS, time.thread_time()
        for number, segment in enumerate(self.segments):
            chunks += self._chunks(one_pass, segment)
            if time.perf_counter() > ends and len(chunks) > 1:  # the first one is not a rate
                self.segments = self.segments[: number + 1]
                break
        self.rounds.append(chunks)
        self.spent.append(time.thread_time() - began)

    def read_more(self, one_pass: Pass) -> None:
        """Read the same a few times more, if it took a part of the time."""
        spent = sum(seconds for _, seconds in self.rounds[0])
        for again in range(min(TIMES - 1, int(SECONDS / max(spent, 1e-9)))):
            if 1 + again < COLD:
                _give_back()
            began = time.thread_time()
            self.rounds.append([c for segment in self.segments for c in self._chunks(one_pass, segment)])
            self.spent.append(time.thread_time() - began)

    def _chunks(self, one_pass: Pass, segment: Segment) -> list[tuple[float, float]]:
        """Read the beginning of a segment; its leaves are kept the first time."""
        self._batches, self._since = [], time.perf_counter()
        leaves = one_pass.beginning(segment, ROWS, self, prefetch=self.prefetch)
        rows = sum(n for n, _ in self._batches)
        if not self.rounds:
            held = sum(size(cell) for leaf in leaves.values() for cell in leaf.cells)
            kept = self.leaves[: min(SOME, HELD // max(1, held)) - 1] if held <= HELD else []
            self.leaves = [*kept, leaves]
            self.rows += rows
        each = segment.nbytes / max(1, segment.rows or rows)
        return [(n * each, seconds) for n, seconds in self._batches]


def _apart(mine: Sequence[Keyed]) -> Iterator[Segment]:
    """Yield the segments in an order that soon has seen all parts of the data."""
    step = max(1, int(len(mine) * 0.618))
    while len(mine) > 1 and any(len(mine) % d == 0 and step % d == 0 for d in range(2, step + 1)):
        step -= 1
    for i in range(len(mine)):
        yield mine[i * step % len(mine)][0]


@dataclass(frozen=True)
class _Kept:
    """What keeping the leaves of a pass takes, and loading and merging them."""

    nbytes: int = 0
    seconds: float = 0.0


def _kept(one_pass: Pass, found: _Read, lacking: Sequence[Keyed], known: int, *, packed: bool) -> _Kept:
    """Return what all leaves take, by a few: none but trained models takes more than its segment."""
    if not found.leaves:
        return _Kept()
    seconds, nbytes, some, lanes = 0.0, 0, len(found.leaves), len(found.lanes)
    missing, most = len(lacking), sum(segment.nbytes for segment, _ in lacking)
    for s, context in one_pass.contexts.items():
        leaves, like = [each[s] for each in found.leaves], empty_leaf(s, one_pass.pilot)
        members = [Member(f"{i:032x}", leaf, one_pass.about(s)) for i, leaf in enumerate(leaves)]
        with tempfile.TemporaryDirectory() as folder:
            store = StateStore(folder)
            put, cold = _timed(functools.partial(_put, store, context, members, packed=packed))
            taken = store.total_bytes * missing // some
            nbytes += taken if one_pass.pilot.ready(s).rounds > 1 else min(taken, most)
            seconds += missing / some * put / lanes + cold / some
            if known:
                keys = [one.segment for one in members]
                seconds += known * _timed(functools.partial(store.get_many, context, keys, like))[0] / some
        cells = leaves[0].cells, (leaves[-1] if some > 1 else like).cells  # a single leaf is merged into none, too
        added, cold = _timed(functools.partial(merged, one_pass.pilot.ready(s), *cells))
        seconds += (missing / lanes + known) * added + cold
    return _Kept(nbytes, seconds)


def _put(store: StateStore, context: str, members: Sequence[Member], *, packed: bool) -> None:
    if packed:
        store.put_pack(context, members)
        return
    for one in members:
        store.put(Key(context, one.segment), one.state, one.about)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of some work, the median of a few where it is quick, and what new memory adds."""
    took: list[float] = []
    spent: list[float] = []
    while len(took) < TIMES and sum(took) < SOON:
        if len(took) < COLD:
            _give_back()
        began, before = time.perf_counter(), time.thread_time()
        work()
        took.append(time.perf_counter() - began)
        spent.append(time.thread_time() - before)
    return statistics.median(took[COLD:] or took), _beyond(spent)


def _beyond(spent: Sequence[float]) -> float:
    """Return what the first times are beyond the median of the others.

    Examples
    --------
    >>> _beyond([0.75, 1.0, 0.25, 0.2, 0.3]), _beyond([0.75, 0.5]), _beyond([0.1, 0.1, 0.2])
    (0.5, 0.0, 0.0)
    """
    later = spent[COLD:]
    return max(0.0, min(spent[:COLD]) - statistics.median(later)) if later else 0.0


def _give_back() -> None:
    """Give memory that is free in this process back to the system, where the C library can."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _states(one_pass: Pass, found: _Read) -> int:
    """Return the bytes of the states that a study holds beside leaves: of each cell, and of all but that cell."""
    pilot, segments = one_pass.pilot, len(one_pass.dataset.segments)
    total = 0
    for s in one_pass.contexts:
        most = pilot.ready(s).nbytes(pilot.shape)
        if found.leaves:  # those that keep rows grow with these
            most = min(most, segments * max(map(size, found.leaves[-1][s].cells)))
        total += 2 * pilot.folds.plan.n_cells * most
    return total


def _solve(question: Question, found: _Read) -> None:
    """Make a model of each algorithm from the rows that were read, so that what it loads is in memory."""
    for one in question.searched:
        for algorithm in one.variants[:1]:
            leaf = found.leaves[0].get(algorithm.summary) if found.leaves else None
            state: State | None = None if leaf is None else leaf.cells[0]
            with suppress(AlgorithmError):
                if state is not None:
                    fitted(algorithm, state)
