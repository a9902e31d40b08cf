"""What is not a number in columns of text that begin with numbers: likely marks of missing values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from hpo.data.sources.text import Number, TextFormat
from hpo.data.values import arrow_numbers
from hpo.process.lazily import arrow_compute as pc

ROWS, BEGINNING, FEW = 1_000, 20, 10
"""First rows of a column, and values in them that show whether it begins with numbers; different values that are
kept of what is none."""


def odd_among(block: pa.RecordBatch, text: TextFormat) -> dict[str, pa.Array]:
    """Return some of the values that are not numbers, of each column of text whose first rows are.

    Examples
    --------
    >>> block = pa.record_batch({"a": ["1"] * 30 + ["?"], "b": ["x"] * 31})
    >>> {name: values.to_pylist() for name, values in odd_among(block, TextFormat()).items()}
    {'a': ['?']}
    """
    number = Number(text)
    columns = zip(block.schema.names, block.columns, strict=True)
    texts = {name: column for name, column in columns if pa.types.is_string(column.type)}
    begins = {name: column.slice(0, ROWS).drop_null().slice(0, BEGINNING) for name, column in texts.items()}
    return {name: odd_values(texts[name], text) for name, some in begins.items() if number.fits(some)}


def odd_values(column: pa.Array, text: TextFormat) -> pa.Array:
    """Return some of the different values of a column that are not numbers."""
    values = pc.unique(column.drop_null())
    found = values.filter(pc.invert(Number(text).matches(values)))
    return found.take(arrow_numbers(np.arange(min(FEW, len(found)))))  # a slice would hold the whole block
