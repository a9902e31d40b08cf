"""Rows that come later, in the columns and types of those that came first."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from hpo.data.schema import unknown_column
from hpo.data.sources.usual_types import in_words
from hpo.errors import DataError


def conformed(table: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    """Return the columns of the stream of that name, in order and of its types.

    Raises
    ------
    DataError
        Names the column that is missing, or holds what its type cannot.

    Examples
    --------
    >>> conformed(pa.table({"b": [1], "a": [2]}), pa.schema({"a": pa.float64()}), "clicks").to_pydict()
    {'a': [2.0]}
    """
    columns = []
    for kept in schema:
        if kept.name not in table.column_names:
            raise DataError(f"the stream {name!r}: {unknown_column(kept.name, table.column_names)}")
        column = table.column(kept.name)
        try:
            columns.append(_as(column, kept.type))
        except pa.ArrowException as error:
            why = str(error).splitlines()[0]
            raise DataError(
                f"the stream {name!r}: column {kept.name!r} is {_kind(column.type)} and was {_kind(kept.type)} in "
                f"the first rows, and not every value fits ({why})"
            ) from None
    return pa.table(columns, schema=schema)


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Return a column in another type; whole numbers as the nearest floats, as in a file."""
    if column.type == kind:
        return column
    return column.cast(kind, safe=not (pa.types.is_integer(column.type) and pa.types.is_floating(kind)))


def _kind(kind: pa.DataType) -> str:
    return in_words(str(kind))


def conformed_parts(table: pa.Table, schema: pa.Schema, name: str) -> Iterator[pa.Table | str]:
    """Yield the rows in the types of a stream, and for each row that has a value of another why it cannot be taken.

    Raises
    ------
    DataError
        A column is missing, or no row can be taken.

    Examples
    --------
    >>> rows = pa.table({"a": ["1", "what", "3"]})
    >>> parts = conformed_parts(rows, pa.schema({"a": pa.float64()}), "clicks")
    >>> [part if isinstance(part, str) else part.num_rows for part in parts]
    [1, "column 'a': 'what' is not a number", 1]
    """
    missing = [column for column in schema.names if column not in table.column_names]
    try:
        yield conformed(table, schema, name)
    except DataError:
        parts = [] if missing else list(_by_halves(table, schema, name))
        if not any(isinstance(part, pa.Table) for part in parts):
            raise
        yield from parts


def widened(known: pa.Schema, further: pa.Schema) -> pa.Schema:
    """Return types in which columns of whole numbers are numbers where further rows have numbers there.

    Examples
    --------
    >>> widened(pa.schema({"a": pa.int64(), "b": pa.int64()}), pa.schema({"a": pa.float64()})).types
    [DataType(double), DataType(int64)]
    """
    wider = {f.name for f in further if pa.types.is_floating(f.type)}
    return pa.schema([
        (f.name, pa.float64() if pa.types.is_integer(f.type) and f.name in wider else f.type) for f in known
    ], known.metadata)  # fmt: skip


def _by_halves(table: pa.Table, schema: pa.Schema, name: str) -> Iterator[pa.Table | str]:
    try:
        yield conformed(table, schema, name)
    except DataError:
        if (half := table.num_rows // 2) > 0:
            yield from _by_halves(table.slice(0, half), schema, name)
            yield from _by_halves(table.slice(half), schema, name)
        else:
            yield _why(table, schema)


def _why(row: pa.Table, schema: pa.Schema) -> str:
    """Return which value of a row is not of its column's type."""
    for kept in schema:
        column = row.column(kept.name)
        try:
            _as(column, kept.type)
        except pa.ArrowException:
            return f"column {kept.name!r}: {column[0].as_py()!r} is not {in_words(str(kept.type))}"
    return "a value is not of its column's type"
