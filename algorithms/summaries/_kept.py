"""Rows that a state keeps: dense, or of a sparse batch as sparse as they came."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algorithms.arrays import Floats, Matrix, Places, Values
from algorithms.contract import Batch, Shape, SparseBatch
from algorithms.lazily import scipy

if TYPE_CHECKING:
    from scipy.sparse import csr_array


VARIES = {"varies": True}
"""Of an array whose first dimension is its own: there are as many rows as were kept."""


@dataclass(frozen=True, eq=False)
class KeptRows:
    """Some rows: columns, less their origins, then targets.

    Attributes
    ----------
    dense : shape (n, p); of sparse rows (0, p).
    data, indices, indptr : the columns of sparse rows as CSR has them; no ``indptr`` where rows are dense.
    targets : shape (n, t), of sparse rows; else (0, t).

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> batch = SparseBatch(csr_array([[0.0, 2.0], [0.0, 0.0], [7.0, 0.0]]), np.array([[1.0], [3.0], [5.0]]))
    >>> none = KeptRows.none(Shape((), ("y",)), 2)
    >>> kept = KeptRows.joined(none, KeptRows.of(batch, np.array([2, 0]), 3), np.array([1, 0]))
    >>> kept.columns(2).toarray().tolist(), kept.target(2).tolist(), kept.values.tolist()
    ([[0.0, 2.0], [7.0, 0.0]], [1.0, 5.0], [[0.0, 2.0, 1.0], [7.0, 0.0, 5.0]])
    """

    dense: Floats = field(metadata=VARIES)
    data: Floats = field(metadata=VARIES)
    indices: NDArray[np.int32] = field(metadata=VARIES)
    indptr: NDArray[np.int64] = field(metadata=VARIES)
    targets: Floats = field(metadata=VARIES)

    @classmethod
    def of_dense(cls, values: Floats, t: int) -> KeptRows:
        """Return dense rows of which the last t columns are targets."""
        kind = values.dtype
        none = np.zeros(0, kind), np.zeros(0, np.int32), np.zeros(0, np.int64)
        return cls(values, *none, np.zeros((0, t), kind))

    @classmethod
    def none(cls, shape: Shape, d: int | None = None) -> KeptRows:
        """Return no rows; they become dense or sparse as what they are joined with."""
        p = (shape.d if d is None else d) + shape.t
        return cls.of_dense(np.zeros((0, p), np.dtype(shape.dtype)), shape.t)

    @classmethod
    def of(cls, batch: Batch, rows: Places, p: int, dtype: DTypeLike | None = None) -> KeptRows:
        """Return some rows of a batch of p columns and targets."""
        if not isinstance(batch, SparseBatch):
            values = np.ascontiguousarray(batch.dense(p, rows), dtype)
            return cls.of_dense(values, p - batch.d)
        return cls._sparse(batch.matrix[rows], batch.targets[rows], np.dtype(dtype or batch.matrix.dtype))

    @classmethod
    def _sparse(cls, matrix: csr_array, targets: Values, kind: np.dtype[np.generic]) -> KeptRows:
        parts = matrix.data.astype(kind, copy=False), matrix.indices.astype(np.int32, copy=False)
        none = np.zeros((0, matrix.shape[1] + targets.shape[1]), kind)
        return cls(none, *parts, matrix.indptr.astype(np.int64), np.ascontiguousarray(targets, kind))

    @staticmethod
    def joined(a: KeptRows, b: KeptRows, order: Places) -> KeptRows:
        """Return rows of a and b, in an order over both."""
        if not len(b) or not len(a):
            return (a if len(a) else b)[order]
        if a.is_sparse and b.is_sparse:
            both = scipy.sparse.vstack([a._csr, b._csr], format="csr")[order]
            return KeptRows._sparse(both, np.concatenate([a.targets, b.targets])[order], a.data.dtype)
        x, y, t = a.values, b.values, a.targets.shape[1]
        made, ours = np.empty((len(order), x.shape[1]), x.dtype), order < len(x)
        made[ours], made[~ours] = x[order[ours]], y[order[~ours] - len(x)]
        return KeptRows.of_dense(made, t)

    def __len__(self) -> int:
        return max(len(self.dense), len(self.targets), len(self.indptr) - 1)

    def __getitem__(self, rows: Places | slice) -> KeptRows:
        """Return some of the rows; a slice of dense ones shares their memory."""
        if not self.is_sparse:
            return KeptRows.of_dense(self.dense[rows], self.targets.shape[1])
        return KeptRows._sparse(self._csr[rows], self.targets[rows], self.data.dtype)

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are held sparse."""
        return len(self.indptr) > 0

    @property
    def _csr(self) -> csr_array:
        d = self.dense.shape[1] - self.targets.shape[1]
        return scipy.sparse.csr_array((self.data, self.indices, self.indptr), shape=(len(self), d))

    @property
    def values(self) -> Floats:
        """Columns and targets, dense, shape (n, p)."""
        return np.hstack([self._csr.toarray(), self.targets]) if self.is_sparse else self.dense

    def columns(self, d: int) -> Matrix:
        """Return the d columns, shape (n, d): an array, or a CSR array of rows that are held sparse."""
        return self._csr if self.is_sparse else self.dense[:, :d]

    def target(self, d: int) -> Floats:
        """Return the first target, shape (n,)."""
        return self.targets[:, 0] if self.is_sparse else self.dense[:, d]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        parts = self.dense, self.data, self.indices, self.indptr, self.targets
        return sum(part.nbytes for part in parts)


def bytes_of_row(shape: Shape) -> int:
    """Return the most bytes that a kept row takes: of a sparse matrix, twice those of its average row."""
    number = np.dtype(shape.dtype).itemsize
    whole = number * shape.p
    if shape.stored >= 1.0:
        return whole
    return min(whole, math.ceil(2.0 * shape.stored * shape.d) * (number + 4) + number * shape.t + 16)
