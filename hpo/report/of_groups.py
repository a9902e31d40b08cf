"""Diagnostics of clusterings: how large the groups are, what their columns are like, and a map of some rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algorithms.contract import as_dense
from algorithms.scoring.blocks import asked_of
from studies.report.diagnosed import Clusters

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from algorithms.arrays import Array, Places
    from algorithms.contract import Weighted

MOST_GROUPS, MOST_COLUMNS, POINTS = 20, 10, 400


def clusters(model: BaseEstimator, rows: Weighted) -> Clusters | None:
    """Return the groups of a fitted clustering, by rows that stand for all of them, the largest first.

    Parameters
    ----------
    model : fitted, over the encoded columns.
    rows : a sample of all rows, or rows of the state that models are of.
    """
    X, w = as_dense(rows.X), rows.sample_weight
    known, place = np.unique(np.asarray(asked_of(model, rows).predict(rows.X)), return_inverse=True)
    if len(known) < 1 or not len(X):
        return None
    shares = np.bincount(place, w) / w.sum()
    order = np.argsort(-shares, kind="stable")
    place = np.argsort(order)[place]
    means = np.array([np.average(X[place == g], axis=0, weights=w[place == g]) for g in range(len(known))])
    overall = np.average(X, axis=0, weights=w)
    spread = np.sqrt(np.average((X - overall) ** 2, axis=0, weights=w))
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.where(spread > 0.0, shares[order] @ (means - overall) ** 2 / spread**2, 0.0)
    columns = [j for j in np.argsort(-apart, kind="stable")[:MOST_COLUMNS] if spread[j] > 0.0]
    some = even(w)
    at = plane((X[some] - overall) / np.where(spread > 0.0, spread, 1.0))
    points = [(float(f"{x:.4g}"), float(f"{y:.4g}"), int(g)) for (x, y), g in zip(at, place[some], strict=True)]
    shown = slice(0, MOST_GROUPS)
    return Clusters(
        shares[order].tolist(), [rows.shape.columns[j].name for j in columns],
        means[shown][:, columns].tolist(), overall[columns].tolist(), spread[columns].tolist(), points,
    )  # fmt: skip


def even(w: Array) -> Places:
    """Return the places of at most so many rows, each as often as it weighs, and none twice.

    Examples
    --------
    >>> even(np.ones(3)).tolist(), len(even(np.ones(1000))), even(np.array([0.0, 2.0, 1.0])).tolist()
    ([0, 1, 2], 400, [1, 2])
    """
    if len(w) <= POINTS:
        return np.flatnonzero(w > 0.0)
    total = np.cumsum(w)
    steps = (np.arange(POINTS) + 0.5) / POINTS * total[-1]
    return np.unique(np.searchsorted(total, steps, side="right").clip(max=len(w) - 1))


def plane(Z: Array) -> Array:
    """Return the rows in the plane of their first two principal components, shape (n, 2)."""
    away = Z - Z.mean(axis=0)
    u, s, _ = np.linalg.svd(away, full_matrices=False)
    found = np.zeros((len(Z), 2))
    found[:, : min(2, len(s))] = (u * s)[:, :2]
    return found
