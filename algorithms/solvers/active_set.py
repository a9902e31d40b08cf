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

import numpy as np

from algorithms.arrays import Array, Mask, Places
from algorithms.solvers.active_factor import Apart, Factor, factor_of, spread_over
from algorithms.solvers.penalised import Products

MOST = 200
"""Columns that may join or leave."""


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
    factor: Factor | None = None
    while steps < MOST:
        factor = factor or factor_of(problem, np.flatnonzero(signs), l2)
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
            wide = factor_of(problem, np.concatenate([on, beside]), l2) if len(beside) else factor
            alone = len(wide.on) == len(on) + len(beside)
            resolved = bool(np.all(doubt[beside] <= RESOLVED * l1))
            return Finished(coef, spread_over(factor, len(coef)), spread_over(wide, len(coef)), alone, resolved)
        signs[worst], steps = np.sign(slope[worst]), steps + 1
        before, factor = factor, factor.joined(problem, worst, l2) if leading else None
        factor = factor or factor_of(problem, np.flatnonzero(signs), l2)
        if len(factor.on) <= len(on):  # the active ones make it up
            factor = None
            if not _exchanged(problem, before, coef, signs, worst):
                break
    return None


def _exchanged(problem: Products, factor: Factor, coef: Array, signs: Array, joins: int) -> bool:
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
