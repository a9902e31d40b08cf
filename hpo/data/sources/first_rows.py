"""The first rows of a large CSV file, kept from when it was opened: who looks at a few parses nothing again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from hpo.data.values import arrow_numbers

ROWS = 1_024
"""Rows that are kept."""


def first_rows(block: pa.RecordBatch) -> pa.RecordBatch:
    """Return the first rows of a block, without the memory of the others."""
    return block.take(arrow_numbers(np.arange(min(ROWS, block.num_rows))))


def as_wanted(rows: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch | None:
    """Return some columns in the types that they would be parsed in; None where that is unsure.

    Examples
    --------
    >>> rows = pa.record_batch({"a": [1, 2], "t": ["x", "y"]})
    >>> as_wanted(rows, pa.schema({"a": pa.float64()})).to_pydict(), as_wanted(rows, pa.schema({"a": pa.string()}))
    ({'a': [1.0, 2.0]}, None)
    """
    columns = []
    for field in wanted:
        column = rows.column(field.name)
        if pa.types.is_integer(column.type) and field.type == pa.float64():
            column = column.cast(field.type, safe=False)
        if column.type != field.type:
            return None
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=wanted)
