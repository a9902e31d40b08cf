"""Columns of pandas frames that Arrow has no type for: what they stand for, or why they cannot be read.

Periods stand for their beginning, intervals (as of ``pandas.cut``) for their text, sparse columns for dense ones,
floats of more than 64 bits for the nearest of 64.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from hpo.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Column: TypeAlias = Any
"""A column of a pandas frame, of any type: what its accessors give depends on it."""

FAULTS = (pa.ArrowException, ValueError, TypeError, OverflowError)
"""What Arrow raises of a column that it has no type for."""

FIRST = 1_000
"""Values of a column of objects from which it is known what they are."""


def with_plain_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a pandas frame with what its columns stand for.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"a": pd.cut([1.0, 5.0], [0, 2, 6]), "b": pd.arrays.SparseArray([0, 7])})
    >>> with_plain_columns(frame).to_dict("list")
    {'a': ['(0, 2]', '(2, 6]'], 'b': [0, 7]}
    """
    found = {name: plain for name, column in frame.items() if (plain := _plain(column)) is not None}
    return frame.assign(**{str(name): plain for name, plain in found.items()}) if found else frame


def _plain(column: Column) -> Column | None:
    """Return what a column stands for; None where it is what it is."""
    kind = str(column.dtype)
    if kind == "category" and str(column.cat.categories.dtype).startswith("interval"):
        return column.cat.rename_categories([str(one) for one in column.cat.categories])
    if kind.startswith("interval"):
        return _as_text(column)
    if kind.startswith("Sparse"):
        return column.sparse.to_dense()
    if kind.startswith("period["):
        return column.dt.to_timestamp()
    if column.dtype.kind == "f" and column.dtype.itemsize > 8:
        return column.astype(np.float64)
    return _of_objects(column) if kind == "object" else None


def _of_objects(column: Column) -> Column | None:
    """Return what a column of objects stands for: its first values tell."""
    kinds = {type(value).__name__ for value in column.iloc[:FIRST].dropna()}
    if kinds == {"Interval"}:
        return _as_text(column)
    return column.infer_objects().dt.to_timestamp() if kinds == {"Period"} else None


def _as_text(column: Column) -> Column:
    return column.astype(object).map(str, na_action="ignore").where(column.notna(), None)


def refused(frame: pd.DataFrame) -> DataError | None:
    """Return why the first column of a frame that Arrow has no type for cannot be read; None where each can.

    Examples
    --------
    >>> import pandas as pd
    >>> print(refused(pd.DataFrame({"a": [1, "b"]})))  # doctest: +NORMALIZE_WHITESPACE
    column 'a' mixes int and str values, such as 1 and 'b'; make text of it by frame['a'].astype('string'), or
    numbers by pandas.to_numeric(frame['a'], errors='coerce'), or leave it out with drop=['a']
    """
    for name, column in frame.items():
        try:
            pa.array(column, from_pandas=True)
        except FAULTS as error:
            what = _what(column.astype(object) if str(column.dtype) == "category" else column, error)
            return DataError(
                f"column {name!r} {what}; make text of it by frame[{name!r}].astype('string'), or numbers by "
                f"pandas.to_numeric(frame[{name!r}], errors='coerce'), or leave it out with drop=[{name!r}]"
            )
    return None


def _what(column: Column, error: Exception) -> str:
    """Return in words what a column holds."""
    if isinstance(error, OverflowError):
        largest = max((value for value in column.dropna() if isinstance(value, int)), key=abs, default="")
        return f"holds whole numbers too large for 64 bits, such as {str(largest)[:40]}"
    examples = {type(value).__name__: value for value in column.dropna().iloc[::-1]}
    kinds = [kind for kind, _ in Counter(type(value).__name__ for value in column.dropna()).most_common(3)]
    shown = " and ".join(f"{examples[kind]!r:.40}" for kind in kinds[:2])
    verb = "mixes" if len(kinds) > 1 else "holds"
    return f"{verb} {' and '.join(kinds[:2])} values, such as {shown}"
