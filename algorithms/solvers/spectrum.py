"""The eigenvalues of a Gram matrix, computed once and used by every penalty.

G = VΛVᵀ, so the ridge solution for any α is V(Λ + α)⁻¹Vᵀb: O(q²) a trial (Hastie, Tibshirani & Friedman,
"The Elements of Statistical Learning", 2nd ed., eq. 3.47).

Eigenvalues of a product G are known to eps·λ₁. Where a root R of it is at hand (RᵀR = G), they are the squares of
its singular values, which are known to eps·σ₁: twice the digits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from algorithms.arrays import Mask
from algorithms.contract import Array
from algorithms.lazily import scipy
from algorithms.unlocked import cached_property

EPS = float(np.finfo(np.float64).eps)

UNLIKE = 1e4
"""Ratio of squares of columns from which eigenvalues are those of a factor."""

WELL_CONDITIONED = 100.0
"""Up to this condition number a solution from eigenvectors has all digits but two, and refining it is wasted."""

ROUNDED = 16.0
"""Roundings of its parts, up to which a product is rounding alone."""

ABOVE = 1e3
"""An eigenvalue so many times the floor is known well enough for refinement to find the rest of the digits."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigendecomposition of G and the projection of b on it.

    Attributes
    ----------
    gram, xy : G and b.
    values : shape (q,), eigenvalues λ, descending, none negative.
    vectors : shape (q, q), V, one eigenvector a column.
    projected : shape (q,), Vᵀb.
    root : of the columns and the target, shape (r, q + 1), whose singular values' squares these are; else None.
    graded : whether the values are those of a factor of G, small ones known beside large ones.
    """

    gram: Array
    xy: Array
    values: Array
    vectors: Array
    projected: Array
    root: Array | None = None
    graded: bool = False

    @property
    def rooted(self) -> bool:
        """Whether the values are squares of a root's singular values."""
        return self.root is not None

    @property
    def rank(self) -> int:
        """Number of eigenvalues above rounding: λ > λ₁·q·eps."""
        return int(np.count_nonzero(self.values > self.floor))

    @cached_property
    def floor(self) -> float:
        """Eigenvalues at or below it are rounding."""
        relative = len(self.values) * EPS
        return float(self.values[0] * (relative**2 if self.rooted else relative)) if len(self.values) else 0.0

    @cached_property
    def void(self) -> Array:
        """Directions of which rows have nothing but rounding, and the target's products neither, shape (q, m).

        That is how levels that sum to one look, a column that repeats another, and more columns than rows.
        """
        lengths = np.sqrt(np.maximum(np.diagonal(self.gram), 0.0))
        if self.root is not None and unlike(np.einsum("ij,ij->j", self.root, self.root)[:-1]):
            return _void(self.root[:, :-1])
        none, parts = self._nothing(lengths)
        if self.rooted or not none.any():
            return _plain(self.vectors[:, none], lengths)
        if not self.graded and unlike(lengths**2):
            return decompose(self.gram, self.xy, graded=True).void
        target = np.max(np.divide(np.abs(self.xy), lengths, out=np.zeros_like(lengths), where=lengths > 0.0))
        none &= np.abs(self.projected) <= ROUNDED * EPS * target * parts
        return _plain(self.vectors[:, none], lengths)

    def _nothing(self, lengths: Array) -> tuple[Mask, Array]:
        """Return which directions have nothing but rounding of their parts, and the lengths of these."""
        parts = np.abs(self.vectors).T @ lengths
        least = len(lengths) * EPS * parts
        return self.values <= (least**2 if self.rooted or self.graded else least * parts), parts

    @cached_property
    def resolved(self) -> Array:
        """The eigenvalues, zero where they are rounding of what their directions are made of."""
        lengths = np.sqrt(np.maximum(np.diagonal(self.gram), 0.0))
        return np.where(self._nothing(lengths)[0], 0.0, self.values)

    def of_rows(self, most: int) -> Spectrum:
        """Return the spectrum with nothing along all but the largest ``most`` directions, as so few rows have it.

        How large a direction is counts beside the lengths of the columns that it is made of. What is left of the
        others is rounding, of numbers that may be far larger than these lengths.

        Examples
        --------
        >>> decompose(np.diag([4.0, 1e-9, 1.0]), np.ones(3)).of_rows(2).values.tolist()
        [4.0, 1.0, 0.0]
        """
        if most >= len(self.values):
            return self
        parts = np.abs(self.vectors).T @ np.sqrt(np.maximum(np.diagonal(self.gram), 0.0))
        order = np.argsort(-self.values / np.where(parts > 0.0, parts, 1.0) ** 2, kind="stable")
        kept = np.zeros(len(order), bool)
        kept[order[: max(most, 0)]] = True
        return replace(
            self, values=np.where(kept, self.values, 0.0), projected=np.where(kept, self.projected, 0.0)
        )

    def inside(self, coef: Array) -> Array:
        """Return coefficients without what rounding gave them along directions of which rows have nothing.

        A penalty leaves nothing there; divided by a small one, rounding can be large.

        Examples
        --------
        >>> decompose(np.ones((2, 2)), np.ones(2)).inside(np.array([0.5, 0.4])).round(12).tolist()
        [0.45, 0.45]
        """
        if not self.void.shape[1]:
            return coef
        along = self.void.T @ coef
        along[np.abs(along) <= ROUNDED * len(coef) * EPS * float(np.linalg.norm(coef))] = 0.0
        return np.asarray(coef - self.void @ along)


