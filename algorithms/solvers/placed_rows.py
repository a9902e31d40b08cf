"""Rows in the columns of a design, which are never made: products with what the rows are kept as.

Notation

====== ==================================================================
n, e   rows, equations
q      columns of the design
x̃      a row's columns, (xT - shift) / scale, shape (q,)
c, b   coefficients (e, q) and intercepts (e,); η = x̃c + b
====== ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Floats, Matrix, Places
from algorithms.lazily import scipy
from algorithms.solvers.expansion import Expansion
from algorithms.solvers.row_moments import blocks
from algorithms.unlocked import cached_property

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SAMPLE = 8192
"""Rows at most that the products of columns are estimated from."""

MOST_TURNED = 1536
"""Columns up to which a preconditioner knows of their correlations."""

FLAT = 1e-12
"""Curvature, beside the largest, that a preconditioner divides by at least."""


@dataclass(frozen=True, eq=False)
class PlacedRows:
    """Rows as they are kept, and the way to the columns of a design.

    Attributes
    ----------
    x : shape (n, s), dense of any type, or a CSR array.
    to : shape (s, q), T.
    shift, scale : shape (q,).

    Examples
    --------
    >>> from scipy.sparse import eye_array
    >>> x, mean = np.array([[1, 4], [3, 8]], np.uint8), np.array([2.0, 6.0])
    >>> rows = PlacedRows(x, eye_array(2, format="csr"), mean, np.ones(2))
    >>> rows.forward(np.ones((1, 2)), np.zeros(1)).tolist()
    [[-3.0], [3.0]]
    >>> [made.tolist() for made in rows.backward(np.ones((2, 1)))]
    [[[0.0, 0.0]], [2.0]]
    """

    x: Matrix
    to: csr_array
    shift: Array
    scale: Array

    @property
    def nbytes(self) -> int:
        """Bytes held beside the state's own: a sparse matrix, its transpose and their squares, and a basis."""
        q = len(self.scale)
        basis = 8 * q * q if q <= MOST_TURNED else 0
        return basis + (0 if isinstance(self.x, np.ndarray) else 48 * int(self.x.nnz))

    @property
    def q(self) -> int:
        """Columns of the design."""
        return len(self.scale)

    def forward(self, coef: Array, intercept: Array) -> Array:
        """Return η, shape (n, e)."""
        raw, rise = self._raw(coef, intercept)
        if self._sparse is not None:
            return np.asarray(self._sparse[0] @ raw + rise)
        made = np.empty((self.x.shape[0], len(coef)))
        for some in blocks(self.x):
            made[some] = self._block(some, np.float64) @ raw
        return made + rise

    def backward(self, slopes: Array) -> tuple[Array, Array]:
        """Return Σ slope ⊗ x̃, shape (e, q), and Σ slope."""
        if self._sparse is not None:
            return self._lowered(np.asarray(self._sparse[1] @ slopes).T, slopes.sum(axis=0))
        made = np.zeros((slopes.shape[1], self.x.shape[1]))
        for some in blocks(self.x):
            made += slopes[some].T @ self._block(some, np.float64)
        return self._lowered(made, slopes.sum(axis=0))

    def bent(self, at: Expansion, w: Array, coef: Array, intercept: Array) -> tuple[Array, Array]:
        """Return Σ w·curve(x̃c + b) ⊗ x̃ and the same of ones: the Hessian times a direction.

        In float32 where the rows fit it: directions need no more digits, only gradients do.
        """
        raw, rise = self._raw(coef, intercept)
        if self._sparse is not None:
            found = w[:, None] * at.bent(self._sparse[0] @ raw + rise)
            return self._lowered(np.asarray(self._sparse[1] @ found).T, found.sum(axis=0))
        kind, width = self._quick, self.x.shape[1]
        made, lift, raw = np.zeros((len(coef), width)), np.zeros(len(coef)), raw.astype(kind)
        for some in blocks(self.x, np.dtype(kind).itemsize):
            x = self._block(some, kind)
            found = w[some, None] * at.part(some).bent(x @ raw + rise)
            made += found.T.astype(kind) @ x
            lift += found.sum(axis=0)
        return self._lowered(made, lift)

    def squares(self, curve: Array) -> Array:
        """Return Σ curve ⊗ x̃², shape (e, q), of a T whose parts are never other than zero in the same row."""
        (once, twice), whole = self._back, curve.sum(axis=0)[:, None]
        if self._sparse is not None and self._all:
            made = np.asarray(self._bent_columns @ curve).T + self.shift**2 * whole
            return np.asarray(np.maximum(made / self.scale**2, 0.0))
        if self._sparse is not None:
            both, own = self._squared @ curve, self._sparse[1] @ curve
        else:
            both, own = np.zeros((2, self.x.shape[1], curve.shape[1]))
            for some in blocks(self.x):
                x = self._block(some, np.float64)
                both += (x * x).T @ curve[some]
                own += x.T @ curve[some]
        made = (twice @ both).T - 2.0 * self.shift * (once @ own).T + self.shift**2 * whole
        return np.maximum(np.asarray(made) / self.scale**2, 0.0)

    @cached_property
    def basis(self) -> tuple[Array, Array] | None:
        """Eigenvalues and vectors of the mean of x̃x̃ᵀ, of a sample of rows; None of many columns."""
        if self.q > MOST_TURNED:
            return None
        x = self.x[:: max(1, self.x.shape[0] // SAMPLE)]
        dense = np.asarray(x if isinstance(x, np.ndarray) else x.toarray(), np.float64)
        made = (np.asarray(dense @ self.to) - self.shift) / self.scale
        values, vectors = np.linalg.eigh(made.T @ made / max(1, len(made)))
        return np.maximum(values, 0.0), vectors

    @cached_property
    def _sparse(self) -> tuple[csr_array, csr_array] | None:
        """A sparse matrix and its transpose, as float64; None where rows are dense."""
        if isinstance(self.x, np.ndarray):
            return None
        made = self.x.astype(np.float64)
        return made, scipy.sparse.csr_array(made.T)

    @cached_property
    def _back(self) -> tuple[csr_array, csr_array]:
        """Tᵀ and the squares of its parts."""
        once = scipy.sparse.csr_array(self.to.T)
        return once, once.multiply(once)

    @cached_property
    def _squared(self) -> csr_array:
        """The squares of a sparse matrix, transposed."""
        return self._turned(lambda values, _: values * values)

    @cached_property
    def _bent_columns(self) -> csr_array:
        """x(x - 2·shift) of a sparse matrix in the columns of the design, transposed."""
        return self._turned(lambda values, column: values * (values - 2.0 * self.shift[column]))

    def _turned(self, of: Callable[[Array, Places], Array]) -> csr_array:
        """Return a function of the numbers and columns of a sparse matrix, transposed."""
        x = scipy.sparse.csr_array((self.x.shape[1], 0)) if self._sparse is None else self._sparse[1]
        made = of(x.data, np.repeat(np.arange(x.shape[0]), np.diff(x.indptr)))
        return scipy.sparse.csr_array((made, x.indices, x.indptr), shape=x.shape)

    @cached_property
    def _all(self) -> bool:
        """Whether T keeps all columns as they are."""
        n, q = self.to.shape
        diagonal = n == q == self.to.nnz and np.array_equal(self.to.indices, np.arange(n))
        return bool(diagonal and np.all(self.to.data == 1.0) and np.all(np.diff(self.to.indptr) == 1))

    @property
    def _quick(self) -> type[np.floating]:
        return np.float32 if self.x.dtype.itemsize <= 4 else np.float64

    def _block(self, some: slice, kind: type[np.floating]) -> Floats:
        return np.asarray(self.x[some], kind)

    def _raw(self, coef: Array, intercept: Array) -> tuple[Array, Array]:
        """Return coefficients of the kept columns, shape (s, e), and intercepts that belong to them."""
        scaled = coef / self.scale
        raw = scaled.T if self._all else np.asarray(self.to @ scaled.T)
        return raw, intercept - scaled @ self.shift

    def _lowered(self, made: Array, lift: Array) -> tuple[Array, Array]:
        mapped = made if self._all else np.asarray(self.to.T @ made.T).T
        return (mapped - np.multiply.outer(lift, self.shift)) / self.scale, lift


@dataclass(frozen=True, eq=False)
class Preconditioner:
    """What the Hessian is near to: a matrix whose inverse is quick.

    Attributes
    ----------
    values : shape (e, q), its eigenvalues, the penalty included, or its diagonal.
    vectors : shape (q, q), of all equations alike; None of a diagonal.
    lift : shape (e,), curvature of the intercepts.
    ridge : the penalty.
    """

    values: Array
    vectors: Array | None
    lift: Array
    ridge: float

    @classmethod
    def of(cls, rows: PlacedRows, curve: Array, ridge: float) -> Preconditioner:
        """Return that of rows with these curvatures of their own equation, shape (n, e), and a penalty."""
        whole = curve.sum(axis=0)
        basis = rows.basis
        if basis is None:
            values, vectors = rows.squares(curve), None
        else:
            values, vectors = np.multiply.outer(whole, basis[0]), basis[1]
        least = FLAT * max(float(values.max(initial=0.0)), 1e-280)
        lift = np.full(len(whole), max(float(whole.mean()), least))
        return cls(np.maximum(values + ridge, least), vectors, lift, ridge)

    def solved(self, slope: Array, lift: Array) -> tuple[Array, Array]:
        """Return its inverse times a gradient."""
        if self.vectors is None:
            return slope / self.values, lift / self.lift
        return ((slope @ self.vectors) / self.values) @ self.vectors.T, lift / self.lift

    @property
    def free(self) -> float:
        """The effective degrees of freedom of the coefficients: Σ h/(h + λ) of its eigenvalues h."""
        return float(np.sum((self.values - self.ridge) / self.values))
