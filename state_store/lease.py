"""Locks in a bucket: a name that one holder keeps alive, and that others take over when it stands still.

No clock of another machine counts: who waits takes a lease over when he has seen it unchanged for ``STALE`` seconds
of his own. A lease only saves work, since every write is atomic: two holders would compute one state twice.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from state_store.bucket import Bucket
from state_store.errors import StoreError, StoreReadError, StoreWriteError

BEAT, STALE = 8.0, 30.0
"""Seconds between signs of life, and without any after which a holder counts as dead."""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between looks at a lease that another holds."""


@contextmanager
def leased(bucket: Bucket, name: str, owner: str) -> Iterator[None]:
    """Hold the lease of a name while the block runs.

    Parameters
    ----------
    bucket : where it is kept.
    name : its name there.
    owner : what names the processes that have a lock of their own between them, held by the caller: a lease of
        theirs is one of the dead.

    Examples
    --------
    >>> from obstore.store import MemoryStore
    >>> from state_store.address import Address
    >>> bucket = Bucket(Address("s3", "team"), MemoryStore())
    >>> with leased(bucket, "locks/a", "this machine"):
    ...     bucket.head("locks/a") is None
    False
    >>> bucket.head("locks/a") is None
    True
    """
    lease = _Lease(bucket, name, owner)
    try:
        lease.take()
    except StoreWriteError:  # where nothing may be written nothing is locked, as in a directory
        yield
        return
    with lease.kept_alive():
        yield


@dataclass(eq=False)
class _Lease:
    bucket: Bucket
    name: str
    owner: str
    tag: str = ""
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    beats: int = 0

    def take(self) -> None:
        watched, since, pause = "", time.monotonic(), FIRST_PAUSE
        while True:
            tag = self._made()
            if tag is None and (there := self.bucket.get(self.name)) is not None:
                if there.tag != watched:
                    watched, since = there.tag, time.monotonic()
                dead = time.monotonic() - since > STALE or _owner_of(there.data) == self.owner
                tag = self.bucket.replace(self.name, self._sign(), there.tag) if dead else None
            if tag is not None:
                self.tag = tag
                return
            time.sleep(random.uniform(0.5, 1.0) * pause)  # noqa: S311
            pause = min(2 * pause, LONGEST_PAUSE)

    def _made(self) -> str | None:
        """Make the lease and return its tag; None where another has it, which is waited for whatever fails here."""
        try:
            return self.bucket.create(self.name, self._sign())
        except StoreWriteError as error:
            with suppress(StoreReadError):
                if self.bucket.head(self.name) is not None:
                    return None
            raise error

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        over = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(over,), daemon=True, name=f"lease of {self.name}")
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()
            if self.tag:
                with suppress(StoreError):
                    self.bucket.delete(self.name)

    def _keep(self, over: threading.Event) -> None:
        while self.tag and not over.wait(BEAT):
            with suppress(StoreError):
                self.tag = self.bucket.replace(self.name, self._sign(), self.tag) or ""

    def _sign(self) -> bytes:
        """Return bytes that no other lease has, nor this one before."""
        self.beats += 1
        return json.dumps({"owner": self.owner, "token": self.token, "beat": self.beats}).encode()


def _owner_of(data: bytearray) -> object:
    try:
        return json.loads(data)["owner"]
    except (ValueError, KeyError, TypeError):
        return None
