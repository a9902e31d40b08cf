"""Everything that the store keeps beside states, as one table: what is learned before a pass, and remembered."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from algorithms.arrays import Values
from hpo.data.dataset import Dataset
from hpo.errors import StoreWarning
from state_store import StateStore, StoreWriteError
from state_store.blob import Blob
from state_store.entry import Document
from studies.record.record_parts import SENSELESS

M = TypeVar("M")

LEAST_SHARE = 0.5
"""Of the segments that something was learned of, the part that must still be there."""


@dataclass(frozen=True)
class Kind:
    """One kind of what is learned.

    Attributes
    ----------
    name : of its documents in the store.
    what : it is, in words.
    """

    name: str
    what: str

    def get(self, store: StateStore, name: str) -> Blob | None:
        """Return a document; None if it is gone or damaged."""
        return store.get_document(self.name, name)

    def made(self, store: StateStore, name: str, make: Callable[[Blob], M]) -> M | None:
        """Return what is made of a document; None if it is gone, damaged, or makes no sense.

        A whole document with the right seal may still be of a stranger's making. One that nothing can be made of
        is set aside, with a warning, and learned anew.
        """
        document = self.get(store, name)
        try:
            return None if document is None else make(document)
        except SENSELESS as error:
            self._aside(store, name, f"{type(error).__name__}: {error}")
            return None

    def all(self, store: StateStore) -> list[Document]:
        """Return every document whose segments are names, the last used first; the others are set aside."""
        found = []
        for document in store.documents(self.name):
            segments = document.about.get("segments", [])
            if isinstance(segments, list) and all(isinstance(one, str) for one in segments):
                found.append(document)
            else:
                self._aside(store, document.name, f"its segments are {segments!r:.60}")
        return found

    def _aside(self, store: StateStore, name: str, why: str) -> None:
        store.set_document_aside(self.name, name, f"it cannot be read as {self.what} ({why})")

    def put(
        self, store: StateStore, name: str, about: Mapping[str, object], arrays: Mapping[str, Values] | None = None
    ) -> None:
        """Keep a document; warns where the store cannot be written, since the study can do without."""
        try:
            store.put_document(self.name, name, arrays or {}, about)
        except StoreWriteError as error:
            warnings.warn(f"{self.what} could not be kept: {error}", StoreWarning, stacklevel=3)


PILOT = Kind("pilots", "the pilot")
LABELS = Kind("labels", "the labels of a target")
SUMMARY = Kind("learned", "what a pass must know")
GROUPS = Kind("groups", "the groups of folds")
DEALS = Kind("deals", "what folds deal")
SERIES = Kind("series", "the series and times of rows")
FOOTERS = Kind("footers", "what files say of themselves")
VOCABULARY = Kind("vocabularies", "the words of documents")

KINDS = (PILOT, LABELS, SUMMARY, GROUPS, DEALS, SERIES, FOOTERS, VOCABULARY)
"""Categories and origins; labels and their rows; what summaries know; groups; folds; series; footers; words."""


def closest(documents: Iterable[Document], dataset: Dataset) -> Document | None:
    """Return the document of which the data has most of the segments it was made of, at least half; else None."""
    present = {segment.fingerprint for segment in dataset.segments}
    best = max(documents, key=lambda document: share_of(document.about, present), default=None)
    return best if best is not None and fits(best.about, present) else None


def fits(about: Mapping[str, object], present: Collection[str]) -> bool:
    """Return whether enough of the segments that something was made of are among some fingerprints."""
    return share_of(about, present) >= LEAST_SHARE


def share_of(about: Mapping[str, object], present: Collection[str]) -> float:
    """Return the share of the segments that something was made of which are among some fingerprints."""
    names = about.get("segments")
    drawn = names if isinstance(names, list) and names else [""]
    return sum(fingerprint in present for fingerprint in drawn) / len(drawn)
