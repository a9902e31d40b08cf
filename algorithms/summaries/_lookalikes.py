"""Rows that look like a rare class: a direction that a sample tells the class by, and how far rows lie along it.

Average precision, F1 and the like of a rare class depend on the few other rows that a model ranks among it, of
which a uniform sample has next to none. Which these are depends on the model, but models agree: rows that a linear
discriminant of a small sample takes for the class are most of them.

Notation: z = (x - m)/s are the columns standardised with both sides weighing a half, δ the difference of the sides'
means, S their scatter, and w solves (S + γI) w = δ with γ the number of columns per rare row, as far as that is
below one. Of many columns these are the ones that Welch's t tells the sides apart by (Fan & Lv 2008, "Sure
independence screening").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Floats, Mask, Places
from algorithms.batches import Batch, Shape, SparseBatch, as_dense
from algorithms.learned import Learned

if TYPE_CHECKING:
    from scipy.sparse import csr_array

RARE = 0.05
"""Share of the rows below which a class is rare: of more rows, scores on a sample have no bias that matters."""

SCREENED = 400
"""Columns that a discriminant is made of at most."""

COLUMNS, MATTERING = 100, 0.99
"""Columns that a row's likeness is made of at most, those that tell the most; fewer tell this share of it."""

ROWS = 10_000
"""Rows of either side that the direction is learned of, at most."""

SCANNED = 1 << 17
"""Rows that are read for the sample, of more rows."""

LEAST = 1e-3
"""The least γ."""

HUGE = 1e100
"""What values are cut at, so that their squares have a sum."""

CHUNK = 16_384
"""Rows whose likeness is computed at once."""


def may_be_rare(shape: Shape) -> bool:
    """Return whether some class is rare, or may turn out to be.

    Examples
    --------
    >>> may_be_rare(Shape((), ("y",), classes=("a", "b"), class_rows=(40, 60)))
    False
    """
    return not shape.class_rows or min(shape.class_rows) < RARE * sum(shape.class_rows)


def rarest_direction(shape: Shape, sample: Batch) -> Learned:
    """Return the direction that tells the rarest class; nothing where none is rare."""
    if not shape.classes or not sample.n:
        return Learned({})
    codes = sample.target(shape.d)
    mass = np.bincount(codes.astype(np.intp), sample.weights, len(shape.classes))
    rare = int(np.argmin(np.where(mass > 0.0, mass, np.inf)))
    if mass[rare] >= RARE * mass.sum():
        return Learned({})
    rows = np.sort(np.concatenate([_spread(codes == rare), _spread(codes != rare)]))
    mine, weights = codes[rows] == rare, sample.weights[rows]
    with np.errstate(over="ignore", invalid="ignore"):
        columns, x = _columns(shape, sample, rows, mine)
        found = _mattering(_direction(np.clip(x, -HUGE, HUGE), mine, weights), x)
        middle = np.median(_along(x, found)[~mine])
    if not (np.isfinite(found).all() and np.isfinite(middle) and found.any()):
        return Learned({})
    direction = np.zeros(shape.d)
    direction[columns] = found
    return Learned({"direction": direction, "middle": np.array(middle), "rare": np.array(rare)})


def likeness(known: Learned | None, batch: Batch, shape: Shape) -> Array:
    """Return how much each row of another class looks like the rare one, shape (n,): 0 for the less likely half.

    It is the same bits for a row whatever rows are beside it. Rows of the rare class have 0, too.

    Examples
    --------
    >>> from algorithms.batches import Column
    >>> shape = Shape((Column("x", "x"),), ("y",), classes=("common", "rare"))
    >>> known = Learned({"direction": np.array([2.0]), "middle": np.array(1.0), "rare": np.array(1)})
    >>> likeness(known, Batch(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]]), 1), shape).tolist()
    [0.0, 5.0, 0.0]
    """
    if known is None or "direction" not in known:
        return np.zeros(batch.n)
    with np.errstate(over="ignore", invalid="ignore"):
        found = _of_rows(batch, known["direction"], shape) - known["middle"]
    found[batch.target(shape.d) == known["rare"]] = 0.0
    return np.asarray(np.nan_to_num(found, nan=0.0).clip(min=0.0))


def _of_rows(batch: Batch, direction: Array, shape: Shape) -> Array:
    """Return how far rows lie along a direction, shape (n,); a sparse row's numbers are summed in their order."""
    if isinstance(batch, SparseBatch):
        return np.asarray(batch.matrix @ direction, np.float64)
    present = np.arange(shape.p) if batch.present is None else batch.present
    return _along(batch.values, np.append(direction, np.zeros(shape.t))[present])


def _along(x: Floats, direction: Array) -> Array:
    """Return x @ direction by columns in their order, so that no cut of the rows shows."""
    found, beside = np.zeros(len(x)), np.empty(min(len(x), CHUNK))
    columns = np.flatnonzero(direction)
    for start in range(0, len(x), CHUNK):
        part = found[start : start + CHUNK]
        times = beside[: len(part)]
        for j in columns:
            np.multiply(x[start : start + CHUNK, j], direction[j], out=times)
            part += times
    return found


def _spread(some: Mask) -> Places:
    """Return the places of some rows, evenly spread ones where there are many."""
    places = np.flatnonzero(some)
    return places[:: max(1, -(-len(places) // ROWS))]


def _columns(shape: Shape, sample: Batch, rows: Places, mine: Mask) -> tuple[Places, Array]:
    """Return the columns that tell the sides apart the most, in their order, and their values in some rows."""
    some = sample.matrix[rows] if isinstance(sample, SparseBatch) else sample.dense(shape.p, rows)[:, : shape.d]
    columns = np.arange(shape.d) if shape.d <= SCREENED else _telling(some, mine)
    return columns, as_dense(some[:, columns]).astype(np.float64)


def _telling(x: Floats | csr_array, mine: Mask) -> Places:
    """Return the columns of the largest t of Welch's, in their order."""
    means, errors = [], []
    for side in (x[mine], x[~mine]):
        wide = side.astype(np.float64)
        mean, square = (np.asarray(one.mean(axis=0)).ravel() for one in (wide, wide * wide))
        means.append(mean)
        errors.append(np.maximum(square - mean**2, 0.0) / side.shape[0])
    with np.errstate(divide="ignore"):
        t = np.nan_to_num(np.abs(means[0] - means[1]) / np.sqrt(sum(errors)), nan=0.0, posinf=np.inf)
    return np.asarray(np.sort(np.argsort(-t, kind="stable")[:SCREENED]), np.intp)


def _mattering(direction: Array, x: Array) -> Array:
    """Return a direction without the columns that tell next to nothing."""
    power = (direction * x.std(axis=0)) ** 2
    most = np.argsort(-power, kind="stable")[:COLUMNS]
    share = np.cumsum(power[most]) / power.sum()
    kept = most[: 1 + int(np.searchsorted(share, MATTERING))]
    found = np.zeros(len(direction))
    found[kept] = direction[kept]
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
