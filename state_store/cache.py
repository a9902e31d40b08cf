"""Bytes of a bucket as they were read last, in a directory of this machine."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from xxhash import xxh3_128

from state_store.backend import Bytes
from state_store.errors import StoreError
from state_store.files import replacing
from state_store.local import LocalBackend

HEAD = Struct("<16sdH")
"""Of a file: checksum of all that follows, time of the last change, and length of the tag, which comes next."""

COPIES, NOTES, OWNER = "copies", "notes", "owner"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of what a bucket holds under a name: its tag there, when it was changed last, and the bytes."""

    tag: str
    modified: float
    data: bytearray


@dataclass(frozen=True)
class Cache:
    """Copies of what a bucket holds: any of them may be lost at any time, and a damaged one counts as lost.

    Attributes
    ----------
    root : the directory; one bucket's alone.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = Cache(Path(folder))
    ...     cache.keep("leaves/a", "tag", 0.0, b"abc")
    ...     cache.copy("leaves/a")
    Copy(tag='tag', modified=0.0, data=bytearray(b'abc'))
    """

    root: Path

    @property
    def files(self) -> LocalBackend:
        """The directory as names, for locks between the processes of this machine too."""
        return LocalBackend(self.root)

    @property
    def owner(self) -> str:
        """What distinguishes the processes that share this directory from all others."""
        with suppress(StoreError):
            self.files.create(OWNER, secrets.token_hex(16).encode())
            found = self.files.read(OWNER)
            if found:
                return found.decode("ascii", "replace")
        return secrets.token_hex(16)

    def copy(self, name: str) -> Copy | None:
        """Return the copy of a name, None if there is none that is whole."""
        with suppress(StoreError):
            held = self.files.read(f"{COPIES}/{name}")
            return None if held is None else _decoded(held)
        return None

    def keep(self, name: str, tag: str, modified: float, data: Bytes) -> None:
        """Keep a copy; where the disk is full or may not be written, none is kept."""
        if not tag:
            return
        rest = xxh3_128()
        front = HEAD.pack(b"", modified, len(tag.encode())) + tag.encode()
        rest.update(front[16:])
        rest.update(data)
        with suppress(StoreError, OSError), replacing(self._path(name), durable=False) as file:
            file.write(rest.digest() + front[16:])
            file.write(data)

    def drop(self, name: str) -> None:
        """Keep no copy of a name any longer."""
        with suppress(OSError):
            self._path(name).unlink()

    def touch(self, name: str) -> None:
        """Note that a copy was used."""
        self.files.touch(f"{COPIES}/{name}")

    def noted(self, name: str) -> float:
        """Return when it was noted last, from this machine, that a blob was used; 0 if never."""
        with suppress(StoreError):
            found = self.files.stat(f"{NOTES}/{name}")
            return 0.0 if found is None else found.last_used
        return 0.0

    def note(self, name: str) -> None:
        """Remember that the use of a blob is noted now."""
        with suppress(StoreError, OSError), replacing(self.root / NOTES / name, durable=False):
            pass

    def trim(self, most: int) -> int:
        """Drop the copies that were not used for longest until ``most`` bytes are held; return how many went."""
        with suppress(StoreError):
            held = sorted(self.files.names(COPIES), key=lambda item: item[1].last_used)
            over = sum(stat.bytes for _, stat in held) - most
            dropped = 0
            for name, stat in held:
                if dropped >= over:
                    break
                self.drop(name.partition("/")[2])
                dropped += stat.bytes
            return dropped
        return 0

    def _path(self, name: str) -> Path:
        return self.root / COPIES / name


def _decoded(held: bytearray) -> Copy | None:
    if len(held) < HEAD.size:
        return None
    checksum, modified, length = HEAD.unpack_from(held)
    if xxh3_128(memoryview(held)[16:]).digest() != checksum:
        return None
    tag = held[HEAD.size : HEAD.size + length].decode()
    del held[: HEAD.size + length]
    return Copy(tag, modified, held)
