"""What rounding leaves of a model: residuals, and how far training, scaling and voids move them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from algorithms.arrays import Mask
from algorithms.contract import Array
from algorithms.families.design import CARE, Design, View, lengths
from algorithms.solvers.penalised import Solved
from algorithms.solvers.spectrum import EPS, Spectrum


class Residuals(NamedTuple):
    """The residuals of held-out rows.

    Attributes
    ----------
    spread : Σw(r - r̄)².
    bias : r̄.
    half : shape (q,), half the spread's gradient by the coefficients.
    reach : Σs|w| of the training rows.
    spread_bound, bias_bound : how far rounding of the held-out moments may have moved spread and bias.
    """

    spread: float
    bias: float
    half: Array
    reach: float
    spread_bound: float
    bias_bound: float

    def total(self, weight: float) -> float:
        """Return Σwr²."""
        return self.spread + weight * self.bias**2

    def slope(self, view: View, *, spread_only: bool) -> Array:
        """Return the gradient of Σwr² by the coefficients, that of the intercept included; or of the spread."""
        if spread_only:
            return 2.0 * self.half
        return np.asarray(2.0 * (self.half - (view.weight * self.bias) * view.away))


def residuals(design: Design, view: View, coef: Array, intercept: float) -> Residuals:
    """Return the residuals of a linear model on held-out rows."""
    here, there, far = (view.reach @ np.abs(coef)).tolist()
    here += math.sqrt(max(view.yy, 0.0))
    if view.root is None:
        half = view.gram @ coef
        half -= view.xy
        spread = view.yy + float((half - view.xy) @ coef)
        bound = view.rounding * here**2
    else:
        r = view.root[:, :-1] @ coef - view.root[:, -1]
        half, spread = view.root[:, :-1].T @ r, float(r @ r)
        away = view.rounding * here
        bound = 2.0 * math.sqrt(spread) * away + away**2
    bias = view.y_mean - float(view.mean @ coef) - intercept
    far += abs(view.y_mean) + (abs(design.y_mean) if design.preprocess.center else 0.0)
    return Residuals(spread, bias, half, there, bound, CARE * EPS * far)


def moved_by_training(design: Design, solved: Solved, coef: Array, found: Residuals, slope: Array) -> float:
    """Return how far rounding of the training moments may have moved a score of that slope."""
    if not solved.certain:
        return math.inf
    beside = 0.0
    if design.root is not None and solved.void is not None and solved.void.shape[1]:
        along = solved.void.T @ slope
        beside = moved_by_void(design, design.root, solved, coef, along)
        slope = slope - solved.void @ along
    k = solved.apply(slope)
    if solved.void is not None:
        k = k - solved.void @ (solved.void.T @ k)  # rounding alone, and a small penalty makes much of it
    moved = _moved_by(design, coef, found, k)
    if solved.wide is not None:
        moved = max(moved, _moved_by(design, coef, found, solved.wide(slope)))
    return beside + moved


def moved_by_scale(design: Design, view: View, coef: Array, found: Residuals, *, spread_only: bool) -> float:
    """Return how far Σwr², or Σw(r - r̄)², of held-out rows may have moved since deviations of columns are rounded.

    A penalty is in units of these deviations, so where it is strong no change of the products shows them.
    """
    if not design.unscaled.any():
        return 0.0
    length, squares = lengths(view.gram), max(found.spread, 0.0)
    if not spread_only:
        length, squares = np.hypot(length, math.sqrt(view.weight) * np.abs(view.mean)), found.total(view.weight)
    off = float(design.unscaled @ (np.abs(coef) * length))
    return 2.0 * math.sqrt(squares) * off + off**2


def _moved_by(design: Design, coef: Array, found: Residuals, k: Array) -> float:
    """Return how far rounding may have moved a score whose slope h makes k = A⁻¹h."""
    size, reach, rows = float(design.sizes @ np.abs(k)), found.reach + design.reach, design.rounded
    if rows is None:
        return design.rounding * size * reach
    r = rows[:, :-1] @ coef - rows[:, -1]
    across = float(np.linalg.norm(rows[:, :-1] @ k))
    return design.rounding * (size * float(np.linalg.norm(r)) + across * reach)


def moved_by_void(design: Design, root: Array, solved: Solved, coef: Array, along: Array) -> float:
    """Return how far a score of that slope along void directions may have moved, since rounding turns these.

    Where R + E has nothing along v + δ, Rδ = -Ev, and the solution's zero along that is off by wᵀδ = -(R⁺ᵀw)ᵀEv. Of
    R⁺ᵀw = RA⁻¹w a penalty leaves too little, so it is solved for, in columns of one scale.
    """
    found = design.turned @ (coef / design.lengths), root[:, :-1] @ solved.apply(coef)
    reach = max(float(np.linalg.norm(one)) for one in found)
    parts = np.abs(np.asarray(solved.void)).T @ design.sizes
    return design.rounding * reach * float(parts @ np.abs(along))


def moved_at_most(design: Design, found: Residuals, slope: Array) -> float:
    """Return a bound of the same in O(q), for coefficients that answer by A⁻¹ whatever columns A is of."""
    if design.root is not None:
        return math.inf
    inverse, most = design.leverage
    reach = found.reach + math.sqrt(max(design.yy, 0.0))
    return design.rounding * most * float(np.linalg.norm(slope * inverse)) * reach


def model_moved(design: Design, coef: Array, away: Array) -> float:
    """Return how far a model moves where its coefficients move by δw: its predictions, and its coefficients.

    Predictions are those of a row, beside the target's deviation: ‖X·δw‖ times the root of the row's leverage, on
    the average q/n. Coefficients count by the lengths of their columns, beside all of them, and a fifth as much:
    only rows that lie far along directions of little spread show their errors.
    """
    rows = design.rows_like
    moved = away @ design.gram @ away if rows is None else np.sum((rows[:, :-1] @ away) ** 2)
    length = float(np.linalg.norm(design.sizes * away))
    return max(SHAKEN * _of_a_row(design, math.sqrt(max(float(moved), 0.0))), _of_all(design, coef, length))


def model_moved_at_most(design: Design, coef: Array) -> float:
    """Return a bound of the same in O(q), for coefficients that answer by A⁻¹ whatever columns A is of.

    ‖Xδw‖² ≤ rᵀA⁻¹r for δw = A⁻¹r, and |r| is at most ε·s(Σs|w| + s_y).
    """
    reach = float(design.sizes @ np.abs(coef)) + math.sqrt(max(design.yy, 0.0))
    most = design.rounding * design.leverage[1] * reach
    return max(_of_a_row(design, most), _of_all(design, coef, most))


def _of_a_row(design: Design, length: float) -> float:
    deviation = math.sqrt(max(design.varied, 0.0) / design.weight)
    return _share(length * math.sqrt(min(1.0, design.q / design.rows)), deviation)


def _of_all(design: Design, coef: Array, length: float) -> float:
    return _share(length, float(np.linalg.norm(design.sizes * coef)))


def _share(part: float, whole: float) -> float:
    if not whole:
        return math.inf if part else 0.0
    return part / whole


def moved_by_mixing(
    s: Spectrum, sizes: Array, rounding: float, keep: Mask, slope: Array
) -> float:
    """Return how far a score may have moved since rounding mixes directions that are kept with dropped ones.

    By first-order perturbation of the projector, with divided differences of 1/λ on what is kept and 0.
    """
    if keep.all() or not keep.any():
        return 0.0
    e, h = np.abs(s.vectors).T @ sizes, np.abs(s.vectors.T @ slope)
    out = ~keep & (e > 0.0)  # what is made of constant columns alone stays apart
    b, roots = np.abs(s.projected), np.sqrt(s.values)
    if s.rooted:
        own, cross = EPS * roots[0], rounding
        off = np.multiply.outer(roots[keep], own + cross * e[out])
        off += np.multiply.outer(own + cross * e[keep], roots[out])
    else:
        own = EPS * len(e) * np.multiply.outer(e[keep], e[out]) if s.graded else EPS * s.values[0]
        off = rounding * np.multiply.outer(e[keep], e[out]) + own
    lam = s.values[keep]
    gap = lam[:, None] * np.subtract.outer(lam, s.values[out])
    both = np.multiply.outer(h[keep], b[out]) + np.multiply.outer(b[keep], h[out])
    return float(np.sum(off * both / gap))


SHAKEN = 3.0
"""How much larger than what one draw shows a difference may be."""
