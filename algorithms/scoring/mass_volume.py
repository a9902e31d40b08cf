"""A score of models of outliers that needs no label: how little room they call normal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from algorithms.arrays import Array, Floats

SHARES = np.linspace(0.9, 0.999, 100)
"""The shares of the rows that are held to be normal, over which the room is averaged."""

DRAWS = 4096
"""Rows whose columns are drawn anew."""

COLUMNS = 5
"""Columns of a row that are drawn anew at once."""


def mass_volume(normality: Callable[[Floats], Array], rows: Floats, weights: Array, known: Floats) -> float:
    """Return the mean room of the least levels that hold 90 to 99.9% of the rows, from 0 to 1; less is better.

    The area under the mass-volume curve (Clémençon & Jakubowicz 2013) over those shares, as Goix (2016, "How to
    evaluate the quality of unsupervised anomaly detection algorithms?") restricts it. A level is where the model
    finds a row as normal as some share of the rows; its room is the share of rows that lie in it when columns of
    them are drawn anew, evenly over the range of the known rows. Of up to five columns all are drawn: that is the
    volume as a share of the box. Of more, five at a time: next to nothing of a box of many columns is near any row.

    Parameters
    ----------
    normality : returns how normal a model finds rows, shape (n,); greater is more so.
    rows : that were held out, shape (n, q).
    weights : of these, shape (n,).
    known : the rows that the model was fitted to, whose range columns are drawn from, shape (m, q).

    Examples
    --------
    >>> known = np.random.default_rng(0).normal(size=(500, 2))
    >>> near = lambda X: -np.hypot(X[:, 0], X[:, 1])
    >>> round(mass_volume(near, known, np.ones(500), known), 2)
    0.44
    >>> round(mass_volume(lambda X: X[:, 0], known, np.ones(500), known), 2)
    0.69
    """
    drawn = _drawn(rows, known)
    order = np.argsort(-(found := normality(rows)), kind="stable")
    mass = np.cumsum(weights[order]) / weights.sum()
    places = np.minimum(np.searchsorted(mass, SHARES - 1e-12), len(order) - 1)
    inside = np.sort(normality(drawn))
    return float(1.0 - np.mean(np.searchsorted(inside, found[order[places]], side="left")) / len(inside))


def _drawn(rows: Floats, known: Floats) -> Floats:
    """Return rows of which some columns are drawn evenly; those of two values take either."""
    rng, low, high = np.random.default_rng(0), known.min(axis=0), known.max(axis=0)
    varied = np.flatnonzero(high > low)
    made = np.array(rows[np.arange(DRAWS) % len(rows)], np.float64)
    if not len(varied):
        return made
    columns = rng.permuted(np.tile(varied, (DRAWS, 1)), axis=1)[:, :COLUMNS]
    shares = rng.random(columns.shape)
    either = np.all((known == low) | (known == high), axis=0)[columns]
    shares = np.where(either, np.round(shares), shares)
    np.put_along_axis(made, columns, low[columns] + shares * (high - low)[columns], axis=1)
    return made
