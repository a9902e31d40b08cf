"""How far rounding may have moved a score computed from held-out moments.

Two roundings count. The held-out scatter H is known to ε·sᵢsⱼ, so that its form [w; -1]ᵀH[w; -1] is known to
ε(Σs|w| + s_y)²; the norm of its root R times [w; -1], where the state keeps R, to ε(Σs|w| + s_y). And the
coefficients solve a problem whose products G are known to the same: to first order they move by
δw = A⁻¹(δb - δG·w), and the score, whose gradient is h, by hᵀδw, at most ε(Σs|A⁻¹h|)(Σs|w| + s_y).

======= ====================================================
s, s_y  lengths of the columns and of the target
ε       relative rounding of a product, with care
A       penalised products, A⁻¹ a pseudo-inverse where directions are dropped
======= ====================================================
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from algorithms.arrays import Mask
from algorithms.contract import Array, Score
from algorithms.errors import Imprecise
from algorithms.families.design import CARE, Design, View, lengths
from algorithms.scoring.metrics import SQUARED_ERROR
from algorithms.solvers.penalised import Solved
from algorithms.solvers.spectrum import EPS, Spectrum
from algorithms.summaries.precise import AUTO

DIGITS = 1e-6
"""Relative bound above which a score is not shown."""

PROMISED = 1e-8
"""Relative bound of a score, a prediction or a coefficient above which states of more digits are asked for."""

NATURAL = 1e-4
"""Share of the target's variance below which a squared error is as good as none."""

NOTHING = 16.0 * EPS / (DIGITS * math.sqrt(NATURAL))
"""Deviation of a target, beside its mean, of which sixteen roundings are the least error that counts."""

NEGLIGIBLE = 1e-10
"""Share of the squared error that a bound may be without another being looked for that is tighter."""

SHAKEN = 3.0
"""How much larger than what one draw shows a difference may be."""


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


def bounded(metric: str, found: Residuals, view: View, design: Design, moved: float, precision: str) -> Score:
    """Return the score with its bound.

    Parameters
    ----------
    metric : one of :data:`~algorithms.scoring.metrics.SQUARED_ERROR`.
    moved : how far rounding of the training moments may have moved Σwr² (Σw(r - r̄)² for explained variance).
    precision : of the summary.

    Raises
    ------
    Imprecise
        The bound is too large.
    """
    w, variance = view.weight, view.yy / view.weight
    negative = max(0.0, -found.spread)
    spread = (
        max(found.spread, 0.0) / w
    )  # the true one is not negative; the bound says how far this may be off
    value = SQUARED_ERROR[metric](spread, found.bias, variance)
    off = (max(found.spread_bound, negative) + moved) / w
    if metric != "explained_variance":
        off += 2.0 * abs(found.bias) * found.bias_bound + found.bias_bound**2
    target = (NOTHING * max(abs(view.y_mean), abs(design.y_mean))) ** 2
    natural = max(variance, design.varied / design.weight, target)
    bound, scale = _in_units(metric, value, off, variance, natural)
    # the root of an error is asked for to a share of the deviation, as an error to one of the variance
    root = metric not in ("r2", "explained_variance", "neg_mean_squared_error")
    own = _in_units(metric, value, off, variance, NATURAL * natural)[1] if root else scale
    return checked(metric, Score(value, bound), scale, precision, design, own)


def checked(
    metric: str, score: Score, scale: float, precision: str, design: Design, own: float | None = None
) -> Score:
    """Return the score if its bound is small beside its scale.

    Parameters
    ----------
    own : the scale beside which states of more digits are asked for; None for the same.

    Raises
    ------
    Imprecise
        It is not; states of more digits may give it where the precision is left open.
    """
    rooted = design.root is not None
    finer = precision == AUTO and not rooted
    limit = PROMISED * (scale if own is None else own) if finer else DIGITS * scale
    if math.isfinite(score.value) and not score.bound <= limit:
        help_ = (
            "standardize the columns, raise the penalty, or leave out columns that repeat others"
            if rooted
            else "leave precision at 'auto', or set precision='qr' (the data is read once more)"
        )
        raise Imprecise(_unknown(metric, score.value, score.bound, help_), finer=finer)
    return score


def sure(metric: str, score: Score, scale: float, help_: str, *, finer: bool = False) -> Score:
    """Return the score if its bound is small beside its scale, of a family whose scores are no squared errors.

    Parameters
    ----------
    help_ : what to do where it is not.
    finer : whether states of more digits may be asked for, as they are for a score of less than eight.

    Raises
    ------
    Imprecise
        It is not.
    """
    limit = PROMISED if finer else DIGITS
    if math.isfinite(score.value) and not score.bound <= limit * scale:
        raise Imprecise(_unknown(metric, score.value, score.bound, help_), finer=finer)
    return score


def _in_units(metric: str, value: float, off: float, variance: float, natural: float) -> tuple[float, float]:
    """Return the bound of a score whose mean square may be off by so much, and the score's own scale."""
    if metric in ("r2", "explained_variance"):
        if variance <= 0.0:
            return 0.0, 1.0
        scale = max(1.0, abs(1.0 - value))
        return off / variance + CARE * EPS * scale, scale
    if metric == "neg_mean_squared_error":
        return off + CARE * EPS * abs(value), abs(value) + NATURAL * natural
    size = abs(value)
    bound = min(off / size, math.sqrt(off)) if size > 0.0 else math.sqrt(off)
    return bound + CARE * EPS * size, size + math.sqrt(NATURAL * natural)


def _unknown(metric: str, value: float, bound: float, help_: str) -> str:
    known = f"{value:.6g} ± {bound:.1g}" if math.isfinite(bound) else "unknown"
    return (
        f"scoring={metric!r} is {known} by rounding: the columns are too nearly collinear, or of too unlike "
        f"scales, for it to be known to six digits; {help_}"
    )
