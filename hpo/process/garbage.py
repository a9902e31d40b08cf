"""Python's search for garbage in cycles, put off while thousands of things are made that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_search() -> Iterator[None]:
    """Put the search off: it would go through all that the process holds, again and again, and find nothing.

    Examples
    --------
    >>> with no_search():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
