"""Arrays that are laid out by some of the columns: those that are other than zero in any row.

A shape has a column for whatever may come, such as an indicator for each number, which may be missing in a file yet
to be read. States hold products of the columns that their rows have.
"""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.contract import Batch


def places_of(some: Places, count: int) -> Places:
    """Return where each of so many things is among some of them; -1 where it is not.

    Examples
    --------
    >>> places_of(np.array([0, 2]), 4).tolist()
    [0, -1, 1, -1]
    """
    places = np.full(count, -1, np.intp)
    places[some] = np.arange(len(some))
    return places


def selected(matrix: Array, at: Places) -> Array:
    """Return some rows and columns of a matrix; zeros for a place of -1.

    Examples
    --------
    >>> selected(np.array([[1.0, 2.0], [2.0, 5.0]]), np.array([1, -1])).tolist()
    [[5.0, 0.0], [0.0, 0.0]]
    """
    if (at >= 0).all():
        return matrix[np.ix_(at, at)]
    made, on = np.zeros((len(at), len(at))), np.flatnonzero(at >= 0)
    made[np.ix_(on, on)] = matrix[np.ix_(at[on], at[on])]
    return made


def laid_out(inner: Array, within: Places, p: int) -> Array:
    """Return a matrix, or a stack of them, in p columns; zeros in those that it has not.

    Examples
    --------
    >>> laid_out(np.array([[5.0]]), np.array([1]), 2).tolist()
    [[0.0, 0.0], [0.0, 5.0]]
    """
    if len(within) == p:
        return inner
    made = np.zeros((*inner.shape[:-2], p, p))
    made[..., within[:, None], within] = inner
    return made


def add(total: Array, within: Places, inner: Array, own: Places) -> None:
    """Add a matrix, or a stack of them, of some columns to one of the same columns, or of more."""
    if len(own) == len(within):
        total += inner
        return
    at = np.searchsorted(within, own)
    total[..., at[:, None], at] += inner


def widened(rows: Array, own: Places, within: Places) -> Array:
    """Return rows, or stacks of them, of some columns with zeros in the others of more.

    Examples
    --------
    >>> widened(np.array([[7.0]]), np.array([4]), np.array([2, 4])).tolist()
    [[0.0, 7.0]]
    """
    if len(own) == len(within):
        return rows
    made = np.zeros((*rows.shape[:-1], len(within)))
    made[..., np.searchsorted(within, own)] = rows
    return made


def union(a: Places, b: Places) -> Places:
    """Return the columns that either has, ascending as both are."""
    return a if np.array_equal(a, b) else np.union1d(a, b)


def there(batch: Batch, p: int, always: int) -> tuple[Places, Places]:
    """Return the columns that are other than zero in any row of a batch, ascending, and where its values have them.

    Parameters
    ----------
    batch : rows.
    p : how many columns there may be.
    always : a batch's columns from this one on are there even where they are zero.
    """
    places = present(batch, p)
    own = np.flatnonzero(batch.values.any(axis=0) | (places >= always))
    own = own[np.argsort(places[own])]
    return places[own], own


def present(batch: Batch, p: int) -> Places:
    """Return the places of the columns that a batch has, among p."""
    return np.arange(p) if batch.present is None else batch.present
