"""One thread of BLAS and OpenMP for small problems: a pool's own threads cost more than they bring."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from threadpoolctl import ThreadpoolController

from algorithms.contract import State

BIG = 1 << 19
"""Numbers (kept rows × columns) from which on a fit to rows gains by OpenMP's threads."""

POOLS = ("sklearn", "lightgbm", "xgboost", "torch")
"""Libraries that bring an OpenMP pool of their own when they are loaded."""


@functools.lru_cache(maxsize=4)
def _controller(loaded: frozenset[str]) -> ThreadpoolController:  # noqa: ARG001 -- a key of the cache
    """Return the controller of the pools, found once for the libraries that are loaded."""
    return ThreadpoolController()


def _pools(api: str) -> ThreadpoolController:
    return _controller(frozenset(sys.modules.keys() & set(POOLS))).select(user_api=api)


@dataclass
class Shared:
    """A limit of the whole process, held as long as any thread holds it."""

    holders: int = 0
    held: ExitStack = field(default_factory=ExitStack)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold BLAS to one thread."""
        with self.lock:
            self.holders += 1
            if self.holders == 1:
                self.held.enter_context(_pools("blas").limit(limits=1))
        try:
            yield
        finally:
            with self.lock:
                self.holders -= 1
                if not self.holders:
                    self.held.close()


_BLAS = Shared()


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS, and the OpenMP pools of this thread, to one thread; on small problems that is many times faster.

    BLAS has one limit for all threads: it ends with the last of those that hold it.

    Examples
    --------
    >>> with one_thread():
    ...     2 + 2
    4
    """
    with _BLAS.hold(), _pools("openmp").limit(limits=1):
        yield


@contextmanager
def threads_for(states: Iterable[State]) -> Iterator[None]:
    """Give fits to states, one after another, all OpenMP threads where one of the states keeps many rows.

    Examples
    --------
    >>> from algorithms.contract import Shape
    >>> from algorithms.summaries.moments import Moments
    >>> with threads_for([Moments().init(Shape((), ()))]):
    ...     2 + 2
    4
    """
    if max((state.kept_rows * state.shape.d for state in states), default=0) < BIG:
        yield
        return
    with _pools("openmp").limit(limits=_most()):
        yield


def _most() -> int:
    """Return how many threads OpenMP may have: ``OMP_NUM_THREADS``, else one for each core."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() and int(given) else os.cpu_count() or 1
