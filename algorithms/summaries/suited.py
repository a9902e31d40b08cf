"""Whether starts suit every row, and what rows are kept that others are fitted to.

Notation is that of :mod:`algorithms.summaries.curvature`.
"""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array, Places, Values
from algorithms.contract import INDICATOR, Shape
from algorithms.summaries._terms import codes_of
from algorithms.summaries.curvature_state import CurvatureState
from algorithms.summaries.importance import stands_for

MOST_KEPT = 1 << 23
"""Bytes, as float64, of rows that are all kept where they are few; columns that are zero in each take none."""

SAMPLED = 1 << 21
"""Bytes of the rows that are kept of many."""

FAR = 0.35
"""Change of η, weighted by curvature, from a start to its optimum on all rows, above which it is far."""

SELDOM = 1e-3
"""Share of many rows in which an indicator may be other than zero that is zero in the whole pilot."""

APART = 8.0
"""Standard errors that the means of a sample and of all rows may differ by."""


def unsuited(state: CurvatureState) -> str | None:
    """Return why starts do not suit; None where they do."""
    strange = np.setdiff1d(state.present, state.learned.places("stored"))
    fit = state.rows * (len(state.present) + 1) * 8 <= MOST_KEPT
    if fit and (len(strange) or not state.complete):
        return f"all {state.rows:,} rows are few enough to be kept whole, and were not"
    if state.complete:
        return None
    missed = np.flatnonzero((state.counts > 0.0) & (state.learned["met"] == 0.0))
    if state.shape.classes and len(missed):
        label = state.shape.classes[missed[0]]
        return f"the sample had no row of {state.shape.targets[0]}={label!r}"
    common = strange[state.moments.mean[strange] > SELDOM]
    if len(common):
        return f"the sample had only zeros in {state.shape.columns[common[0]].name!r}"
    return far(state)


def far(state: CurvatureState) -> str | None:
    """Return in words how far the starts are from their optima; None where one of each balance is near."""
    balance = state.learned["balance"]
    away = np.array([_distance(state, k) for k in range(len(balance))])
    for kind in np.unique(np.ptp(balance, axis=1) > 0.0):
        nearest = away[(np.ptp(balance, axis=1) > 0.0) == kind].min()
        if not nearest <= FAR:
            how = f"about {nearest:.2g}" if np.isfinite(nearest) else "infinitely"
            return f"the linear predictor that the sample led to is off by {how} on all rows"
    return None


def kept_with(n: int, present: Places, shape: Shape) -> dict[str, Values]:
    """Return how many rows to keep, all where n rows are few, and with which columns.

    Of few rows every column counts that is not zero in all of them; of many rows all but indicators of nothing.
    """
    most = MOST_KEPT // (8 * (len(present) + 1))
    if n <= most:
        return {"keep": np.array([min(1 << max(0, int(n - 1).bit_length()), most)]), "stored": present}
    others = [j for j, column in enumerate(shape.columns) if column.role != INDICATOR]
    stored = np.union1d(present, np.array(others, np.intp))
    size = np.dtype(shape.dtype).itemsize * (len(stored) + 2)
    return {"keep": np.array([max(2, SAMPLED // size)]), "stored": stored}


def variances(state: CurvatureState) -> Array:
    """Return the variance of each column, shape (d,)."""
    return np.asarray(state.moments.squares[: state.shape.d] / state.weight)


def scales_of(spread: Array, center: Array) -> Array:
    """Return what columns are divided by: their deviations, or one where they have a single value."""
    return np.where(spread > 1e-12 * np.maximum(1.0, np.abs(center)), spread, 1.0)


def _distance(state: CurvatureState, k: int) -> float:
    """Return the change of η, weighted by curvature, of Newton's step of all rows from start k to its optimum."""
    known, g = state.learned, state.learned["balance"][k]
    theta, hessian, weight = known["start"][k][:, state.along], state.curvature(k, g)[0], float(g @ state.counts)
    e, m = theta.shape
    free = np.tile(np.arange(m) < m - 1, e)
    ridge = float(known["share"][k]) * weight * free
    slope = state.slope(k, g) + ridge * theta.ravel()
    curvature = float(hessian.reshape(e, m, e, m)[np.arange(e), -1, np.arange(e), -1].sum())
    if not (np.isfinite(slope).all() and np.isfinite(hessian).all() and curvature > 0.0):
        return np.inf
    step = np.linalg.solve(hessian + np.diag(ridge + 1e-9 * curvature), slope)
    return float(np.sqrt(max(float(step @ hessian @ step), 0.0) / curvature))


def drawn_rows(state: CurvatureState) -> tuple[Array, Array]:
    """Return the rows that a state keeps, targets last, and what each of them stands for."""
    found = state.drawn()
    w = stands_for(found, codes_of(state.shape, found.y), state.counts)
    return np.column_stack([found.x, found.y]), w


def to_totals(w: Array, codes: Places, totals: Array) -> Array:
    """Return weights of which each class has its total."""
    found = np.bincount(codes, w, len(totals))
    return np.asarray(w * np.divide(totals, found, out=np.zeros_like(found), where=found > 0.0)[codes])


def alike(state: CurvatureState, values: Array, w: Array) -> bool:
    """Return whether a sample has the means of all rows, and every class."""
    if len(values) < 2 or not w.sum() > 0.0:
        return False
    d = state.shape.d
    found = np.bincount(codes_of(state.shape, values[:, d]), w, len(state.counts))
    if np.any((found == 0.0) & (state.counts > 0.0)):
        return False
    here = np.average(values, axis=0, weights=w)
    error = np.sqrt(state.moments.squares / state.weight / len(values))
    return bool(np.all(np.abs(here - state.moments.mean) <= APART * error + 1e-9 * np.abs(state.moments.mean)))
