"""Linear maps T of columns that select some and fill their gaps: what most are, and what needs no matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.lazily import scipy

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Filled:
    """A T of which each column is one encoded column and, where that is missing, a number.

    Attributes
    ----------
    pick : shape (q,), the encoded columns.
    at : shape (k,), which columns of T have gaps that are filled.
    beside : shape (k,), the indicators of these gaps, whose multiples are added.
    fill : shape (k,), by what they are multiplied.
    """

    pick: Places
    at: Places
    beside: Places
    fill: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(part.nbytes for part in (self.pick, self.at, self.beside, self.fill))

    def matrix(self, d: int) -> csr_array:
        """Return T for d encoded columns."""
        q = len(self.pick)
        rows, columns = np.concatenate([self.pick, self.beside]), np.concatenate([np.arange(q), self.at])
        values = np.concatenate([np.ones(q), self.fill])
        return scipy.sparse.csr_array((values, (rows, columns)), shape=(d, q))

    def sums(self, x: Array, by: Array) -> Array:
        """Return what stands at the picks of x, shape (d,), and added to it so many times what is beside."""
        made = x[self.pick]
        made[self.at] += by * x[self.beside]
        return made

    def take(self, columns: Places) -> Filled:
        """Return some of the columns of T."""
        new = np.full(len(self.pick), -1, np.intp)
        new[columns] = np.arange(len(columns))
        kept = new[self.at] >= 0
        return Filled(self.pick[columns], new[self.at[kept]], self.beside[kept], self.fill[kept])


def selection(pick: Places) -> Filled:
    """Return a T that only selects."""
    none = np.zeros(0, np.intp)
    return Filled(pick, none, none, np.zeros(0))


def parted(matrix: csr_array) -> tuple[Filled | None, csr_array | None]:
    """Return T as a selection and what fills its gaps, or where a column merges several the matrix itself."""
    by_column = matrix.tocsc()
    counts = np.diff(by_column.indptr)
    if not len(counts) or counts.min() < 1 or counts.max() > 2:
        return None, matrix
    first = by_column.indptr[:-1]
    indices, values = by_column.indices, by_column.data
    last = np.minimum(first + counts - 1, len(indices) - 1)
    low, high = np.minimum(indices[first], indices[last]), np.maximum(indices[first], indices[last])
    own = np.where(indices[first] == low, values[first], values[last])
    if not (own == 1.0).all():
        return None, matrix
    at = np.flatnonzero(counts == 2)
    fill = np.where(indices[first] == low, values[last], values[first])[at]
    return Filled(low.astype(np.intp), at, high[at].astype(np.intp), fill), None
