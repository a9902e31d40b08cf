"""Leaves in the store: what a pass finds there, how large they may be, and how they are kept."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algorithms.contract import Summary
from algorithms.laws import size
from hpo.states.kept_rows import stored_leaves
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.series import named
from hpo.states.runs import HELD, KEPT, Leaf, Rolled, Run, shortened
from state_store import Key, Member, StateStore, StoreWriteError, stored_bytes

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment

PACK = 64
"""Leaves of many small segments are kept in packs: of so many at most."""

LEAST_STATE, EXPANDED = 1 << 16, 32
"""Bytes of the state of no rows, at most, and of others in memory for each stored byte of their rows; roughly."""


@dataclass(frozen=True, eq=False)
class Leaves:
    """The leaves of a data set for several summaries.

    Attributes
    ----------
    dataset : what they are of.
    pilot : encoder and folds.
    contexts : the key of each summary's states.
    store : where leaves are kept.
    """

    dataset: Dataset
    pilot: Pilot
    contexts: Mapping[Summary, str]
    store: StateStore

    def small(self, summary: Summary, segments: Sequence[Segment]) -> bool:
        """Return whether the state of a run of segments is small: this process keeps it merged."""
        most = sum(self.leaf_bytes(summary, segments))
        return min(most, self.pilot.folds.leaf_cells * summary.nbytes(self.pilot.shape)) <= KEPT

    def most_leaves(self, summary: Summary, segments: Sequence[Segment]) -> int:
        """Return how many leaves of segments may be held at once."""
        largest = max(self.leaf_bytes(summary, segments))
        return min(PACK, max(1, HELD // max(1, largest)))

    def leaf_bytes(self, summary: Summary, segments: Sequence[Segment]) -> list[int]:
        """Return how large the leaf of each segment is at most, roughly: no state is much larger than its rows."""
        cells, most = self.pilot.folds.leaf_cells, summary.nbytes(self.pilot.shape)
        return [cells * min(most, LEAST_STATE + EXPANDED * segment.nbytes) for segment in segments]

    def known(self, summary: Summary, keys: Sequence[str]) -> dict[str, Leaf]:
        """Return the leaves of those of some segments that the store has."""
        return stored_leaves(self.store, self.contexts[summary], keys, self.pilot.ready(summary), self.pilot)

    def publish(
        self, summary: Summary, leaves: Mapping[str, tuple[Segment, Leaf]], unsaved: list[StoreWriteError]
    ) -> None:
        """Publish new leaves, several together; adds an error for each that cannot be kept."""
        about = self.about(summary)
        members = [
            Member(key, leaf, {**about, **_about_leaf(segment, leaf)}) for key, (segment, leaf) in leaves.items()
        ]
        packs = [[m for m in members if bool(leaves[m.segment][1].kept) == rows] for rows in (False, True)]
        for pack in packs:
            if len(pack) > 1:
                self.keep(summary, pack, unsaved)
        for one in (pack[0] for pack in packs if len(pack) == 1):
            try:
                self.store.publish(Key(self.contexts[summary], one.segment), one.state, one.about)
            except StoreWriteError as error:
                unsaved.append(error)

    def keep(self, summary: Summary, members: Sequence[Member], unsaved: list[StoreWriteError]) -> None:
        """Keep states together; adds an error for each that cannot be kept."""
        try:
            self.store.put_pack(self.contexts[summary], members)
        except StoreWriteError as error:
            unsaved.extend([error] * len(members))

    def pays(self, rolled: Rolled, segments: Sequence[Segment]) -> bool:
        """Return whether a run is kept merged: not where that takes more than its segments do."""
        most = sum(segment.nbytes for segment in segments)
        return size(rolled.cells) <= most or stored_bytes(rolled) <= most

    def keep_runs(
        self, summary: Summary, runs: Mapping[str, tuple[Run, Rolled]], unsaved: list[StoreWriteError]
    ) -> None:
        """Keep runs merged, as :meth:`keep`."""
        about = self.about(summary)
        said = {k: {**about, "rolled": len(run.keys), "of": shortened(run.keys)} for k, (run, _) in runs.items()}
        self.keep(summary, [Member(k, rolled, said[k]) for k, (_, rolled) in runs.items()], unsaved)

    @functools.cached_property
    def _series(self) -> dict[str, object]:
        """Where the names of series are kept: what goes with the states to another store."""
        calendar = self.pilot.calendar
        return {} if calendar is None else {"series": named(calendar)}

    def about(self, summary: Summary) -> dict[str, object]:
        """Return what is said of every state of a summary."""
        about: dict[str, object] = {
            "summary": repr(summary), "targets": list(self.pilot.shape.targets),
            "folds": self.pilot.folds.describe(), "columns": self.pilot.shape.d, "pilot": self.pilot.name,
            **self._series,
        }  # fmt: skip
        known = self.pilot.learned.get(summary)
        return about if known is None else {**about, "known": known.digest}


def _about_leaf(segment: Segment, leaf: Leaf) -> dict[str, object]:
    return {
        "segment": segment.id, "uri": segment.uri, "rows": leaf.rows, "fingerprint": segment.fingerprint,
        **({"holds": "rows"} if leaf.kept else {}),
    }  # fmt: skip
