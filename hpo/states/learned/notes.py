"""Notes: what is remembered of many segments, in one document; of a few, each has a document of its own.

A document for each of thousands of small files would be as many waits for the disk, and as many files to open. What
is remembered of a segment is found by its name in either; of two the older holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hpo.process.settings import Location, existing_store
from hpo.states.learned.kinds import FOOTERS, Kind
from state_store import StateStore, digest
from state_store.blob import Blob

M = TypeVar("M")

MANY, FEW = 8, 64
"""So many new facts share a document; so many documents of one fact each are put together when they are read."""

WRITERS = 8
"""Documents that are written at once: a disk makes several durable in the time of one."""


@dataclass(frozen=True, eq=False)
class Notes:
    """What is remembered of segments under names, about one topic.

    Attributes
    ----------
    store : where it is kept.
    kind : of the documents.
    topic : digest of what all the facts are about.
    """

    store: StateStore
    kind: Kind
    topic: str

    def recall(self, names: Sequence[str], make: Callable[[Mapping[str, Any]], M]) -> dict[str, M]:
        """Return what is made of the facts that are known under some names, by name.

        A document of which nothing can be made is set aside, with a warning.
        """
        wanted, there = {*names}, self.store.document_names(self.kind.name)

        def some(document: Blob) -> tuple[float, dict[str, M]]:
            facts = json.loads(document.arrays["facts"].tobytes())
            return document.created, {name: make(fact) for name, fact in facts.items() if name in wanted}

        parts = [self.kind.made(self.store, name, some) for name in there if name.startswith(f"{self.topic}-")]
        found: dict[str, M] = {}
        for _, part in sorted((part for part in parts if part is not None), key=lambda part: part[0]):
            found = {**part, **found}
        alone: dict[str, Mapping[str, Any]] = {}

        def one(document: Blob) -> M:
            alone[name] = document.about
            return make(document.about)

        for name in dict.fromkeys(names) if wanted & {*there} else ():
            if name not in found and name in there and (made := self.kind.made(self.store, name, one)) is not None:
                found[name] = made
        if len(alone) >= FEW:
            self._keep_together({name: alone[name] for name in alone if name in found})
        return found

    def keep(self, facts: Mapping[str, Mapping[str, object]]) -> None:
        """Remember some facts; warns where the store cannot be written."""
        if len(facts) >= MANY:
            self._keep_together(facts)
            return
        with ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(lambda name: self.kind.put(self.store, name, facts[name]), facts))

    def _keep_together(self, facts: Mapping[str, Mapping[str, object]]) -> None:
        name = f"{self.topic}-{digest(sorted(facts))}"
        self.kind.put(self.store, name, {"facts": len(facts)}, {"facts": _as_bytes(facts)})


@dataclass(eq=False)
class FooterShelf:
    """Where a store keeps what files say of themselves: a document for each folder of data.

    Attributes
    ----------
    store : the store, as it may be given; none is made before a study is known to make sense.
    """

    store: StateStore | Location | None
    _new: tuple[str, Mapping[str, Any]] | None = None

    def load(self, folder: str) -> Mapping[str, Any] | None:
        """Return what was kept of the files in a folder."""
        store = existing_store(self.store)
        if store is None:
            return None
        return FOOTERS.made(store, digest(folder), lambda document: json.loads(document.arrays["facts"].tobytes()))

    def save(self, folder: str, known: Mapping[str, Any]) -> None:
        """Take what is known of the files in a folder, to be kept by :meth:`keep`."""
        self._new = folder, known

    def keep(self, store: StateStore) -> None:
        """Keep what was taken."""
        if self._new is not None:
            folder, known = self._new
            FOOTERS.put(store, digest(folder), {"folder": folder}, {"facts": _as_bytes(known)})


def _as_bytes(facts: Mapping[str, Any]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(facts, separators=(",", ":")).encode(), np.uint8)
