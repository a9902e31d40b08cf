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

from algorithms.contract import Score
from algorithms.errors import Imprecise
from algorithms.families.design import CARE, Design, View
from algorithms.families.residuals import Residuals
from algorithms.scoring.metrics import SQUARED_ERROR
from algorithms.solvers.spectrum import EPS
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
    """Return the score if its bound is small beside its scale, of a family whose scores are not squared errors.

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