def decompose(gram: Array, xy: Array, *, graded: bool = False) -> Spectrum:
    """Return the spectrum of a symmetric positive semi-definite matrix.

    If ``graded``, and where columns are of unlike scales, it is that of a factor of the matrix, whose small
    singular values keep digits that small eigenvalues lose: these are rounded beside the largest.

    Examples
    --------
    >>> decompose(np.diag([1.0, 4.0]), np.array([1.0, 2.0])).values.tolist()
    [4.0, 1.0]
    """
    if not len(gram):
        return Spectrum(gram, xy, np.zeros(0), np.zeros((0, 0)), np.zeros(0))
    squares = np.diagonal(gram)
    if graded and unlike(squares):
        sizes, vectors, _ = _singular(factored(gram), len(gram))
        return Spectrum(gram, xy, sizes**2, vectors, vectors.T @ xy, graded=True)
    seen = squares > 0.0
    values, vectors = np.linalg.eigh(gram if seen.all() else gram[np.ix_(seen, seen)])
    values, vectors = np.maximum(values[::-1], 0.0), np.ascontiguousarray(vectors[:, ::-1])
    if not seen.all():
        values, vectors = np.append(values, np.zeros(np.count_nonzero(~seen))), _beside(vectors, seen)
    return Spectrum(gram, xy, values, vectors, vectors.T @ xy)


def _beside(vectors: Array, seen: Mask) -> Array:
    """Return the directions of some columns, with those of the others, which rows have nothing of, as they are.

    Mixed into a direction by rounding, a column that is constant here and varies elsewhere would move predictions.
    """
    made = np.zeros((len(seen), len(seen)))
    made[seen, : vectors.shape[1]] = vectors
    others = np.flatnonzero(~seen)
    made[others, len(seen) - len(others) + np.arange(len(others))] = 1.0
    return made


def graded(gram: Array) -> tuple[Array, Array]:
    """Return eigenvalues, descending, and eigenvectors of a covariance, whatever the scales of its columns.

    Those that are rounding beside the columns' own variances are zero, however small or large these are.

    Examples
    --------
    >>> graded(np.array([[1e12, 1e12, 0.0], [1e12, 1e12, 0.0], [0.0, 0.0, 4.0]]))[0].round(3).tolist()
    [2000000000000.0, 4.0, 0.0]
    """
    if not len(gram):
        return np.zeros(0), np.zeros((0, 0))
    root = factored(gram)
    sizes, vectors, _ = _singular(root, len(gram))
    return np.where(np.arange(len(gram)) < len(root), sizes**2, 0.0), vectors


def graded_root(root: Array) -> tuple[Array, Array]:
    """Return what :func:`graded` does of RᵀR, with all the digits of a root R, shape (r, q).

    Examples
    --------
    >>> graded_root(np.array([[1.0, 1.0 + 1e-9], [0.0, 1e-9]]))[0].round(22).tolist()[1]
    5e-19
    """
    q = root.shape[1]
    if not q:
        return np.zeros(0), np.zeros((0, 0))
    sizes, vectors, _ = _singular(root, q)
    parts = np.abs(vectors).T @ np.sqrt(np.einsum("ij,ij->j", root, root))
    return np.where(sizes <= q * EPS * parts, 0.0, sizes**2), vectors


