"""X and y in memory, frames or arrays, as columns beside a target."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from algorithms.arrays import Values
from hpo.data.sources.frames import arrow, collected, frame_table, is_frame, native, unmasked, without_others
from hpo.data.sources.memory_blocks import ArrayBlock, Block, TableBlock
from hpo.data.sources.roles import index_columns
from hpo.errors import ColumnWarning, DataError
from studies.counting import counted

if TYPE_CHECKING:
    from scipy.sparse import csr_array


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
        block_columns[weight_name] = arrow(weight, weight_name)
    rows = int(X.shape[0]) if hasattr(X, "shape") else len(X)
    for name, column in block_columns.items():
        if len(column) != rows:
            counts = f"X has {counted(rows, 'row')} and {name!r} has {len(column)}"
            raise DataError(f"{counts}; give one value for each row")
    return _with_features(X, pa.table(block_columns)), targets, weight_name


def _with_features(X: Any, beside: pa.Table) -> Block:
    if isinstance(X, pa.Table):
        table = pa.table([*X.columns, *beside.columns], [*X.column_names, *beside.column_names])
        return TableBlock(table, index_columns(X.schema))
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
    columns = {name: arrow(matrix[:, index], name) for index, name in enumerate(names)}
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


def _target_columns(y: Any) -> dict[str, pa.Array | pa.ChunkedArray]:
    if y is None:
        return {}
    if is_frame(y) and not hasattr(y, "name"):
        table = frame_table(y)
        return dict(zip(table.column_names, table.columns, strict=True))
    name = str(getattr(y, "name", None) or "y")
    if getattr(y, "ndim", 1) == 2:
        return {f"{name}{index}": arrow(y[:, index], f"{name}{index}") for index in range(y.shape[1])}
    return {name: arrow(y, name)}


def _matrix(X: object) -> Values:
    """Return rows that are in no frame as an array."""
    return native(np.atleast_1d(np.asarray(unmasked(X))))


def _is_scipy_sparse(X: object) -> bool:
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(X))


def _csr(X: csr_array) -> csr_array:
    csr = X.tocsr()
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    return csr


def as_table(X: object, names: tuple[str, ...] | None = None) -> pa.Table:
    """Return rows of any make as a table; the columns of an array take ``names`` by position.

    Of a frame with further columns than ``names``, those are left alone, whatever they hold.
    """
    X = collected(X)
    if is_frame(X):
        return frame_table(X if names is None else without_others(X, set(names)))
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
