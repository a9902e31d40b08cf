"""A pass on workers elsewhere: each publishes the leaves that it makes, and returns which these are.

What a pass is (data set, pilot, contexts) is kept in the store as a **job** (:mod:`hpo.states.jobs`) while it runs.
A task is the place of the store, the job's digest and the numbers of some segments; its result is a few numbers for
each segment. So nothing large crosses a scheduler, and a worker that ends loses the segments at hand alone: what it
had published is there, and found.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

from algorithms.contract import Summary
from hpo.errors import DataError, EngineError
from hpo.process.progress import Progress
from hpo.process.threads import one_thread
from hpo.states.jobs import job_of, worker_here
from hpo.states.reader import Lacking, Reader
from hpo.states.runs import Run, cover_runs, rolled_up
from state_store import StateStore, StoreWriteError

if TYPE_CHECKING:
    from hpo.data.segment import Segment

Done = tuple[tuple[int, tuple[int, ...]], ...]
"""Of each segment of a unit: its rows, and the places of the summaries (by context) whose leaf was made."""


@dataclass(frozen=True, eq=False)
class PassJob:
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

    def opened(self, store: StateStore) -> PassJob:
        """Return the job on a worker."""
        return replace(self, reader=self.reader.stored_in(store))


def work(location: str, name: str, units: Sequence[Sequence[int]]) -> tuple[Done, ...]:
    """Make and publish the leaves of some units of a job, by their segments' numbers; this runs on a worker.

    Raises
    ------
    EngineError
        This worker has another version, or not this store or this data.
    DataError
        A file cannot be read; the message names it and the worker.
    """
    job = job_of(location, name, PassJob)
    return tuple(_done(job, places) for places in units)


def _done(job: PassJob, places: Sequence[int]) -> Done:
    """Make and publish the leaves of one unit."""
    reader, unsaved = job.reader, list[StoreWriteError]()
    segments = [reader.dataset.segments[i] for i in places]
    for segment in segments:
        try:
            reader.dataset.check(segment)
        except (DataError, OSError) as error:
            raise EngineError(
                f"{worker_here()} does not find {segment.uri!r} as it was listed ({_first(error)}); every worker "
                "needs the data under the same address: mount it there too, or give an address that all can read"
            ) from error
    unit = [(segment, reader.pilot.folds.key(segment)) for segment in segments]
    try:
        with one_thread():
            made = reader.unit(unit, job.lacking, Progress(), Event(), unsaved, prefetch=False)
    except DataError as error:
        raise DataError(f"{error} ({worker_here()})") from error
    if unsaved:
        where = reader.store.location
        raise EngineError(f"{worker_here()} cannot write to the store {where}: {_first(unsaved[0])}")
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
        Those of them whose run is in the store now. Of the others a leaf is gone, or the run takes more than its
        segments do.
    """
    reader = job_of(location, name, PassJob).reader
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
    if found is None or not reader.pays(found, segments):
        return False
    reader.keep_runs(summary, {run.key: (run, found)}, unsaved)
    return not unsaved


def ordered(reader: Reader) -> list[Summary]:
    """Return the summaries of a pass in the order that tasks number them in."""
    return sorted(reader.contexts, key=lambda summary: reader.contexts[summary])


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
