"""Weighted rows among which centres are sought."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from algorithms.arrays import Array, Floats, Places

Rows = Floats

OFTEN = 4
"""Copies of a row from which on it is likely to be among the training rows of every fold."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Weighted rows in the columns of a model.

    Attributes
    ----------
    Z : shape (n, q).
    w : shape (n,), the weight that each row stands for.
    total : weight of all the rows that these stand for, exact.
    rows : their number.

    Examples
    --------
    >>> Cloud(np.zeros((3, 2)), np.ones(3), 3.0, 3).distinct
    1
    >>> Cloud(np.array([[0.0]] * 5 + [[1.0]] * 5 + [[2.0]]), np.ones(11), 11.0, 11).groups
    2
    """

    Z: Rows
    w: Array
    total: float
    rows: int

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.Z)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.Z.nbytes + 3 * self.w.nbytes)

    @cached_property
    def square(self) -> Rows:
        """Squared length of each row."""
        return np.asarray(np.einsum("ij,ij->i", self.Z, self.Z))

    @cached_property
    def share(self) -> Rows:
        """Weights in the type of the rows, one on average."""
        return np.asarray(self.w / self.w.mean(), self.Z.dtype)

    @cached_property
    def copies(self) -> Places:
        """How often each distinct row is there."""
        return np.unique(self.Z, axis=0, return_counts=True)[1]

    @property
    def distinct(self) -> int:
        """Number of rows that differ."""
        return len(self.copies)

    @property
    def groups(self) -> int:
        """Number of clusters up to which folds of these rows are likely to hold rows of each.

        A quarter of the distinct rows; where these are few and come often, as many as come often.
        """
        return max(self.distinct // OFTEN, int(np.count_nonzero(self.copies >= OFTEN)))

    def distances(self, C: Rows) -> Rows:
        """Return squared distances to each centre, shape (n, k)."""
        products: Rows = self.Z @ C.T.astype(self.Z.dtype)
        products *= -2.0
        products += np.einsum("ij,ij->i", C, C).astype(self.Z.dtype)
        products += self.square[:, None]
        np.maximum(products, 0.0, out=products)
        return products

    def nearest(self, C: Rows) -> tuple[Places, Rows]:
        """Return the nearest centre of each row and d₁."""
        D = self.distances(C)
        labels = D.argmin(axis=1)
        return labels, D[np.arange(self.n), labels]
