"""States of rows that arrive once and are not kept: added up batch by batch, published with how far they go.

A stream is one segment without an end. What is published of it is one blob, replaced as a whole: the states of
every cell, and the number of rows that they are of. So whatever happens, a stream continues from exactly there.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa

from algorithms.batches import Label
from algorithms.contract import RESUMABLE, State, Summary, pieces_for
from algorithms.errors import AlgorithmError
from hpo.data.clocks import clock_of
from hpo.data.dataset import Dataset
from hpo.data.encoding.encoder import Encoded
from hpo.data.encoding.gather import Workspace
from hpo.data.folds.dealing import Counts, Dealer, Roles, Share, Table
from hpo.data.folds.schemes import DealtRows, FoldScheme, RowFolds, StratifiedFolds
from hpo.data.hashing import DRAW, priorities
from hpo.data.schema import Schema
from hpo.data.segment import Segment
from hpo.data.sources.memory import MemorySource
from hpo.data.sources.memory_blocks import TableBlock
from hpo.data.sources.roles import Roles as Columns
from hpo.data.sources.roles import unify_schemas
from hpo.errors import DataError
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.seen import context_of
from hpo.states.pass_result import PassResult, SegmentCost
from hpo.states.reading import Reading, unsuited
from hpo.states.runs import Leaf
from state_store import Key, StateStore, digest


@dataclass(frozen=True, eq=False)
class Published:
    """What is kept of a stream.

    Attributes
    ----------
    position : rows that were taken.
    bad : rows that were left out since they made no sense.
    without_target, without_weight : rows left out for want of a target, or with weight zero.
    dealt : rows of each class that were given their fold.
    cells : by summary, one state per cell.
    """

    position: int
    bad: int
    without_target: int
    without_weight: int
    dealt: Counts
    cells: tuple[tuple[State, ...], ...]


def key_of(name: str) -> Key:
    """Return the key of what is published of a stream."""
    return Key(digest({"stream": name}), digest(["stream", name]))


def endless(
    scheme: FoldScheme, name: str, targets: Sequence[str], weight: str | None, classes: Sequence[Label]
) -> RowFolds:
    """Return a scheme that deals the rows of a stream as they come, whatever their number.

    Raises
    ------
    DataError
        The scheme asks for all rows, or all groups, before it deals any.
    """
    if not isinstance(scheme, RowFolds):
        raise DataError(
            f"folds {scheme.describe()} must know the rows before they are dealt, and those of a stream come one "
            "by one; use {'scheme': 'kfold'} or {'scheme': 'stratified'}"
        )
    apart = tuple(classes) if isinstance(scheme, StratifiedFolds) else ()
    labels: tuple[Label | None, ...] = apart or (None,)
    table = Table(scheme.n_splits, list(labels))
    table.known = False
    roles = Roles(tuple(targets), weight, apart, tuple(classes))
    shares = {segment_of(name, 0).id: {label: Share() for label in labels}}
    return scheme.knowing(DealtRows(shares, roles, table))


def seen(schema: pa.Schema, roles: Columns, segment: Segment) -> Dataset:
    """Return rows that are gone as a data set: what columns they had, and how many there were."""
    block = TableBlock(schema.empty_table())
    arrow = unify_schemas([(segment.uri, block.schema)], roles.used)
    fields = Schema.from_arrow(arrow, {field.name: True for field in arrow})
    made = Dataset(MemorySource(block, arrow, fields, (segment,)), roles)
    made.log.add(segment.rows or 0, 0)
    return made


def segment_of(name: str, position: int) -> Segment:
    """Return the segment that the first rows of a stream are."""
    return Segment(f"stream:{name}", (0, 0), position, 0, digest(["stream", name, position]), f"stream:{name}")


class Flow:
    """The states of a stream, as far as it has come.

    Attributes
    ----------
    name : of the stream.
    pilot : encoder and folds.
    contexts : the key of each summary's states.
    targets, weight : names of columns.
    position : rows that were taken.
    bad, without_target, without_weight : rows of these that were left out.
    cells : by summary, one state per cell.
    """

    def __init__(
        self, name: str, pilot: Pilot, summaries: Sequence[Summary], targets: Sequence[str], weight: str | None
    ) -> None:
        self.name, self.pilot, self.targets, self.weight = name, pilot, tuple(targets), weight
        self.contexts = {s: context_of(s, pilot, targets, weight) for s in summaries}
        self.position = self.bad = self.without_target = self.without_weight = 0
        self.cells: dict[Summary, list[State]] = {s: [self._none(s)] * pilot.folds.plan.n_cells for s in summaries}
        self._dealer = self._begun()
        self._workspace = Workspace()
        self._draws, self._clock = any(s.draws for s in summaries), clock_of(summaries)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take further rows.

        Raises
        ------
        DataError, AlgorithmError
            A row cannot be taken; then none of these is.
        """
        pilot, rows, n_cells = self.pilot, batch.num_rows, self.pilot.folds.plan.n_cells
        before = self._dealer.dealt.copy()
        try:
            cells = self._dealer(batch)
            hashes = priorities(f"stream:{self.name}", DRAW, self.position, rows) if self._draws else None
            where = f"the stream {self.name!r}"
            given = {} if self._clock is None else {**self._clock.of(batch, self.position, where)}
            if self._draws:
                given["number"] = np.arange(self.position, self.position + rows)
            encoded = pilot.encoder.encode_cells(
                batch, self.targets, self.weight, cells, n_cells, priority=hashes, beside=given,
                workspace=self._workspace, where=where,
            )  # fmt: skip
            self.cells = self._with(encoded)
        except (DataError, AlgorithmError):
            self._dealer.dealt = before
            raise
        self.position += rows
        self.without_target += encoded.without_target
        self.without_weight += encoded.without_weight

    def skip(self, rows: int) -> None:
        """Count rows that make no sense as taken."""
        self.position += rows
        self.bad += rows

    def _with(self, encoded: Encoded) -> dict[Summary, list[State]]:
        """Return the states with further rows; those that there are stay as they are, whatever happens."""
        found = {s: list(cells) for s, cells in self.cells.items()}
        ends = np.cumsum(encoded.counts).tolist()
        for cell, (count, end) in enumerate(zip(encoded.counts.tolist(), ends, strict=True)):
            if not count:
                continue
            part = encoded.batch.part(slice(end - count, end))
            for s, states in found.items():
                ready, on = self.pilot.ready(s), s.family == RESUMABLE
                kept = copy.deepcopy(states[cell]) if on else self._none(s)
                for piece in pieces_for(ready, part):
                    kept = ready.update(kept, piece)
                states[cell] = kept if on else ready.merge(states[cell], kept)
        return found

    def publish(self, store: StateStore, about: Mapping[str, object]) -> None:
        """Keep the states and the position, in the place of what was published before."""
        key = key_of(self.name)
        store.put(key, self._published(), about)

    def resumed(self, store: StateStore) -> Self:
        """Return the stream as it was published last; as it is where that is gone."""
        found = store.get(key_of(self.name), self._published())
        if found is None:
            return self
        self.position, self.bad = found.position, found.bad
        self.without_target, self.without_weight = found.without_target, found.without_weight
        self._dealer.dealt = found.dealt
        self.cells = {s: list(cells) for s, cells in zip(self.cells, found.cells, strict=True)}
        return self

    def reading(self) -> Reading:
        """Return the states as a pass over the rows so far would have given them."""
        segment = segment_of(self.name, self.position)
        result = PassResult(
            {s: list(cells) for s, cells in self.cells.items()},
            [SegmentCost(segment.id, self.position, 0, read=True)],
            states_built=len(self.cells),
            without_target=self.without_target,
            without_weight=self.without_weight,
        )
        reading = Reading(self.pilot, self.contexts, result)
        return replace(reading, unsuited=tuple(unsuited(reading).values()))

    def keep_leaves(self, store: StateStore, about: Mapping[str, object]) -> None:
        """Keep the states as leaves of the rows so far, for a recorded study to be opened again from."""
        segment = self.pilot.folds.key(segment_of(self.name, self.position))
        for s, context in self.contexts.items():
            leaf = Leaf(tuple(self.cells[s]), self.position, self.without_target, self.without_weight)
            known = self.pilot.learned.get(s)
            store.put(Key(context, segment), leaf, {**about, "summary": repr(s), "known": known and known.digest})

    def whole(self, summary: Summary) -> State:
        """Return the state of every row."""
        merged: State = functools.reduce(self.pilot.ready(summary).merge, self.cells[summary])
        return merged

    def _none(self, summary: Summary) -> State:
        state: State = self.pilot.ready(summary).init(self.pilot.shape)
        return state

    def _begun(self) -> Dealer:
        folds = self.pilot.folds
        if not isinstance(folds, RowFolds):
            raise DataError(f"folds {folds.describe()} are not dealt row by row")
        return folds.assigner(segment_of(self.name, 0))

    def _published(self) -> Published:
        cells = tuple(tuple(cells) for cells in self.cells.values())
        left_out = self.bad, self.without_target, self.without_weight
        return Published(self.position, *left_out, np.asarray(self._dealer.dealt), cells)
