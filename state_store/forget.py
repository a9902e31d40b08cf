"""Forgetting leaves: each is removed for good, from packs too; those beside it stay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from state_store.entry import Entry
from state_store.key import PACKS
from state_store.packs import without
from state_store.store import StateStore


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten: how many leaves, and the bytes that this freed."""

    leaves: int
    bytes: int


def forget_leaves(store: StateStore, entries: Collection[Entry]) -> Forgotten:
    """Remove leaves, as :meth:`StateStore.list` gives them. A pack is written anew without them, then removed.

    Raises
    ------
    StoreWriteError
        If the store cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from state_store import Key, Member, StateStore
    >>> a, b, c = (digit * 40 for digit in "abc")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = StateStore(folder)
    ...     store.put_pack(c, [Member(a, 1.5, {}), Member(b, 2.5, {})])
    ...     store.put(Key(c, c), 3.5)
    ...     forgotten = forget_leaves(store, [e for e in store.list() if e.key.segment in (a, c)])
    ...     forgotten.leaves, store.get_many(c, [a, b, c], 0.0)
    (2, {'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb': 2.5})
    """
    blobs: dict[str, set[str]] = {}
    for entry in entries:
        blobs.setdefault(entry.name, set()).add(entry.key.segment)
    before = store.total_bytes
    for name, segments in sorted(blobs.items()):
        if name.startswith(f"{PACKS}/"):
            _unpack(store, name, segments)
        store.backend.delete(name)
    return Forgotten(len(entries), before - store.total_bytes)


def _unpack(store: StateStore, name: str, segments: Collection[str]) -> None:
    """Keep what else is in a pack; a damaged one is set aside whole."""
    context = name.split("/")[1]
    kept = store.shelf.use(name, lambda blob: without(blob, context, segments))
    if kept:
        store.backend.write(*kept)
