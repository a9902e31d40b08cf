"""Columns of pandas frames that mix numbers and text, for which Arrow has no type.

A column has the type of nearly all of its values, as in :mod:`hpo.data.sources.usual_types`: it is a number
where at most one value in a hundred is not, else text.
"""

from __future__ import annotations

from numbers import Number
from typing import TYPE_CHECKING

import pyarrow as pa

from hpo.data.sources.frames import pandas_frame
from hpo.data.sources.pairs import as_table
from hpo.data.sources.usual_types import most_odd
from hpo.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    Column = pd.Series[str]


def table_of(rows: object) -> tuple[pa.Table, pa.Schema]:
    """Return rows of any make as a table, and the types that its columns usually have.

    A column that mixes numbers and text is one of text, whose usual type may be a number.

    Raises
    ------
    DataError
        A column has no type for another reason.

    Examples
    --------
    >>> import pandas as pd
    >>> table, usual = table_of(pd.DataFrame({"a": [*range(19), "what"]}))
    >>> table["a"][-1].as_py(), usual.field("a").type
    ('what', DataType(double))
    """
    try:
        table = as_table(rows)
    except DataError:
        frame = pandas_frame(rows)
        mixed = {} if frame is None else {str(name): column for name, column in frame.items() if _is_mixed(column)}
        if frame is None or not mixed:
            raise
        table = as_table(frame.assign(**{name: _as_text(column) for name, column in mixed.items()}))
        numbers = [name for name, column in mixed.items() if _mostly_numbers(column)]
        return table, pa.schema([(f.name, pa.float64() if f.name in numbers else f.type) for f in table.schema])
    return table, table.schema


def _is_mixed(column: Column) -> bool:
    """Return whether a column holds numbers and text, and nothing else beside missing values."""
    if column.dtype != object:
        return False
    kinds = {type(value) for value in column.dropna()}
    return any(issubclass(kind, str) for kind in kinds) and all(issubclass(kind, (str, Number)) for kind in kinds)


def _as_text(column: Column) -> Column:
    return column.map(str, na_action="ignore").where(column.notna(), None)


def _mostly_numbers(column: Column) -> bool:
    """Return whether nearly all values are numbers, written as text or not."""
    values = column.dropna()
    return sum(not _is_number(value) for value in values) <= most_odd(len(values))


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True
