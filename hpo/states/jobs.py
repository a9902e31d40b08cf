"""Jobs: what the tasks of an engine share, kept in the store while they run, under the digest of its bytes.

A job is code, as all that is pickled: a worker loads the one whose digest the task named, and so nothing that
anybody else wrote into the store. It is loaded once in each process.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock
from typing import Protocol, TypeVar

import cloudpickle
import numpy as np

from algorithms.imports import allow
from hpo.errors import EngineError
from hpo.process.settings import existing_store
from state_store import StateStore
from state_store.names import document_name

JOBS = "jobs"
"""Kind of the documents."""

LEFT = 3600.0
"""Seconds without use after which a job is what a driver that was killed left; a worker that lacks one gets it."""

J = TypeVar("J")


class Job(Protocol):
    """What the tasks of an engine share."""

    @property
    def allowed(self) -> frozenset[str]:
        """Packages that the user allowed to be imported by name."""
        ...

    def opened(self, store: StateStore) -> Job:
        """Return the job on a worker, which has opened the store."""
        ...


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


def job_of(location: str, name: str, kind: type[J]) -> J:
    """Return a job of some kind from the store of that place; it is loaded once.

    Raises
    ------
    EngineError
        This worker has another version, or not this store.
    JobMissing
        It is not there.
    """
    found = _jobs.get(location, name)
    if not isinstance(found, kind):
        raise EngineError(f"the job {name} in {location} is no {kind.__name__}")
    return found


class JobMissing(Exception):
    """A worker did not find the job in the store."""


def _load(location: str, name: str) -> Job:
    """Return a job from the store; refuses that of another version before anything is made of it."""
    store = existing_store(location)
    if store is None:
        raise EngineError(
            f"{worker_here()} does not see the store {location}; every worker needs it under the same address: "
            "share that directory, or give store= a place that all can reach"
        )
    document = store.get_document(JOBS, name)
    if document is None:
        raise JobMissing(worker_here())
    mine, theirs = versions(), document.about["versions"]
    if other := [f"{what} {mine.get(what)} and not {it}" for what, it in theirs.items() if mine.get(what) != it]:
        raise EngineError(
            f"{worker_here()} has {', '.join(other)}; install the same versions, or its states would differ"
        )
    data = document.arrays["job"].tobytes()
    if digest_of(data) != name:
        raise EngineError(f"the job {name} in {location} is not what was asked for: it was changed")
    job: Job = cloudpickle.loads(data)
    allow(job.allowed)
    return job.opened(store)


@dataclass(eq=False)
class Posted:
    """A job in the store, for as long as it runs."""

    store: StateStore
    job: Job

    def __post_init__(self) -> None:
        self.location = str(self.store.location)
        self.data: bytes = cloudpickle.dumps(self.job)
        self.name = digest_of(self.data)

    @property
    def place(self) -> tuple[str, str]:
        """What a worker finds the job by."""
        return self.location, self.name

    def put(self) -> None:
        """Put it into the store."""
        job = np.frombuffer(self.data, np.uint8)
        self.store.put_document(JOBS, self.name, {"job": job}, {"versions": versions()})

    def again(self, error: Exception) -> None:
        """Put the job again if it is gone; EngineError where it is there, but a worker does not see it."""
        there = self.store.get_document(JOBS, self.name) is not None
        self.put_again()
        if there and isinstance(error, JobMissing):
            raise EngineError(
                f"{error} has another store at {self.location} than this process; every worker needs the same one: "
                "share that directory, or give store= a place that all can reach"
            ) from error

    def put_again(self) -> None:
        """Put the job again if it is gone."""
        if self.store.get_document(JOBS, self.name) is None:
            self.put()

    def __enter__(self) -> None:
        sweep_jobs(self.store)
        self.put()

    def __exit__(self, *_: object) -> None:
        self.store.backend.delete(document_name(JOBS, self.name))


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


def worker_here() -> str:
    """Return how messages name this process."""
    return f"worker {socket.gethostname()}, process {os.getpid()}"


def digest_of(data: bytes) -> str:
    """Return the name of a job."""
    return blake2b(data, digest_size=20).hexdigest()
