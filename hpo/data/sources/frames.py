"""Frames, tables and (X, y) pairs of any make become blocks in memory."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from algorithms.arrays import Values
from hpo.data.sources.odd_columns import FAULTS, refused, with_plain_columns
from hpo.data.sources.roles import check_distinct
from hpo.data.values import arrow_numbers
from hpo.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def is_frame(data: object) -> bool:
    """Whether ``data`` is a table in memory: Arrow, pandas, polars or any other Arrow stream."""
    return isinstance(data, pa.Table | pa.RecordBatch) or hasattr(data, "__arrow_c_stream__")


def frame_table(data: object, spare: Collection[str] = ()) -> pa.Table:
    """Return a frame as an Arrow table; DataError names the column that has no Arrow type.

    Where it cannot be converted with the ``spare`` columns it is without them.

    Examples
    --------
    >>> import pandas as pd
    >>> frame_table(pd.DataFrame({"a": [1, 2]})).column_names
    ['a']
    """
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, pa.Table):
        return data
    frame = pandas_frame(data)
    if frame is not None:
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        check_distinct("the frame", list(frame.columns))
        frame = with_plain_columns(frame)
    try:
        return pa.table(data) if frame is None else pa.Table.from_pandas(frame, preserve_index=False)
    except FAULTS as error:
        names = [str(name) for name in getattr(data, "columns", ())]
        if kept := {*names} & {*spare} and {*names} - {*spare}:
            return frame_table(without_others(data if frame is None else frame, kept))
        if frame is not None and (why := refused(frame)) is not None:
            raise why from error
        raise DataError(
            f"the frame cannot be read as Arrow columns: {_which(data, names)}{_reason(error)}; "
            "give the column one type that Arrow has, or leave it out of the frame"
        ) from error


def _which(data: object, names: Sequence[str]) -> str:
    """Return in words which column of a polars frame has no Arrow type; nothing of other frames, which say so."""
    polars = sys.modules.get("polars")
    for name in names if polars is not None and isinstance(data, polars.DataFrame) else ():
        column: Any = data
        try:
            pa.table(column.select(name))
        except FAULTS:
            return f"column {name!r} is {column.schema[name]}: "
    return ""


def collected(data: object) -> object:
    """Return data, a polars LazyFrame as the frame that it stands for."""
    polars = sys.modules.get("polars")
    if polars is None or not isinstance(data, polars.LazyFrame):
        return data
    frame: object = data.collect()
    return frame


def pandas_frame(data: object) -> pd.DataFrame | None:
    """Return a pandas frame; None of anything else. Without pandas loaded nothing is one."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(data, pandas.DataFrame):
        return None
    frame: pd.DataFrame = data
    return frame


def index_names(data: object) -> tuple[str, ...]:
    """Return the names of the index of a pandas frame; none of anything else.

    Examples
    --------
    >>> import pandas as pd
    >>> index_names(pd.DataFrame({"a": [1]}, index=pd.Index([3], name="id"))), index_names([1])
    (('id',), ())
    """
    frame = pandas_frame(data)
    return () if frame is None else tuple(str(name) for name in frame.index.names if name is not None)


def like(data: object, made: pd.DataFrame) -> Any:
    """Return a pandas frame as the kind of frame that data is: pandas with its index, polars, Arrow; else as it is.

    Examples
    --------
    >>> import pandas as pd
    >>> made = pd.DataFrame({"b": [3, 4]})
    >>> like(pd.DataFrame({"a": [1, 2]}, index=["x", "y"]), made).index.tolist()
    ['x', 'y']
    >>> like(pa.table({"a": [1, 2]}), made).column_names
    ['b']
    """
    polars, frame = sys.modules.get("polars"), pandas_frame(data)
    if frame is not None:
        return made.set_axis(frame.index)
    of_polars = polars is not None and isinstance(data, (polars.DataFrame, polars.LazyFrame))
    if not of_polars and not isinstance(data, pa.Table | pa.RecordBatch):
        return made
    table = pa.Table.from_pandas(made, preserve_index=False)
    table = table.replace_schema_metadata()
    return polars.from_arrow(table) if polars is not None and of_polars else table


def arrow(values: Any, name: str) -> pa.Array | pa.ChunkedArray:
    """Return one column of any make as Arrow."""
    try:
        if hasattr(values, "__arrow_c_stream__"):
            return pa.chunked_array(values)
        values = unmasked(values)
        values = values.tolist() if getattr(values, "dtype", None) == np.dtype(object) else values
        if isinstance(values, np.ndarray):
            values = np.ascontiguousarray(native(values))
            if values.ndim == 1 and values.dtype.kind in "iuf" and not np.isnan(values).any():
                return arrow_numbers(values)
        return pa.array(values, from_pandas=True)
    except FAULTS as error:
        raise DataError(
            f"{name!r} cannot be read as one column ({_reason(error)}); give a list or one-dimensional array "
            "of one type: numbers, strings, booleans or dates"
        ) from error


def unmasked(values: Any) -> Any:
    """Return a masked array as a plain one, what is masked as missing; anything else as it is."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    masked: Any = values
    if masked.dtype.kind not in "biuf":
        return masked.astype(object).filled(None)
    return (masked if masked.dtype.kind == "f" else masked.astype(np.float64)).filled(np.nan)


def _reason(error: Exception) -> str:
    return "; ".join(str(part).rstrip(".") for part in error.args) or type(error).__name__


def native(values: Values) -> Values:
    """Return an array as Arrow takes it: in the machine's byte order, no float wider than float64."""
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        return values.astype(np.float64)
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def without_others(X: Any, names: set[str]) -> Any:
    """Return a pandas or polars frame without the columns that are not named."""
    polars, frame = sys.modules.get("polars"), pandas_frame(X)
    if frame is not None:
        return frame.loc[:, [str(name) in names for name in frame.columns]]
    if polars is not None and isinstance(X, polars.DataFrame):
        return X.select([name for name in X.columns if name in names])
    return X
