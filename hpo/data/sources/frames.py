"""Frames, tables and (X, y) pairs of any make become blocks in memory."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from algorithms.arrays import Values
from hpo.data.sources.memory_blocks import ArrayBlock, Block, TableBlock
from hpo.data.sources.roles import check_distinct
from hpo.data.values import arrow_numbers
from hpo.errors import ColumnWarning, DataError
from studies.counting import counted

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

_FAULTS = (pa.ArrowException, ValueError, TypeError, OverflowError)


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
        frame = _with_moments(frame)
    try:
        return pa.table(data) if frame is None else pa.Table.from_pandas(frame, preserve_index=False)
    except _FAULTS as error:
        names = [str(name) for name in getattr(data, "columns", ())]
        if kept := {*names} & {*spare} and {*names} - {*spare}:
            return frame_table(_without_others(data if frame is None else frame, kept))
        raise DataError(
            f"the frame cannot be read as Arrow columns: {_which(data, names)}{_reason(error)}; "
            "give the column one type that Arrow has (sparse ones: frame.sparse.to_dense()), or leave it out of "
            "the frame"
        ) from error


def _with_moments(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a pandas frame with the beginning of each period, which Arrow has no type for."""
    periods = [name for name, kind in frame.dtypes.items() if str(kind).startswith("period[")]
    return frame.assign(**{str(name): frame[name].dt.to_timestamp() for name in periods}) if periods else frame


def _which(data: object, names: Sequence[str]) -> str:
    """Return in words which column of a polars frame has no Arrow type; nothing of other frames, which say so."""
    polars = sys.modules.get("polars")
    for name in names if polars is not None and isinstance(data, polars.DataFrame) else ():
        column: Any = data
        try:
            pa.table(column.select(name))
        except _FAULTS:
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


def as_table(X: object, names: tuple[str, ...] | None = None) -> pa.Table:
    """Return rows of any make as a table; the columns of an array take ``names`` by position.

    Of a frame with further columns than ``names``, those are left alone, whatever they hold.
    """
    X = collected(X)
    if is_frame(X):
        return frame_table(X if names is None else _without_others(X, set(names)))
    block, _, _ = pair_block(X, None)
    columns = block.schema.names
    batches = list(block.batches(0, block.rows, columns, max(1, block.rows)))
    table = pa.Table.from_batches(batches, block.schema)
    if names is None:
        return table
    if len(columns) != len(names):
        raise DataError(
            f"X has {len(columns)} features, but Encoder is expecting {len(names)} features as input"
        )
    return table.rename_columns(list(names))


def pair_block(X: Any, y: Any, weight: Any = None) -> tuple[Block, tuple[str, ...], str | None]:
    """Return (X, y) as one block, with the names of the targets and of the weight column.

    Columns of arrays are named x0, x1, …; a target keeps its Series' name, else is "y" (y0, y1, …). One named
    like a column of X is called by another name.

    Raises
    ------
    DataError
        A target is a column of X itself, or X, y and the weight have not the same number of rows.
    """
    X = collected(X)
    X = X if is_frame(X) or _is_scipy_sparse(X) else _matrix(X)
    if is_frame(X):
        X = frame_table(X)
        names = set(X.column_names)
    else:
        names = {f"x{index}" for index in range(X.shape[1] if X.ndim == 2 else 0)}
    block_columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for name, column in _target_columns(y).items():
        if name in names and isinstance(X, pa.Table) and _alike(X.column(name), column):
            raise DataError(
                f"column {name!r} of X is y itself, from which every model would know the answer; take it out of "
                f"X, for example X.drop(columns={name!r})"
            )
        called = _unlike(name, names | set(block_columns))
        if called != name:
            warnings.warn(
                f"y is called {name!r} as a column of X is, and {called!r} here; where that column is y in another "
                f"form, take it out of X, for example X.drop(columns={name!r})",
                ColumnWarning,
                stacklevel=2,
            )
        block_columns[called] = column
    targets, weight_name = tuple(block_columns), None
    if weight is not None:
        weight_name = str(getattr(weight, "name", None) or "weight")
        if weight_name in names | set(targets):
            raise DataError(
                f"{weight_name!r} names a column of X or y and also the weight; rename one, or take it out of X"
            )
        block_columns[weight_name] = _arrow(weight, weight_name)
    rows = int(X.shape[0]) if hasattr(X, "shape") else len(X)
    for name, column in block_columns.items():
        if len(column) != rows:
            counts = f"X has {counted(rows, 'row')} and {name!r} has {len(column)}"
            raise DataError(f"{counts}; give one value for each row")
    return _with_features(X, pa.table(block_columns)), targets, weight_name


