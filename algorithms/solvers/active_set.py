"""The end of a descent with an L1 penalty: the optimum on its active columns, solved for and checked.

A descent creeps along columns that nearly repeat each other and ends anywhere between them. Its active columns and
signs are all that the optimum needs: on them it solves a linear system. A coefficient that would change its sign
leaves, as far as the others may go until then; a column whose slope exceeds the penalty joins (Osborne, Presnell &
Turlach 2000, "A new approach to variable selection in least squares problems"). Each step lowers the objective,
and the conditions of an optimum, which are exact, say when it is found.

A column that joins or leaves changes the QR of a root, of k columns and r rows, by rotations in O(r·k), where a new
one takes O(r·k²) (Golub & Van Loan 2013, "Matrix Computations", 6.5). Changed factors only lead the way: the
columns that they lead to are decomposed anew, with pivots, and what these give is checked.

==== =============================================================
G, b  products of the columns, and with the target
R, z  a root of them, where there is one
l1    weight of ‖w‖₁, and l2 that of ½‖w‖²
s     signs of the active coefficients
==== =============================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from algorithms.arrays import Array, Mask, Places
from algorithms.lazily import scipy
from algorithms.solvers.penalised import STEPS, Products, settled
from algorithms.solvers.spectrum import EPS

MOST = 200
"""Columns that may join or leave."""

DEPENDENT = 100.0
"""A pivot of so many roundings of all columns is that of a column that the others make up."""

INDEPENDENT = 1e-6
"""Share of a column's length that active ones must leave of it, for their QR to be changed and not made anew."""

RESOLVED = 0.01
"""Share of the penalty, up to which rounding of a slope does not decide which columns are active."""

Noise = Callable[[Array, "Apart | None"], Array]


@dataclass(frozen=True, eq=False)
class Finished:
    """An optimum.

    Attributes
    ----------
    coef : shape (q,).
    apply : the inverse of the active columns' penalised products, of a vector of shape (q,).
    wide : the same of these and the columns that may be active, too, for all that rounding leaves of their slopes.
    alone : whether no column that the active ones make up, to rounding, could stand in for one of them.
    resolved : whether rounding of slopes is well below the penalty, so that the columns that could are known.
    """

    coef: Array
    apply: Callable[[Array], Array]
    wide: Callable[[Array], Array]
    alone: bool
    resolved: bool


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
class _Factor:
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

    def without(self, place: int) -> _Factor | None:
        """Return the factor without the column at that place; None where it is made anew."""
        if self.Q is None or len(self.on) == 1:
            return None
        Q, U = scipy.linalg.qr_delete(self.Q, self.U, place, which="col", check_finite=False)
        return _Factor(np.delete(self.on, place), U, np.delete(self.t, place), Q, led=True)

    def joined(self, problem: Products, column: int, l2: float) -> _Factor | None:
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
        return _Factor(np.append(self.on, column), U, np.append(self.t, length), Q, led=True)

    def _pulled(self, pull: Array) -> Array:
        return np.asarray(
            scipy.linalg.solve_triangular(self.U, pull / self.t, trans="T", check_finite=False)
        )


def finish(
    problem: Products, start: Array, l1: float, l2: float, noise: Noise, *, positive: bool
) -> Finished | None:
    """Return the optimum near the end of a descent; None where it is not found in few steps.

    Parameters
    ----------
    problem : G, b, and R where there is one.
    start : shape (q,), where the descent ended.
    l1, l2 : the penalty.
    noise : a function that bounds the rounding error of the slopes, shape (q,); its arguments are the coefficients,
        and what the root leaves of each column beside the active ones (None without a root).
    positive : whether coefficients are held at or above zero.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> problem = SimpleNamespace(gram=np.eye(2), xy=np.array([2.0, 0.5]), root=None)
    >>> finish(problem, np.array([0.9, 0.1]), 1.0, 0.0, lambda w, _: 0.0 * w, positive=False).coef.tolist()
    [1.0, 0.0]
    """
    for leading in (False,) if problem.root is None else (True, False):
        made = _walked(problem, start, l1, l2, noise, positive=positive, leading=leading)
        if made is not None:
            return made
    return None


