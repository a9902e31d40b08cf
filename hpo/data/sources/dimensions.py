"""Dimension tables: one row for each key, held in memory, whose columns are looked up for other rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from hpo.data.levels import decoded_strings, is_text
from hpo.data.schema import kind_of, plain_type
from hpo.data.segment import fingerprint
from hpo.data.sources.keys import NOWHERE, KeyIndex
from hpo.data.sources.memory_blocks import TableBlock
from hpo.data.sources.roles import meet
from hpo.data.sources.source import Source
from hpo.data.values import Places, arrow_numbers, one_array
from hpo.errors import DataError

BATCH_ROWS = 1 << 16
FACT, OWN = 0, 1


@dataclass(frozen=True, eq=False)
class Dimension:
    """One dimension table.

    Attributes
    ----------
    name : what messages call it.
    source : where its rows are.
    pairs : the columns that must be equal: that of the rows that look up, and its own.
    names : its own columns, by the names that they have in the joined rows.
    kinds : the type that the keys of each pair are compared in.
    """

    name: str
    source: Source
    pairs: tuple[tuple[str, str], ...]
    names: Mapping[str, str]
    kinds: tuple[pa.DataType, ...] = ()
    _tables: dict[tuple[str, ...], pa.RecordBatch] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that are looked up by."""
        return tuple(pair[FACT] for pair in self.pairs)

    def field(self, name: str) -> pa.Field:
        """Return the field of a joined column."""
        return self.source.arrow.field(self.names[name]).with_name(name)

    def stored(self, name: str) -> pa.Field:
        """Return the field of a joined column as it is stored."""
        return self.source.stored.field(self.names[name]).with_name(name)

    def against(self, fact: pa.Schema) -> Dimension:
        """Return the dimension with the types that keys are compared in.

        Raises
        ------
        DataError
            If keys of their types never are equal.
        """
        kinds = []
        for mine, own in self.pairs:
            a, b = (plain_type(t) for t in (fact.field(mine).type, self.source.arrow.field(own).type))
            both = meet(a, b) if kind_of(a) == kind_of(b) else None
            if both is None:
                raise DataError(
                    f"key {mine!r} is {a} in the data and {b} in dimension {self.name!r}{_called(own, mine)}: keys "
                    "of two types are never equal; convert one of them"
                )
            kinds.append(both)
        return replace(self, kinds=tuple(kinds))

    def exactly(self, names: Collection[str]) -> Dimension:
        """Return the dimension with whole numbers of some joined columns as such."""
        own = [self.names[name] for name in names if name in self.names]
        return replace(self, source=self.source.exactly(own)) if own else self

    def digest(self, names: Iterable[str]) -> str:
        """Return the digest of what some joined columns hold, by key; DataError where two rows have one key."""
        self._check()
        used = sorted({*names} & {*self.names})
        own = [*(pair[OWN] for pair in self.pairs), *(self.names[name] for name in used)]
        columns = [decoded_strings(c) if is_text(c.type) else c for c in map(one_array, self._table.select(own))]
        table = pa.table(columns, names=[str(i) for i in range(len(own))])
        return fingerprint("dimension", self.keys, used, TableBlock(table).digest(0, table.num_rows))

    def places(self, batch: pa.RecordBatch) -> Places:
        """Return the row of each key of a batch; that after the last of those that are missing, or in no row."""
        columns = [self._key(batch.column(m), m, kind) for m, kind in zip(self.keys, self.kinds, strict=True)]
        found = self._index.find(columns)
        return np.where(found == NOWHERE, self._table.num_rows, found)

    def column(self, name: str) -> pa.Array:
        """Return a joined column, by row; one row more, where it is missing."""
        return self._columns[name]

    def table(self, names: tuple[str, ...]) -> pa.RecordBatch:
        """Return joined columns by row, with one row more; the same object each time."""
        if names not in self._tables:
            self._tables[names] = pa.RecordBatch.from_arrays([self.column(n) for n in names], names=list(names))
        return self._tables[names]

    def taken(self, name: str, places: Places) -> pa.Array:
        """Return a joined column of some rows."""
        return self.column(name).take(arrow_numbers(places))

    @cached_property
    def _table(self) -> pa.Table:
        """All the rows."""
        names, batches = [*self.source.arrow.names], []
        for segment in self.source.segments:
            batches += [rows.batch for rows in self.source.scan(segment, names, BATCH_ROWS)]
            self.source.check(segment)
        tables = [pa.Table.from_batches([_plain(batch, self.source.arrow)]) for batch in batches]
        return pa.concat_tables([self.source.arrow.empty_table(), *tables]).combine_chunks()

    @cached_property
    def _columns(self) -> dict[str, pa.Array]:
        return {name: _with_none(one_array(self._table.column(own))) for name, own in self.names.items()}

    @cached_property
    def _index(self) -> KeyIndex:
        """The rows by key."""
        own = [pair[OWN] for pair in self.pairs]
        columns = [self._key(one_array(self._table.column(n)), n, k) for n, k in zip(own, self.kinds, strict=True)]
        return KeyIndex(columns)

    def _check(self) -> None:
        """Refuse two rows of one key."""
        if self._index.twice is None:
            return
        first, second = self._index.twice
        own = [pair[OWN] for pair in self.pairs]
        key = ", ".join(f"{name}={self._table.column(name)[first].as_py()!r}" for name in own)
        raise DataError(
            f"dimension {self.name!r} has the key {key} in rows {first + 1} and {second + 1}, and a key stands in "
            f"one row alone: leave one of them out, as with .drop_duplicates({own!r}), or join by further columns"
        )

    def _key(self, column: pa.Array, name: str, kind: pa.DataType) -> pa.Array:
        """Return a column of keys in the type that they are compared in."""
        if column.type == kind or is_text(column.type):
            return column
        try:
            return column.cast(kind)
        except pa.ArrowInvalid as error:
            raise DataError(
                f"key {name!r} is {column.type}, and to compare it with that of dimension {self.name!r} as {kind} "
                f"would lose digits ({str(error).splitlines()[0]}); give both one type"
            ) from None


def _called(own: str, mine: str) -> str:
    return "" if own == mine else f" ({own!r})"


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows in the types of a schema: text and categories as strings."""
    arrays = [
        decoded_strings(a) if is_text(a.type) else a.cast(schema.field(n).type)
        for n, a in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _with_none(column: pa.Array) -> pa.Array:
    """Return a column with a missing value after it; text as categories, so that a batch decodes none of it."""
    longer = pa.concat_arrays([column, pa.nulls(1, column.type)])
    return longer.dictionary_encode() if pa.types.is_string(column.type) else longer


def names_of(
    known: Sequence[str], pairs: Sequence[tuple[str, str]], columns: Sequence[str] | None, prefix: str
) -> dict[str, str]:
    """Return the columns of a table that are joined, by the names that they get.

    Examples
    --------
    >>> names_of(["id", "a", "b"], [("of", "id")], None, "x_")
    {'x_a': 'a', 'x_b': 'b'}
    """
    own = {pair[OWN] for pair in pairs}
    taken = [name for name in known if name not in own] if columns is None else columns
    return {f"{prefix}{name}": name for name in taken}