def eigen_apart(matrix: Array) -> tuple[Array, Array]:
    """Return eigenvalues, ascending, and eigenvectors, of which a column without products is one as it is.

    Mixed into others by rounding, a column that does not vary here would move predictions of rows where it does.

    Examples
    --------
    >>> eigen_apart(np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 5.0]]))[1][2].tolist()
    [0.0, 0.0, 1.0]
    """
    apart = np.count_nonzero(matrix, axis=0) <= (np.diagonal(matrix) != 0.0)
    some, alone = np.flatnonzero(~apart), np.flatnonzero(apart)
    values, inner = np.linalg.eigh(matrix[np.ix_(some, some)])
    vectors = np.zeros((len(matrix), len(matrix)))
    vectors[np.ix_(some, np.arange(len(some)))] = inner
    vectors[alone, len(some) + np.arange(len(alone))] = 1.0
    values = np.append(values, np.diagonal(matrix)[alone])
    order = np.argsort(values, kind="stable")
    return values[order], vectors[:, order]


def decompose_root(root: Array, gram: Array, xy: Array) -> Spectrum:
    """Return the spectrum of G from a root of the columns and the target, shape (r, q + 1).

    The largest columns stand first when the singular vectors are sought, so that small ones keep their digits.

    Examples
    --------
    >>> decompose_root(np.array([[2.0, 4.0]]), np.array([[4.0]]), np.array([8.0])).values.tolist()
    [4.0]
    """
    q = root.shape[1] - 1
    sizes, vectors, projected = _singular(root[:, :q], q, root[:, q])
    return Spectrum(gram, xy, sizes**2, vectors, sizes * projected, root)


def _singular(root: Array, q: int, target: Array | None = None) -> tuple[Array, Array, Array]:
    """Return singular values, right vectors, and the left vectors' products with a target, of a matrix (r, q)."""
    beside = np.zeros(len(root)) if target is None else target
    seen = np.asarray(root.any(axis=0))
    if not seen.all():
        k = int(np.count_nonzero(seen))
        sizes, vectors, projected = _singular(root[:, seen], k, target)
        none = np.zeros(q - k)
        return np.append(sizes, none), _beside(vectors, seen), np.append(projected, none)
    if len(root) < q:
        root = np.concatenate([root, np.zeros((q - len(root), q))])
        beside = np.concatenate([beside, np.zeros(len(root) - len(beside))])
    order = np.argsort(-np.einsum("ij,ij->j", root, root), kind="stable")
    graded = np.asarray(np.linalg.qr(np.column_stack([root[:, order], beside]), mode="r"), np.float64)
    u, sizes, v = _factors(graded[:q, :q])
    vectors = np.empty((q, q))
    vectors[order] = v
    return sizes, vectors, u.T @ graded[:q, q]


def _factors(A: Array) -> tuple[Array, Array, Array]:
    """Return U, σ and V of a square matrix; of columns of unlike scales by rotations of pairs of them.

    These give small singular values, and the small entries of singular vectors, beside themselves, and not only
    beside the largest (Demmel & Veselić 1992; LAPACK's dgejsv, Drmač & Veselić 2008), in two to four times as long.
    """
    if unlike(np.einsum("ij,ij->j", A, A)):
        sizes, u, v, scale, _, failed = scipy.linalg.lapack.dgejsv(A, joba=0, jobu=0, jobv=0, jobr=0)
        if not failed:
            return u, sizes * (scale[0] / scale[1]), v
    u, sizes, vt = np.linalg.svd(A, full_matrices=False)
    return u, sizes, vt.T


