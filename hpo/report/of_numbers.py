"""Diagnostics of regressions: predicted beside true values, and how large errors are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studies.report.diagnosed import Regressed

if TYPE_CHECKING:
    from algorithms.arrays import Array, Places
    from hpo.report.held_out import Answers

POINTS, COLUMNS = 500, 3
SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)


def regressed(found: Answers) -> Regressed | None:
    """Return what was predicted of held-out rows; None of several targets, and where a prediction is not finite."""
    predicted, actual = np.asarray(found.predicted, np.float64), np.asarray(found.actual, np.float64)
    if predicted.ndim != 1 or not np.all(np.isfinite(predicted)):
        return None
    error = predicted - actual
    some = found.uniform[_even(len(found.uniform))]
    X, names = found.columns(), [column.name for column in found.rows[0].shape.columns]
    return Regressed(
        _digits(predicted[some]), _digits(actual[some]),
        [(names[j], _digits(X[some, j])) for j in strongest(X, predicted, found.weight)],
        list(zip(SHARES, quantiles(np.abs(error), found.weight).tolist(), strict=True)),
        float(np.average(error, weights=found.weight)),
    )  # fmt: skip


def _even(n: int) -> Places:
    """Return the places of an even choice of so many."""
    return np.unique(np.linspace(0, n - 1, min(n, POINTS)).astype(int))


def _digits(values: Array) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def strongest(X: Array, predicted: Array, w: Array) -> list[int]:
    """Return the columns that predictions go with most closely, by their absolute correlation."""
    away, gap = X - np.average(X, axis=0, weights=w), predicted - np.average(predicted, weights=w)
    size = np.sqrt((w @ away**2) * (w @ gap**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(size > 0.0, np.abs((w * gap) @ away) / size, 0.0)
    order = np.argsort(-found, kind="stable")[:COLUMNS]
    return [int(j) for j in order if found[j] > 0.0]


def quantiles(values: Array, w: Array) -> Array:
    """Return the smallest values that so many shares of the weight do not exceed."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(w[order])
    places = np.searchsorted(total, np.array(SHARES) * total[-1] * (1.0 - 1e-12))
    return np.asarray(values[order][np.minimum(places, len(values) - 1)])
