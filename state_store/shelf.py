"""Blobs under names, checked as they are read: a damaged one is set aside, reported, and counts as absent."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from state_store.backend import Backend, Bytes, Stat
from state_store.blob import Blob, Header, decode_blob, decode_header, header_bytes
from state_store.errors import DamagedBlob, DamagedStateWarning, StoreError, StoreWriteError

A = TypeVar("A")
T = TypeVar("T")

Facts = tuple[float, dict[str, Any], str]
"""When a blob was created, what it is about, and what is wrong with its header (or ``""``)."""

QUARANTINE = "quarantine"
FIRST_READ = 4096


@dataclass(frozen=True)
class Shelf:
    """The blobs of a backend.

    Attributes
    ----------
    backend : where the bytes are.
    place : what to call it in messages.
    """

    backend: Backend
    place: str

    def use(self, name: str, read: Callable[[Blob], T]) -> T | None:
        """Return what ``read`` makes of a blob, and note the use; None if it is absent or damaged.

        ``read`` may raise DamagedBlob too: then the blob is set aside as well.
        """
        data = self.backend.read(name)
        if data is None:
            return None
        try:
            value = read(decode_blob(data, name))
        except DamagedBlob as error:
            self.set_aside(name, data, str(error))
            return None
        self.backend.touch(name)
        return value

    def each(self, work: Callable[[A], T], items: Iterable[A]) -> list[T]:
        """Return what ``work`` makes of each item, in order; several at a time where each waits for a network."""
        some = list(items)
        if min(self.backend.at_once, len(some)) < 2:
            return [work(item) for item in some]
        with ThreadPoolExecutor(min(self.backend.at_once, len(some))) as pool:
            return list(pool.map(work, some))

    def header(self, name: str) -> Header | None:
        """Return the header of a blob without reading its arrays. Raises DamagedBlob, NewerFormat."""
        data = self.backend.read(name, FIRST_READ)
        if data is not None and (needed := header_bytes(data)) > len(data):
            data = self.backend.read(name, needed)
        return None if data is None else decode_header(data)

    def facts(self, name: str, stat: Stat) -> Facts | None:
        """Return when a blob was created, what it is about, and what is wrong with its header (or ``""``)."""
        try:
            header = self.header(name)
        except StoreError as error:
            return stat.last_used, {}, str(error)
        return None if header is None else (header.created, header.about, "")

    def set_aside(self, name: str, data: Bytes, reason: str) -> None:
        """Move a damaged blob, read as ``data``, to the quarantine and warn; one mended meanwhile stays."""
        if self.backend.read(name) != data:
            return
        refuge = f"{QUARANTINE}/{name.replace('/', '-')}-{time.time_ns()}"
        try:
            self.backend.write(refuge, data)
            self.backend.delete(name)
            fate = f"It was moved to {refuge}"
        except StoreWriteError as error:
            fate = f"It could not be set aside ({error})"
        warnings.warn(
            f"The blob {name} in {self.place} is damaged: {reason}. {fate}; its state will be recomputed.",
            DamagedStateWarning,
            stacklevel=4,
        )
