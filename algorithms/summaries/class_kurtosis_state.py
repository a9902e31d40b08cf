"""The state of a pass that sums fourth powers by class."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Mask, Places
from algorithms.contract import Shape
from algorithms.lazily import scipy
from algorithms.preparing.column_map import ColumnMap, gaps_of
from algorithms.summaries.by_class import ByClass, class_means

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class ClassKurtosisState(ByClass):
    """The state of :class:`ClassKurtosis`.

    Attributes
    ----------
    shape : the columns.
    counts : shape (C,) int64, rows of each class.
    weights : shape (C,), their weight.
    means : shape (C, d), m: of the rows in which a number is known.
    deviations : shape (C, d), σ.
    within : shape (k,), the places of the columns that are other than zero in any row, ascending.
    products : shape (C, 3, k, k), of these columns, the means of z_j z_l, of z_j² z_l and of z_j² z_l².
    """

    shape: Shape = field(metadata={"static": True})
    counts: NDArray[np.int64]
    weights: Array
    means: Array
    deviations: Array
    within: Places = field(metadata={"varies": True})
    products: Array = field(metadata={"varies": True, "sides": True})

    @cached_property
    def known(self) -> Array:
        """The share π of each class's rows in which a column is known, shape (C, d)."""
        gaps, found = gaps_of(self.shape.columns), np.ones_like(self.means)
        found[:, gaps.values] -= self.means[:, gaps.indicators]
        return found

    @cached_property
    def mean(self) -> Array:
        """Mean of all rows, missing numbers zero, shape (d,)."""
        return np.asarray(self.weights @ (self.known * self.means) / max(self.weight, 1e-300))

    @cached_property
    def squares(self) -> Array:
        """Sum of squares of each column about the mean of all rows, missing numbers zero, shape (d,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            inside = self.deviations**2 + self.known * (1.0 - self.known) * self.means**2
            return np.asarray(self.weights @ (inside + (self.known * self.means - self.mean) ** 2))

    def mapped(self, columns: ColumnMap, as_is: Mask | None = None) -> tuple[Array, Array]:
        """Return each class's mean and scatter in the columns of a design, shapes (C, q) and (C, q, q)."""
        q = len(columns.names)
        scatters = np.zeros((len(self.means), q, q))
        for c, w in enumerate(self.weights):
            t = self._centred(columns, c).multiply(self.deviations[c][:, None]).T.tocsr()[:, self.within]
            scatters[c] = w * (t @ (t @ self.products[c, 0]).T)
        return class_means(self.known * self.means, scatters, columns), scatters

    def lengths(self, columns: ColumnMap) -> Array:
        """Return the length of each class's columns in a design, or of their parts, which may cancel, (C, q)."""
        return np.stack([
            columns.parts(w * s**2) for w, s in zip(self.weights, self.deviations, strict=True)
        ])  # fmt: skip

    def fourth(self, columns: ColumnMap, shifts: Array, scales: Array) -> Array:
        """Return the mean, over each class's rows, of |(y - ȳ + shift) / scale|⁴, shape (C,).

        Parameters
        ----------
        columns : the columns y of a design; ȳ is the class's mean of them.
        shifts, scales : shape (C, q).
        """
        return np.array([self._fourth(columns, c, shifts[c], scales[c]) for c in range(len(self.weights))])

    def _centred(self, columns: ColumnMap, c: int) -> csr_array:
        """Return the sparse map of shape (d, q) from u to y - ȳ: x = u + m p, and p is 1 less an indicator."""
        d, gaps = self.shape.d, gaps_of(self.shape.columns)
        filled = scipy.sparse.csr_array(
            (-self.means[c, gaps.values], (gaps.indicators, gaps.values)), shape=(d, d)
        )
        return columns.matrix + filled @ columns.matrix

    def _fourth(self, columns: ColumnMap, c: int, shift: Array, scale: Array) -> float:
        """Return the mean of (Σ_j (y_j - ȳ_j + shift_j)² / scale_j²)², a quadratic form in 1, z and z².

        Of the columns that a y is the sum of, one at most is other than zero in a row: the e_i = u_i + b_i, with
        the mean b_i of a level or an indicator and none of a number, have e_i e_k = 0. So u_i u_k is linear in u,
        and the square of y - ȳ is linear in u and u².
        """
        made, sigma = self._centred(columns, c).tocoo(), self.deviations[c]
        (i, j), (d, q) = made.coords, made.shape
        beside = self.means[c].copy()
        beside[gaps_of(self.shape.columns).values] = 0.0
        a, b, inverse = made.data * sigma[i], made.data * beside[i], 1.0 / scale**2
        b_all = np.bincount(j, b, q)
        square = np.bincount(i, a**2 * inverse[j], d)
        linear = np.bincount(i, 2.0 * a * (shift[j] - (b_all[j] - b)) * inverse[j], d)
        constant = float(inverse @ (shift**2 - (b_all**2 - np.bincount(j, b**2, q))))
        second, third, fourth = self.products[c]
        constant *= constant + 2.0 * float(square @ (sigma > 0.0))
        square, linear = square[self.within], linear[self.within]
        return float(
            constant
            + linear @ second @ linear
            + 2.0 * square @ third @ linear
            + square @ fourth @ square
        )
