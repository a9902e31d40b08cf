"""Rows z of a linear model, scaled columns and a one, dense or sparse: what a step of descent asks of them.

Notation

====== ===========================================================
c, s   means and deviations of the q columns, shape (q,)
z      a row (x - c) / s and a one, of q + 1 numbers
θ      coefficients of z for M models, shape (q + 1, M)
====== ===========================================================

Sparse rows stay sparse: zθ = (x/s)θ + θ₀ - (c/s)θ, and what the means add to a gradient is one product of two
vectors. Both kinds give the same numbers up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.solvers.pickers import Picker

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class ScaledRows(Protocol):
    """Rows z."""

    def eta(self, theta: Array) -> Array:
        """Return zθ, shape (n, M)."""
        ...

    def gradient(self, slopes: Array) -> Array:
        """Return zᵀ slopes, shape (q + 1, M)."""
        ...

    def part(self, rows: slice) -> ScaledRows:
        """Return some of the rows."""
        ...


@dataclass(frozen=True, eq=False)
class DenseRows:
    """Rows z as they are.

    Attributes
    ----------
    z : shape (n, q + 1).

    Examples
    --------
    >>> DenseRows(np.array([[2.0, 1.0]])).eta(np.array([[3.0], [5.0]])).tolist()
    [[11.0]]
    """

    z: Array

    @classmethod
    def of(cls, picker: Picker, rows: Places, places: Places, center: Array, scale: Array) -> DenseRows:
        """Return rows of a batch."""
        z = np.ones((len(rows), len(places) + 1))
        z[:, :-1] = picker.columns(rows, places)
        z[:, :-1] -= center
        z[:, :-1] /= scale
        return cls(z)

    def eta(self, theta: Array) -> Array:
        """Return zθ, shape (n, M)."""
        return self.z @ theta

    def gradient(self, slopes: Array) -> Array:
        """Return zᵀ slopes, shape (q + 1, M)."""
        return self.z.T @ slopes

    def part(self, rows: slice) -> DenseRows:
        """Return some of the rows."""
        return DenseRows(self.z[rows])


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Rows z of which only x/s is held.

    Attributes
    ----------
    x : x/s, CSR, shape (n, q).
    shift : c/s, shape (q,).

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> rows = SparseRows(csr_array([[0.0, 2.0]]), np.array([1.0, 0.5]))
    >>> theta = np.array([[3.0], [4.0], [5.0]])
    >>> bool(rows.eta(theta) == DenseRows(np.array([[-1.0, 1.5, 1.0]])).eta(theta))
    True
    """

    x: csr_array
    shift: Array

    @classmethod
    def of(cls, picker: Picker, rows: Places, places: Places, center: Array, scale: Array) -> SparseRows:
        """Return rows of a batch."""
        x = picker.sparse(rows, places)
        x.data /= scale[x.indices]
        return cls(x, center / scale)

    def eta(self, theta: Array) -> Array:
        """Return zθ, shape (n, M)."""
        made: Array = self.x @ theta[:-1]
        made += theta[-1] - self.shift @ theta[:-1]
        return made

    def gradient(self, slopes: Array) -> Array:
        """Return zᵀ slopes, shape (q + 1, M)."""
        total = slopes.sum(axis=0)
        made = np.empty((len(self.shift) + 1, slopes.shape[1]))
        np.multiply(self.shift[:, None], -total, out=made[:-1])
        made[:-1] += self.x.T @ slopes
        made[-1] = total
        return made

    def part(self, rows: slice) -> SparseRows:
        """Return some of the rows."""
        return SparseRows(self.x[rows], self.shift)
