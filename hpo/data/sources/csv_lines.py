"""Lines of CSV without a file: rows in types that are known, or inferred."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.csv as pa_csv

from hpo.data.sources.roles import check_distinct
from hpo.data.sources.text import (
    UTF8,
    Conversion,
    Moment,
    Number,
    TextFormat,
    as_text,
    conversions,
    converted,
)
from hpo.data.sources.usual_types import Parse
from hpo.errors import DataError


def csv_lines(header: bytes, text: TextFormat) -> Parse:
    r"""Return what reads lines, each a row, of the columns that a first line names.

    Raises
    ------
    DataError
        The first line names no column.

    Examples
    --------
    >>> parse = csv_lines(b"a;b", TextFormat(sep=";", decimal=",", thousands="."))
    >>> parse([b"1.234,5;7", b"2;8"], None).to_pydict()
    {'a': [1234.5, 2.0], 'b': [7, 8]}
    """
    if not header.strip():
        raise DataError("the stream is empty: its first line must name the columns")

    check_distinct("the stream", _read(header + b"\n", text, None).column_names)

    def parse(lines: Sequence[bytes], schema: pa.Schema | None) -> pa.Table:
        whole = b"\n".join([header, *lines])
        if not text.converts:
            return _read(whole, text, schema)
        known = schema if schema is not None else _inferred(_read(whole, text, None), text)
        how = _conversions(known, text)
        return _converted(_read(whole, text, as_text(known, how)), how, known)

    return parse


def _read(whole: bytes, text: TextFormat, schema: pa.Schema | None) -> pa.Table:
    return pa_csv.read_csv(
        io.BytesIO(whole),
        read_options=pa_csv.ReadOptions(
            use_threads=False, encoding=text.encoding or UTF8, block_size=len(whole) + 1
        ),
        parse_options=pa_csv.ParseOptions(delimiter=text.sep or ","),
        convert_options=pa_csv.ConvertOptions(
            null_values=text.nulls, strings_can_be_null=True, column_types=schema, decimal_point=text.decimal or "."
        ),
    )


def _inferred(table: pa.Table, text: TextFormat) -> pa.Schema:
    """Return the types of columns, of text that is written in other ways those of its values."""
    whole = [column.combine_chunks() for column in table.columns]
    found = conversions(text, pa.RecordBatch.from_arrays(whole, table.column_names))
    texts = {f.name for f in table.schema if pa.types.is_string(f.type)}
    return pa.schema([(f.name, found[f.name].kind if f.name in texts & {*found} else f.type) for f in table.schema])


def _conversions(schema: pa.Schema, text: TextFormat) -> dict[str, Conversion]:
    """Return what converts columns of known types from their text."""
    found: dict[str, Conversion] = {}
    for name, kind in zip(schema.names, schema.types, strict=True):
        dated = text.format_of(name) or (text.date_format if isinstance(text.date_format, str) else None)
        if dated and (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
            found[name] = Moment(dated)
        elif text.marks_numbers and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            found[name] = Number(text)
    return found


def _converted(table: pa.Table, how: Mapping[str, Conversion], known: pa.Schema) -> pa.Table:
    wanted = pa.schema([known.field(f.name) if f.name in known.names else f for f in table.schema])
    return pa.Table.from_batches([converted(batch, how, wanted) for batch in table.to_batches()], wanted)
