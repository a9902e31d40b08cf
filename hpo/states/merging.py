"""The merging of leaves in the order of the segments, never of arrival: the same bits for any number of workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from algorithms.contract import Summary
from hpo.states.leaves import PACK, Leaves
from hpo.states.pass_result import PassResult, SegmentCost
from hpo.states.runs import Keyed, Leaf, Made, Rolled, Rolling, Run, empty_run, is_long, joined
from state_store import StoreWriteError

if TYPE_CHECKING:
    from hpo.data.segment import Segment


@dataclass(frozen=True, eq=False)
class Surveyed:
    """What the store has of the segments of a pass.

    Attributes
    ----------
    runs : of all segments.
    rolled : by summary, the keys of runs that are kept merged.
    lacking : by summary, the keys of segments that must be read for it.
    missing : the segments that must be read, in order, with their keys.
    """

    runs: list[Run]
    rolled: Mapping[Summary, set[str]]
    lacking: Mapping[Summary, set[str]]
    missing: list[Keyed]


@dataclass(eq=False)
class Merging:
    """The merging of leaves in the order of the segments, while others are made.

    Attributes
    ----------
    of : the pass.
    result : what leaves are merged into.
    known : what the store had when the pass began.
    made : the leaves of the units that are read, in order.
    work : what reads a unit.
    unsaved : an error for each state that could not be kept.
    """

    of: Leaves
    result: PassResult
    known: Surveyed
    made: Iterator[list[Made]]
    work: Callable[..., list[Made]]
    unsaved: list[StoreWriteError]
    _before: int = 0
    _fresh: deque[Made] = field(default_factory=deque)
    _runs: dict[Summary, dict[str, Rolled]] = field(default_factory=dict)
    _new: dict[Summary, dict[str, tuple[Run, Rolled]]] = field(default_factory=dict)

    def run(self, stopped: Callable[[], None]) -> None:
        """Merge everything; ``stopped`` raises where the pass is to stop."""
        missing = {key for _, key in self.known.missing}
        for place, run in enumerate(self.known.runs):
            self._run(place, run, missing, stopped)
        self._flush()

    def _run(self, place: int, run: Run, missing: set[str], stopped: Callable[[], None]) -> None:
        if not missing.isdisjoint(run.keys):
            self._wait(stopped)  # workers may merge the run meanwhile
        rolled = {s: found for s in self.of.contexts if (found := self._rolled(s, place)) is not None}
        rolling = {s: self._begun(s, run) for s in self.of.contexts if s not in rolled}
        begun = {s: len(states.rows) for s, states in rolling.items()}
        segments = self.of.dataset.segments[run.start : run.start + len(run.keys)]
        stored: dict[Summary, dict[str, Leaf]] = {s: {} for s in rolling}
        rows = [*(states.rows for states in rolling.values()), *(found.rows.tolist() for found in rolled.values())]
        for i, (segment, key) in enumerate(zip(segments, run.keys, strict=True)):
            stopped()
            leaves, computed = self._next(stopped) if key in missing else ({}, set())
            for s, states in rolling.items():
                if i < begun[s]:
                    continue
                if s not in leaves:
                    leaves[s] = self._stored(s, stored[s], segment, run.keys[i:], computed, stopped)
                states.add(leaves[s])
            self.result.segments.append(SegmentCost(segment.id, int(rows[0][i]), segment.nbytes, bool(computed)))
            self.result.states_built += len(computed)
            self.result.states_reused += len(self.of.contexts) - len(computed)
        whole = {**rolled, **{s: states.result() for s, states in rolling.items()}}
        any_run = next(iter(whole.values()))
        self.result.without_target += any_run.without_target
        self.result.without_weight += any_run.without_weight
        for s, found in whole.items():
            cells, pilot = self.result.cells[s], self.of.pilot
            self.result.cells[s] = joined(s, pilot, cells, found.cells, run.start, self._before)
        self._before += sum(segment.rows for segment in self.result.segments[run.start :])
        if is_long(run):
            self._keep(run, {s: whole[s] for s in rolling}, segments)

    def _begun(self, summary: Summary, run: Run) -> Rolling:
        """Return a run with what is kept of it merged up to its first new segment, where that is something."""
        rolling, lacking = Rolling(self.of.pilot.ready(summary)), self.known.lacking[summary]
        first = next((i for i, key in enumerate(run.keys) if key in lacking), 0)
        before = replace(run, keys=run.keys[:first])
        if is_long(before):
            context, like = self.of.contexts[summary], empty_run(summary, self.of.pilot)
            found = self.of.store.get_many(context, [before.key], like).get(before.key)
            if found is not None:
                rolling.begin(found)
        return rolling

    def _next(self, stopped: Callable[[], None]) -> Made:
        """Return the leaves of the next segment that was read."""
        self._wait(stopped)
        return self._fresh.popleft()

    def _wait(self, stopped: Callable[[], None]) -> None:
        """Wait for the next segment that is read."""
        while not self._fresh:
            unit = next(self.made)
            stopped()
            self._fresh.extend(unit)

    def _rolled(self, summary: Summary, place: int) -> Rolled | None:
        """Return a run that is kept merged; loads those that follow with it, which lie in the same pack."""
        runs, there = self.known.runs[place:], self.known.rolled[summary]
        if runs[0].key not in there:
            return None
        known = self._runs.get(summary, {})
        if runs[0].key not in known:
            most = self.of.most_leaves(summary, self.of.dataset.segments)
            keys = [run.key for run in runs[:most] if run.key in there]
            like = empty_run(summary, self.of.pilot)
            known = self._runs[summary] = self.of.store.get_many(self.of.contexts[summary], keys, like)
        return known.pop(runs[0].key, None)

    def _stored(
        self,
        summary: Summary,
        stored: dict[str, Leaf],
        segment: Segment,
        keys: Sequence[str],
        computed: set[Summary],
        stopped: Callable[[], None],
    ) -> Leaf:
        """Return a leaf from the store, with those that follow in its run; one that is damaged or gone is made."""
        if keys[0] not in stored:
            stored.clear()
            most, lacking = self.of.most_leaves(summary, [segment]), self.known.lacking[summary]
            stored.update(self.of.known(summary, [key for key in keys[:most] if key not in lacking]))
        if keys[0] in stored:
            return stored.pop(keys[0])
        made = self.work([(segment, keys[0])], lacking={summary: {keys[0]}})
        stopped()
        computed.update(made[0][1])
        return made[0][0][summary]

    def _keep(self, run: Run, found: Mapping[Summary, Rolled], segments: Sequence[Segment]) -> None:
        """Keep a run merged, with those that follow, where its state is small."""
        for s, rolled in found.items():
            if self.of.small(s, segments) and self.of.pays(rolled, segments):
                self._new.setdefault(s, {})[run.key] = run, rolled
                if len(self._new[s]) >= PACK:
                    self.of.keep_runs(s, self._new.pop(s), self.unsaved)

    def _flush(self) -> None:
        for s, runs in self._new.items():
            self.of.keep_runs(s, runs, self.unsaved)