def _walked(
    problem: Products, start: Array, l1: float, l2: float, noise: Noise, *, positive: bool, leading: bool
) -> Finished | None:
    """Return the same; where leading, by changed factors, of which only the last one is made anew."""
    coef, held = np.array(start), l1 > 0.0 or positive
    signs, steps = np.sign(coef), 0
    factor: _Factor | None = None
    while steps < MOST:
        factor = factor or _factor(problem, np.flatnonzero(signs), l2)
        on = factor.on
        if len(on) < np.count_nonzero(signs):
            signs[np.setdiff1d(np.flatnonzero(signs), on)] = 0.0
        found = factor.optimum(problem, l1 * signs[on], l2)
        if not np.isfinite(found).all():
            return None
        wrong = found * signs[on] <= 0.0 if held else np.zeros(len(on), bool)
        if wrong.any():
            coef, first = _as_far(coef, on, found, wrong, signs)
            factor, steps = factor.without(first) if leading else None, steps + 1
            continue
        coef = np.zeros(len(coef))
        coef[on] = found
        slope, apart = factor.slopes(problem, found, l1 * signs[on])
        doubt = noise(coef, apart)
        over = (slope if positive else np.abs(slope)) - l1
        over[on] = -np.inf
        worst = int(np.argmax(over - doubt)) if len(over) else 0
        if not len(over) or over[worst] <= doubt[worst]:
            if factor.led:
                factor = None
                continue
            beside = np.flatnonzero(over >= -doubt)
            wide = _factor(problem, np.concatenate([on, beside]), l2) if len(beside) else factor
            alone = len(wide.on) == len(on) + len(beside)
            resolved = bool(np.all(doubt[beside] <= RESOLVED * l1))
            return Finished(coef, _over(factor, len(coef)), _over(wide, len(coef)), alone, resolved)
        signs[worst], steps = np.sign(slope[worst]), steps + 1
        before, factor = factor, factor.joined(problem, worst, l2) if leading else None
        factor = factor or _factor(problem, np.flatnonzero(signs), l2)
        if len(factor.on) <= len(on):  # the active ones make it up
            factor = None
            if not _exchanged(problem, before, coef, signs, worst):
                break
    return None


def _exchanged(problem: Products, factor: _Factor, coef: Array, signs: Array, joins: int) -> bool:
    """Let a column join that the active ones make up, in place of the first whose coefficient it brings to zero.

    Returns whether there is one; changes coefficients and signs.
    """
    on = factor.on
    columns = problem.root
    beside = problem.gram[on, joins] if columns is None else columns[:, on].T @ columns[:, joins]
    along = -signs[joins] * factor.solve(beside)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(along * coef[on] < 0.0, -coef[on] / along, np.inf)
    if not len(on) or not np.isfinite(far.min()):
        return False
    first = int(np.argmin(far))
    coef[on] += far[first] * along
    coef[joins] = far[first] * signs[joins]
    coef[on[first]] = signs[on[first]] = 0.0
    return True


def _as_far(coef: Array, on: Places, found: Array, wrong: Mask, signs: Array) -> tuple[Array, int]:
    """Return coefficients on the way to those found, until one would change its sign and leaves; and its place."""
    here = coef[on]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(wrong, here / (here - found), np.inf)
    share = np.where(np.isnan(share), 0.0, np.maximum(share, 0.0))
    first = int(np.argmin(share))
    made = np.zeros(len(coef))
    made[on] = here + min(float(share[first]), 1.0) * (found - here)
    made[on[first]] = signs[on[first]] = 0.0
    return made, first


def _factor(problem: Products, on: Places, l2: float) -> _Factor:
    """Return the factor of columns; of dependent ones, of as many as are independent, largest pivots first."""
    k = len(on)
    if not k:
        Q = None if problem.root is None else np.zeros((len(problem.root), 0))
        return _Factor(on, np.zeros((0, 0)), np.zeros(0), Q)
    least = DEPENDENT * k * EPS
    if problem.root is None:
        A = problem.gram[np.ix_(on, on)] + l2 * np.eye(k)
        t = np.sqrt(np.diagonal(A))
        t = np.where(t > 0.0, t, 1.0)
        U, pivots, rank, _ = scipy.linalg.lapack.dpstrf(A / np.multiply.outer(t, t), lower=0, tol=least)
        order = pivots[:rank].astype(np.intp) - 1
        return _Factor(on[order], np.triu(U)[:rank, :rank], t[order], None)
    stacked = np.concatenate([problem.root[:, on], np.sqrt(l2) * np.eye(k)])
    t = np.sqrt(np.einsum("ij,ij->j", stacked, stacked))
    t = np.where(t > 0.0, t, 1.0)
    Q, U, pivots = scipy.linalg.qr(stacked / t, mode="economic", pivoting=True, check_finite=False)
    rank = int(np.count_nonzero(np.abs(np.diagonal(U)) > least))
    order = pivots[:rank].astype(np.intp)
    return _Factor(on[order], U[:rank, :rank], t[order], Q[:, :rank])


def _over(factor: _Factor, q: int) -> Callable[[Array], Array]:
    def apply(x: Array) -> Array:
        made = np.zeros(q)
        made[factor.on] = factor.solve(x[factor.on]) if len(factor.on) else 0.0
        return made

    return apply
