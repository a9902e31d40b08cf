"""Where a pass runs: in threads of this process, or on workers of an engine that exists.

An engine is named: ``"dask"``, a scheduler's address, a backend of joblib such as ``"loky"``; or it is what
``joblib.parallel_config`` says; or a client of Dask. It runs small tasks, as they come, in any order, and says
when a worker was lost. What a task is, and that its worth is in the store before it returns, is not its affair.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from typing import TYPE_CHECKING

from algorithms.lazily import Library
from hpo.errors import EngineError
from hpo.process.workers import Workers
from studies.spec.engines import DASK, THREADS

if TYPE_CHECKING:
    from distributed import Client

joblib_workers, dask_workers = Library("hpo.process.joblib_workers"), Library("hpo.process.dask_workers")
"""Loaded where workers are asked for: one is slow to load, the other an extra."""


@dataclass(frozen=True, eq=False)
class Engine:
    """Where a pass runs.

    Attributes
    ----------
    name : as it was asked for; None for what ``joblib.parallel_config`` says, and threads where it says nothing.
    n_jobs : threads or tasks at once; None for one per core.
    client : of Dask, where one was given.

    Examples
    --------
    >>> with Engine("threads").workers() as workers:
    ...     workers is None
    True
    """

    name: str | None = None
    n_jobs: int | None = None
    client: Client | None = None

    @property
    def asked(self) -> bool:
        """Whether workers were asked for by this name, and not by a context around the call."""
        return self.client is not None or self.name not in (None, *THREADS)

    def workers(self) -> AbstractContextManager[Workers | None]:
        """Open the workers; None for threads of this process.

        Raises
        ------
        EngineError
            No scheduler answers at the address, or the package is not installed.
        """
        if self.client is not None or (self.name or "").partition("://")[0] == DASK:
            check_dask()
            opened: AbstractContextManager[Workers] = dask_workers.opened(self.name, self.client, self.n_jobs)
            return opened
        if self.asked:
            workers: Workers = joblib_workers.JoblibWorkers(self.name, self.n_jobs)
            return nullcontext(workers)
        return nullcontext(_around(self.n_jobs) if self.name is None else None)


def engine_of(asked: object, n_jobs: int | None) -> Engine:
    """Return the engine that was asked for by name, or as a client of Dask.

    Raises
    ------
    EngineError
        It is neither, or nobody registered a backend of that name.

    Examples
    --------
    >>> engine_of("lokky", None)
    Traceback (most recent call last):
    ...
    hpo.errors.EngineError: engine='lokky' is not known; did you mean 'loky'? ...
    """
    if asked is None or isinstance(asked, str):
        _check_name(asked)
        return Engine(asked, n_jobs)
    if not _is_of_dask(asked):
        raise EngineError(
            f"engine={asked!r:.60} is not an engine: give 'dask', 'dask://host:port', 'loky', another backend of "
            "joblib by its name, or a distributed.Client"
        )
    client = asked
    if getattr(client, "asynchronous", False):
        raise EngineError("engine= is a client that is asynchronous; give one that is not: Client(address)")
    return Engine(DASK, n_jobs, client)


def _check_name(name: str | None) -> None:
    if name is None or name in THREADS:
        return
    if name.partition("://")[0] == DASK:
        check_dask()
        return
    known = [DASK, *THREADS, *joblib_workers.BACKENDS]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        raise EngineError(
            f"engine={name!r} is not known{f'; did you mean {near[0]!r}? It' if near else '; it'} is one of "
            f"{', '.join(map(repr, dict.fromkeys(known)))}, an address such as 'dask://host:8786', or a backend "
            "that was registered with joblib.register_parallel_backend before"
        )


def _around(n_jobs: int | None) -> Workers | None:
    """Return the workers that ``joblib.parallel_config`` names around the call; None where it names none."""
    if "joblib" not in sys.modules:  # nobody can have said anything
        return None
    backend = joblib_workers.active()
    if backend is None:
        return None
    client = getattr(backend, "client", None)
    of_dask = client is not None and _is_of_dask(client)
    workers: Workers = (
        dask_workers.DaskWorkers(client, n_jobs) if of_dask else joblib_workers.JoblibWorkers(None, n_jobs)
    )
    return workers


def _is_of_dask(client: object) -> bool:
    return any(kind.__module__ == "distributed.client" for kind in type(client).__mro__)


def check_dask() -> None:
    """Refuse where the extra ``dask`` is not installed."""
    if find_spec("distributed") is None:
        raise EngineError("Dask is not installed: pip install 'onepass-hpo[dask]'")
