"""One thread of BLAS and OpenMP for small problems: a pool's own threads cost more than they bring."""

from __future__ import annotations

import functools
import math
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psutil
from threadpoolctl import ThreadpoolController

from algorithms.contract import State

BIG = 1 << 19
"""Numbers (kept rows × columns) from which on a fit to rows gains by OpenMP's threads."""

HUGE = 1 << 24
"""Numbers of a matrix of columns from which on one fit at a time has all threads: each holds several of them."""

WIDE = 1500
"""Encoded columns from which on the cores that wait are given to BLAS: one eigendecomposition takes seconds."""

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
    """Give fits to states, one after another, more threads where one fit is large.

    All of OpenMP's where one of the states keeps many rows; of BLAS, the cores that nobody uses where there are
    many columns (threads that wait for a busy core make an eigendecomposition slower).

    Examples
    --------
    >>> from algorithms.contract import Shape
    >>> from algorithms.summaries.moments import Moments
    >>> with threads_for([Moments().init(Shape((), ()))]):
    ...     2 + 2
    4
    """
    sizes = [(state.kept_rows * state.shape.d, state.shape.d) for state in states]
    numbers, columns = max((n for n, _ in sizes), default=0), max((d for _, d in sizes), default=0)
    with ExitStack() as given:
        if numbers >= BIG:
            given.enter_context(_pools("openmp").limit(limits=_most("OMP_NUM_THREADS")))
        if columns >= WIDE:
            given.enter_context(_pools("blas").limit(limits=min(_most("OPENBLAS_NUM_THREADS"), _idle())))
        yield


def threads_of(states: Sequence[State]) -> int:
    """Return in how many threads fits to states run beside one another, each in one: one where all are small.

    Examples
    --------
    >>> from algorithms.contract import Shape
    >>> from algorithms.summaries.moments import Moments
    >>> threads_of([Moments().init(Shape((), ()))] * 5)
    1
    """
    large = sum(_is_large(state.kept_rows, state.shape.d) for state in states)
    return max(1, min(large, _most("OMP_NUM_THREADS")))


def _is_large(rows: int, columns: int) -> bool:
    """Return whether a fit takes longer than a thread to begin, and two have room beside one another."""
    return rows * columns >= BIG or BIG <= columns * columns <= HUGE


def _idle() -> int:
    """Return how many cores this thread may use: its own, and those that are idle."""
    busy: float = psutil.getloadavg()[0]
    return max(1, (os.cpu_count() or 1) + 1 - math.ceil(busy))


def _most(variable: str) -> int:
    """Return how many threads a pool may have: by its variable of the environment, else one for each core."""
    given = os.environ.get(variable, "")
    return int(given) if given.isdecimal() and int(given) else os.cpu_count() or 1
