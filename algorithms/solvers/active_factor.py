"""The Cholesky factor of the rows of a Gram that are active, as they join and leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.lazily import scipy
from algorithms.solvers.penalised import STEPS, Products, settled
from algorithms.solvers.spectrum import EPS

DEPENDENT = 100.0
"""A pivot of so many roundings of all columns is that of a column that the others make up."""

INDEPENDENT = 1e-6
"""Share of a column's length that active ones must leave of it, for their QR to be changed and not made anew."""


class Apart(NamedTuple):
    """What a root gives of a slope: rounding of a column counts only beside what the active ones leave of it.

    Attributes
    ----------
    beyond : shape (q,), lengths of what the active columns leave of each column.
    made : shape (len(on), q), size of what they make it up with.
    on : the active columns.
    left : length of the residuals.
    """

    beyond: Array
    made: Array
    on: Places
    left: float


@dataclass(frozen=True, eq=False)
class Factor:
    """U with UᵀU the penalised products of independent columns divided by their lengths t; Q as of a root's QR.

    The rows of the penalty are those of Q below the root's. Where it is led, it is that of another set, changed.
    """

    on: Places
    U: Array
    t: Array
    Q: Array | None
    led: bool = False

    def solve(self, x: Array) -> Array:
        """Return the inverse of the penalised products of x, shape (len(on),)."""
        inner = scipy.linalg.solve_triangular(self.U, x / self.t, trans="T", check_finite=False)
        return np.asarray(scipy.linalg.solve_triangular(self.U, inner, check_finite=False) / self.t)

    def optimum(self, problem: Products, pull: Array, l2: float) -> Array:
        """Return argmin ½‖y - Xw‖² + pull·w + ½l2‖w‖² over the columns."""
        if problem.root is None or self.Q is None:
            gram, target = problem.gram[np.ix_(self.on, self.on)], problem.xy[self.on] - pull
            w = self.solve(target)
            for _ in range(STEPS):
                w = w + self.solve(target - gram @ w - l2 * w)
            return w
        z = problem.root[:, -1]
        along, pulled = self.Q[: len(z)].T @ z, self._pulled(pull)
        w = scipy.linalg.solve_triangular(self.U, along - pulled, check_finite=False) / self.t
        least = float(np.abs(np.diagonal(self.U)).min(initial=1.0))
        return settled(np.asarray(w), problem.root[:, self.on], z, l2, self.solve, least, pull)

    def slopes(self, problem: Products, w: Array, pull: Array) -> tuple[Array, Apart | None]:
        """Return the slopes of all columns at that optimum, and what a root gives of them."""
        if problem.root is None or self.Q is None:
            return problem.xy - problem.gram[:, self.on] @ w, None
        rows, z = problem.root[:, :-1], problem.root[:, -1]
        if self.led:
            return np.asarray(rows.T @ (z - rows[:, self.on] @ w)), None
        Q, below = self.Q[: len(z)], self.Q[len(z) :]
        along, across, pulled = Q.T @ z, Q.T @ rows, self._pulled(pull)
        # no sums of large parts, whatever the coefficients: of target and columns what the active ones leave
        left, beyond = z - Q @ along, rows - Q @ across
        shrunk, held = below @ along, below @ across
        slope = beyond.T @ left + held.T @ shrunk + across.T @ pulled
        made = np.abs(scipy.linalg.solve_triangular(self.U, across, check_finite=False)) / self.t[:, None]
        size = float(
            np.linalg.norm((left + Q @ pulled)[rows.any(axis=1)])
        )  # the target's mean alone has no slope
        lengths = np.sqrt(np.einsum("ij,ij->j", beyond, beyond) + np.einsum("ij,ij->j", held, held))
        return np.asarray(slope), Apart(lengths, made, self.on, size)

    def without(self, place: int) -> Factor | None:
        """Return the factor without the column at that place; None where it is made anew."""
        if self.Q is None or len(self.on) == 1:
            return None
        Q, U = scipy.linalg.qr_delete(self.Q, self.U, place, which="col", check_finite=False)
        return Factor(np.delete(self.on, place), U, np.delete(self.t, place), Q, led=True)

    def joined(self, problem: Products, column: int, l2: float) -> Factor | None:
        """Return the factor with a further column, the last; None where it is made anew."""
        k = len(self.on)
        if problem.root is None or self.Q is None or not k:
            return None
        rows = problem.root[:, column]
        length = float(np.sqrt(rows @ rows + l2))
        if not length > 0.0:
            return None
        u = np.concatenate([rows, np.zeros(len(self.Q) - len(rows)), [np.sqrt(l2)]]) / length
        own = np.concatenate([self.Q, np.zeros((1, k))])
        how = {"which": "col", "rcond": INDEPENDENT, "check_finite": False}
        try:
            Q, U = scipy.linalg.qr_insert(own, self.U, u, k, **how)
        except np.linalg.LinAlgError:
            return None
        return Factor(np.append(self.on, column), U, np.append(self.t, length), Q, led=True)

    def _pulled(self, pull: Array) -> Array:
        return np.asarray(
            scipy.linalg.solve_triangular(self.U, pull / self.t, trans="T", check_finite=False)
        )


def factor_of(problem: Products, on: Places, l2: float) -> Factor:
    """Return the factor of columns; of dependent ones, of as many as are independent, largest pivots first."""
    k = len(on)
    if not k:
        Q = None if problem.root is None else np.zeros((len(problem.root), 0))
        return Factor(on, np.zeros((0, 0)), np.zeros(0), Q)
    least = DEPENDENT * k * EPS
    if problem.root is None:
        A = problem.gram[np.ix_(on, on)] + l2 * np.eye(k)
        t = np.sqrt(np.diagonal(A))
        t = np.where(t > 0.0, t, 1.0)
        U, pivots, rank, _ = scipy.linalg.lapack.dpstrf(A / np.multiply.outer(t, t), lower=0, tol=least)
        order = pivots[:rank].astype(np.intp) - 1
        return Factor(on[order], np.triu(U)[:rank, :rank], t[order], None)
    stacked = np.concatenate([problem.root[:, on], np.sqrt(l2) * np.eye(k)])
    t = np.sqrt(np.einsum("ij,ij->j", stacked, stacked))
    t = np.where(t > 0.0, t, 1.0)
    Q, U, pivots = scipy.linalg.qr(stacked / t, mode="economic", pivoting=True, check_finite=False)
    rank = int(np.count_nonzero(np.abs(np.diagonal(U)) > least))
    order = pivots[:rank].astype(np.intp)
    return Factor(on[order], U[:rank, :rank], t[order], Q[:, :rank])


def spread_over(factor: Factor, q: int) -> Callable[[Array], Array]:
    """Return the factor's answer over all q columns, zero in those that it has not."""

    def apply(x: Array) -> Array:
        made = np.zeros(q)
        made[factor.on] = factor.solve(x[factor.on]) if len(factor.on) else 0.0
        return made

    return apply
