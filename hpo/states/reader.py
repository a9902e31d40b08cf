"""What a worker needs of a pass, wherever it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from threading import Event
from typing import TYPE_CHECKING, Protocol

from algorithms.contract import Summary
from hpo.process.progress import Progress
from hpo.states.learned.pilot import Pilot
from hpo.states.runs import Keyed, Leaf, Made, Rolled, Run
from state_store import StateStore, StoreWriteError

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment

Lacking = Mapping[Summary, Collection[str]]
"""By summary, the keys of the segments whose leaves must be made."""

Unit = Sequence[Keyed]
"""Segments that are read one after another and kept together."""


class Reader(Protocol):
    """What a worker needs of a pass."""

    @property
    def dataset(self) -> Dataset:
        """What is read."""
        ...

    @property
    def pilot(self) -> Pilot:
        """Encoder and folds."""
        ...

    @property
    def contexts(self) -> Mapping[Summary, str]:
        """The key of each summary's states."""
        ...

    @property
    def store(self) -> StateStore:
        """Where leaves are kept."""
        ...

    def stored_in(self, store: StateStore) -> Reader:
        """Return the same pass over another way to the store."""
        ...

    def unit(
        self, unit: Unit, lacking: Lacking, progress: Progress, stop: Event,
        unsaved: list[StoreWriteError], *, prefetch: bool,
    ) -> list[Made]:  # fmt: skip
        """Return the lacking leaves of neighbouring segments, which are published."""
        ...

    def known(self, summary: Summary, keys: Sequence[str]) -> dict[str, Leaf]:
        """Return the leaves that the store has."""
        ...

    def most_leaves(self, summary: Summary, segments: Sequence[Segment]) -> int:
        """Return how many leaves of segments may be held at once."""
        ...

    def pays(self, rolled: Rolled, segments: Sequence[Segment]) -> bool:
        """Return whether a run is kept merged."""
        ...

    def keep_runs(
        self, summary: Summary, runs: Mapping[str, tuple[Run, Rolled]], unsaved: list[StoreWriteError]
    ) -> None:
        """Keep runs merged; adds an error for each that cannot be kept."""
        ...
