"""Work that is done in threads beside the caller, and comes back in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")
Made = TypeVar("Made")


def in_order(
    make: Callable[[T], Made], items: Sequence[T], workers: int, beside: ThreadPoolExecutor
) -> Iterator[Made]:
    """Return what ``make`` makes of each item, in order, several at a time where there are several.

    With more than one worker making begins at once, in ``beside`` or in threads of its own, while the caller
    does something else.

    Examples
    --------
    >>> with ThreadPoolExecutor(1) as beside:
    ...     list(in_order(abs, [-3, -1, -2], 2, beside))
    [3, 1, 2]
    """
    threads = min(workers, len(items))
    if workers < 2:
        return map(make, items)
    if threads < 2:
        return beside.map(make, items)
    return side_by_side(make, iter(items), threads, 2 * threads - 1)


def as_it_pays(
    make: Callable[[T], Made], items: Sequence[T], workers: int, beside: ThreadPoolExecutor, quick: float
) -> Iterator[Made]:
    """Yield the same as :func:`in_order`, in threads only where the first item takes longer than ``quick`` seconds.

    Small steps hold the interpreter: two threads that hand it over and back take longer than one. What takes long
    waits for a disk, or computes in compiled code.

    Examples
    --------
    >>> with ThreadPoolExecutor(1) as beside:
    ...     list(as_it_pays(abs, [-3, -1, -2], 2, beside, quick=1.0))
    [3, 1, 2]
    """
    began = perf_counter()
    first = make(items[0])
    took = perf_counter() - began
    yield first
    yield from in_order(make, items[1:], workers if took > quick else 1, beside)


def side_by_side(
    make: Callable[[T], Made], items: Iterator[T], threads: int, held: int | None = None
) -> Iterator[Made]:
    """Yield what ``make`` makes of each item, in order, made in threads; as many, or ``held``, begin in advance.

    What was not asked for yet counts as held, so that results never pile up. What the items raise comes after
    what was made of those before.

    Examples
    --------
    >>> list(side_by_side(abs, iter([-3, -1, -2]), 2))
    [3, 1, 2]
    """
    waiting: deque[Future[Made]] = deque()
    ended: Exception | None = None
    with ThreadPoolExecutor(threads) as pool:
        try:
            while ended is None:
                try:
                    waiting.append(pool.submit(make, next(items)))
                except Exception as error:  # noqa: BLE001 - raised in its turn
                    ended = error
                if len(waiting) > (threads if held is None else held):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
    if not isinstance(ended, StopIteration):
        raise ended


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items while the next one is made in a thread of its own; one is held in advance.

    Where there are fewer segments to read than cores, decoding runs beside encoding and multiplying.

    Examples
    --------
    >>> list(read_ahead(iter([1, 2, 3])))
    [1, 2, 3]
    """
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(next, items, None)
        while (item := pending.result()) is not None:
            pending = pool.submit(next, items, None)
            yield item
