"""What reads one file, and the source that reads many as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import pyarrow as pa

from hpo.data.origins import Extent, extent_between, joined_bounds
from hpo.data.schema import CATEGORICAL, NUMERIC, Field, Schema, kind_of, plain_type
from hpo.data.segment import Rows, Segment, spread
from hpo.data.sources.files import CSV, DataFile
from hpo.data.sources.identities import reading
from hpo.data.sources.roles import unify_schemas
from hpo.data.sources.source import FileReader
from hpo.data.sources.text import Sight

SIGHTED = 4
"""Files of text whose first rows tell how numbers and dates are written."""

_EITHER = pa.decimal128(38, 0)
"""Holds integers of 64 bits, with and without a sign."""

STATED_FILES = 64
"""Files, evenly spread, whose statistics are looked at."""


def sight_of(readers: Sequence[FileReader], names: Sequence[str], rows: int) -> Sight:
    """Return the first rows of those columns that are text in some files: of each column where it is."""
    seen = []
    for reader in readers:
        with reading(reader.file):
            seen.append(reader.sight([name for name in names if name in reader.schema.names], rows))
    tables = [sight.text for sight in seen if sight.text.num_columns]
    joined = pa.concat_tables(tables, promote_options="default") if tables else Sight().text
    return Sight(joined, any(sight.decimals for sight in seen))


@dataclass
class FileSource:
    """Many files of one format as one source; hive partition keys are constant columns of a file."""

    readers: dict[str, FileReader]
    arrow: pa.Schema
    schema: Schema
    segments: tuple[Segment, ...]
    in_memory: bool = False
    is_text: bool = False

    def __getstate__(self) -> dict[str, object]:
        """Share what is equal in many files, so that thousands of them are sent as few bytes."""
        return {**self.__dict__, "readers": _sharing(self.readers)}

    @property
    def stored(self) -> pa.Schema:
        """The first file's schema, its partition keys appended."""
        return full_schema(next(iter(self.readers.values())))

    def scan(
        self,
        segment: Segment,
        columns: Sequence[str],
        batch_rows: int,
        *,
        threads: bool = False,
        apart: Sequence[str] = (),
    ) -> Iterator[Rows]:
        """Yield batches in the data set's types; a failure becomes a DataError that names the file."""
        reader = self.readers[segment.uri]
        fields = [self.arrow.field(name) for name in columns]
        own = pa.schema([f for f in fields if f.name in reader.schema.names])
        constants = {
            f.name: pa.scalar(reader.file.partitions[f.name], pa.string()).cast(f.type)
            for f in fields
            if f.name not in reader.schema.names
        }
        with reading(reader.file):
            for batch in reader.scan(segment, own, batch_rows, threads=threads):
                yield Rows(_conform(batch, fields, constants))

    def is_sparse(self, features: Sequence[str], beside: Sequence[str]) -> bool:
        """Return False: files hold no sparse matrix."""
        return False

    def looked_up(self, names: Sequence[str]) -> frozenset[str]:
        """Return none: the columns are the file's."""
        return frozenset()

    def stored_numbers(self) -> float | None:
        """Return None: files hold no sparse matrix."""
        return None

    def extents(self, fields: Sequence[Field]) -> dict[str, Extent] | None:
        """Return where the values of columns lie by the statistics of at most 64 files; None where one has none."""
        some = spread(list(self.readers.values()), STATED_FILES)
        found = {}
        for field in fields:
            kind = self.arrow.field(field.name).type
            known = [pair for r in some if (pair := _bounds(r, field.name, kind)) is not None]
            if len(known) < len(some):
                return None
            found[field.name] = extent_between(*joined_bounds(known))
        return found

    def some(self, name: str, most: int) -> pa.Array:
        """Return nothing: a file would have to be read."""
        return pa.array([], self.arrow.field(name).type)

    def sight(self, names: Sequence[str], rows: int) -> Sight:
        """Return the first rows of those columns that are text in some files, spread from the first to the last."""
        return sight_of(spread(list(self.readers.values()), SIGHTED), names, rows)

    def exactly(self, names: Sequence[str]) -> FileSource:
        """Return the source that reads whole numbers of these columns as such: also beyond 2**53."""
        arrow = self.arrow
        for name in names:
            place = arrow.get_field_index(name)
            if kind_of(arrow.field(place).type) == NUMERIC:
                arrow = arrow.set(place, pa.field(name, self._exact(name)))
        fields = [Field.from_arrow(arrow.field(f.name), f.nullable) for f in self.schema]
        return replace(self, arrow=arrow, schema=Schema(tuple(fields)))

    def _exact(self, name: str) -> pa.DataType:
        """Return the type that holds every whole number of a column in all files; its own where there is none."""
        own = self.arrow.field(name).type
        types = {r.exact(name) for r in self.readers.values() if name in r.schema.names}
        if len(types) == 1:
            return types.pop()
        if types and pa.string() in types and all(pa.types.is_integer(t) or t == pa.string() for t in types):
            return pa.string()
        return _EITHER if types and pa.types.is_floating(own) and all(map(_is_whole, types)) else own

    def check(self, segment: Segment) -> None:
        """Raise DataError if the file changed since it was opened."""
        self.readers[segment.uri].file.check_unchanged()


