"""Means of the columns of rows, and their squares about them: of dense rows of any type, and of sparse ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Floats, Matrix, Places
from algorithms.brief import briefly
from algorithms.contract import Shape

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK_BYTES = 1 << 21
"""Bytes of the rows that are made float64 at once."""


@briefly
@dataclass(frozen=True, eq=False)
class RowMoments:
    """Weight, mean and squares of columns and target: the moments of rows but for the products of two columns.

    Attributes
    ----------
    shape : the columns.
    weight : sum of the row weights.
    mean : shape (d + 1,), the target last.
    squares : shape (d + 1,), sums of squares about the mean.
    """

    shape: Shape
    weight: float
    mean: Array
    squares: Array


def moments_of_rows(shape: Shape, x: Matrix, places: Places, y: Array, w: Array) -> RowMoments:
    """Return the moments of rows that have some of the columns; the others are zero in each of them.

    A column of one value has exactly that mean, and squares of zero.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape = Shape((Column("a", "a"), Column("b", "b")), ("y",))
    >>> made = moments_of_rows(shape, np.array([[0.1], [0.1]]), np.array([1]), np.array([1.0, 3.0]), np.ones(2))
    >>> made.mean.tolist(), made.squares.tolist()
    ([0.0, 0.1, 2.0], [0.0, 0.0, 2.0])
    """
    total, d = float(w.sum()), shape.d
    mean, squares = np.zeros(d + 1), np.zeros(d + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean[places], squares[places] = _dense(x, w) if isinstance(x, np.ndarray) else _sparse(x, w)
        if len(y):
            own = _dense(y[:, None], w)
            mean[d], squares[d] = own[0][0], own[1][0]
    return RowMoments(shape, total, mean, squares)


def blocks(x: Matrix, itemsize: int = 8) -> Iterator[slice]:
    """Yield runs of rows that take few bytes when their numbers take so many."""
    step = max(16, BLOCK_BYTES // (itemsize * max(1, x.shape[1])))
    for start in range(0, x.shape[0], step):
        yield slice(start, start + step)


def _dense(x: Floats, w: Array) -> tuple[Array, Array]:
    total, d = float(w.sum()), x.shape[1]
    if not len(x) or not total > 0.0:
        return np.zeros(d), np.zeros(d)
    first, away, squares, rest = x[0].astype(np.float64), np.zeros(d), np.zeros(d), np.zeros(d)
    for some in blocks(x):
        away += w[some] @ (x[some].astype(np.float64) - first)
    middle = away / total
    for some in blocks(x):
        left = x[some].astype(np.float64) - first - middle
        rest += w[some] @ left
        squares += w[some] @ (left * left)
    return first + (middle + rest / total), np.maximum(squares - rest * rest / total, 0.0)


def _sparse(x: csr_array, w: Array) -> tuple[Array, Array]:
    """Return the same of a CSR array: what is not stored is zero."""
    total, (n, d) = float(w.sum()), x.shape
    if not n or not total > 0.0:
        return np.zeros(d), np.zeros(d)
    by_column = x.tocsc()
    data, w = by_column.data.astype(np.float64), w[by_column.indices]
    columns = np.repeat(np.arange(d), np.diff(by_column.indptr))
    full = np.diff(by_column.indptr) == n
    first = np.zeros(d)
    first[full] = data[by_column.indptr[:-1][full]]  # of a column that is stored in every row
    data = data - first[columns]
    middle = np.bincount(columns, w * data, d) / total
    left = data - middle[columns]
    apart = np.where(full, 0.0, total - np.bincount(columns, w, d))
    rest = np.bincount(columns, w * left, d) - apart * middle
    squares = np.bincount(columns, w * left * left, d) + apart * middle * middle
    return first + (middle + rest / total), np.maximum(squares - rest * rest / total, 0.0)
