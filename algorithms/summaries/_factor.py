"""Factors of products of few rows: triangular F with FᵀF = S, of as many rows as were multiplied.

A matrix of products has p²/2 numbers, however few rows it is made of; its factor has p for each row. So a state of
few rows is stored as the factor, and the products are made of it (``made_of`` in the fields of states): the same
bits, since they were made of it to begin with. A factor tells no more of the rows than their products do: it is
these rows but for a rotation that nobody knows.
"""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array, Values
from algorithms.summaries.precise import root_of

MOST = 1 << 26
"""Bytes of products up to which factors are kept beside them."""

DENSE, SPARSE = 2, 32
"""Columns for each row from which on a factor takes less than stored products: of dense rows, and of others."""


def none(*shape: int) -> Array:
    """Return no factor."""
    return np.zeros((*shape, 0, 0))


def bytes_of(columns: int) -> int:
    """Return the bytes of a factor of so many columns at most.

    Examples
    --------
    >>> bytes_of(10), bytes_of(10_000)
    (400, 0)
    """
    whole = 8 * columns * columns
    return 0 if whole > MOST else whole // DENSE


def pays(rows: int, values: Values) -> bool:
    """Return whether a factor of so many rows, of these values (n, p), is stored in place of the products.

    Examples
    --------
    >>> pays(2, np.ones((2, 8))), pays(5, np.ones((5, 8))), pays(2, np.eye(2, 8))
    (True, False, False)
    """
    p = values.shape[1]
    if not 0 < rows * DENSE <= p or not bytes_of(p):
        return False
    return rows * SPARSE <= p or 2 * int(np.count_nonzero(values)) > values.size


def factor_of(rows: Array) -> Array:
    """Return F of centred rows, times the roots of their weights: shape (n, p), n ≤ p."""
    made = np.zeros(rows.shape)
    found = root_of(rows)[: len(rows)]
    made[: len(found)] = found
    return made


def product_of(factor: Array) -> Array:
    """Return FᵀF, or a stack of them: as a store makes it again.

    Examples
    --------
    >>> product_of(np.array([[1.0, 2.0]])).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    return np.asarray(np.swapaxes(factor, -1, -2) @ factor)
