"""Ctrl-C as a request: work stops at the next safe point, so that nothing finished is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; a second one interrupts at once.

    Outside the main thread no signal arrives, and the event stays unset.

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
