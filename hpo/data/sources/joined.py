"""Facts with columns of dimensions as one source, looked up batch by batch: the joined table is never made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from hpo.data.origins import Extent, extent_of
from hpo.data.schema import Field, Schema
from hpo.data.segment import Looked, Rows, Segment, fingerprint
from hpo.data.sources.dimensions import Dimension
from hpo.data.sources.source import Source
from hpo.data.sources.text import Sight


@dataclass(eq=False)
class JoinedSource:
    """Facts with the columns of dimensions as one source, joined batch by batch.

    Attributes
    ----------
    facts : the source of the facts.
    dimensions : what is looked up.
    segments : those of the facts, whose fingerprints know what the used columns of dimensions hold.
    """

    facts: Source
    dimensions: tuple[Dimension, ...]
    arrow: pa.Schema
    schema: Schema
    segments: tuple[Segment, ...]
    used: frozenset[str] = frozenset()
    in_memory: bool = False
    is_text: bool = False
    _of: Mapping[str, Dimension] = field(default_factory=dict)

    @property
    def stored(self) -> pa.Schema:
        """The schemas as they are stored."""
        fields = [one.stored(name) for one in self.dimensions for name in one.names]
        return pa.schema([*self.facts.stored, *fields])

    def scan(
        self,
        segment: Segment,
        columns: Sequence[str],
        batch_rows: int,
        *,
        threads: bool = False,
        apart: Sequence[str] = (),
    ) -> Iterator[Rows]:
        """Yield the facts in order, with the columns of dimensions; those of ``apart`` beside, to be looked up."""
        asked = [one for one in self.dimensions if one.names.keys() & {*columns}]
        read = dict.fromkeys([*(n for n in columns if n not in self._of), *(k for one in asked for k in one.keys)])
        if not asked:
            yield from self.facts.scan(segment, columns, batch_rows, threads=threads, apart=apart)
            return
        beside = self.looked_up(apart)
        scanned = (rows.batch for rows in self.facts.scan(segment, [*read], batch_rows, threads=threads))
        for batch in _together(scanned, batch_rows) if beside else scanned:
            yield self._joined(batch, columns, asked, beside)

    def _joined(
        self, batch: pa.RecordBatch, columns: Sequence[str], asked: Sequence[Dimension], beside: Collection[str]
    ) -> Rows:
        places = {one.name: one.places(batch) for one in asked}
        inside = [name for name in columns if name not in beside]
        arrays = [
            self._of[n].taken(n, places[self._of[n].name]) if n in self._of else batch.column(n) for n in inside
        ]
        outside = [(one, tuple(name for name in one.names if name in beside)) for one in asked]
        looked = [Looked(places[o.name], o.table(names), f"dimension {o.name!r}") for o, names in outside if names]
        if not inside:  # a batch that says how many rows there are all the same
            inside, arrays = ["-"], [pa.nulls(batch.num_rows)]
        return Rows(pa.RecordBatch.from_arrays(arrays, names=inside), looked=tuple(looked))

    def looked_up(self, names: Sequence[str]) -> frozenset[str]:
        """Return the columns that are those of dimensions."""
        return frozenset(name for name in names if name in self._of)

    def is_sparse(self, features: Sequence[str], beside: Sequence[str]) -> bool:
        """Return whether all of it is a sparse matrix of the facts."""
        return not self._of.keys() & {*features, *beside} and self.facts.is_sparse(features, beside)

    def stored_numbers(self) -> float | None:
        """Return how many numbers an average row of the facts' sparse matrix stores."""
        return self.facts.stored_numbers()

    def extents(self, fields: Sequence[Field]) -> dict[str, Extent] | None:
        """Return where the values of columns lie: of dimensions by all their rows."""
        found = self.facts.extents([f for f in fields if f.name not in self._of])
        joined = {f.name: extent_of(self._of[f.name].column(f.name)) for f in fields if f.name in self._of}
        return None if found is None else {**found, **joined}

    def some(self, name: str, most: int) -> pa.Array:
        """Return a column's values in at most so many evenly spread rows of facts in memory; of files none."""
        one = self._of.get(name)
        if one is None:
            return self.facts.some(name, most)
        keys = pa.RecordBatch.from_arrays([self.facts.some(key, most) for key in one.keys], names=list(one.keys))
        return one.taken(name, one.places(keys))

    def sight(self, names: Sequence[str], rows: int) -> Sight:
        """Return the first rows of those columns of the facts that are text, where these are in files of text."""
        return self.facts.sight([name for name in names if name not in self._of], rows)

    def exactly(self, names: Sequence[str]) -> JoinedSource:
        """Return the source that reads whole numbers of these columns exactly."""
        facts = self.facts.exactly([name for name in names if name not in self._of])
        return joined(facts, [one.exactly(names) for one in self.dimensions], self.used)

    def check(self, segment: Segment) -> None:
        """Raise DataError if the segment of the facts changed since it was opened."""
        self.facts.check(segment)


def _together(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """Yield batches put together, of so many rows at most: a file or a frame may come in small ones."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if waiting and sum(one.num_rows for one in waiting) + batch.num_rows > most:
            yield _one(waiting)
            waiting = []
        waiting.append(batch)
    if waiting:
        yield _one(waiting)


def _one(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def joined(facts: Source, dimensions: Sequence[Dimension], used: frozenset[str]) -> JoinedSource:
    """Return facts with the columns of dimensions, each of which has some that are used."""
    facts = facts.exactly([*dict.fromkeys(key for one in dimensions for key in one.keys)])
    matched = tuple(one.against(facts.arrow) for one in dimensions)
    content = sorted(one.digest(used) for one in matched)
    segments = [replace(s, fingerprint=fingerprint("join", s.fingerprint, *content)) for s in facts.segments]
    fields = [one.field(name) for one in matched for name in one.names]
    return JoinedSource(
        facts,
        matched,
        pa.schema([*facts.arrow, *fields]),
        Schema((*facts.schema, *(Field.from_arrow(each) for each in fields))),
        tuple(segments),
        used,
        facts.in_memory,
        facts.is_text or any(one.source.is_text for one in matched),
        {name: one for one in matched for name in one.names},
    )
