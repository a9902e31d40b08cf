"""A pass on workers elsewhere: each publishes the leaves that it makes, and returns which these are.

What a pass is (data set, pilot, contexts) is kept in the store as a **job** while it runs, under the digest of
its bytes. A task is the place of the store, that digest and the numbers of some segments; its result is a few
numbers for each segment. So nothing large crosses a scheduler, and a worker that ends loses the segments at
hand alone: what it had published is there, and found. A job is code, as all that is pickled: a worker loads the
one whose digest the task named, and so nothing that anybody else wrote into the store.
"""

from __future__ import annotations

import functools
import os
import platform
import socket
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from threading import Event, Lock
from typing import TYPE_CHECKING

import cloudpickle
import numpy as np

from algorithms.contract import Summary
from algorithms.imports import allow
from hpo.errors import DataError, EngineError
from hpo.process.progress import Progress
from hpo.process.settings import existing_store
from hpo.process.threads import one_thread
from hpo.states.reader import Lacking, Reader
from hpo.states.runs import Run, cover_runs, rolled_up
from state_store import StateStore, StoreWriteError
from state_store.names import document_name

if TYPE_CHECKING:
    from hpo.data.segment import Segment

JOBS = "jobs"
"""Kind of the documents."""

LEFT = 3600.0
"""Seconds without use after which a job is what a driver that was killed left; a worker that lacks one gets it."""

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
    order = ordered(reader)
    return tuple(
        (next(iter(leaves.values())).rows, tuple(i for i, s in enumerate(order) if s in computed))
        for leaves, computed in made
    )


def roll_up(location: str, name: str, start: int, count: int, which: Sequence[int]) -> tuple[int, ...]:
    """Merge the leaves of a run of segments, and keep what comes of it; this runs on a worker.

    Parameters
    ----------
    start, count : of the segments.
    which : places of the summaries, by context.

    Returns
    -------
    tuple
        Those of them whose run is in the store now; of the others a leaf is gone.
    """
    reader = _jobs.get(location, name).reader
    segments = reader.dataset.segments[start : start + count]
    run = Run(start, tuple(reader.pilot.folds.key(segment) for segment in segments))
    order = ordered(reader)
    with one_thread():
        return tuple(i for i in which if _rolled(reader, order[i], run, segments))


def _rolled(reader: Reader, summary: Summary, run: Run, segments: Sequence[Segment]) -> bool:
    """Return whether a run is in the store, merged."""
    if cover_runs(reader.store, reader.contexts[summary], [run])[0]:
        return True  # a worker that was lost had done it
    ready, most = reader.pilot.ready(summary), reader.most_leaves(summary, segments)
    found = rolled_up(ready, run.keys, functools.partial(reader.known, summary), most)
    unsaved: list[StoreWriteError] = []
    if found is not None:
        reader.keep_runs(summary, {run.key: (run, found)}, unsaved)
    return found is not None and not unsaved


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
    if digest_of(data) != name:
        raise EngineError(f"the job {name} in {location} is not what was asked for: somebody changed it")
    job: Job = cloudpickle.loads(data)
    allow(job.allowed)
    return replace(job, reader=job.reader.stored_in(store))


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


def ordered(reader: Reader) -> list[Summary]:
    """Return the summaries of a pass in the order that tasks number them in."""
    return sorted(reader.contexts, key=lambda summary: reader.contexts[summary])


def _me() -> str:
    return f"worker {socket.gethostname()}, process {os.getpid()}"


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def digest_of(data: bytes) -> str:
    """Return the name of a job."""
    return blake2b(data, digest_size=20).hexdigest()
