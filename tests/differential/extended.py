"""Least squares in extended precision: what double precision cannot tell of a badly conditioned table.

NumPy's ``longdouble`` has 64 bits of mantissa (80-bit) where the tests run, eps = 1.1e-19.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

Long = np.longdouble
NULL, CERTAIN = 1e-14, 1e-11
"""Relative size of a direction below which it is rounding, and from which it is data; between it is either."""


class Undefined(Exception):
    """The answer is a matter of rounding, in scikit-learn too; the message says of what."""


@dataclass(frozen=True, eq=False)
class Factor:
    """A pivoted QR of columns divided by their norms.

    Attributes
    ----------
    r : shape (rank, q), rows of R.
    qb : shape (rank,), the target along them.
    order : the pivots.
    norms : shape (q,), of the columns; one for a column that is zero.
    """

    r: np.ndarray
    qb: np.ndarray
    order: np.ndarray
    norms: np.ndarray

    @property
    def rank(self) -> int:
        """Directions that are data."""
        return len(self.r)

    @property
    def condition(self) -> float:
        """Of the scaled columns, but for a factor of a few."""
        diagonal = np.abs(np.diagonal(self.r)) if self.rank else np.ones(1, Long)
        return float(diagonal.max() / diagonal.min())


def factor(A: np.ndarray, b: np.ndarray) -> Factor:
    """Return the pivoted Householder QR of A; Undefined where its rank is a matter of rounding."""
    A, b = A.astype(Long), b.astype(Long)
    norms = np.sqrt((A * A).sum(axis=0))
    norms = np.where(norms > 0, norms, Long(1))
    R, q = A / norms, b.copy()
    order, rank = np.arange(R.shape[1]), 0
    for k in range(min(R.shape)):
        left = np.sqrt((R[k:, k:] ** 2).sum(axis=0))
        j = k + int(left.argmax())
        if left[j - k] < CERTAIN:
            if left[j - k] > NULL:
                raise Undefined("the rank of the columns")
            break
        R[:, [k, j]], order[[k, j]] = R[:, [j, k]], order[[j, k]]
        v = R[k:, k].copy()
        v[0] += np.copysign(np.sqrt(v @ v), v[0])
        scale = 2 / (v @ v)
        R[k:, k:] -= np.multiply.outer(v, scale * (v @ R[k:, k:]))
        q[k:] -= v * (scale * (v @ q[k:]))
        rank = k + 1
    return Factor(R[:rank], q[:rank], order, norms)


def back(U: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return U⁻¹b of an upper triangle; b may have several columns."""
    x = b.astype(Long).copy()
    for i in range(len(U) - 1, -1, -1):
        x[i] = (x[i] - U[i, i + 1 :] @ x[i + 1 :]) / U[i, i]
    return x


def least_squares(
    A: np.ndarray, b: np.ndarray, lengths: np.ndarray | None = None
) -> tuple[np.ndarray, Factor]:
    """Return argmin ‖b - Aw‖, of least Σ(w·lengths)² where there are several, and the factor it came from."""
    f = factor(A, b)
    q, r = A.shape[1], f.rank
    v = np.zeros(q, Long)
    v[:r] = back(f.r[:, :r], f.qb)
    if r < q:
        null = np.vstack([-back(f.r[:, :r], f.r[:, r:]), np.eye(q - r, dtype=Long)])
        units = (np.ones(q, Long) if lengths is None else lengths.astype(Long))[f.order] / f.norms[f.order]
        free, _ = least_squares(null * units[:, None], -v * units)
        v = v + null @ free
    w = np.zeros(q, Long)
    w[f.order] = v
    return w / f.norms, f


def ridge(A: np.ndarray, b: np.ndarray, alpha: float) -> tuple[np.ndarray, Factor]:
    """Return argmin ‖b - Aw‖² + α‖w‖², by the QR of A above √α·1.

    Of rank-deficient A only the triangle of what is data counts: what rounding leaves along a direction without rows,
    1e-19 of the target, a small α would make 1e-9 of a coefficient.
    """
    if alpha == 0.0:
        return least_squares(A, b)
    q = A.shape[1]
    below = np.sqrt(Long(alpha)) * np.eye(q, dtype=Long)
    with suppress(Undefined):
        f = factor(A, b)
        if f.rank < q:
            A, b = np.zeros((f.rank, q), Long), f.qb
            A[:, f.order] = f.r
            A *= f.norms
    return least_squares(np.vstack([A, below]), np.concatenate([b, np.zeros(q, Long)]))


def along(A: np.ndarray, b: np.ndarray, V: np.ndarray, k: int) -> np.ndarray:
    """Return argmin ‖b - Aw‖ over w in the span of A's k leading right singular vectors.

    Parameters
    ----------
    V : shape (q, q), all right singular vectors, in double precision: where those sought are searched from.
    """
    V, one = V.astype(Long), np.eye(len(V), dtype=Long)
    for _ in range(2):
        V = V @ (3 * one - V.T @ V) / 2  # orthonormal to all digits
    B = A @ V
    K, D = B[:, :k], B[:, k:]
    kk, dd, dk = K.T @ K, D.T @ D, D.T @ K
    apart = np.diagonal(kk) - np.diagonal(dd)[:, None]
    W = np.zeros_like(dk)
    for _ in range(8):  # what is kept has nothing of AᵀA in common with what is not: Riccati's equation
        W = W + (dk + dd @ W - W @ kk - W @ dk.T @ W) / apart
    basis = V[:, :k] + V[:, k:] @ W
    return basis @ least_squares(A @ basis, b)[0]


