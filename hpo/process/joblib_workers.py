"""Workers of joblib: processes of this machine, or whatever backend is registered."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from threading import Event
from traceback import format_exception

from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from joblib.parallel import BACKENDS, get_active_backend

from hpo.errors import EngineError
from hpo.process.interrupts import left_to
from hpo.process.workers import Made, Task, Tasks, WorkerLost


@dataclass(frozen=True, eq=False)
class JoblibWorkers:
    """Workers of a backend of joblib.

    Attributes
    ----------
    name : of the backend; None for that of ``joblib.parallel_config`` around the call.
    n_jobs : tasks at once; None for as many as the backend has workers.
    """

    name: str | None
    n_jobs: int | None

    def threads(self) -> int:
        """Return how many tasks can run at once."""
        with self._context():
            return int(effective_n_jobs(-1 if self.n_jobs is None else self.n_jobs))

    def _context(self) -> AbstractContextManager[object]:
        return nullcontext() if self.name is None else parallel_config(self.name, n_jobs=self.n_jobs or -1)

    def each(self, task: Task[Made], items: Tasks, stop: Event) -> Generator[tuple[int, Made]]:
        """Yield what a task makes of each item, as it is done; where it ends early, those begun are waited for."""
        over = Event()
        with self._context():
            streams = get_active_backend()[0].supports_return_generator
            how = "generator_unordered" if streams else "list"
            parallel = Parallel(self.n_jobs, batch_size=1, pre_dispatch="2 * n_jobs", return_as=how)
        results: Iterator[tuple[int, Made | _Raised]] = self._watched(parallel, _calls(task, items, over))
        try:
            for number, made in results:
                if isinstance(made, _Raised):
                    raise made.error
                yield number, made
                if stop.is_set():
                    return
        finally:
            over.set()
            with suppress(WorkerLost, EngineError):
                deque(results, maxlen=0)

    def _watched(self, parallel: Parallel, calls: Iterator[object]) -> Iterator[tuple[int, Made | _Raised]]:
        """Yield results; what the machinery itself raises becomes an error of ours."""
        try:
            yield from parallel(calls)
        except BrokenExecutor as error:
            raise WorkerLost(_first(error)) from error
        except Exception as error:
            raise EngineError(f"engine={self.name or 'of joblib'!r} cannot run: {_first(error)}") from error


@dataclass(frozen=True)
class _Raised:
    """What a task raised."""

    error: Exception


__all__ = ["BACKENDS", "JoblibWorkers", "active"]


def active() -> object:
    """Return the backend of ``joblib.parallel_config`` around the call; None where that is threads."""
    backend = get_active_backend(prefer="threads")[0]
    return None if getattr(backend, "supports_sharedmem", False) else backend


def _calls(task: Task[Made], items: Tasks, over: Event) -> Iterator[object]:
    """Yield the calls of a task, until it is over."""
    for number, item in items.items():
        if over.is_set():
            return
        yield delayed(_numbered)(number, task, item, os.getpid())


def _numbered(
    number: int, task: Task[Made], item: tuple[object, ...], driver: int
) -> tuple[int, Made | _Raised]:
    try:
        with left_to(driver):
            return number, task(*item)
    except Exception as error:  # noqa: BLE001 -- raised where it is received, apart from the machinery's own
        error.add_note("".join(format_exception(error)))
        return number, _Raised(error)


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