def _sharing(readers: Mapping[str, FileReader]) -> dict[str, FileReader]:
    """Return copies of readers that share equal schemas, and equal notes of which columns have nulls."""
    schemas: dict[bytes, pa.Schema] = {}
    notes: dict[tuple[tuple[str, bool], ...], Mapping[str, bool]] = {}
    shared = {}
    for uri, reader in readers.items():
        shared[uri] = copied = copy(reader)
        copied.schema = schemas.setdefault(reader.schema.serialize().to_pybytes(), reader.schema)
        if "nullable" in vars(copied):
            vars(copied)["nullable"] = notes.setdefault(tuple(reader.nullable.items()), reader.nullable)
    return shared


def _is_whole(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0))


def _bounds(reader: FileReader, name: str, kind: pa.DataType) -> tuple[float, float] | None:
    """Return the least and the largest value of a file's column, or that of its partition; None if unknown."""
    if name in reader.schema.names:
        stored = reader.schema.field(name).type
        return reader.bounds(name) if stored == kind or not pa.types.is_temporal(kind) else None
    value = reader.file.partitions.get(name)
    return (int(value), int(value)) if value is not None else None


def gather_readers(readers: Sequence[FileReader], required: Sequence[str] | None) -> FileSource:
    """Return the source of opened files; ``required`` columns must agree between them."""
    types = _partition_types([reader.file for reader in readers])
    arrow = unify_schemas([(r.file.uri, full_schema(r, types)) for r in readers], required)
    stated = {id(reader.nullable): reader.nullable for reader in readers}.values()
    nullable = {field.name: any(known.get(field.name, True) for known in stated) for field in arrow}
    segments = tuple(segment for reader in readers for segment in reader.segments)
    by_uri = {reader.file.uri: reader for reader in readers}
    schema, is_text = Schema.from_arrow(arrow, nullable), readers[0].file.format == CSV
    return FileSource(by_uri, arrow, schema, segments, is_text=is_text)


def column_names(reader: FileReader) -> list[str]:
    """Return the names of a file's columns, its partition keys last."""
    own: list[str] = reader.schema.names
    return [*own, *(key for key in reader.file.partitions if key not in own)]


def all_names(readers: Iterable[FileReader]) -> set[str]:
    """Return the names of the columns that any file has."""
    found: set[str] = set()
    seen: set[int] = set()
    for reader in readers:  # many share one schema
        if id(reader.schema) not in seen or reader.file.partitions:
            seen.add(id(reader.schema))
            found.update(column_names(reader))
    return found


def full_schema(reader: FileReader, types: dict[str, pa.DataType] | None = None) -> pa.Schema:
    """Return a file's schema with its partition keys appended; a column of the same name wins."""
    types = types or {}
    partitions = reader.file.partitions
    keys = [key for key in partitions if key not in reader.schema.names] if partitions else []
    if not keys:
        return reader.schema
    fields = [pa.field(key, types.get(key, pa.string())) for key in keys]
    return pa.schema([*reader.schema, *fields])


def _partition_types(files: Sequence[DataFile]) -> dict[str, pa.DataType]:
    values: dict[str, set[str | None]] = {}
    for file in files:
        for key, value in file.partitions.items():
            values.setdefault(key, set()).add(value)
    return {key: _partition_type(found) for key, found in values.items()}


def _partition_type(values: set[str | None]) -> pa.DataType:
    known = [value for value in values if value is not None]
    whole = all(value.removeprefix("-").isdecimal() and len(value) < 19 for value in known)
    return pa.int64() if known and whole else pa.string()


def _conform(
    batch: pa.RecordBatch, fields: Sequence[pa.Field], constants: dict[str, pa.Scalar]
) -> pa.RecordBatch:
    arrays = []
    for field in fields:
        if field.name in constants:
            arrays.append(pa.repeat(constants[field.name], batch.num_rows))
            continue
        array = batch.column(field.name)
        if array.type != field.type and kind_of(plain_type(array.type)) != CATEGORICAL:
            array = array.cast(field.type, safe=False)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=[field.name for field in fields])
