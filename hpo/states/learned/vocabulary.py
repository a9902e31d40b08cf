"""The words of documents, remembered: further files of a study are counted by the same ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.data.segment import Segment, spread
from hpo.process.settings import Location, existing_store
from hpo.states.learned.kinds import VOCABULARY, fits, share_of
from state_store import StateStore, digest
from state_store.blob import Blob

SEGMENTS = 256
"""Segments by which documents are known again, evenly spread over all where there are more."""


@dataclass(eq=False)
class VocabularyShelf:
    """Where a store keeps the words of documents.

    Attributes
    ----------
    store : the store, as it may be given; none is made before a study is known to make sense.
    """

    store: StateStore | Location | None
    _new: tuple[Mapping[str, object], Sequence[str]] | None = None

    def load(self, counting: Mapping[str, object], segments: Sequence[Segment]) -> list[str] | None:
        """Return the words of documents of which at least half of the segments are still there; None of others."""
        store = existing_store(self.store)
        if store is None:
            return None
        lookup, present = digest(dict(counting)), {segment.fingerprint for segment in segments}
        known = [d for d in VOCABULARY.all(store) if d.about.get("lookup") == lookup and fits(d.about, present)]
        best = max(known, key=lambda document: share_of(document.about, present), default=None)
        return None if best is None else VOCABULARY.made(store, best.name, _words)

    def save(self, counting: Mapping[str, object], segments: Sequence[Segment], words: Sequence[str]) -> None:
        """Take the words of documents, to be kept by :meth:`keep`."""
        names = [segment.fingerprint for segment in spread(segments, SEGMENTS)]
        self._new = {"lookup": digest(dict(counting)), "segments": names}, words

    def keep(self, store: StateStore) -> None:
        """Keep what was taken: the words under their own name, so that they continue with the files of today."""
        if self._new is not None:
            about, words = self._new
            data = np.frombuffer(json.dumps(list(words)).encode(), np.uint8)
            VOCABULARY.put(store, digest([about["lookup"], list(words)]), about, {"words": data})


def _words(document: Blob) -> list[str]:
    found = json.loads(document.arrays["words"].tobytes())
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found) or not found:
        raise ValueError("it holds no words")
    return found
