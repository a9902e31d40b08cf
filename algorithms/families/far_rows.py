"""How far rounding moves what a generalized linear model predicts of rows that lie far from its training rows.

Coefficients c minimise a sum of losses whose slope in the linear predictor is known to some roundings of itself and
of what rounding of the predictor makes of it: e = ε(|ℓ'| + ℓ''(1 + Σ|xc| + |b|)). So the gradient is known to
g = Σw|x|e, the coefficients to |H⁻¹|g, and the predictor of a row x to Σ|x||H⁻¹|g, by parts (Higham, "Accuracy and
Stability of Numerical Algorithms", 2nd ed., §7.2). In rows like those of training that is rounding; a row at 10⁹ of
their deviations, such as one of a file in another unit, multiplies it by as much.
"""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Matrix
from algorithms.contract import Array
from algorithms.families.design import CARE, Design
from algorithms.families.objective import EveryRow
from algorithms.families.rounding import NATURAL
from algorithms.solvers.curved import EPS, curved, with_penalty

HELP = (
    "rows to score lie more than 100,000 deviations from those of training: look for values in another unit"
)

FAR = 1e5
"""Deviations of the training rows, from their mean, up to which a row's predictor has the digits that it needs."""


def scale_of(metric: str, value: float, y: Array) -> float:
    """Return the scale of a score: of one without a unit at least 1, of an error itself and some of y's spread."""
    if metric in ("accuracy", "neg_log_loss", "roc_auc", "r2"):
        return max(1.0, abs(value))
    spread = float(np.std(y))
    in_units = {
        "neg_mean_squared_error": spread**2,
        "neg_root_mean_squared_error": spread,
        "neg_mean_absolute_error": spread,
    }
    return abs(value) + NATURAL * in_units.get(metric, 1.0)


def moved_by_rounding(
    objective: EveryRow, design: Design, coef: Array, intercept: Array, ridge: float, held: Matrix
) -> Array | None:
    """Return what rounding may have moved the linear predictors of rows by, at most; None where no row lies far.

    Parameters
    ----------
    objective : of the training rows.
    design : their columns.
    coef : shape (e, q); of those that are zero nothing is asked.
    intercept : shape (e,), of the objective's columns.
    ridge : the penalty beside the sum of losses.
    held : shape (n, d), rows in the columns that the design's are made of.

    Returns
    -------
    Array or None
        Shape (n, e), zero in rows that do not lie far.
    """
    rows, used = objective.rows, coef.any(axis=0)
    lengths = np.sqrt(rows.w @ rows.x**2 / rows.w.sum())
    asked = np.flatnonzero(used & (lengths > 0.0))
    if not len(asked):
        return None
    made = held @ design.columns.matrix[:, asked]
    about = (design.mean + rows.middle * design.scale)[asked]
    limit = FAR * (lengths * design.scale)[asked]
    ends = _flat(made.max(axis=0)), _flat(made.min(axis=0))
    if not any((np.abs(end - about) > limit).any() for end in ends):
        return None
    dense = made if isinstance(made, np.ndarray) else made.toarray()
    away = np.abs(dense - about)
    far = (away > limit).any(axis=1)
    moved = np.zeros((len(away), len(coef)))
    off, lift = _of_coefficients(objective, design, coef, intercept, ridge)
    moved[far] = (away[far] / design.scale[asked]) @ off[:, asked].T + lift
    return moved


def _flat(found: Matrix) -> Array:
    return np.asarray(found if isinstance(found, np.ndarray) else found.todense()).ravel()


def _of_coefficients(
    objective: EveryRow, design: Design, coef: Array, intercept: Array, ridge: float
) -> tuple[Array, Array]:
    """Return how far rounding may have moved coefficients and intercepts, shapes (e, q) and (e,)."""
    rows, (e, q) = objective.rows, coef.shape
    size = np.abs(rows.x)
    made = objective.about(rows.x @ coef.T + intercept, rows.y)
    off = np.abs(made.slope) + made.curve * (1.0 + size @ np.abs(coef).T + np.abs(intercept))
    off *= CARE * EPS * rows.w[:, None]
    gradient = np.column_stack([off.T @ size + EPS * ridge * np.abs(coef), off.sum(axis=0)]).ravel()
    free = np.column_stack([coef != 0.0, np.full(e, design.preprocess.center)]).ravel()
    found = curved(with_penalty(objective.hessian(coef, intercept), ridge), free).largest(gradient)
    shaped = found.reshape(e, q + 1)
    return shaped[:, :q], shaped[:, q]
