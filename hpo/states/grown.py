"""Data that grew from edition to edition: states of the rows that earlier ones had, made of the leaves of these.

What is trained in epochs continues from what it learned of them. An edition whose leaves are gone, or whose
segments left, has none; training then begins with the rows of the next one, or of all.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from algorithms.contract import Summary
from hpo.errors import StoreWarning
from hpo.states.contexts import Evidence
from hpo.states.fold_states import FoldStates, fold_states
from hpo.states.stored import stored_cells
from state_store import StateStore
from studies.record.study_record import StudyRecord


@dataclass(frozen=True, eq=False)
class Grown:
    """The segments of data that grew, and where their leaves are.

    Attributes
    ----------
    found : the states of all of them.
    store : that has the leaves.
    keys : of the segments, in order.
    since : the edition in which each was first there.
    """

    found: Evidence
    store: StateStore
    keys: Sequence[str]
    since: Sequence[int]

    def before(self, summary: Summary) -> Earlier | None:
        """Return the states of a summary before the last edition that had new segments; None where all are new."""
        return _earlier(self, summary, max(self.since, default=0))

    def states(self, summary: Summary, edition: int) -> FoldStates | None:
        """Return the states of the segments that were there in an edition; None where a leaf is gone."""
        keys = [key for key, first in zip(self.keys, self.since, strict=True) if first <= edition]
        pilot = self.found.pilot
        cells, missing = stored_cells(summary, pilot, self.found.contexts[summary], keys, self.store)
        if missing:
            warnings.warn(
                f"states of earlier data are gone from {self.store.location}; what is trained in epochs begins "
                "without them",
                StoreWarning,
                stacklevel=2,
            )
            return None
        return fold_states(pilot.ready(summary), cells, pilot.folds.plan)


@dataclass(frozen=True, eq=False)
class Earlier:
    """The states of a summary as an edition had them, merged when they are asked for.

    Attributes
    ----------
    grown : whose they are.
    summary : that made them.
    edition : its number.
    """

    grown: Grown = field(repr=False)
    summary: Summary
    edition: int

    @cached_property
    def states(self) -> FoldStates | None:
        """The states; None where a leaf is gone."""
        return self.grown.states(self.summary, self.edition)

    @cached_property
    def before(self) -> Earlier | None:
        """Those of the edition before it that had fewer segments; None where there is none."""
        return _earlier(self.grown, self.summary, self.edition)


def _earlier(grown: Grown, summary: Summary, edition: int) -> Earlier | None:
    least = [one for one in grown.since if one < edition]
    return Earlier(grown, summary, max(least)) if least else None


def grown_of(record: StudyRecord, found: Evidence, store: StateStore) -> Grown | None:
    """Return the data of a study that grew, by its record; None where nothing continues."""
    return Grown(found, store, record.segments or (), record.since) if record.since else None


def seen_since(record: StudyRecord, number: int, known: StudyRecord | None) -> tuple[int, ...]:
    """Return the edition in which each segment was first there, of an edition and the record of that before it."""
    before = ((), ()) if known is None else (known.segments or (), known.since)
    return first_seen(record.segments or (), number, *before)


def first_seen(
    segments: Sequence[str], number: int, known: Sequence[str], since: Sequence[int]
) -> tuple[int, ...]:
    """Return the edition in which each segment was first there, of an edition and what the one before it knew.

    Examples
    --------
    >>> first_seen(["a", "b", "c"], 3, ["a", "b"], [1, 2])
    (1, 2, 3)
    """
    then = dict(zip(known, since, strict=False))
    return tuple(then.get(segment, number) for segment in segments)
