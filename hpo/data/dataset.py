"""A data set: a schema, roles of columns, and an ordered set of segments that can be read one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

from algorithms.batches import Label
from algorithms.lazily import scipy
from hpo.data.encoding.rows import usable_rows
from hpo.data.hashing import Words, priorities
from hpo.data.levels import decoded_strings, is_text, label_values
from hpo.data.origins import Extent, origins_from
from hpo.data.schema import Field, Schema, label_type, unknown_column
from hpo.data.segment import SEGMENT_ROWS, ReadLog, Rows, Segment, spread
from hpo.data.sources.roles import Roles, check_number
from hpo.data.sources.source import Source
from hpo.data.sources.text import Sight
from hpo.data.values import Places, arrow_numbers, ticks_of
from hpo.errors import DataError
from hpo.process.lazily import arrow_compute as pc

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from hpo.data.sources.joins import Join

T = TypeVar("T")

BATCH_ROWS = 65_536
LEAST_ROWS = 8_192
BATCH_BYTES = 1 << 28
"""Bytes of the numbers of one batch, at most."""

PILOT_SEGMENTS = 256
"""Segments that a pilot sample is drawn from, evenly spread over all where there are more."""
PILOT_SCAN = 1 << 19
"""Rows that a pilot sample looks at, as many in each segment; a larger one is sampled from its beginning."""
LEAST_SCAN = 1 << 12
"""Rows that it looks at in each segment at least."""
PEEKED, PEEKED_ROWS = 16, 1024
"""Segments, and rows of each, that origins are learned from where a file has no statistics."""


class Dataset:
    """Data as the pass sees it; made by :func:`hpo.data.opening.open_dataset`.

    Attributes
    ----------
    schema : every readable column, features or not.
    segments : in one fixed order: by URI, then by part.
    targets, weight : names of columns.
    features : fields of the features, in order.
    in_memory : whether the data is the caller's own frame or array.
    is_text : whether it is in CSV files.
    log : what was read so far.
    chosen : which of the files these are, in words; empty for all.
    join : what is joined to its rows, as it was asked for; None for nothing.
    remark : which rows cannot be used, as far as that was seen when it was opened, in words; empty for none.
    """

    def __init__(self, source: Source, roles: Roles, join: Join | None = None) -> None:
        if roles.weight:
            check_number(source.schema, roles.weight, "weight")
        self._source, self._roles, self.join = source, roles, join
        self.schema: Schema = source.schema
        self.segments: tuple[Segment, ...] = source.segments
        self.targets: tuple[str, ...] = roles.targets
        self.weight: str | None = roles.weight
        self.features: tuple[Field, ...] = tuple(source.schema[name] for name in roles.features)
        self.columns: tuple[str, ...] = roles.used
        self.in_memory: bool = source.in_memory
        self.is_text: bool = source.is_text
        self.log = ReadLog()
        self.chosen = self.remark = ""
        self._extents: dict[tuple[str, ...], dict[str, Extent] | None] = {}

    def through(self, make: Callable[[Source], T]) -> T:
        """Return what is made of where the rows come from."""
        return make(self._source)

    def sight(self, rows: int) -> Sight:
        """Return the first rows of the features and targets that are text, as CSV files have them; else none."""
        return self._source.sight([field.name for field in (*self.features, *self.target_fields)], rows)

    def exactly(self, names: Iterable[str]) -> Dataset:
        """Return the data with some columns read as what they are, labels: whole numbers of text files as integers.

        This alone distinguishes those beyond 2**53. Names that are not columns are left to the caller.
        """
        source = self._source.exactly([name for name in names if name in self.schema])
        found = Dataset(source, self._roles, self.join)
        found.log, found.chosen, found.remark = self.log, self.chosen, self.remark
        return found

    @property
    def arrow(self) -> pa.Schema:
        """Types of all columns, in the first file's order."""
        return self._source.arrow

    @property
    def rows(self) -> int | None:
        """Number of rows, or None if unknown before reading (CSV)."""
        counts = [segment.rows for segment in self.segments]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    @property
    def nbytes(self) -> int:
        """Stored bytes of all segments."""
        return sum(segment.nbytes for segment in self.segments)

    @property
    def target_fields(self) -> tuple[Field, ...]:
        """Fields of the targets, in order."""
        return tuple(self.schema[name] for name in self.targets)

    def labels_field(self, target: str) -> Field:
        """Return the field of the labels that a target holds: of categories that are not text, the values' own."""
        known, values = self.schema[target], self._categories(target)
        return known if values is None else Field.from_arrow(pa.field(target, values), known.nullable)

    def describe(self) -> dict[str, object]:
        """Return what the data set is, as JSON-ready values."""
        return {
            "files": sorted({segment.uri for segment in self.segments}),
            "segments": len(self.segments),
            "rows": self.rows,
            "nbytes": self.nbytes,
            "in_memory": self.in_memory,
            "targets": list(self.targets),
            "weight": self.weight,
            "features": [field.name for field in self.features],
            "schema": self.schema.to_dict(),
        }

    def read(
        self,
        segment: Segment,
        columns: Sequence[str] | None = None,
        batch_rows: int | None = None,
        *,
        threads: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Yield a segment's rows in order, in batches, in bounded memory; as :meth:`scan`, whose columns it has."""
        for rows in self.scan(segment, columns, batch_rows, threads=threads):
            yield rows.batch

    def scan(
        self,
        segment: Segment,
        columns: Sequence[str] | None = None,
        batch_rows: int | None = None,
        *,
        threads: bool = False,
        apart: Sequence[str] = (),
    ) -> Iterator[Rows]:
        """Yield a segment's rows in order, in bounded memory.

        Parameters
        ----------
        segment : one of ``segments``.
        columns : names, in the order wanted; None for features, targets and weight.
        batch_rows : rows of a batch, at most; None for what suits the segment, whoever reads it.
        threads : whether columns may be decoded side by side, where the format can; for a caller that reads
            fewer segments at once than there are cores.
        apart : features that may come as a sparse matrix, where the data is one.

        Raises
        ------
        DataError
            Where the file cannot be read, or is found at the end to have changed since it was opened: then
            nothing that was read of it is to be kept.
        """
        names = self._known(self.columns if columns is None else columns)
        self.log.start(segment.id)
        rows = counted = 0
        looked = self._source.looked_up(apart)
        most = batch_rows or rows_at_once(segment, len(names) - len(looked), looked=bool(looked))
        for found in self._source.scan(segment, names, most, threads=threads, apart=apart):
            batch = found.batch
            rows += batch.num_rows
            stored = _stored(segment, rows, counted + batch.nbytes)
            self.log.add(batch.num_rows, stored - counted)
            counted = stored
            yield found
        self.log.add(0, segment.nbytes - counted)
        self._source.check(segment)

    def check(self, segment: Segment) -> None:
        """Raise DataError if a segment is no longer, or from here not, what its fingerprint says."""
        self._source.check(segment)

    @cached_property
    def feature_names(self) -> frozenset[str]:
        """Names of the features."""
        return frozenset(field.name for field in self.features)

    @property
    def looked_up(self) -> frozenset[str]:
        """Names of the features that are looked up in tables as rows are read."""
        return self._source.looked_up([field.name for field in self.features])

    @property
    def stored_numbers(self) -> float | None:
        """How many numbers an average row of a sparse matrix stores; None where features come as columns."""
        features = [field.name for field in self.features]
        beside = self._known([*self.targets, *([self.weight] if self.weight else [])])
        return self._source.stored_numbers() if self._source.is_sparse(features, beside) else None

    def sample_sparse(
        self, beside: Sequence[str], rows: int, seed: int
    ) -> tuple[Rows, tuple[Segment, ...]] | None:
        """Return a random sample of the rows of a sparse matrix, as :meth:`sample` does; None of other data."""
        features = [field.name for field in self.features]
        if not self._source.is_sparse(features, self._known(beside)):
            return None
        drawn = spread(self.segments, PILOT_SEGMENTS)
        keys = np.concatenate([priorities(s.place, seed, 0, s.rows or 0) for s in drawn])
        taken, seen, made = np.zeros(len(keys), np.bool_), 0, []
        taken[np.argsort(keys, kind="stable")[:rows]] = True
        for segment in drawn:
            for part in self._source.scan(segment, [*features, *beside], rows, apart=features):
                batch = part.batch
                matrix: csr_array = part.sparse
                chosen = np.flatnonzero(taken[seen : seen + batch.num_rows])
                made.append((matrix[chosen], pa.Table.from_batches([batch]).take(arrow_numbers(chosen))))
                self.log.add_pilot(batch.num_rows)
                seen += batch.num_rows
        other = pa.concat_tables([table for _, table in made]).combine_chunks().to_batches()[0]
        return Rows(other, scipy.sparse.csr_array(scipy.sparse.vstack([m for m, _ in made], format="csr"))), drawn

    def sample(
        self,
        columns: Sequence[str],
        rows: int,
        seed: int,
        *,
        segments: int = PILOT_SEGMENTS,
        scan: int = PILOT_SCAN,
    ) -> tuple[pa.Table, tuple[Segment, ...]]:
        """Return a random sample of rows, and the segments of them: all, or of more as many evenly spread ones.

        Only ``columns`` are read, and of a large segment only its first rows: about ``scan`` of all together.
        Rows have the smallest hashes of (segment place, row, seed), so the sample is the same for any batch size.
        """
        drawn = spread(self.segments, segments)
        names = self._known(columns)
        most = max(LEAST_SCAN, scan // len(drawn))
        tables, keys = [], []
        for segment in drawn:
            table, priority = self._sample_segment(segment, names, rows, seed, most)
            tables.append(table)
            keys.append(priority)
        table, _ = _smallest(pa.concat_tables(tables), np.concatenate(keys), rows)
        return table, drawn

    def known_origins(self, fields: Sequence[Field]) -> tuple[dict[str, float], tuple[Field, ...]]:
        """Return the origins of columns that are known without reading, and the fields of which only rows decide.

        They are known of data in memory, and where every file has statistics that cannot be those of a sentinel.
        """
        extents = self.extents(fields)
        if extents is None:
            return {}, tuple(fields)
        units = {field.name: ticks_of(self._source.arrow.field(field.name).type) for field in fields}
        return origins_from(fields, extents, units), tuple(f for f in fields if extents[f.name].hides(f))

    def extents(self, fields: Sequence[Field]) -> dict[str, Extent] | None:
        """Return where the values of columns lie, as far as that is known without reading; None where it is not."""
        names = tuple(field.name for field in fields)
        if names not in self._extents:
            self._extents[names] = self._source.extents(fields)
        return self._extents[names]

    def some_values(self, name: str, most: int) -> pa.Array:
        """Return a column's values in so many evenly spread rows of data in memory, at most; of other data none."""
        return self._source.some(name, most)

    def peek(self, fields: Sequence[Field]) -> dict[str, pa.ChunkedArray]:
        """Return the first rows of columns in at most 16 evenly spread segments; they count as the pilot's."""
        names, tables = self._known([field.name for field in fields]), []
        for segment in spread(self.segments, PEEKED) if names else ():
            for rows in self._source.scan(segment, names, PEEKED_ROWS):
                self.log.add_pilot(rows.batch.num_rows)
                tables.append(pa.Table.from_batches([rows.batch]))
                break
        return dict(zip(names, pa.concat_tables(tables).columns, strict=True)) if tables else {}

    def look(self, segment: Segment, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield a few columns of a segment before its pass; their rows count as the pilot's."""
        for rows in self._source.scan(segment, self._known(columns), BATCH_ROWS):
            self.log.add_pilot(rows.batch.num_rows)
            yield rows.batch
        self._source.check(segment)

    def label_rows(self, segment: Segment, column: str, most: int) -> dict[Label, int]:
        """Return the labels of a segment, sorted, without null and NaN, with the rows of each that have a weight.

        Only that column and the weight are read; its rows count as the pilot's.

        Raises
        ------
        DataError
            If there are more than ``most``.
        """
        found: dict[Label | None, int] = {}
        named: dict[Label, int] = {}
        for batch in self.look(segment, [column, *([self.weight] if self.weight else [])]):
            labels = label_values(batch.column(0))
            keep = usable_rows(batch, (), self.weight, segment.id).keep
            held = labels if keep is None else labels.filter(pa.array(keep))
            for label in pc.unique(labels).to_pylist() if keep is not None else ():
                found.setdefault(label, 0)
            for label, rows in zip(*(part.to_pylist() for part in pc.value_counts(held).flatten()), strict=True):
                found[label] = found.get(label, 0) + rows
            named = {
                v: n for v, n in found.items() if v is not None and not (isinstance(v, float) and math.isnan(v))
            }
            found = dict(named.items())
            check_classes(column, found, most)
        return {label: named[label] for label in sorted(named)}

    def values(self, columns: Sequence[str]) -> pa.Table:
        """Return whole columns of data in memory; not counted as reading."""
        if not self.in_memory:
            raise DataError("whole columns are only handed out of data in memory; read it by segment instead")
        names = self._known(columns)
        batches = [r.batch for s in self.segments for r in self._source.scan(s, names, BATCH_ROWS)]
        return pa.Table.from_batches(batches)

    def _known(self, columns: Sequence[str]) -> list[str]:
        for name in columns:
            if name not in self.schema:
                raise DataError(unknown_column(name, self.schema.names))
        return list(columns)

    def _sample_segment(
        self, segment: Segment, names: list[str], rows: int, seed: int, most: int
    ) -> tuple[pa.Table, Words]:
        pieces, seen = [], 0
        apart, at_once = tuple(self._source.looked_up(names)), min(most, rows_at_once(segment, len(names)))
        waiting: list[Rows] = []
        for found in self._source.scan(segment, names, at_once, apart=apart):
            waiting.append(found)
            seen += found.batch.num_rows
            self.log.add_pilot(found.batch.num_rows)
            if len(waiting) > 8 or seen >= most:
                pieces.append(self._chosen(segment, waiting, names, rows, seed, seen))
                waiting = []
            if seen >= most:
                break
        if waiting:
            pieces.append(self._chosen(segment, waiting, names, rows, seed, seen))
        self._source.check(segment)
        empty = np.empty(0, np.uint64)
        fields = [pa.field(n, self._categories(n) or self._source.arrow.field(n).type) for n in names]
        table = pa.concat_tables([pa.schema(fields).empty_table(), *(table for table, _ in pieces)])
        return _smallest(table, np.concatenate([empty, *(key for _, key in pieces)]), rows)

    def _chosen(
        self, segment: Segment, found: Sequence[Rows], names: Sequence[str], rows: int, seed: int, seen: int
    ) -> tuple[pa.Table, Words]:
        """Return the rows with the smallest keys of those seen last; others are neither decoded nor looked up."""
        ends = np.cumsum([0, *(one.batch.num_rows for one in found)])
        keys = priorities(segment.place, seed, seen - int(ends[-1]), int(ends[-1]))
        chosen = _of_smallest(keys, rows)
        cuts = np.searchsorted(chosen, ends)
        tables = [
            self._plain(_taken(one, chosen[low:high] - start, names))
            for one, start, low, high in zip(found, ends[:-1], cuts[:-1], cuts[1:], strict=True)
        ]
        return pa.concat_tables(tables), keys[chosen]

    def _plain(self, batch: pa.RecordBatch) -> pa.Table:
        """Return a batch as a table: text and categories as plain strings, labels in their own type."""
        columns = [self._plain_column(*pair) for pair in zip(batch.schema.names, batch.columns, strict=True)]
        return pa.table(columns, names=batch.schema.names)

    def _plain_column(self, name: str, array: pa.Array) -> pa.Array:
        if not is_text(array.type):
            return array
        values = self._categories(name)
        return decoded_strings(array) if values is None else label_values(array).cast(values)

    def _categories(self, name: str) -> pa.DataType | None:
        """Return the type of a target's categories where they are not text; None for any other column."""
        stored = self._source.stored.field(name).type if name in self.targets else pa.null()
        values = label_type(stored)
        return values if pa.types.is_dictionary(stored) and not is_text(values) else None


def rows_at_once(segment: Segment, columns: int, *, looked: bool = False) -> int:
    """Return the rows of a batch: small segments in four, so that decoding can run beside what follows it.

    Of many columns fewer rows, so that a batch stays within :data:`BATCH_BYTES`. It depends on nothing but the
    segment and its columns, so that its states are the same bits whoever makes them. Where columns are looked up, a
    table's rows are multiplied once a batch, and all rows of a segment are one batch where that is no larger.

    Examples
    --------
    >>> [rows_at_once(Segment("a", (0, 1), rows, 0, ""), 10) for rows in (None, 1_000_000, 100_000, 100)]
    [65536, 65536, 25000, 8192]
    >>> rows_at_once(Segment("a", (0, 1), 1_000_000, 0, ""), 20_000)
    1677
    """
    few = max(1, BATCH_BYTES // (8 * max(1, columns)))
    if looked:
        return min(SEGMENT_ROWS, few)
    if segment.rows is None:
        return min(BATCH_ROWS, few)
    return min(BATCH_ROWS, few, max(LEAST_ROWS, -(-segment.rows // 4)))


def check_classes(target: str, values: Collection[object], most: int) -> None:
    """Raise DataError where there are too many distinct values for classes."""
    if len(values) > most:
        raise DataError(
            f"target {target!r} has more than {most:,} distinct values, too many for classes; "
            "if it is a number, tune a regression, otherwise merge rare classes first"
        )


def _smallest(
    table: pa.Table, keys: Words, rows: int
) -> tuple[pa.Table, Words]:
    """Return the rows with the smallest keys, in their old order."""
    if table.num_rows <= rows:
        return table, keys
    chosen = _of_smallest(keys, rows)
    return table.take(arrow_numbers(chosen)), keys[chosen]


def _taken(rows: Rows, chosen: Places, names: Sequence[str]) -> pa.RecordBatch:
    """Return columns of some rows, in order, those that are looked up among them."""
    batch = rows.batch if len(chosen) == rows.batch.num_rows else rows.batch.take(arrow_numbers(chosen))
    found = dict(zip(batch.schema.names, batch.columns, strict=True))
    for one in rows.looked:
        own = arrow_numbers(one.places[chosen])
        found |= {name: one.table.column(name).take(own) for name in one.table.schema.names}
    return pa.RecordBatch.from_arrays([found[name] for name in names], names=list(names))


def _of_smallest(keys: Words, rows: int) -> Places:
    """Return the places of the smallest keys, ascending."""
    if len(keys) <= rows:
        return np.arange(len(keys))
    return np.sort(np.argpartition(keys, rows)[:rows]) if rows else np.empty(0, np.intp)


def _stored(segment: Segment, rows: int, decoded: int) -> int:
    """Return the stored bytes that a segment's first rows stand for (a guess where rows are unknown)."""
    share = segment.nbytes * rows // segment.rows if segment.rows else decoded
    return min(segment.nbytes, share)