def cholesky(S: np.ndarray) -> np.ndarray:
    """Return lower L with LLᵀ = S; Undefined where S is singular to rounding."""
    scale = np.sqrt(np.diagonal(S))
    if not (scale > 0).all():
        raise Undefined("the inverse of a singular covariance")
    L = (S / np.multiply.outer(scale, scale)).astype(Long)
    n = len(L)
    for j in range(n):
        L[j, j] -= L[j, :j] @ L[j, :j]
        if L[j, j] < 1e-13:
            raise Undefined("the inverse of a singular covariance")
        L[j, j] = np.sqrt(L[j, j])
        L[j + 1 :, j] = (L[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
    return np.tril(L) * scale[:, None]


def forward(L: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return L⁻¹b of a lower triangle."""
    return back(L[::-1, ::-1], b[::-1])[::-1]


def orthogonal(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return AV, whose columns are orthogonal, and V, by one-sided Jacobi rotations.

    They keep the digits of small columns beside large ones (Demmel & Veselić 1992). Columns meet as players of a
    tournament do: as many pairs at a time as there are. One that only rounding is left of is turned no more.
    """
    n, q = A.shape
    lengths = np.sqrt((A.astype(Long) ** 2).sum(axis=0))
    V = np.eye(q, dtype=Long)[:, np.argsort(-(A * A).sum(axis=0), kind="stable")]
    M = np.vstack([A.astype(Long) @ V, V]).T.copy()
    for _ in range(40):
        turned, rounding = False, (np.finfo(Long).eps * (np.abs(M[:, n:]) @ lengths)) ** 2
        for i, j in _tournament(q):
            X, Y = M[i], M[j]
            a, b, c = (np.einsum("ij,ij->i", P[:, :n], Q[:, :n]) for P, Q in ((X, X), (Y, Y), (X, Y)))
            near = (np.abs(c) > 1e-17 * np.sqrt(a * b)) & (a > rounding[i]) & (b > rounding[j])
            if not near.any():
                continue
            first, second, X, Y, a, b, c = (each[near] for each in (i, j, X, Y, a, b, c))
            zeta = (b - a) / (2 * c)
            t = (np.copysign(1, zeta) / (np.abs(zeta) + np.sqrt(1 + zeta * zeta)))[:, None]
            cos = 1 / np.sqrt(1 + t * t)
            M[first], M[second] = cos * (X - t * Y), cos * (Y + t * X)
            turned = True
        if not turned:
            break
    return M[:, :n].T.copy(), M[:, n:].T.copy()


def _tournament(q: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rounds in which each of q meets another, until all have met; one rests where q is odd."""
    others = np.arange(1, q + q % 2)
    for k in range(len(others)):
        circle = np.concatenate([[0], np.roll(others, k)])
        i, j = circle[: len(circle) // 2], circle[: len(circle) // 2 - 1 : -1]
        met = (i < q) & (j < q)
        yield i[met], j[met]


def rational(
    A: np.ndarray, b: np.ndarray, on: np.ndarray, pull: np.ndarray, l2: Long
) -> tuple[np.ndarray, np.ndarray]:
    """Return argmin ½‖b - Aw‖² + pull·w + ½l2‖w‖² over some columns, and the slopes of all, in exact arithmetic."""
    numbers = np.concatenate([A.ravel(), b, pull, [l2]])
    up = int(64 - np.frexp(numbers[numbers != 0])[1].min(initial=0))
    X, y = _whole(A, up), _whole(b, up)
    gram = X[:, on].T @ X[:, on] + _whole(np.diag(np.full(len(on), l2)), 2 * up)
    parts, whole = _eliminated(gram, X[:, on].T @ y - _whole(pull, 2 * up))
    slopes = X.T @ (y * whole - X[:, on] @ parts)
    return _ratio(parts, whole).astype(Long), _ratio(slopes, whole << 2 * up).astype(Long)


def _eliminated(gram: np.ndarray, toward: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the solution of a positive definite system of integers as numerators and a denominator (Bareiss 1968)."""
    rows, before = np.column_stack([gram, toward]), 1
    for k in range(len(rows)):
        others = np.arange(len(rows)) != k
        rows[others] = (rows[others] * rows[k, k] - np.multiply.outer(rows[others, k], rows[k])) // before
        before = rows[k, k]
    return rows[:, -1], before


def _as_integer(value: Long, up: int) -> int:
    mantissa, exponent = np.frexp(Long(value))
    return int(np.ldexp(mantissa, 64)) << (up + int(exponent) - 64) if value else 0


def _as_long(part: int, whole: int) -> Long:
    high = float(Fraction(part, whole))
    return Long(high) + Long(float(Fraction(part, whole) - Fraction(high)))


_whole, _ratio = np.frompyfunc(_as_integer, 2, 1), np.frompyfunc(_as_long, 2, 1)
