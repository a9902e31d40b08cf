"""Blobs in a bucket, with a copy of what was read in a directory of this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import ClassVar

from state_store.backend import Bytes, Stat, valid_name
from state_store.bucket import Bucket, Unchanged
from state_store.cache import Cache
from state_store.errors import StoreError
from state_store.lease import leased

LOCKS, USES = "locks", "uses"
DAY = 86_400.0
"""Seconds for which one note that a blob was used is enough."""


@dataclass(frozen=True)
class RemoteBackend:
    """A prefix of a bucket: one object per name. Last use is that of the object, or of a note of its use.

    Any number of threads, processes and machines may use it at once. What was read is asked for again by its tag,
    so that bytes that did not change do not travel twice.

    Attributes
    ----------
    bucket : where the bytes are.
    cache : copies of them on this machine.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from obstore.store import MemoryStore
    >>> from state_store.address import Address
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     backend = RemoteBackend(Bucket(Address("s3", "team"), MemoryStore()), Cache(Path(folder)))
    ...     backend.create("pilots/0123", b"abc"), backend.create("pilots/0123", b"xyz")
    ...     backend.read("pilots/0123")
    (True, False)
    bytearray(b'abc')
    """

    at_once: ClassVar[int] = 16
    bucket: Bucket
    cache: Cache
    _changed: dict[str, float] = field(default_factory=dict, repr=False, compare=False)
    """When each blob that was read was changed, or its use noted, last."""

    @property
    def place(self) -> str:
        """The address."""
        return str(self.bucket.address)

    def read(self, name: str, limit: int | None = None) -> bytearray | None:
        """Return the bytes (the first ``limit``), or None if there is no such name. Raises StoreReadError."""
        copy = self.cache.copy(valid_name(name))
        try:
            found = self.bucket.get(name, limit, "" if copy is None else copy.tag)
        except Unchanged:
            data = bytearray() if copy is None else copy.data
            self._changed.setdefault(name, 0.0 if copy is None else copy.modified)
            self.cache.touch(name)
            return data if limit is None else data[:limit]
        if found is None:
            self.cache.drop(name)
            return None
        self._changed.setdefault(name, found.modified)
        if len(found.data) == found.bytes:
            self.cache.keep(name, found.tag, found.modified, found.data)
        return found.data

    def write(self, name: str, data: Bytes) -> None:
        """Put the bytes under the name, atomically and durably."""
        tag = self.bucket.put(valid_name(name), data)
        self.cache.keep(name, tag, time.time(), data)

    def create(self, name: str, data: Bytes) -> bool:
        """Put the bytes under a name that is not there, atomically and durably; False if it was there."""
        tag = self.bucket.create(valid_name(name), data)
        if tag is not None:
            self.cache.keep(name, tag, time.time(), data)
        return tag is not None

    def names(self, folder: str) -> Iterator[tuple[str, Stat]]:
        """Yield every name below ``folder``, sorted."""
        uses = dict(self.bucket.list(f"{USES}/{valid_name(folder)}"))
        for name, about in self.bucket.list(folder):
            used = uses.get(f"{USES}/{name}", about)
            if _is_name(name):
                yield name, Stat(about.bytes, max(used.modified, about.modified))

    def stat(self, name: str) -> Stat | None:
        """Return size and last use, or None if there is no such name."""
        about = self.bucket.head(valid_name(name))
        return None if about is None else Stat(about.bytes, about.modified)

    def touch(self, name: str) -> None:
        """Note that the name was used, once a day and beside what the caller does."""
        now, changed = time.time(), self._changed.get(valid_name(name))
        if changed is None or now - changed < DAY:
            return
        self._changed[name] = now
        if now - self.cache.noted(name) >= DAY:
            self.cache.note(name)
            _beside().submit(self._note, name)

    def delete(self, name: str) -> bool:
        """Remove the name; False if it was not there."""
        there = self.bucket.head(valid_name(name)) is not None
        if there:
            self.bucket.delete(name)
            with suppress(StoreError):
                self.bucket.delete(f"{USES}/{name}")
        self.cache.drop(name)
        return there

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of a name: on this machine as a file, between machines as a lease."""
        own = valid_name(name).replace("/", "-")
        with self.cache.files.lock(own), leased(self.bucket, f"{LOCKS}/{own}", self.cache.owner):
            yield

    def sweep(self, before: float, *, dry_run: bool) -> list[tuple[str, int]]:
        """Remove leases that nobody renewed since ``before``, and what dead writers left in the copies."""
        old = [(name, about.bytes) for name, about in self.bucket.list(LOCKS) if about.modified < before]
        for name, _ in old if not dry_run else ():
            self.bucket.delete(name)
        with suppress(StoreError):
            self.cache.files.sweep(before, dry_run=dry_run)
        return old

    def trim_copies(self, most: int) -> int:
        """Drop copies on this machine, last used first to stay, until ``most`` bytes are held; return what went."""
        return self.cache.trim(most)

    def _note(self, name: str) -> None:
        with suppress(StoreError):
            self.bucket.put(f"{USES}/{name}", b"")


def _is_name(name: str) -> bool:
    try:
        valid_name(name)
    except StoreError:
        return False
    return True


_pools: list[ThreadPoolExecutor] = []


def _beside() -> ThreadPoolExecutor:
    """Return threads for what nobody waits for."""
    if not _pools:
        _pools.append(ThreadPoolExecutor(4, thread_name_prefix="notes of use"))
    return _pools[0]
