"""Workers of Dask, by its own client: tasks follow the workers as these join and leave, and none waits for ever.

Joblib's backend for Dask counts the workers once, when a call begins, and does not return where Dask gives a task
up (a ``KilledWorker`` is not a result of a task): so Dask's futures are used as they are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, default_client
from distributed.client import ClosedClientError
from distributed.comm.core import CommClosedError

from hpo.errors import EngineError
from hpo.process.interrupts import NOBODY, left_to
from hpo.process.workers import Made, Task, Tasks, WorkerLost

CONNECT, WAIT = 10.0, 30.0
"""Seconds until a scheduler answers, and until there is a worker."""

POLL, COUNT = 0.1, 1.0
"""Seconds between looks at what else happened, and between counts of the workers."""

AT_ONCE = 2
"""Tasks that are begun for each thread of a worker."""

GONE = (CommClosedError, ClosedClientError, OSError, TimeoutError)
"""What Dask raises where a scheduler or a client is gone."""


def _called(module: str, name: str, *item: object) -> object:
    """Call a function by its name; this one goes along as code.

    A worker that cannot load what a task refers to does not fail the task: it ends, and so does each that follows.
    """
    from importlib import import_module  # noqa: PLC0415 -- runs where nothing of this module is

    try:
        function = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return function(*item)


_called.__module__ = "__main__"  # what is defined there is sent, all else is referred to


@dataclass(eq=False)
class DaskWorkers:
    """Workers of a scheduler.

    Attributes
    ----------
    client : of the scheduler.
    n_jobs : tasks at once; None for two for each thread of a worker, as they come and go.
    """

    client: Client
    n_jobs: int | None
    _threads: int = 0
    _counted: float = field(default=float("-inf"))
    _seen: float = field(default=float("-inf"))

    def threads(self) -> int:
        """Return how many tasks can run at once as things are."""
        return self.n_jobs or _threads(self.client)

    def each(self, task: Task[Made], items: Tasks, stop: Event) -> Generator[tuple[int, Made]]:
        """Yield what a task makes of each item, as it is done."""
        finished: SimpleQueue[Future] = SimpleQueue()
        begun: dict[str, tuple[int, Future]] = {}
        rest, call = iter(items.items()), uuid4().hex[:12]
        self._seen = time.monotonic()
        try:
            while not stop.is_set():
                room = self._room()
                for number, item in islice(rest, max(0, room - len(begun))):
                    key = f"hpo-{call}-{number}"
                    future = self._submit(task, item, key)
                    begun[key] = number, future
                    future.add_done_callback(finished.put)
                if not begun and room:
                    return
                with suppress(Empty):
                    done = finished.get(timeout=POLL)
                    number, _ = begun.pop(done.key)
                    yield number, _made(done, number)
        finally:
            with suppress(RuntimeError, *GONE):
                self.client.cancel([future for _, future in begun.values()])

    def _submit(self, task: Task[Made], item: tuple[object, ...], key: str) -> Future:
        try:
            return self.client.submit(_called, task.__module__, task.__name__, *item, key=key, pure=False)
        except (RuntimeError, *GONE) as error:
            raise EngineError(f"the scheduler of Dask is gone: {error or type(error).__name__}") from error

    def _room(self) -> int:
        """Return how many tasks may be begun; EngineError where there was no worker for long."""
        now = time.monotonic()
        if now - self._counted >= COUNT:
            self._counted, self._threads = now, _threads(self.client)
        if self._threads:
            self._seen = now
        elif now - self._seen > WAIT:
            raise EngineError(
                f"the scheduler {self.client.scheduler.address} is gone, or has had no worker for {WAIT:.0f} s; "
                f"start some: dask worker {self.client.scheduler.address}, and look into the logs of ended ones"
            )
        return self.n_jobs or AT_ONCE * self._threads


def _threads(client: Client) -> int:
    """Return how many tasks the workers run at once; none while the scheduler is out of reach."""
    if client.status == "connecting":
        return 0
    if client.status != "running":
        raise EngineError(f"the scheduler of Dask is gone: the client is {client.status}; run the same to continue")
    try:
        return sum(client.nthreads().values())
    except GONE as error:
        raise EngineError(f"the scheduler of Dask does not answer: {error or type(error).__name__}") from error


def _made(future: Future, number: int) -> Any:
    """Return what a task made; WorkerLost where Dask gave it up."""
    if future.status == "error":
        error = future.exception()
        if isinstance(error, (KilledWorker, CommClosedError)):
            raise WorkerLost(_first(error), number) from error
        raise error
    if future.status != "finished":
        raise WorkerLost(f"its task was {future.status}", number)
    try:
        made = future.result(timeout=WAIT)
    except GONE as error:
        raise WorkerLost(_first(error), number) from error
    if isinstance(made, str):
        raise EngineError(
            f"a worker of Dask cannot load this package ({made}); install the same version of onepass-hpo on each"
        )
    return made


def _first(error: BaseException) -> str:
    """Return the first sentence of an error."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].partition(". ")[0]


@contextmanager
def opened(name: str | None, client: Client | None, n_jobs: int | None) -> Iterator[DaskWorkers]:
    """Open the workers of a client, of an address, or of this machine; close what was opened."""
    with ExitStack() as stack:
        yield DaskWorkers(client if client is not None else _client(str(name), n_jobs, stack), n_jobs)


def _client(name: str, n_jobs: int | None, stack: ExitStack) -> Client:
    address = name.partition("://")[2]
    if address:
        return stack.enter_context(_connected(f"tcp://{address}"))
    with suppress(ValueError):
        return default_client()
    if configured := dask.config.get("scheduler-address", None):
        return stack.enter_context(_connected(str(configured)))
    with left_to(NOBODY):  # what is started meanwhile ignores Ctrl-C for good
        cluster = LocalCluster(n_workers=n_jobs or os.cpu_count(), threads_per_worker=1, dashboard_address=":0")
    return stack.enter_context(Client(stack.enter_context(cluster), set_as_default=False))


def _connected(address: str) -> Client:
    try:
        return Client(address, timeout=CONNECT, set_as_default=False)
    except (ValueError, *GONE) as error:
        raise EngineError(
            f"no scheduler of Dask answers at {address} within {CONNECT:.0f} s; check the address, and that one "
            "runs there: dask scheduler"
        ) from error