def _void(rows: Array) -> Array:
    """Return orthonormal directions of which rows have nothing but rounding, columns of any scales, shape (q, m).

    Found in columns of length one, so that their parts of large columns are known beside these.

    Examples
    --------
    >>> np.abs(_void(np.array([[1.0, 1e12]]))).round(11).tolist()
    [[1.0], [0.0]]
    """
    q = rows.shape[1]
    t = np.sqrt(np.einsum("ij,ij->j", rows, rows))
    t = np.where(t > 0.0, t, 1.0)
    alike = rows / t
    sizes, vectors, _ = _singular(alike, q)
    none = sizes <= q * EPS * np.abs(vectors).sum(axis=0)
    if not none.any():
        return np.zeros((q, 0))
    some = vectors[:, none] / t[:, None]
    order = np.argsort(t, kind="stable")  # large rows first, so that small ones keep their digits
    made = np.empty_like(some)
    made[order] = np.linalg.qr(some[order])[0]
    # making them orthonormal loses digits of the small ones all the same: what rows have along them is taken back
    along, left = vectors[:, ~none], (alike @ vectors[:, ~none]) / sizes[~none]
    made -= along @ ((left.T @ (alike @ (made * t[:, None]))) / sizes[~none, None]) / t[:, None]
    return _plain(made, t, roundings=2)


def _plain(directions: Array, lengths: Array, roundings: int | None = None) -> Array:
    """Return directions of which rows have nothing, without the columns whose part is rounding of the others'.

    A column that is part of no collinear set gets one by rounding, the larger the smaller the column's numbers are,
    and its coefficient is as large again. Rounding is so many times ε of all parts, one for each column
    if none are said.

    Examples
    --------
    >>> _plain(np.array([[0.7], [-0.7], [1e-8]]), np.array([1.0, 1.0, 1e-9])).ravel().tolist()
    [0.7, -0.7, 0.0]
    """
    parts = np.abs(directions) * lengths[:, None]
    least = (len(lengths) if roundings is None else roundings) * EPS * parts.sum(axis=0)
    return np.where(parts <= least, 0.0, directions)


def unlike(squares: Array) -> bool:
    """Return whether columns of those squares are of scales so unlike that eigenvectors lose the small ones.

    Examples
    --------
    >>> unlike(np.array([1.0, 0.0, 100.0])), unlike(np.array([1.0, 1e5]))
    (False, True)
    """
    least = np.min(squares, where=squares > 0.0, initial=np.inf)
    return bool(np.max(squares, initial=0.0) > UNLIKE * least)


def factored(gram: Array) -> Array:
    """Return R with RᵀR = G, shape (rank, q): Cholesky of G with unit diagonal and pivots (Higham 2002, §10.3).

    Each column of it is known beside its own length.

    Examples
    --------
    >>> factored(np.diag([4.0, 1e16])).tolist()
    [[2.0, 0.0], [0.0, 100000000.0]]
    """
    unit = np.sqrt(np.maximum(np.diagonal(gram), 0.0))
    unit = np.where(unit > 0.0, unit, 1.0)
    made, pivots, rank, _ = scipy.linalg.lapack.dpstrf(
        gram / np.multiply.outer(unit, unit), lower=0, tol=len(gram) * EPS
    )
    root = np.zeros((rank, len(gram)))
    root[:, pivots - 1] = np.triu(made)[:rank]
    return root * unit


def ridge(s: Spectrum, alpha: float) -> Array:
    """Return argmin ‖y - Xw‖² + α‖w‖² from the spectrum of XᵀX; α = 0 is ordinary least squares.

    Iterative refinement against G itself removes what the eigenvectors of a badly scaled matrix leave behind
    (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., §12.1); it converges as long as λ + α is
    well above the floor of rounding. What is not is left out: its inverse would be that of noise.

    Examples
    --------
    >>> ridge(decompose(np.eye(2), np.array([2.0, 4.0])), alpha=1.0).tolist()
    [1.0, 2.0]
    """
    if alpha == 0.0:
        return least_squares(s, tol=0.0)
    shrunk = s.values + alpha
    return shrunken(s, alpha, shrunk, inverted(shrunk, s.floor))


def shrunken(s: Spectrum, alpha: float, shrunk: Array, inverse: Array) -> Array:
    """Return the ridge solution, λ + α and its inverse given."""
    v = s.vectors
    w: Array = v @ (s.projected * inverse)
    for _ in range(refinements(s, shrunk)):
        residual = s.xy - s.gram @ w
        residual -= alpha * w
        w += v @ ((residual @ v) * inverse)
    return w


