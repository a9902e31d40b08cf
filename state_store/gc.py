"""Giving back space: what was not used for long, what exceeds a size, and what dead processes left."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from state_store.entry import Document, Entry, counted, readable_bytes
from state_store.key import Key
from state_store.names import document_name
from state_store.shelf import QUARANTINE
from state_store.store import StateStore

LEFTOVER_SECONDS = 3600.0


@dataclass(frozen=True, repr=False)
class Collected:
    """What a collection removed, or would remove.

    Attributes
    ----------
    leaves, documents, quarantine, leftovers : names and sizes in bytes, in the order of removal.
    bytes_left : bytes of the leaves and documents that stay.
    dry_run : whether files were counted only, and none removed.
    """

    leaves: tuple[tuple[str, int], ...]
    documents: tuple[tuple[str, int], ...]
    quarantine: tuple[tuple[str, int], ...]
    leftovers: tuple[tuple[str, int], ...]
    bytes_left: int
    dry_run: bool = False

    @property
    def removed(self) -> tuple[str, ...]:
        """Names of everything removed."""
        return tuple(name for name, _ in self._all())

    @property
    def bytes(self) -> int:
        """Bytes of everything removed."""
        return sum(size for _, size in self._all())

    def __repr__(self) -> str:
        """Say how much was removed and how much stays."""
        verb = "would remove" if self.dry_run else "removed"
        stay, files = readable_bytes(self.bytes_left), counted(len(self.removed), "file")
        return f"<Collected: {verb} {files}, {readable_bytes(self.bytes)}; {stay} stay>"

    def _all(self) -> tuple[tuple[str, int], ...]:
        return self.leaves + self.documents + self.quarantine + self.leftovers


def gc(
    store: StateStore,
    max_age: timedelta | None = None,
    max_bytes: int | None = None,
    *,
    keep: Collection[Key] = (),
    dry_run: bool = False,
) -> Collected:
    """Remove leaves unused for ``max_age``, then the least recently used until ``max_bytes`` are left.

    Pinned contexts stay. A document goes when it was unused for ``max_age`` and no remaining leaf refers to
    it (has its name in ``about``). Quarantined blobs go after ``max_age``. Temporary files and locks of dead
    processes go after an hour. Safe beside running studies: a state that is missed is computed.

    Parameters
    ----------
    store : the store.
    max_age : longest time without use; None for any.
    max_bytes : most bytes of leaves and documents to keep; None for any.
    keep : leaves that stay as if their contexts were pinned.
    dry_run : only say what would go.

    Raises
    ------
    ValueError
        If ``max_age`` or ``max_bytes`` is negative.

    Examples
    --------
    >>> import tempfile
    >>> from state_store.key import Key
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = StateStore(folder)
    ...     store.put(Key("ab" * 20, "cd" * 20), 1.5)
    ...     gc(store, max_bytes=0, dry_run=True)
    <Collected: would remove 1 file, 2... bytes; 0 bytes stay>
    """
    if (max_age is not None and max_age < timedelta(0)) or (max_bytes is not None and max_bytes < 0):
        raise ValueError(f"max_age={max_age}, max_bytes={max_bytes}: neither can be negative.")
    now = time.time()
    oldest = float("-inf") if max_age is None else now - max_age.total_seconds()
    leaves = store.list()
    held = {entry.name for entry in leaves if entry.pinned or entry.key in keep}
    removed = _blobs_to_remove(
        [entry for entry in leaves if entry.name not in held], store.total_bytes, oldest, max_bytes
    )
    gone = {name for name, _ in removed}
    documents = _documents_to_remove(store.documents(), [e for e in leaves if e.name not in gone], oldest)
    quarantine = [(name, s.bytes) for name, s in store.backend.names(QUARANTINE) if s.last_used < oldest]
    left = store.total_bytes - sum(size for _, size in removed + documents)
    if not dry_run:
        for name, _ in removed + documents + quarantine:
            store.backend.delete(name)
    leftovers = store.backend.sweep(now - LEFTOVER_SECONDS, dry_run=dry_run)
    return Collected(tuple(removed), tuple(documents), tuple(quarantine), tuple(leftovers), left, dry_run)


def _blobs_to_remove(
    leaves: Iterable[Entry], total: int, oldest: float, max_bytes: int | None
) -> list[tuple[str, int]]:
    """Return which blobs of leaves to remove, least recently used first; those in one pack go together."""
    sizes: dict[str, int] = {}
    used: dict[str, float] = {}
    for entry in sorted(leaves, key=lambda e: (e.last_used, e.key)):
        sizes[entry.name] = sizes.get(entry.name, 0) + entry.bytes
        used[entry.name] = entry.last_used
    doomed = []
    for name, size in sizes.items():
        too_much = max_bytes is not None and total > max_bytes
        if used[name] < oldest or too_much:
            doomed.append((name, size))
            total -= size
    return doomed


def _documents_to_remove(
    documents: Iterable[Document], kept: Iterable[Entry], oldest: float
) -> list[tuple[str, int]]:
    """Return the documents that nobody used for long and no kept leaf refers to."""
    needed = {text for entry in kept for text in texts(entry.about)}
    return [
        (document_name(d.kind, d.name), d.bytes)
        for d in documents
        if d.last_used < oldest and d.name not in needed
    ]


def texts(value: object) -> Iterator[str]:
    """Yield every string in a JSON value: the documents a leaf refers to are among them.

    Examples
    --------
    >>> sorted(texts({"pilot": "ab12", "parts": [{"encoder": "cd34"}, 7]}))
    ['ab12', 'cd34']
    """
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
