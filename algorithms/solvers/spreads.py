"""Means and scales of a sample's columns, dense or sparse, whatever their units.

Numbers are divided by a power of two near each column's largest, which loses nothing, before they are squared:
neither picofarads nor light years leave the range of a float. A mean is corrected by the mean of what it leaves,
so that a column of one value has no deviation beyond the last digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Floats, Places
from algorithms.contract import Batch, SparseBatch
from algorithms.lazily import scipy
from algorithms.solvers.pickers import Picker, picker_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

COLUMNS = 256
"""Columns of a dense sample that are looked at together."""

FARTHEST = 20.0
"""Deviations that no value of the sample is away from its mean; a rarer column is scaled less."""

CONSTANT = 1e-12
"""Deviation, as a share of the mean, up to which a column has one value to rounding."""

Spread = tuple[Array, Array, Array]
"""Mean, deviation, and largest distance from the mean, of each column."""


def centers_and_scales(
    sample: Batch, p: int, places: Places, picker: Picker | None = None
) -> tuple[Array, Array]:
    """Return what is taken from some columns of a sample, and what they are then divided by.

    Parameters
    ----------
    sample : rows, at least one.
    p : columns and targets of the batch.
    places : which of them.
    picker : of the sample, where it does more than pick.

    Examples
    --------
    >>> sample = Batch(np.array([[1e-20, 7.0], [3e-20, 7.0]]), d=2)
    >>> center, scale = centers_and_scales(sample, 2, np.arange(2))
    >>> [f"{c:.3g}" for c in center], [f"{s:.3g}" for s in scale]
    (['2e-20', '7'], ['1e-20', '1'])
    """
    picker, rows, w = picker or picker_of(sample, p), np.arange(sample.n), sample.weights
    if isinstance(sample, SparseBatch) and (places < sample.d).all():
        return _scaled(*sparse_spread(picker.sparse(rows, places), w))
    center, scale = np.zeros(len(places)), np.ones(len(places))
    for start in range(0, len(places), COLUMNS):
        some = slice(start, start + COLUMNS)
        center[some], scale[some] = _scaled(*dense_spread(picker.columns(rows, places[some]), w))
    return center, scale


def dense_spread(columns: Floats, w: Array) -> Spread:
    """Return the spread of each column, by row weights.

    Examples
    --------
    >>> mean, deviation, farthest = dense_spread(np.array([[0.0], [4e200]]), np.ones(2))
    >>> mean.tolist(), deviation.tolist(), farthest.tolist()
    ([2e+200], [2e+200], [2e+200])
    """
    exponent = np.frexp(np.abs(columns).max(axis=0).astype(np.float64))[1]
    values = np.ldexp(columns.astype(np.float64), -exponent)
    mean = np.average(values, axis=0, weights=w)
    mean += np.average(values - mean, axis=0, weights=w)
    values -= mean
    deviation = np.sqrt(np.average(values**2, axis=0, weights=w))
    return _in_units(exponent, mean, deviation, np.abs(values).max(axis=0))


def sparse_spread(x: csr_array, w: Array) -> Spread:
    """Return the spread of each column of a sparse sample, by row weights.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> mean, deviation, farthest = sparse_spread(csr_array([[0.0], [4.0]]), np.ones(2))
    >>> mean.tolist(), deviation.tolist(), farthest.tolist()
    ([2.0], [2.0], [2.0])
    """
    total, (n, q) = float(w.sum()), x.shape
    x = scipy.sparse.csc_array(x)
    columns, weight = np.repeat(np.arange(q), np.diff(x.indptr)), w[x.indices]
    exponent = np.frexp(_largest(columns, x.data, q))[1]
    values = np.ldexp(x.data.astype(np.float64), -exponent[columns])
    zeros = np.maximum(total - np.bincount(columns, weight, q), 0.0)
    mean = np.bincount(columns, weight * values, q) / total
    mean += (np.bincount(columns, weight * (values - mean[columns]), q) - zeros * mean) / total
    values -= mean[columns]
    square = np.bincount(columns, weight * values**2, q) + zeros * mean**2
    farthest = np.maximum(_largest(columns, values, q), np.where(np.diff(x.indptr) < n, np.abs(mean), 0.0))
    return _in_units(exponent, mean, np.sqrt(square / total), farthest)


def _in_units(exponent: NDArray[np.intc], mean: Array, deviation: Array, farthest: Array) -> Spread:
    return np.ldexp(mean, exponent), np.ldexp(deviation, exponent), np.ldexp(farthest, exponent)


def _largest(columns: Places, values: Array, q: int) -> Array:
    """Return the largest absolute value of each column; 0 of a column without any."""
    found = np.zeros(q)
    np.maximum.at(found, columns, np.abs(values))
    return found


def _scaled(center: Array, deviation: Array, farthest: Array) -> tuple[Array, Array]:
    """Return means and scales; a value that is far out for its deviation makes it larger."""
    scale = np.maximum(deviation, farthest / FARTHEST)
    return center, np.where(scale > CONSTANT * np.abs(center), scale, 1.0)