def _with_features(X: Any, beside: pa.Table) -> Block:
    if isinstance(X, pa.Table):
        return TableBlock(pa.table([*X.columns, *beside.columns], [*X.column_names, *beside.column_names]))
    matrix = _csr(X) if _is_scipy_sparse(X) else X
    if matrix.ndim != 2:
        raise DataError(
            f"X has {matrix.ndim} dimension(s); give a frame or a two-dimensional array (rows, columns). "
            "Reshape your data with X.reshape(-1, 1) if it is one column"
        )
    if matrix.dtype.kind == "c":
        raise DataError(
            "Complex data not supported: give X's real and imaginary parts as columns of their own"
        )
    names = [f"x{index}" for index in range(matrix.shape[1])]
    if matrix.dtype.kind in "biuf":
        return ArrayBlock(matrix, names, beside)
    columns = {name: _arrow(matrix[:, index], name) for index, name in enumerate(names)}
    return TableBlock(pa.table({**columns, **{n: beside.column(n) for n in beside.column_names}}))


def _unlike(name: str, taken: set[str]) -> str:
    """Return a name of a target that is not taken: the name itself, or another where it is.

    Examples
    --------
    >>> _unlike("b", {"a"}), _unlike("b", {"a", "b"}), _unlike("b", {"b", "y", "b_y"})
    ('b', 'y', 'b_y2')
    """
    choices = [name, "y", f"{name}_y", *(f"{name}_y{k}" for k in range(2, len(taken) + 3))]
    return next(choice for choice in choices if choice not in taken)


def _alike(a: pa.ChunkedArray, b: pa.Array | pa.ChunkedArray) -> bool:
    """Return whether two columns hold the same."""
    if len(a) != len(b):
        return False
    try:
        return bool(a.equals(pa.chunked_array([b]) if isinstance(b, pa.Array) else b))
    except pa.ArrowInvalid:
        return False


def _without_others(X: Any, names: set[str]) -> Any:
    """Return a pandas or polars frame without the columns that are not named."""
    polars, frame = sys.modules.get("polars"), pandas_frame(X)
    if frame is not None:
        return frame.loc[:, [str(name) in names for name in frame.columns]]
    if polars is not None and isinstance(X, polars.DataFrame):
        return X.select([name for name in X.columns if name in names])
    return X


def _target_columns(y: Any) -> dict[str, pa.Array | pa.ChunkedArray]:
    if y is None:
        return {}
    if is_frame(y) and not hasattr(y, "name"):
        table = frame_table(y)
        return dict(zip(table.column_names, table.columns, strict=True))
    name = str(getattr(y, "name", None) or "y")
    if getattr(y, "ndim", 1) == 2:
        return {f"{name}{index}": _arrow(y[:, index], f"{name}{index}") for index in range(y.shape[1])}
    return {name: _arrow(y, name)}


def _arrow(values: Any, name: str) -> pa.Array | pa.ChunkedArray:
    """Return one column of any make as Arrow."""
    try:
        if hasattr(values, "__arrow_c_stream__"):
            return pa.chunked_array(values)
        values = _unmasked(values)
        values = values.tolist() if getattr(values, "dtype", None) == np.dtype(object) else values
        if isinstance(values, np.ndarray):
            values = np.ascontiguousarray(_native(values))
            if values.ndim == 1 and values.dtype.kind in "iuf" and not np.isnan(values).any():
                return arrow_numbers(values)
        return pa.array(values, from_pandas=True)
    except _FAULTS as error:
        raise DataError(
            f"{name!r} cannot be read as one column ({_reason(error)}); give a list or one-dimensional array "
            "of one type: numbers, strings, booleans or dates"
        ) from error


def _matrix(X: object) -> Values:
    """Return rows that are in no frame as an array."""
    return _native(np.atleast_1d(np.asarray(_unmasked(X))))


def _unmasked(values: Any) -> Any:
    """Return a masked array as a plain one, what is masked as missing; anything else as it is."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    masked: Any = values
    if masked.dtype.kind not in "biuf":
        return masked.astype(object).filled(None)
    return (masked if masked.dtype.kind == "f" else masked.astype(np.float64)).filled(np.nan)


def _native(values: Values) -> Values:
    """Return an array as Arrow takes it: in the machine's byte order, no float wider than float64."""
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        return values.astype(np.float64)
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def _is_scipy_sparse(X: object) -> bool:
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(X))


def _csr(X: csr_array) -> csr_array:
    csr = X.tocsr()
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    return csr


def _reason(error: Exception) -> str:
    return "; ".join(str(part).rstrip(".") for part in error.args) or type(error).__name__
