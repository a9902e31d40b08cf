"""What is derived from a state and worth keeping: one bounded cache, keyed by the state itself.

A state never changes, so whatever is computed from it (a design, its eigenvectors, a held-out view) can be
kept as long as the state lives. A cache is bounded by bytes, least recently used out first, and forgets
what belonged to a state that is gone. Held-out views, which are many and quick to make, have a cache apart from
designs and their eigenvectors: they never push these out.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Protocol, TypeVar, cast

BUDGET = 256 * 2**20
"""Bytes that derived values may hold together, unless there is room for more."""


class Sized(Protocol):
    """A derived value that knows its size in bytes."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        ...


V = TypeVar("V", bound=Sized)
Entry = tuple[weakref.ref[object], Sized, int]


class Memo:
    """A cache of values derived from states, bounded to ``budget`` bytes (one value always fits).

    Examples
    --------
    >>> import numpy as np
    >>> class State: ...
    >>> memo, state = Memo(), State()
    >>> memo.get(state, "ones", lambda: np.ones(3)) is memo.get(state, "ones", lambda: np.ones(3))
    True
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self.nbytes = 0
        self._lock = threading.RLock()
        self._entries: OrderedDict[tuple[int, Hashable], Entry] = OrderedDict()

    def get(self, state: object, key: Hashable, make: Callable[[], V]) -> V:
        """Return the value under ``key`` for this very state, made at the first call."""
        address = (id(state), key)
        entry = self._entries.get(address)
        if entry is not None and entry[0]() is state:
            with suppress(KeyError):  # another thread may have dropped it meanwhile
                self._entries.move_to_end(address)
            return cast(V, entry[1])
        value = make()
        self._keep(address, state, value)
        return value

    def allow(self, budget: int) -> None:
        """Let derived values hold that many bytes, or :data:`BUDGET` if that is more.

        Examples
        --------
        >>> memo = Memo()
        >>> memo.allow(2**31)
        >>> memo.budget == 2**31
        True
        """
        with self._lock:
            self.budget = max(BUDGET, budget)
            self._shrink()

    def _shrink(self) -> None:
        while self.nbytes > self.budget and len(self._entries) > 1:
            self._drop(next(iter(self._entries)))

    def _keep(self, address: tuple[int, Hashable], state: object, value: Sized) -> None:
        size = int(value.nbytes)
        with self._lock:
            self._drop(address)
            self._entries[address] = (weakref.ref(state, lambda _: self._drop(address)), value, size)
            self.nbytes += size
            self._shrink()

    def _drop(self, address: tuple[int, Hashable]) -> None:
        with self._lock:
            entry = self._entries.pop(address, None)
            if entry is not None:
                self.nbytes -= entry[2]


MEMO = Memo()
"""The cache that this room's algorithms share."""

VIEWS = Memo()
"""The cache of held-out states in the columns of a design."""


def allow(nbytes: int) -> None:
    """Let both caches together hold that many bytes, a quarter of them for views."""
    MEMO.allow(nbytes - nbytes // 4)
    VIEWS.allow(nbytes // 4)
