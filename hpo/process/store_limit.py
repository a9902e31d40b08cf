"""What a store may hold: ``HPO_STORE_LIMIT``, kept by removing what was not used for longest."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Collection
from pathlib import Path

from hpo.errors import StoreWarning, TuneError
from hpo.process.settings import copies
from hpo.process.sizes import bytes_of
from state_store import Key, StateStore, StoreError
from state_store.entry import readable_bytes
from state_store.gc import gc

VARIABLE = "HPO_STORE_LIMIT"
MOST = 10 * 10**9
"""Bytes of a store unless the variable says otherwise, or a tenth of its disk where that is less."""

ROOM = 0.9
"""Share of the limit that is left when states are removed, so that the next study need not remove any."""

_warned: set[str] = set()


def store_limit(store: StateStore) -> int:
    """Return how many bytes a store may hold on this machine: of one in a bucket, copies of what was read.

    Raises
    ------
    TuneError
        If ``$HPO_STORE_LIMIT`` is not a size.
    """
    given = os.environ.get(VARIABLE)
    if not given:
        place = store.location if isinstance(store.location, Path) else copies()
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        return min(MOST, shutil.disk_usage(there).total // 10)
    found = bytes_of(given)
    if found is None:
        raise TuneError(f"{VARIABLE}={given!r} is not a size; write for example 500MB, 10GB or 2GiB")
    return found


def keep_within_limit(store: StateStore, used: Collection[Key]) -> None:
    """Remove the states that were not used for longest where a store holds more than its limit.

    Of a store in a bucket, which others use too, only copies on this machine are removed.

    Parameters
    ----------
    store : the store.
    used : the leaves of the study that runs: they stay, like those that are pinned.

    Warns
    -----
    StoreWarning
        The first time that this process removes states of the store: how much, and how to keep more.
    """
    limit = store_limit(store)
    if not isinstance(store.location, Path):
        store.backend.trim_copies(limit)
        return
    try:
        held = store.total_bytes
        if held <= limit:
            return
        removed = gc(store, max_bytes=int(ROOM * limit), keep=used)
    except StoreError:  # a store that cannot be read or written now: the study has said so, or will
        return
    place = str(store.location)
    if place in _warned:
        return
    _warned.add(place)
    gone = f"{readable_bytes(removed.bytes)} of states that were not used for longest were removed"
    enough = removed.bytes_left <= limit
    warnings.warn(
        f"The store {place} held {readable_bytes(held)}, more than {readable_bytes(limit)}: "
        + (gone if removed.leaves else "what this study uses, and what is pinned, takes more alone")
        + ("" if enough or not removed.leaves else "; what is left is pinned, or used by this study")
        + f". Set {VARIABLE} (such as 20GB) to keep more, or keep a study's states with "
        "`hpo states pin --study NAME`.",
        StoreWarning,
        stacklevel=2,
    )
