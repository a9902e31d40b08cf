"""Arrays that are laid out by some of the columns: those that are other than zero in any row.

A shape has a column for whatever may come, such as an indicator for each number, which may be missing in a file yet
to be read. States hold products of the columns that their rows have.
"""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.contract import Batch

STRIP = 1 << 15
"""Numbers of a matrix that are summed at once."""


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


def selected(matrix: Array, at: Places, copy: bool = True) -> Array:
    """Return some rows and columns of a matrix; zeros for a place of -1.

    Parameters
    ----------
    matrix : square.
    at : the rows, and columns, to take.
    copy : False gives a view where they follow one another, to be read alone.

    Examples
    --------
    >>> selected(np.array([[1.0, 2.0], [2.0, 5.0]]), np.array([1, -1])).tolist()
    [[5.0, 0.0], [0.0, 0.0]]
    """
    if (at >= 0).all():
        follows = len(at) > 0 and bool((np.diff(at) == 1).all())
        if not follows:
            return matrix[np.ix_(at, at)]
        block = matrix[at[0] : at[-1] + 1, at[0] : at[-1] + 1]
        return block.copy() if copy else block
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


def outer_sum(
    delta: Array, factor: float, *terms: tuple[Array, Places], within: Places, after: Array | None = None
) -> Array:
    """Return factor · δδᵀ and matrices added to it in turn; the same bits on both sides of the diagonal.

    Some rows at a time, which stay in the cache until the last term is added.

    Parameters
    ----------
    delta : δ, shape (k,).
    factor : of its products.
    terms : matrices, and the columns that each has.
    within : the columns of the sum, shape (k,).
    after : zeros, shape (k, k), that the terms are added to, and the products after them.

    Examples
    --------
    >>> both, one = np.array([4, 7]), np.array([7])
    >>> outer_sum(np.array([1.0, 2.0]), 0.5, (np.eye(2), both), (np.eye(1), one), within=both).tolist()
    [[1.5, 1.0], [1.0, 4.0]]
    """
    n = len(delta)
    made = np.empty((n, n)) if after is None else after
    places = [None if len(own) == n else np.searchsorted(within, own) for _, own in terms]
    for start in range(0, n, step := max(1, STRIP // max(1, n))):
        part = made[start : start + step]
        outer = np.multiply.outer(delta[start : start + step], delta, out=part if after is None else None)
        outer *= factor
        for (term, _), at in zip(terms, places, strict=True):
            if at is None:
                part += term[start : start + step]
            else:
                low, high = np.searchsorted(at, (start, start + step))
                part[at[low:high, None] - start, at] += term[low:high]
        if after is not None:
            part += outer
    return made


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
