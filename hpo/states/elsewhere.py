"""A pass on workers elsewhere: each publishes the leaves that it makes, and returns which these are.

What a pass is (data set, pilot, contexts) is kept in the store as a **job** while it runs, under the digest of
its bytes. A task is the place of the store, that digest and the numbers of some segments; its result is a few
numbers for each segment. So nothing large crosses a scheduler, and a worker that ends loses the segments at
hand alone: what it had published is there, and found. A job is code, as all that is pickled: a worker loads the
one whose digest the task named, and so nothing that anybody else wrote into the store.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from threading import Event, Lock

import cloudpickle
import numpy as np

from algorithms.contract import Summary
from algorithms.imports import allow, allowed
from hpo.errors import DataError, EngineError
from hpo.process.progress import Progress
from hpo.process.settings import existing_store
from hpo.process.threads import one_thread
from hpo.process.workers import WorkerLost, Workers
from hpo.states.reader import Lacking, Reader, Unit
from hpo.states.runs import Made
from state_store import StateStore, StoreWriteError
from state_store.names import document_name

JOBS = "jobs"
"""Kind of the documents."""

LOSSES = 3
"""Times in a row that workers are lost before the pass ends, without a task done between."""

LEFT = 3600.0
"""Seconds without use after which a job is what a driver that was killed left; a worker that lacks one gets it."""

TASK_BYTES, TASK_UNITS, TASKS = 1 << 26, 16, 32
"""Stored bytes and units of a task, at most, and tasks for each thread of a worker, at least: engines cost some
milliseconds a task, and a task that takes long moves no progress."""

Done = tuple[tuple[int, tuple[int, ...]], ...]
"""Of each segment of a unit: its rows, and the places of the summaries (by context) whose leaf was made."""


@dataclass(frozen=True, eq=False)
class Job:
    """What all tasks of a pass share.

    Attributes
    ----------
    reader : the pass.
    lacking : the leaves that it makes.
    allowed : packages that the user allowed to be imported by name.
    """

    reader: Reader
    lacking: Lacking
    allowed: frozenset[str]


def work(location: str, name: str, units: Sequence[Sequence[int]]) -> tuple[Done, ...]:
    """Make and publish the leaves of some units of a job, by their segments' numbers; this runs on a worker.

    Raises
    ------
    EngineError
        This worker has another version, or not this store or this data.
    DataError
        A file cannot be read; the message names it and the worker.
    """
    job = _jobs.get(location, name)
    return tuple(_done(job, places) for places in units)


def _done(job: Job, places: Sequence[int]) -> Done:
    """Make and publish the leaves of one unit."""
    reader, unsaved = job.reader, list[StoreWriteError]()
    segments = [reader.dataset.segments[i] for i in places]
    for segment in segments:
        try:
            reader.dataset.check(segment)
        except (DataError, OSError) as error:
            raise EngineError(
                f"{_me()} does not find {segment.uri!r} as it was listed ({_first(error)}); every worker needs the "
                "data under the same address: mount it there too, or give an address that all can read"
            ) from error
    unit = [(segment, reader.pilot.folds.key(segment)) for segment in segments]
    try:
        with one_thread():
            made = reader.unit(unit, job.lacking, Progress(), Event(), unsaved, ahead=False)
    except DataError as error:
        raise DataError(f"{error} ({_me()})") from error
    if unsaved:
        raise EngineError(f"{_me()} cannot write to the store {reader.store.location}: {_first(unsaved[0])}")
    order = _ordered(reader)
    return tuple(
        (next(iter(leaves.values())).rows, tuple(i for i, s in enumerate(order) if s in computed))
        for leaves, computed in made
    )


@dataclass(eq=False)
class _Jobs:
    """The jobs that this process works at: each is loaded once."""

    known: OrderedDict[tuple[str, str], Job] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def get(self, location: str, name: str) -> Job:
        with self.lock:
            key = location, name
            if key not in self.known:
                self.known[key] = _load(location, name)
                while len(self.known) > 2:
                    self.known.popitem(last=False)
            return self.known[key]


_jobs = _Jobs()


class JobMissing(Exception):
    """A worker did not find the job in the store."""


def _load(location: str, name: str) -> Job:
    """Return a job from the store; refuses that of another version before anything is made of it."""
    store = existing_store(location)
    if store is None:
        raise EngineError(
            f"{_me()} does not see the store {location}; every worker needs it under the same address: share that "
            "directory, or give store= a place that all can reach"
        )
    document = store.get_document(JOBS, name)
    if document is None:
        raise JobMissing(_me())
    mine, theirs = versions(), document.about["versions"]
    if other := [f"{what} {mine.get(what)} and not {it}" for what, it in theirs.items() if mine.get(what) != it]:
        raise EngineError(f"{_me()} has {', '.join(other)}; install the same versions, or its states would differ")
    data = document.arrays["job"].tobytes()
    if _digest(data) != name:
        raise EngineError(f"the job {name} in {location} is not what was asked for: somebody changed it")
    job: Job = cloudpickle.loads(data)
    allow(job.allowed)
    return replace(job, reader=job.reader.stored_in(store))


def made_elsewhere(
    reader: Reader,
    workers: Workers,
    units: Sequence[Unit],
    lacking: Lacking,
    progress: Progress,
    stop: Event,
) -> Generator[list[Made]]:
    """Yield the leaves of units in their order, made by workers; those are loaded when it is their turn.

    Raises
    ------
    EngineError
        Workers are lost again and again, or cannot do it.
    """
    posted, places = _Posted(reader, lacking), {s.id: i for i, s in enumerate(reader.dataset.segments)}
    groups = _grouped(units, workers.threads())
    named = [tuple(tuple(places[s.id] for s, _ in unit) for unit in group) for group in groups]
    waiting: dict[int, tuple[Done, ...]] = {}
    todo, turn, losses = {i: (posted.location, posted.name, group) for i, group in enumerate(named)}, 0, 0
    with posted:
        while todo and not stop.is_set():
            try:
                with closing(workers.each(work, dict(todo), stop)) as results:
                    for number, done in results:
                        losses = 0
                        del todo[number]
                        waiting[number] = done
                        _count(reader, groups[number], done, progress)
                        while todo and turn in waiting:  # the last ones when the workers are free again
                            yield from _loaded(reader, groups[turn], waiting.pop(turn), lacking)
                            turn += 1
            except (WorkerLost, JobMissing) as error:
                losses += 1
                posted.again(error)
                if losses >= LOSSES:
                    raise _lost(reader, groups, error) from error
    while turn in waiting:
        yield from _loaded(reader, groups[turn], waiting.pop(turn), lacking)
        turn += 1
    if stop.is_set():
        yield []


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


def _lost(reader: Reader, groups: Sequence[Sequence[Unit]], error: Exception) -> EngineError:
    """Return the error of a pass whose workers end again and again."""
    number = error.number if isinstance(error, WorkerLost) else None
    at = "" if number is None else f", at {groups[number][0][0][0].uri!r}"
    return EngineError(
        f"workers ended {LOSSES} times before a segment was done{at} ({error}); what was finished is kept in "
        f"{reader.store.location}: look into the workers' logs (memory is the usual cause), and run the same again"
    )


@dataclass(eq=False)
class _Posted:
    """A job in the store, for as long as it runs."""

    reader: Reader
    lacking: Lacking

    def __post_init__(self) -> None:
        self.location = str(self.reader.store.location)
        self.data: bytes = cloudpickle.dumps(Job(self.reader, self.lacking, allowed()))
        self.name = _digest(self.data)

    def put(self) -> None:
        job = np.frombuffer(self.data, np.uint8)
        self.reader.store.put_document(JOBS, self.name, {"job": job}, {"versions": versions()})

    def again(self, error: Exception) -> None:
        """Put the job again if it is gone; EngineError where it is there, but a worker does not see it."""
        if self.reader.store.get_document(JOBS, self.name) is None:
            self.put()
        elif isinstance(error, JobMissing):
            raise EngineError(
                f"{error} has another store at {self.location} than this process; every worker needs the same one: "
                "share that directory, or give store= a place that all can reach"
            ) from error

    def __enter__(self) -> None:
        sweep_jobs(self.reader.store)
        self.put()

    def __exit__(self, *_: object) -> None:
        self.reader.store.backend.delete(document_name(JOBS, self.name))


def sweep_jobs(store: StateStore, age: float = LEFT) -> int:
    """Remove the jobs that nobody used for so many seconds, of drivers that were killed; return how many."""
    before = time.time() - age
    left = [d.name for d in store.documents(JOBS) if d.last_used < before]
    return sum(store.backend.delete(document_name(JOBS, name)) for name in left)


def versions() -> dict[str, str]:
    """Return what must be the same on all workers, for their states to be the same bits."""
    own = sys.modules["hpo"].__version__
    python = ".".join(platform.python_version_tuple()[:2])
    return {"onepass-hpo": str(own), "numpy": np.__version__, "Python": python}


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
    order = _ordered(reader)
    for unit, segments in zip(group, done, strict=True):
        keys = [key for _, key in unit]
        found = {s: reader.known(s, [key for key in keys if key in lacking[s]]) for s in lacking}
        yield [
            ({s: of[key] for s, of in found.items() if key in of}, {order[i] for i in built})
            for key, (_, built) in zip(keys, segments, strict=True)
        ]


def _ordered(reader: Reader) -> list[Summary]:
    return sorted(reader.contexts, key=lambda summary: reader.contexts[summary])


def _me() -> str:
    return f"worker {socket.gethostname()}, process {os.getpid()}"


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=20).hexdigest()
