"""Which columns of rows a model sees, filled and picked: of rows with gaps, of sparse and of dense ones."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from algorithms.arrays import Array, Floats, Mask, Places
from algorithms.contract import Batch, SparseBatch
from algorithms.lazily import scipy

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CHUNK = 4_000_000
"""Numbers of a batch that are looked at together when its rows become sparse."""


class Picker(Protocol):
    """Some rows and some columns of a batch, without the others."""

    def share_of_values(self) -> float:
        """Return the share of all numbers that is not zero."""
        ...

    def present(self, places: Places) -> Mask:
        """Return which columns may be other than zero."""
        ...

    def columns(self, rows: Places, places: Places) -> Floats:
        """Return columns, dense."""
        ...

    def sparse(self, rows: Places, places: Places) -> csr_array:
        """Return columns as a CSR array, float64."""
        ...


def picker_of(batch: Batch, p: int) -> Picker:
    """Return what picks rows and columns of a batch of that kind."""
    return SparsePicker(batch) if isinstance(batch, SparseBatch) else DensePicker(batch, p)


class FilledPicker:
    """Some rows and some columns of a batch, missing numbers filled in.

    Parameters
    ----------
    picker : of the batch.
    indicator : shape (p,), the column that says where a column lacks its number; -1 where there is none.
    fill : shape (p,), what stands for it.

    Examples
    --------
    >>> batch = Batch(np.array([[2.0, 0.0], [0.0, 1.0]]), d=2)
    >>> picker = FilledPicker(DensePicker(batch, 2), np.array([1, -1]), np.array([9.0, 0.0]))
    >>> picker.columns(np.arange(2), np.array([0])).tolist()
    [[2.0], [9.0]]
    """

    def __init__(self, picker: Picker, indicator: Places, fill: Array) -> None:
        self.picker, self.indicator, self.fill = picker, indicator, fill

    def share_of_values(self) -> float:
        """Return the share of all numbers that is not zero before any is filled in."""
        return self.picker.share_of_values()

    def present(self, places: Places) -> Mask:
        """Return which columns may be other than zero before any is filled in."""
        return self.picker.present(places)

    def columns(self, rows: Places, places: Places) -> Floats:
        """Return columns, dense."""
        made, some = self.picker.columns(rows, places), self._gaps(places)
        if len(some):
            made[:, some] += self.picker.columns(rows, self.indicator[places[some]]) * self.fill[
                places[some]
            ].astype(made.dtype)
        return made

    def sparse(self, rows: Places, places: Places) -> csr_array:
        """Return columns as a CSR array, float64."""
        made, some = self.picker.sparse(rows, places), self._gaps(places)
        if not len(some):
            return made
        beside = self.picker.sparse(rows, self.indicator[places[some]])
        entries = (self.fill[places[some]], (np.arange(len(some)), some))
        return scipy.sparse.csr_array(
            made + beside @ scipy.sparse.csr_array(entries, shape=(len(some), len(places)))
        )

    def _gaps(self, places: Places) -> Places:
        """Return which of some columns have gaps in this batch that are not filled with zero."""
        beside = self.indicator[places]
        some = np.flatnonzero((beside >= 0) & (self.fill[places] != 0.0))
        return some[self.picker.present(beside[some])]


class SparsePicker:
    """Some rows and some columns of a sparse batch.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> batch = SparseBatch(csr_array([[0.0, 2.0], [3.0, 0.0]]), np.array([[1.0], [5.0]]))
    >>> SparsePicker(batch).columns(np.array([1]), np.array([0, 2])).tolist()
    [[3.0, 5.0]]
    """

    def __init__(self, batch: SparseBatch) -> None:
        self.matrix, self.targets, self.d = batch.matrix, batch.targets, batch.d

    def share_of_values(self) -> float:
        """Return the share of all numbers that is stored."""
        return float(self.matrix.nnz / max(1, self.matrix.shape[0] * self.d))

    @cached_property
    def _stored(self) -> Mask:
        stored = np.zeros(self.d + self.targets.shape[1], np.bool_)
        stored[self.matrix.indices] = True
        stored[self.d :] = True
        return stored

    def present(self, places: Places) -> Mask:
        """Return which columns have a stored number."""
        return self._stored[places]

    def columns(self, rows: Places, places: Places) -> Floats:
        """Return columns, dense."""
        mine = places < self.d
        made = np.zeros((len(rows), len(places)), self.matrix.dtype)
        if mine.any():
            made[:, mine] = self.matrix[rows][:, places[mine]].toarray()
        made[:, ~mine] = self.targets[rows][:, places[~mine] - self.d]
        return made

    def sparse(self, rows: Places, places: Places) -> csr_array:
        """Return columns as a CSR array, float64."""
        made = self.matrix[rows]
        whole = len(places) == self.d and (places == np.arange(self.d)).all()
        return scipy.sparse.csr_array((made if whole else made[:, places]).astype(np.float64))


class DensePicker:
    """Some rows and some columns of a batch, without the others.

    Examples
    --------
    >>> batch = Batch(np.array([[1.0, 3.0], [4.0, 6.0]]), d=2, present=np.array([0, 2]))
    >>> DensePicker(batch, 3).columns(np.array([1]), np.array([0, 1, 2])).tolist()
    [[4.0, 0.0, 6.0]]
    """

    def __init__(self, batch: Batch, p: int) -> None:
        self.values, self.p = batch.values, p
        self.kept = np.arange(p) if batch.present is None else np.full(p, -1, np.intp)
        if batch.present is not None:
            self.kept[batch.present] = np.arange(len(batch.present))

    def share_of_values(self) -> float:
        """Return the share of all numbers, those that are not present included, that is not zero."""
        return np.count_nonzero(self.values) / max(1, len(self.values) * self.p)

    def present(self, places: Places) -> Mask:
        """Return which columns the batch has."""
        return np.asarray(self.kept[places] >= 0)

    def columns(self, rows: Places, places: Places) -> Floats:
        """Return columns, those that are not present zero."""
        stored = self.kept[places]
        if (stored >= 0).all():
            return np.asarray(self.values[np.ix_(rows, stored)])
        made = np.zeros((len(rows), len(places)), self.values.dtype)
        made[:, stored >= 0] = self.values[np.ix_(rows, stored[stored >= 0])]
        return made

    def sparse(self, rows: Places, places: Places) -> csr_array:
        """Return columns as a CSR array, float64."""
        stored = self.kept[places]
        found = np.flatnonzero(stored >= 0)
        size = max(1, CHUNK // max(1, len(found)))
        parts = [
            scipy.sparse.csr_array(
                self.values[np.ix_(rows[start : start + size], stored[found])].astype(np.float64)
            )
            for start in range(0, len(rows), size)
        ]
        made = scipy.sparse.csr_array(scipy.sparse.vstack(parts, format="csr"))
        indices = found[made.indices]
        return scipy.sparse.csr_array((made.data, indices, made.indptr), shape=(len(rows), len(places)))
