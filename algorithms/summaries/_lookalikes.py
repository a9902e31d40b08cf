"""Rows that look like a rare class: a direction that a sample tells the class by, and how far rows lie along it.

Average precision, F1 and the like of a rare class depend on the few other rows that a model ranks among it, of
which a uniform sample has next to none. Which these are depends on the model, but models agree: rows that a linear
discriminant of a small sample takes for the class are most of them.

Notation: z = (x - m)/s are the columns standardised with both sides weighing a half, δ the difference of the sides'
means, S their scatter, and w solves (S + γI) w = δ with γ the number of columns per rare row, as far as that is
below one.
"""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array, Floats, Mask
from algorithms.batches import Batch, Shape, SparseBatch
from algorithms.known import Known

RARE = 0.05
"""Share of the rows below which a class is rare: of more rows, scores on a sample have no bias that matters."""

COLUMNS = 100
"""Columns that a row's likeness is made of at most, those that tell the most."""

LEAST = 1e-3
"""The least γ."""

HUGE = 1e100
"""What values are cut at, so that their squares have a sum."""

CHUNK = 16_384
"""Rows whose likeness is computed at once."""


def told_apart(shape: Shape, sample: Batch) -> Known:
    """Return the direction that tells the rarest class; nothing where none is rare, or rows are sparse."""
    if not shape.classes or not sample.n or isinstance(sample, SparseBatch):
        return Known({})
    mass = np.bincount(sample.target(shape.d).astype(np.intp), sample.weights, len(shape.classes))
    rare = int(np.argmin(np.where(mass > 0.0, mass, np.inf)))
    if mass[rare] >= RARE * mass.sum():
        return Known({})
    x, mine = sample.dense(shape.p)[:, : shape.d].astype(np.float64), sample.target(shape.d) == rare
    with np.errstate(over="ignore", invalid="ignore"):
        direction = _direction(np.clip(x, -HUGE, HUGE), mine, sample.weights)
        most = np.argsort(-np.abs(direction) * x.std(axis=0), kind="stable")[:COLUMNS]
        few = np.zeros(shape.d)
        few[most] = direction[most]
        along = _along(x, few)
    middle = np.median(along[~mine])
    if not (np.isfinite(few).all() and np.isfinite(middle) and few.any()):
        return Known({})
    return Known({"direction": few, "middle": np.array(middle), "rare": np.array(rare)})


def likeness(known: Known | None, batch: Batch, shape: Shape) -> Array:
    """Return how much each row of another class looks like the rare one, shape (n,): 0 for the less likely half.

    It is the same bits for a row whatever rows are beside it. Rows of the rare class have 0, too.

    Examples
    --------
    >>> from algorithms.batches import Column
    >>> shape = Shape((Column("x", "x"),), ("y",), classes=("common", "rare"))
    >>> known = Known({"direction": np.array([2.0]), "middle": np.array(1.0), "rare": np.array(1)})
    >>> likeness(known, Batch(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]]), 1), shape).tolist()
    [0.0, 5.0, 0.0]
    """
    if known is None or "direction" not in known or isinstance(batch, SparseBatch):
        return np.zeros(batch.n)
    present = np.arange(shape.p) if batch.present is None else batch.present
    direction = np.append(known["direction"], np.zeros(shape.t))[present]
    with np.errstate(over="ignore", invalid="ignore"):
        found = _along(batch.values, direction) - known["middle"]
    found[batch.target(shape.d) == known["rare"]] = 0.0
    return np.asarray(np.nan_to_num(found, nan=0.0).clip(min=0.0))


def _along(x: Floats, direction: Array) -> Array:
    """Return x @ direction by columns in their order, so that no cut of the rows shows."""
    found = np.zeros(len(x))
    for start in range(0, len(x), CHUNK):
        part = found[start : start + CHUNK]
        for j in np.flatnonzero(direction):
            part += x[start : start + CHUNK, j] * direction[j]
    return found


def _direction(x: Array, mine: Mask, weights: Array) -> Array:
    """Return the discriminant in the columns' own units, shape (d,)."""
    halves = np.where(mine, 0.5 / weights[mine].sum(), 0.5 / weights[~mine].sum()) * weights
    away = x - halves @ x
    scale = np.sqrt(halves @ away**2)
    varies = np.isfinite(scale) & (scale > 0.0)
    z, made = away[:, varies] / scale[varies], np.zeros(x.shape[1])
    apart = 2.0 * (halves[mine] @ z[mine] - halves[~mine] @ z[~mine])
    shrunk = float(np.clip(z.shape[1] / np.count_nonzero(mine), LEAST, 1.0))
    scatter = (z * halves[:, None]).T @ z + shrunk * np.eye(z.shape[1])
    made[varies] = np.linalg.solve(scatter, apart) / scale[varies]
    return made
