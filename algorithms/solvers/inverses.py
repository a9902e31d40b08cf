"""Inverses of penalised products, (G + α)⁻¹: by eigenvectors that all penalties share, or by a factor of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from algorithms.arrays import Array
from algorithms.lazily import scipy

RANK = 1e-10
"""Eigenvalues of less, beside the first one's, count as none: least squares on components leaves them out."""

WIDE = 64
"""Columns from which on a factor for each penalty costs less than eigenvectors that few penalties share."""


class Inverse(ABC):
    """(G + α)⁻¹, or what takes its place."""

    @property
    @abstractmethod
    def degrees(self) -> float:
        """The trace of G(G + α)⁻¹: how many weights are free."""

    @abstractmethod
    def times(self, rows: Array) -> Array:
        """Return rows, shape (h, q), times the inverse."""


@dataclass(frozen=True, eq=False)
class Along(Inverse):
    """An inverse by eigenvectors.

    Attributes
    ----------
    vectors : shape (q, r).
    values, inverse : shape (r,), eigenvalues of G, and what stands for 1/(Λ + α).

    Examples
    --------
    >>> found = Along(np.eye(2), np.array([1.0, 3.0]), np.array([0.5, 0.25]))
    >>> found.times(np.array([[2.0, 8.0]])).tolist(), found.degrees
    ([[1.0, 2.0]], 1.25)
    """

    vectors: Array
    values: Array
    inverse: Array

    @property
    def degrees(self) -> float:
        """The trace of G(G + α)⁻¹."""
        return float(self.values @ self.inverse)

    def times(self, rows: Array) -> Array:
        """Return rows, shape (h, q), times the inverse."""
        return np.asarray(((rows @ self.vectors) * self.inverse) @ self.vectors.T)


@dataclass(frozen=True, eq=False)
class Factor(Inverse):
    """An inverse by a Cholesky factor.

    Attributes
    ----------
    lower : L with LLᵀ = G + α, shape (q, q); what is above its diagonal means nothing.
    alpha : α.

    Examples
    --------
    >>> found = Factor(np.diag([2.0, 4.0]), alpha=3.0)
    >>> found.times(np.array([[4.0, 16.0]])).tolist(), found.degrees
    ([[1.0, 1.0]], 1.0625)
    """

    lower: Array
    alpha: float

    @property
    def degrees(self) -> float:
        """The trace of G(G + α)⁻¹, q - αΣ(L⁻¹)²."""
        made = np.tril(scipy.linalg.lapack.dtrtri(self.lower, lower=1)[0])
        return len(made) - self.alpha * float(np.einsum("ij,ij->", made, made))

    def times(self, rows: Array) -> Array:
        """Return rows, shape (h, q), times the inverse."""
        return np.asarray(scipy.linalg.lapack.dpotrs(self.lower, rows.T, lower=1)[0].T)


@dataclass(frozen=True, eq=False)
class Gram:
    """Products of columns with themselves.

    Attributes
    ----------
    entries : G, shape (q, q).

    Examples
    --------
    >>> Gram(np.diag([1.0, 3.0])).penalised(1.0).times(np.array([[2.0, 4.0]])).tolist()
    [[1.0, 1.0]]
    """

    entries: Array

    @cached_property
    def axes(self) -> tuple[Array, Array]:
        """Eigenvalues, not negative, ascending, shape (q,), and their vectors, shape (q, q)."""
        values, vectors = np.linalg.eigh(self.entries)
        return np.maximum(values, 0.0), vectors

    @property
    def rank(self) -> int:
        """How many eigenvalues are above rounding."""
        values = self.axes[0]
        return int(np.count_nonzero(values > RANK * values[-1])) if len(values) else 0

    def penalised(self, alpha: float) -> Inverse:
        """Return (G + α)⁻¹: of many columns by a factor, where α is above rounding."""
        q = len(self.entries)
        if q >= WIDE and alpha > RANK * float(np.trace(self.entries)):
            lower, failed = scipy.linalg.lapack.dpotrf(self.entries + alpha * np.eye(q), lower=1)
            if not failed:
                return Factor(lower, alpha)
        values, vectors = self.axes
        return Along(vectors, values, 1.0 / (values + alpha))
