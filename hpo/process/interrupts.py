"""Ctrl-C as a request: work stops at the next safe point, so that nothing finished is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_CAME: list[int] = []
"""The signals of Ctrl-C in a process that remembers them; a lock might be held when one comes."""


def remember() -> None:
    """Remember, in a process of the command line, that Ctrl-C came: what is imported may swallow it, or wrap it.

    A process that is to ignore it still does.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def came() -> bool:
    """Return whether Ctrl-C came, in a process that remembers it, before work began that stops in its own way."""
    return bool(_CAME)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _CAME.append(number)
    raise KeyboardInterrupt


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; a second one interrupts at once.

    Outside the main thread no signal arrives, and the event stays unset. Where one has come before and was lost,
    KeyboardInterrupt is raised now.

    Examples
    --------
    >>> with stop_on_interrupt() as stop:
    ...     stop.is_set()
    False
    """
    stop = threading.Event()

    def request(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    if came():
        raise KeyboardInterrupt
    before = signal.signal(signal.SIGINT, request)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


NOBODY = 0
"""Number of no process."""


@contextmanager
def left_to(driver: int) -> Iterator[None]:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one of that number: it stops the others.

    Examples
    --------
    >>> import os
    >>> with left_to(os.getpid()):
    ...     signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    False
    """
    if os.getpid() == driver or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
