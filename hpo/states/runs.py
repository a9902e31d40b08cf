"""Runs: neighbouring segments whose leaves are merged with one another before they are merged with the rest.

Where a run ends follows from the keys of its segments alone (about one in ``LENGTH`` ends one), so that a segment
that comes, goes or changes moves no run but its own. States are merged in runs whatever the store holds: data that
grew has the same bits as data read at once. What a long run comes to is kept like a leaf, under the digest of its
keys: many known files cost a few states to load, and not one for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Values
from algorithms.contract import State, Summary
from hpo.data.segment import Segment
from hpo.states.learned.pilot import Pilot
from state_store import StateStore, digest

LENGTH, LEAST, SHORT = 64, 16, 4
"""Segments of a run, on average; runs of fewer than the least are not kept merged, of many segments those of a
fraction of it."""

KEPT = 1 << 22
"""Bytes of a state, of all cells, that is kept merged, at most."""

HELD = 1 << 26
"""Bytes of small states that are held at once."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """What one segment adds to one summary: a state per cell, and the rows left out.

    Attributes
    ----------
    cells : one state per cell of the fold plan.
    rows : rows of the segment, those left out included.
    without_target, without_weight : rows left out for want of a target, or with weight zero.
    kept : encoded rows, which are stored in place of the cells (:mod:`hpo.states.kept_rows`); else empty.
    """

    cells: tuple[State, ...] = field(metadata={"unless": "kept"})
    rows: int
    without_target: int
    without_weight: int
    kept: Mapping[str, Values] = field(default_factory=dict, metadata={"named": True})


Keyed = tuple[Segment, str]
"""A segment and the key of its leaves."""

Made = tuple[dict[Summary, Leaf], set[Summary]]
"""Leaves of a segment, and the summaries whose leaf had to be computed."""


@dataclass(frozen=True, eq=False)
class Rolled:
    """What a run of segments adds to one summary: their leaves, merged.

    Attributes
    ----------
    cells : one state per cell of the fold plan.
    rows : rows of each segment, those left out included.
    without_target, without_weight : rows of all of them left out.
    """

    cells: tuple[State, ...]
    rows: NDArray[np.int64] = field(metadata={"varies": True})
    without_target: int
    without_weight: int


@dataclass(frozen=True)
class Run:
    """Segments that follow one another.

    Attributes
    ----------
    start : place of the first among all segments.
    keys : of all of them.
    least : of so many segments a run is kept merged.
    """

    start: int
    keys: tuple[str, ...]
    least: int = LEAST

    @cached_property
    def key(self) -> str:
        """What the run is known by."""
        return digest(["run", *self.keys])


def runs_of(keys: Sequence[str], *, alone: bool = False) -> list[Run]:
    """Return the runs of segments, by their keys in order; each alone where folds are whole segments.

    Examples
    --------
    >>> [run.keys for run in runs_of(["00000001", "00000040", "00000002"])]
    [('00000001', '00000040'), ('00000002',)]
    """
    if alone:
        return [Run(i, (key,)) for i, key in enumerate(keys)]
    ends = [i + 1 for i, key in enumerate(keys) if int(key[:8], 16) % LENGTH == 0]
    if keys and ends[-1:] != [len(keys)]:
        ends.append(len(keys))
    least = LEAST // SHORT if len(keys) >= LENGTH else LEAST
    return [Run(a, tuple(keys[a:b]), least) for a, b in zip([0, *ends], ends, strict=False)]


def shortened(keys: Sequence[str]) -> str:
    """Return the beginnings of keys, kept beside what they are merged into to tell whether a key is among them.

    Examples
    --------
    >>> shortened(["0123456789abcdef", "fedcba9876543210"])
    '01234567 fedcba98'
    """
    return " ".join(key[:8] for key in keys)


@dataclass(eq=False)
class Rolling:
    """The leaves of a run, merged as they come."""

    summary: Summary
    cells: tuple[State, ...] = ()
    rows: list[int] = field(default_factory=list)
    without_target: int = 0
    without_weight: int = 0

    def begin(self, run: Rolled) -> None:
        """Begin with the first segments, already merged."""
        self.cells, self.rows = run.cells, run.rows.tolist()
        self.without_target, self.without_weight = run.without_target, run.without_weight

    def add(self, leaf: Leaf) -> None:
        """Merge the next leaf."""
        cells = later(self.summary, leaf.cells, sum(self.rows))
        self.cells = merged(self.summary, self.cells, cells) if self.rows else cells
        self.rows.append(leaf.rows)
        self.without_target += leaf.without_target
        self.without_weight += leaf.without_weight

    def result(self) -> Rolled:
        """Return what was merged."""
        return Rolled(self.cells, np.array(self.rows, np.int64), self.without_target, self.without_weight)


def rolled_up(
    summary: Summary, keys: Sequence[str], known: Callable[[Sequence[str]], Mapping[str, Leaf]], most: int
) -> Rolled | None:
    """Return leaves merged, ``most`` of them held at once; None where one is not there."""
    rolling = Rolling(summary)
    for start in range(0, len(keys), most):
        some = keys[start : start + most]
        leaves = known(some)
        for key in some:
            if key not in leaves:
                return None
            rolling.add(leaves[key])
    return rolling.result()


def merged(summary: Summary, a: Sequence[State], b: Sequence[State]) -> tuple[State, ...]:
    """Return the states of both, cell by cell; ``summary`` knows what it learned."""
    return tuple(summary.merge(x, y) for x, y in zip(a, b, strict=True))


def later(summary: Summary, cells: Sequence[State], rows: int) -> tuple[State, ...]:
    """Return the states of the same rows, where so many others of the data come before them."""
    return tuple(summary.later(cell, rows) for cell in cells)


def empty_leaf(summary: Summary, pilot: Pilot) -> Leaf:
    """Return the leaf of no rows: the layout that a stored one must have."""
    return Leaf(empty_cells(summary, pilot), 0, 0, 0)


def empty_run(summary: Summary, pilot: Pilot) -> Rolled:
    """Return the run of no segments: the layout that a stored one must have."""
    return Rolled(empty_cells(summary, pilot), np.zeros(0, np.int64), 0, 0)


def empty_cells(summary: Summary, pilot: Pilot) -> tuple[State, ...]:
    """Return the states of no rows, of a leaf."""
    return (pilot.ready(summary).init(pilot.shape),) * pilot.folds.leaf_cells


def no_cells(summary: Summary, pilot: Pilot) -> list[State]:
    """Return the states of no rows, one for each cell of the folds."""
    return [pilot.ready(summary).init(pilot.shape)] * pilot.folds.plan.n_cells


def joined(
    summary: Summary, pilot: Pilot, cells: Sequence[State], run: Sequence[State], place: int, before: int
) -> list[State]:
    """Return the states of the cells with those of a run, which begins at that place among the segments.

    ``before`` are the rows of the segments before it.
    """
    ready, places = pilot.ready(summary), pilot.folds.places
    run = later(ready, run, before)
    if places is None:
        return list(merged(ready, cells, run))
    found = list(cells)
    found[places[place]] = ready.merge(found[places[place]], run[0])
    return found


def is_long(run: Run) -> bool:
    """Return whether a run is kept merged, if its state is small."""
    return len(run.keys) >= run.least


def cover_runs(store: StateStore, context: str, runs: Sequence[Run]) -> tuple[set[str], set[str]]:
    """Return the keys of the runs that are kept merged, and of the segments that must be read for the others."""
    long = {run.key: run for run in runs if is_long(run)}
    found = {*store.cover(context, [*long, *(key for run in runs for key in run.keys)]).found}
    rolled = long.keys() & found
    apart = (run for run in runs if not (is_long(run) and run.key in rolled))
    return rolled, {key for run in apart for key in run.keys if key not in found}
