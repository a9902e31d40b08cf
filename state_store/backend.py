"""What a place for blobs must be able to do: nine verbs on names, so that a bucket can be one too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from state_store.errors import InvalidName

Bytes = bytes | bytearray
PART = r"[a-z0-9][a-z0-9._-]{0,199}"
NAME = re.compile(rf"{PART}(?:/{PART}){{0,3}}")


@dataclass(frozen=True, slots=True)
class Stat:
    """Size of a blob in bytes, and when it was last used, in seconds since the epoch."""

    bytes: int
    last_used: float


class Backend(Protocol):
    """A place that maps names (see :func:`valid_name`) to bytes; a write is seen whole or not at all.

    Attributes
    ----------
    at_once : how many requests are best made at the same time: more than one where each waits for a network.
    """

    at_once: ClassVar[int]

    @property
    def place(self) -> Path | str:
        """What people call it: a directory, or an address without anything secret."""
        ...

    def read(self, name: str, limit: int | None = None) -> Bytes | None:
        """Return the bytes (the first ``limit``), or None if there is no such name. Raises StoreReadError.

        A bytearray, handed over for good, spares a copy.
        """
        ...

    def write(self, name: str, data: Bytes) -> None:
        """Put the bytes under the name, atomically. Raises StoreWriteError."""
        ...

    def create(self, name: str, data: Bytes) -> bool:
        """Put the bytes under a name that is not there, atomically; False if it was. Raises StoreWriteError."""
        ...

    def names(self, folder: str) -> Iterator[tuple[str, Stat]]:
        """Yield every name below ``folder``, sorted, with its size and last use."""
        ...

    def stat(self, name: str) -> Stat | None:
        """Return size and last use, or None if there is no such name."""
        ...

    def touch(self, name: str) -> None:
        """Note that the name was used now; does nothing where that cannot be noted."""
        ...

    def delete(self, name: str) -> bool:
        """Remove the name; False if it was not there. Raises StoreWriteError."""
        ...

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock between threads and processes; it must end with the process that holds it.

        Where nothing can be locked, nothing is held: writes are atomic, so a lock only saves work.
        """
        ...

    def sweep(self, before: float, *, dry_run: bool) -> list[tuple[str, int]]:
        """Remove what dead writers left before that time, and locks nobody holds; return names and bytes."""
        ...

    def trim_copies(self, most: int) -> int:
        """Drop copies on this machine, last used first to stay, until ``most`` bytes are held; return what went."""
        ...


def valid_name(name: str) -> str:
    """Return the name if it is confined: at most four parts of ``a-z 0-9 . _ -``, none beginning with a dot.

    Raises
    ------
    InvalidName
        Otherwise.

    Examples
    --------
    >>> valid_name("pilots/0123")
    'pilots/0123'
    >>> valid_name("pilots/../../secret")
    Traceback (most recent call last):
    ...
    state_store.errors.InvalidName: 'pilots/../../secret' is not a name in a state store.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidName(f"{name!r} is not a name in a state store.")
    return name
