"""Products of rows of which some columns are looked up in tables, without making those columns.

A row of the batch is [x, T₁[c₁], …, T_r[c_r]]: x dense, T_i tables of K_i rows, c_i the row's codes. With weights
w, the products of all pairs of columns are (Schleich, Olteanu & Ciucanu 2016, "Learning linear regression models
over factorized joins")

    xᵀx               = Σ w x xᵀ
    xᵀT_i             = S_iᵀ T_i,       S_i = sums of w x by code, shape (K_i, q)
    T_iᵀT_i           = T_iᵀ N_i T_i,   N_i = weight of each code
    T_iᵀT_j           = T_iᵀ (C_ij T_j), C_ij = weight of each pair of codes, summed by code without being made

so that a table's columns cost K_i rows each and not n. Everything is about shifts near the means, as in
:mod:`algorithms.summaries.moments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.coded import CodedBatch, Lookup
from algorithms.lazily import scipy

WORTH = 4
"""A table pays where the batch has so many rows for each row of it that is used; else its columns are made."""

LEAST_COLUMNS = 12
"""Codes of a table of fewer columns save nothing: to sum rows by its codes costs as much as to multiply them."""

ALIKE = 1e-9
"""Columns that vary by less, beside their squares, may hold one value alone."""

PAIRS = 16
"""Weights of pairs of codes are counted where there are at most so many pairs for each row of the batch."""


@dataclass(frozen=True, eq=False)
class Used:
    """The rows of a table that a batch uses.

    Attributes
    ----------
    codes : shape (n,), places among them.
    table : shape (K, m) float64, less its shift.
    weights : shape (K,), of each row.
    shift : shape (m,), what is subtracted from the columns.
    columns : shape (m,), places among the p columns.
    levels : whether the table is the identity, and not shifted.
    """

    codes: Places
    table: Array
    weights: Array
    shift: Array
    columns: Places
    levels: bool = False

    def squares(self) -> Array:
        """Return the weighted products of its columns, shape (m, m), symmetric bit by bit."""
        if self.levels:
            return np.diag(self.weights)
        scaled = np.sqrt(self.weights)[:, None] * self.table
        found: Array = scaled.T @ scaled
        return found

    def times(self, sums: Array) -> Array:
        """Return the products of its columns and sums by its rows, shape (m, columns of the sums)."""
        found: Array = sums if self.levels else self.table.T @ sums
        return found


def apart(batch: CodedBatch) -> tuple[list[Lookup], list[Used]]:
    """Return the lookups of a batch whose columns are made, since their tables do not pay, and the other tables."""
    made, used = [], []
    for one in batch.lookups:
        weights = np.bincount(one.codes, batch.weight, len(one.table)).astype(np.float64)
        rows = np.flatnonzero(weights)
        if one.table.shape[1] < LEAST_COLUMNS or WORTH * len(rows) > batch.n:
            made.append(one)
        elif 2 * len(rows) < len(weights):
            used.append(_used(_of_rows(one, rows), weights[rows]))
        else:
            used.append(_used(one, weights))
    return made, used


def rows_of(
    batch: CodedBatch, made: Sequence[Lookup], some: Places | None = None, shift: Array | None = None
) -> Array:
    """Return the dense columns of a batch, those of some lookups, and one of ones: float64, C order.

    Parameters
    ----------
    batch, made : the batch, and the lookups.
    some : rows to take; None for all.
    shift : what is subtracted from the columns; None for nothing.
    """
    dense = batch.dense_block if some is None else batch.dense_block[some]
    end = dense.shape[1]
    z = np.empty((len(dense), end + sum(len(one.columns) for one in made) + 1))
    less = np.zeros(z.shape[1] - 1) if shift is None else shift
    np.subtract(dense, less[:end], out=z[:, :end])
    for one in made:
        start, end = end, end + len(one.columns)
        codes = one.codes if some is None else one.codes[some]
        if len(codes) > len(one.table):  # subtracted from the fewer rows
            np.take(one.table - less[start:end], codes, axis=0, out=z[:, start:end], mode="clip")
        else:
            np.subtract(np.take(one.table, codes, axis=0), less[start:end], out=z[:, start:end])
    z[:, end] = 1.0
    return z


def _of_rows(one: Lookup, rows: Places) -> Lookup:
    """Return a lookup in some rows of its table, which are all that it uses."""
    places = np.zeros(len(one.table), np.intp)
    places[rows] = np.arange(len(rows))
    return Lookup(places[one.codes], one.table[rows], one.columns)


def _used(one: Lookup, weights: Array) -> Used:
    """Return a table with shifts: the means of columns that lie farther from zero than they vary."""
    table, total = one.table.astype(np.float64, copy=False), weights.sum()
    mean, square = weights @ table / total, weights @ (table * table) / total
    shift = np.where(2.0 * mean * mean > square, mean, 0.0)
    rows = weights > 0.0
    for j in np.flatnonzero(square - mean * mean <= ALIKE * square):
        column = table[rows, j]
        if (column == column[0]).all():
            shift[j] = column[0]
    if shift.any():
        table = table - shift
    return Used(one.codes, table, weights, shift, one.columns, one.levels and not shift.any())


def products(z: Array, w: Array | None, tables: Sequence[Used]) -> Array:
    """Return the products of all pairs of columns: those of ``z`` but the last, those of the tables, the last.

    ``z``, in C order, is weighted by the roots of ``w`` already; its last column are these roots.
    """
    sizes = [z.shape[1], *(one.table.shape[1] for one in tables)]
    ends = np.cumsum(sizes)
    made = np.empty((ends[-1], ends[-1]))
    made[: sizes[0], : sizes[0]] = z.T @ z
    sums = _summed(tables, z, None if w is None else np.sqrt(w)) if tables else []
    for i, one in enumerate(tables):
        here = slice(ends[i], ends[i + 1])
        _place(made, here, here, one.squares())
        _place(made, here, slice(0, sizes[0]), one.times(sums[i]))
        for j, other in enumerate(tables[:i]):
            _place(made, here, slice(ends[j], ends[j + 1]), _between(one, other, w))
    order = np.delete(np.append(np.arange(ends[-1]), sizes[0] - 1), sizes[0] - 1)
    found: Array = made[np.ix_(order, order)]
    return found


def _place(made: Array, rows: slice, columns: slice, block: Array) -> None:
    made[rows, columns] = block
    made[columns, rows] = block.T


def _between(a: Used, b: Used, w: Array | None) -> Array:
    """Return the products of the columns of two tables, shape (m_a, m_b)."""
    if b.table.shape[1] > a.table.shape[1]:
        return _between(b, a, w).T
    counts = len(a.table), len(b.table)
    if counts[0] * counts[1] <= PAIRS * len(a.codes):
        counted = np.bincount(a.codes * counts[1] + b.codes, w, counts[0] * counts[1])
        pairs: Array = counted.reshape(counts).astype(np.float64, copy=False)
        return a.times(pairs if b.levels else pairs @ b.table)
    return a.times(_summed([a], b.table[b.codes], w)[0])


def _summed(tables: Sequence[Used], rows: Array, w: Array | None) -> list[Array]:
    """Return the weighted sums of rows by their codes of each table, shape (K, columns); the rows are read once."""
    n, r = len(rows), len(tables)
    starts = np.cumsum([0, *(len(one.table) for one in tables)])
    codes = np.empty((n, r), np.int32)
    for i, one in enumerate(tables):
        np.add(one.codes, starts[i], out=codes[:, i], casting="unsafe")
    weights = np.ones(n * r) if w is None else np.repeat(w, r)
    places = np.arange(0, n * r + 1, r, dtype=np.int32)
    by_code = scipy.sparse.csr_array((weights, codes.ravel(), places), shape=(n, starts[-1]))
    found: list[Array] = np.split(by_code.T @ rows, starts[1:-1])
    return found
