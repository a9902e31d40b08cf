"""Where encoded columns are written: a reusable buffer, filled one column after another."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from algorithms.arrays import Floats
from hpo.data.values import Mask, Numbers, Places


class Workspace:
    """A buffer that batches are encoded into, again and again; for one thread at a time.

    A batch encoded into it is valid until the next one is.

    Examples
    --------
    >>> Workspace().reserve(3, 2, np.float32).shape
    (6,)
    """

    def __init__(self) -> None:
        self._buffer: Floats = np.empty(0)

    def reserve(self, rows: int, columns: int, dtype: DTypeLike) -> Floats:
        """Return a flat buffer for that many rows and columns; what it holds is arbitrary."""
        size = rows * columns
        if self._buffer.dtype != np.dtype(dtype) or self._buffer.size < size:
            self._buffer = np.empty(size, dtype)
        return self._buffer[:size]


class Gather:
    """The columns of one batch being written, in layout order; columns never asked for stay absent.

    Attributes
    ----------
    order : rows to take, in order, or None for all as they are.
    rows : number of rows taken.
    present : layout indices of the columns written so far.
    """

    def __init__(
        self, buffer: Floats, rows: int, order: Places | None, where: str
    ) -> None:
        self.order = order
        self.rows = rows
        self.where = where
        self.present: list[int] = []
        self._buffer = buffer

    def column(self, index: int) -> Floats:
        """Return the next column to write, as layout column ``index``."""
        start = len(self.present) * self.rows
        self.present.append(index)
        return self._buffer[start : start + self.rows]

    def take(self, values: Numbers, index: int) -> Floats:
        """Write the taken rows of ``values`` as layout column ``index`` and return the column."""
        out = self.column(index)
        if self.order is None:
            out[:] = values
        elif values.dtype == out.dtype:
            np.take(values, self.order, out=out, mode="clip")
        else:
            out[:] = values.take(self.order)
        return out

    def taken(self, mask: Mask) -> Mask:
        """Return the taken rows of a mask."""
        return mask if self.order is None else mask.take(self.order)

    def finite(self, column: Floats) -> bool:
        """Whether a column's sum of squares is finite: False wherever a value is not, and after an overflow."""
        return math.isfinite(np.dot(column, column))

    def levels(self, codes: Places, first: int, width: int) -> None:
        """Write one-hot columns of codes below ``width``, from layout column ``first``; skip empty ones."""
        codes = codes if self.order is None else codes.take(self.order)
        counts = np.bincount(codes, minlength=width)[:width]
        found = np.flatnonzero(counts)
        start = len(self.present) * self.rows
        block = self._buffer[start : start + len(found) * self.rows]
        self.present.extend((found + first).tolist())
        block.fill(0)
        offsets = np.full(max(width, int(codes.max(initial=0))) + 1, -1, np.intp)
        offsets[found] = np.arange(len(found)) * self.rows
        places = offsets[codes] + np.arange(self.rows)
        block[places if counts.sum() == self.rows else places[codes < width]] = 1

    def values(self) -> Floats:
        """Return what was written, shape (rows, len(present)), Fortran order."""
        k = len(self.present)
        return self._buffer[: k * self.rows].reshape((self.rows, k), order="F")