def inverted(values: Array, floor: float) -> Array:
    """Return 1/values, zero for those at or below the floor.

    Examples
    --------
    >>> inverted(np.array([2.0, 1e-20]), 1e-16).tolist()
    [0.5, 0.0]
    """
    return np.asarray(np.divide(1.0, values, out=np.zeros_like(values), where=values > floor))


def refinements(s: Spectrum, shrunk: Array) -> int:
    """Return how many steps of refinement bring a solution to the digits that G has; none for a root's."""
    if s.rooted or not len(shrunk) or shrunk[0] <= WELL_CONDITIONED * shrunk[-1]:
        return 0
    least = shrunk[shrunk > s.floor]
    rate = s.floor / least[-1] if len(least) else 1.0
    return 1 if rate < 1e-11 else 3


def certain(s: Spectrum, alpha: float) -> bool:
    """Return whether every λ + α is well above the floor of rounding.

    Examples
    --------
    >>> certain(decompose(np.ones((2, 2)), np.ones(2)), 0.0), certain(decompose(np.eye(2), np.ones(2)), 0.0)
    (False, True)
    """
    return not len(s.values) or bool(s.values[-1] + alpha > ABOVE * s.floor)


def kept(s: Spectrum, tol: float) -> Mask:
    """Return which directions least squares keeps: singular values above ``tol`` times the largest."""
    if not len(s.values):
        return np.zeros(0, bool)
    return np.asarray(s.values > max(tol * tol * s.values[0], s.floor))


def decided(s: Spectrum, tol: float) -> bool:
    """Return whether rounding leaves no doubt of which directions least squares keeps.

    Examples
    --------
    >>> s = decompose(np.diag([1.0, 1e-12]), np.ones(2))
    >>> decided(s, 1e-6), decided(s, 1e-5)
    (False, True)
    """
    if not len(s.values) or s.values[0] == 0.0:
        return True
    limit = max(tol * tol * s.values[0], s.floor)
    known = len(s.values) * EPS
    doubt: float | Array = s.values[0] * known
    if s.rooted or s.graded:
        doubt = known * np.sqrt(s.values[0] * limit)
    if s.graded:
        doubt = doubt + EPS * (np.abs(s.vectors).T @ np.sqrt(np.maximum(np.diagonal(s.gram), 0.0))) ** 2
    return not np.any(np.abs(s.values - limit) <= 10.0 * doubt)


def least_squares(s: Spectrum, tol: float = 1e-6) -> Array:
    """Return the least-squares solution of least norm; singular values below ``tol`` times the largest drop.

    ``tol`` is ``LinearRegression``'s (the ``cond`` of :func:`scipy.linalg.lstsq`); an eigenvalue of G is the
    square of a singular value of X. Refined against G within the kept directions.

    Examples
    --------
    >>> least_squares(decompose(np.ones((2, 2)), np.ones(2))).round(12).tolist()
    [0.5, 0.5]
    """
    keep = kept(s, tol)
    v, lam = s.vectors[:, keep], s.values[keep]
    if s.root is not None and not keep.all():
        return _within(s.root, v)
    w: Array = v @ (s.projected[keep] / lam)
    for _ in range(0 if s.rooted else 2):
        w += v @ ((v.T @ (s.xy - s.gram @ w)) / lam)
    return w


def _within(root: Array, v: Array) -> Array:
    """Return the least-squares solution among combinations of some directions, of a root of columns and target.

    Rounding turns singular vectors of unlike size among themselves, which moves the coefficients of large columns.
    """
    rows = root[:, :-1] @ v
    t = np.sqrt(np.einsum("ij,ij->j", rows, rows))
    Q, U = np.linalg.qr(rows / t)
    return np.asarray(v @ (scipy.linalg.solve_triangular(U, Q.T @ root[:, -1]) / t))


def degrees_of_freedom(values: Array, alpha: float) -> float:
    """Return the effective degrees of freedom of ridge, Σ λ/(λ + α) (op. cit., eq. 3.50).

    Examples
    --------
    >>> degrees_of_freedom(np.array([1.0, 1.0]), 1.0)
    1.0
    """
    total = values + alpha
    return float(np.sum(np.divide(values, total, out=np.zeros_like(values), where=total > 0.0)))
