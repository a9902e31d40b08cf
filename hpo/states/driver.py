"""The process that asked for a pass on workers: it hands tasks out, and merges what comes of them in order.

Small states of segments are loaded by this process, one by one, while others are made. Of large states the workers
merge runs of segments first (:func:`hpo.states.elsewhere.roll_up`), in the order in which this process would have:
the bits are the same, and it loads one state for each run.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

from algorithms.contract import Summary
from algorithms.imports import allowed
from hpo.errors import EngineError
from hpo.process.progress import Progress
from hpo.process.workers import Task, WorkerLost, Workers
from hpo.states.elsewhere import Done, PassJob, ordered, roll_up, work
from hpo.states.jobs import JobMissing, Posted
from hpo.states.reader import Lacking, Reader, Unit
from hpo.states.runs import Made, Run

Result = TypeVar("Result")

Items = dict[int, tuple[object, ...]]
"""Arguments of tasks, by number."""

LOSSES = 3
"""Times in a row that workers are lost before the pass ends, without a task done between."""

TASK_BYTES, TASK_UNITS, TASKS = 1 << 26, 16, 32
"""Stored bytes and units of a task, at most, and tasks for each thread of a worker, at least: engines cost some
milliseconds a task, and a task that takes long moves no progress."""


def made_elsewhere(
    reader: Reader,
    workers: Workers,
    units: Sequence[Unit],
    lacking: Lacking,
    rolls: Rolls,
    progress: Progress,
    stop: Event,
) -> Generator[list[Made]]:
    """Yield the leaves of units in their order, made by workers; those are loaded when it is their turn.

    Leaves in runs that workers merged are left out: these runs are in the store.

    Raises
    ------
    EngineError
        Workers are lost again and again, or cannot do it.
    """
    driver = _Driver(reader, workers, units, lacking, rolls, progress, stop)
    with driver.posted:
        yield from driver.run(work, driver.readings(), driver.read)
        yield from driver.run(roll_up, driver.rollings(), driver.rolled)
    yield from driver.loaded()
    if stop.is_set():
        yield []


@dataclass(frozen=True)
class Roll:
    """A run of segments whose leaves a worker merges, so that the driver loads one state of it for each summary."""

    run: Run
    summaries: frozenset[Summary]


@dataclass(frozen=True)
class Rolls:
    """The runs that workers merge.

    Attributes
    ----------
    known : by summary, the keys of runs that are kept merged; those that workers merge are added.
    wanted : what workers merge, in the order of the segments.
    """

    known: Mapping[Summary, set[str]]
    wanted: Sequence[Roll]


@dataclass(eq=False)
class _Driver:
    """What hands tasks out, and loads what comes of them in the order of the segments.

    Where workers merge runs, they do so when all leaves are made. A unit is loaded when the runs that it lies in
    are merged; of these no leaf is loaded.
    """

    reader: Reader
    workers: Workers
    units: Sequence[Unit]
    lacking: Lacking
    rolls: Rolls
    progress: Progress
    stop: Event

    def __post_init__(self) -> None:
        self.posted = Posted(self.reader.store, PassJob(self.reader, self.lacking, allowed()))
        self.groups = _grouped(self.units, self.workers.threads())
        self.order = ordered(self.reader)
        self.turn, self.waiting = 0, dict[int, tuple[Done, ...]]()
        self.first, self.over = 0, set[int]()  # of the rolls: the first that is not over
        self.roll_of = {key: i for i, roll in enumerate(self.rolls.wanted) for key in roll.run.keys}

    def readings(self) -> Items:
        """Return the tasks that make leaves."""
        places = {s.id: i for i, s in enumerate(self.reader.dataset.segments)}
        named = (tuple(tuple(places[s.id] for s, _ in unit) for unit in group) for group in self.groups)
        return {i: (*self.posted.place, group) for i, group in enumerate(named)}

    def rollings(self) -> Items:
        """Return the tasks that merge runs."""
        which = [tuple(i for i, s in enumerate(self.order) if s in roll.summaries) for roll in self.rolls.wanted]
        return {
            i: (*self.posted.place, roll.run.start, len(roll.run.keys), which[i])
            for i, roll in enumerate(self.rolls.wanted)
        }

    def run(
        self, task: Task[Result], todo: Items, done: Callable[[int, Result], None]
    ) -> Generator[list[Made]]:
        """Have all tasks done, again where workers are lost, and yield units whose turn it is."""
        losses = 0
        while todo and not self.stop.is_set():
            try:
                with closing(self.workers.each(task, dict(todo), self.stop)) as results:
                    for number, made in results:
                        losses = 0
                        del todo[number]
                        done(number, made)
                        if todo:  # the last ones when the workers are free again
                            yield from self.loaded()
            except (WorkerLost, JobMissing) as error:
                losses += 1
                self.posted.again(error)
                if losses >= LOSSES:
                    raise self.lost(task is work, error) from error

    def read(self, number: int, done: tuple[Done, ...]) -> None:
        """Take in that leaves were made."""
        self.waiting[number] = done
        _count(self.reader, self.groups[number], done, self.progress)

    def rolled(self, number: int, done: tuple[int, ...]) -> None:
        """Take in that a run was merged, for the summaries of these places."""
        for i in done:
            self.rolls.known[self.order[i]].add(self.rolls.wanted[number].run.key)
        self.over.add(number)
        while self.first in self.over:
            self.first += 1

    def loaded(self) -> Iterator[list[Made]]:
        """Yield the units whose turn it is."""
        while self.turn in self.waiting:
            group = self.groups[self.turn]
            last = max((self.roll_of.get(key, -1) for unit in group for _, key in unit), default=-1)
            if last >= self.first and not self.stop.is_set():
                return
            done = self.waiting.pop(self.turn)
            self.turn += 1
            yield from _loaded(self.reader, group, done, self.apart(group))

    def apart(self, group: Sequence[Unit]) -> Lacking:
        """Return the leaves of a group that the driver loads: not those that lie in runs which workers merged."""
        known, rolls = self.rolls.known, self.rolls.wanted
        run_of = {key: rolls[self.roll_of[key]].run.key for unit in group for _, key in unit if key in self.roll_of}
        return {
            s: {key for unit in group for _, key in unit if key in keys and run_of.get(key) not in known[s]}
            for s, keys in self.lacking.items()
        }

    def lost(self, reading: bool, error: Exception) -> EngineError:
        """Return the error of a pass whose workers end again and again."""
        number, at = error.number if isinstance(error, WorkerLost) else None, ""
        if number is not None and reading:
            at = f", at {self.groups[number][0][0][0].uri!r}"
        return EngineError(
            f"workers ended {LOSSES} times before a segment was done{at} ({error}); what was finished is kept in "
            f"{self.reader.store.location}: look into the workers' logs (memory is the usual cause), and run the "
            "same again"
        )


def _grouped(units: Sequence[Unit], threads: int) -> list[list[Unit]]:
    """Return what each task is: neighbouring units, where they are small and many for so many threads."""
    most = max(1, min(TASK_UNITS, len(units) // (TASKS * max(1, threads))))
    groups: list[list[Unit]] = []
    room = 0
    for unit in units:
        room -= sum(segment.nbytes for segment, _ in unit)
        if groups and len(groups[-1]) < most and room >= 0:
            groups[-1].append(unit)
        else:
            groups.append([unit])
            room = TASK_BYTES - sum(segment.nbytes for segment, _ in unit)
    return groups


def _count(reader: Reader, group: Sequence[Unit], done: Sequence[Done], progress: Progress) -> None:
    """Count what is done; what another worker had published, which was lost then, is not read by this one."""
    segments = [segment for unit in group for segment, _ in unit]
    for segment, (rows, built) in zip(segments, (one for unit in done for one in unit), strict=True):
        progress.advance(rows, segment.nbytes)
        if built:
            reader.dataset.log.start(segment.id)
            reader.dataset.log.add(rows, segment.nbytes)


def _loaded(
    reader: Reader, group: Sequence[Unit], done: Sequence[Done], lacking: Lacking
) -> Iterator[list[Made]]:
    """Yield what a worker published, unit by unit; a leaf that is gone meanwhile is left out, and made here."""
    order = ordered(reader)
    for unit, segments in zip(group, done, strict=True):
        keys = [key for _, key in unit]
        found = {s: reader.known(s, [key for key in keys if key in lacking[s]]) for s in lacking}
        yield [
            ({s: of[key] for s, of in found.items() if key in of}, {order[i] for i in built})
            for key, (_, built) in zip(keys, segments, strict=True)
        ]
