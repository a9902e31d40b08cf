"""Rows that are kept by importance: what a quadratic leaves out at a row, at most, decides how surely it is kept.

Notation

====== ==================================================================================
z      a row's scaled columns and a one, shape (m,)
h      leverage, the root of zᵀ(H/W + λ)⁻¹z, over the median of a sample
r      what Taylor's formula leaves out of the slope of the row's loss when η moves by ±h
k      importance: weight · rarity of the class · (1 + hr over what is usual, for a step nearby, for the way to
       other models, and h² itself)
u      a row's priority as a number between 0 and 1
====== ==================================================================================

The m rows of smallest u/k are kept. Given the largest of these ratios, τ, a row was kept with probability
min(1, kτ) (priority sampling: Duffield, Lund & Thorup 2007, "Priority sampling for estimation of arbitrary subset
sums"): rows of extreme leverage are kept for sure, of the others a sample by importance, half of it uniform or
more. Mergeable exactly, since the ratio is a row's own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from algorithms.arrays import Array, Places, Values
from algorithms.contract import Batch, Shape
from algorithms.learned import Learned
from algorithms.solvers.expansion import Expansion
from algorithms.summaries._kept import KeptRows
from algorithms.summaries.sample import NumberedState

About = Callable[[Array, Array], Expansion]

RIDGE = 1e-5
"""λ: curvature that counts as none, of columns in their deviations."""

MOST_TURNED = 512
"""Columns up to which leverage knows of their correlations."""

STANDS_OUT = 1000.0
"""hr, over what is usual, beyond which only its root counts, so that no few rows crowd all others out."""

LEVERED = 0.1
"""What h² of a row counts: a row may be certain of its class at each start, and not on the way to another."""

RAREST = 1000.0
"""How much more a row of a rare class counts, at most."""

STEPS = 8.0
"""Importance is rounded to so many values an octave, so that it is the same however rows are cut into batches."""

IMPORTANCE = "importance"

LEAST_IMPORTANT = 1e-30
"""Importance of rows of any age: float32 holds it."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Rows that a state keeps, and how likely that was.

    Attributes
    ----------
    x : shape (n, d), encoded columns.
    y : shape (n,), targets, or places of classes.
    weight : shape (n,), row weights.
    chance : shape (n,), probability that the row was kept; 1 of a row that was kept for sure.
    """

    x: Array
    y: Array
    weight: Array
    chance: Array


def usual(
    about: About, z: Array, y: Array, w: Array, starts: Array, measured: Places, rarity: Array
) -> dict[str, Values]:
    """Return, by name, what importance is measured by: roots of (H/W + λ)⁻¹ at some starts, and what is usual."""
    if not len(z) or not w.sum() > 0.0:
        roots, typical = np.ones((len(measured), z.shape[1])), np.ones((len(measured), 3))
        return {"measured": measured, "root": roots, "usual": typical, "rarity": rarity}
    places = _places(about, y, [z @ theta.T for theta in starts])
    on = np.flatnonzero(z.any(axis=0))
    own = z if len(on) == z.shape[1] else z[:, on]
    found = [_root(own, w * _own_curve(places[k].at) / w.sum(), z.shape[1]) for k in measured]
    roots = np.stack([_spread(root, on, z.shape[1]) for root in found])
    typical = np.ones((len(measured), 3))
    for i, k in enumerate(measured):
        h = _lengths(found[i], own)
        typical[i, 0] = max(float(np.median(h)), 1e-12)
        for j, matter in enumerate(_matter(about, h / typical[i, 0], y, places[k], places), start=1):
            few = np.minimum(matter, np.quantile(matter, 0.99))
            typical[i, j] = max(float(np.average(few, weights=w)), 1e-12)
    return {"measured": measured, "root": roots, "usual": typical, "rarity": rarity}


def importance(
    about: About,
    known: Learned,
    z: Array,
    along: Places,
    y: Array,
    w: Array,
    etas: Sequence[Array],
    found: Sequence[Expansion],
) -> Array:
    """Return k of each row, shape (n,), but for rarity; ``found`` are expansions about ``etas``, start by start.

    ``z`` has the columns ``along``; the others are zero in each of these rows.
    """
    made, places = np.ones(len(y)), _places(about, y, etas, found)
    for k, root, (length, near, far) in zip(known.places("measured"), known["root"], known["usual"], strict=True):
        part = root[along]
        h = _lengths(part if part.ndim == 1 else part[:, part.any(axis=0)], z) / length
        by, on = _matter(about, h, y, places[k], places)
        share = 1.0 / len(known["measured"])
        for beside in (by / near, on / far, LEVERED * h * h):
            stands = np.where(beside > STANDS_OUT, np.sqrt(STANDS_OUT * beside), beside)
            made += share * np.nan_to_num(stands, nan=1e30, posinf=1e30)
    return np.asarray(np.exp2(np.round(STEPS * np.log2(np.clip(w * made, 1e-20, 1e30))) / STEPS))


@dataclass(frozen=True, eq=False)
class _Place:
    """A linear predictor that a row may come to, and its losses about it."""

    eta: Array
    at: Expansion


def _places(
    about: About, y: Array, etas: Sequence[Array], found: Sequence[Expansion] | None = None
) -> list[_Place]:
    """Return the starts, and last the model that a strong penalty leads to: of no columns."""
    found = [about(eta, y) for eta in etas] if found is None else found
    none = np.zeros_like(etas[0])
    return [*map(_Place, etas, found), _Place(none, about(none, y))]


def _matter(about: About, h: Array, y: Array, here: _Place, places: Sequence[_Place]) -> tuple[Array, Array]:
    """Return hr of each row, with the largest r to ±h in the row's own class, and with that to the other places."""
    away, e = np.zeros_like(here.eta), here.eta.shape[1]
    away[np.arange(len(y)), y.astype(np.intp) if e > 1 else 0] = np.minimum(h, 1e3)
    with np.errstate(over="ignore", invalid="ignore"):
        beside = [_Place(eta, about(eta, y)) for eta in (here.eta + away, here.eta - away)]
        near, far = (
            functools.reduce(np.fmax, [_left_out(here, p) for p in some]) for some in (beside, places)
        )
        return np.asarray(h * near), np.asarray(h * far)


def _left_out(here: _Place, there: _Place) -> Array:
    """Return what Taylor's formula leaves out of each row's slope on the way from one place to another."""
    rest = there.at.slope - here.at.slope - here.at.bent(there.eta - here.eta)
    return np.asarray(np.abs(rest).max(axis=1))


def _own_curve(at: Expansion) -> Array:
    """Return the curvature of each row, summed over the equations."""
    if at.curve.shape[1] == 1:
        return np.maximum(at.curve[:, 0], 0.0)
    return np.asarray(np.sum(at.curve * (1.0 - at.curve), axis=1))


def _root(z: Array, c: Array, m: int) -> Array:
    """Return a root, by columns, of (H/W + λ)⁻¹; where z has many columns, m, of its diagonal alone."""
    half = z * np.sqrt(c)[:, None]
    if m > MOST_TURNED:
        return np.asarray(1.0 / np.sqrt(np.sum(half * half, axis=0) + RIDGE))
    values, vectors = np.linalg.eigh(half.T @ half)
    return np.asarray(vectors / np.sqrt(np.maximum(values, 0.0) + RIDGE))


def _spread(root: Array, on: Places, m: int) -> Array:
    """Return the root for all m columns: the others, of which no row has any, have no curvature but λ."""
    if len(on) == m:
        return root
    made = np.full(m, 1.0 / np.sqrt(RIDGE))
    if root.ndim == 1:
        made[on] = root
        return made
    made = np.diag(made)
    made[np.ix_(on, on)] = root
    return made


def _lengths(root: Array, z: Array) -> Array:
    turned = z * root if root.ndim == 1 else z @ root
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", turned, turned)))


# the sample -------------------------------------------------------------------------------------------------


def shape_of_kept(shape: Shape, stored: Places) -> Shape:
    """Return the shape of what is kept: the columns that are not zero in every row, the target, and importance."""
    columns = tuple(shape.columns[j] for j in stored)
    return replace(shape, columns=columns, targets=(*shape.targets, IMPORTANCE), features=None)


def batch_of_kept(batch: Batch, values: Array, stored: Places, k: Array, shape: Shape) -> Batch:
    """Return a batch as it is kept: ``values`` are its rows with all columns and the target."""
    if batch.priority is None:
        return Batch(np.empty((batch.n, len(stored) + 2)), len(stored), batch.weight)
    rows = np.empty((batch.n, len(stored) + 2), np.dtype(shape.dtype))
    rows[:, :-2], rows[:, -2], rows[:, -1] = values[:, stored], values[:, -1], k
    ratio = (batch.priority + 0.5) * 2.0**-64 / rows[:, -1].astype(np.float64)
    return Batch(rows, len(stored), batch.weight, None, ratio.view(np.uint64))


def drawn(kept: NumberedState, stored: Places, d: int) -> Drawn:
    """Return the rows that are kept; where there are others, the last of them only gives τ."""
    complete = kept.rows == kept.n
    n = kept.n if complete else max(0, kept.n - 1)
    values = kept.values[:n].astype(np.float64)
    x = np.zeros((n, d))
    x[:, stored] = values[:, :-2]
    chance = np.ones(n)
    if not complete:
        tau = float(kept.priority[-1:].view(np.float64)[0])
        chance = np.minimum(1.0, values[:, -1] * tau)
    return Drawn(x, values[:, -2], kept.weights[:n], chance)


def faded(kept: NumberedState, factor: float) -> NumberedState:
    """Return rows that are kept as if each weighed, and mattered, so many times what it does."""
    values, priority = kept.values.copy(), kept.priority.copy()
    before = values[:, -1].astype(np.float64)
    values[:, -1] = np.maximum(before * factor, LEAST_IMPORTANT)
    ratio = priority[: kept.n].view(np.float64) * (before / values[:, -1])
    priority[: kept.n] = ratio.view(np.uint64)
    rows = KeptRows.of_dense(values, kept.shape.t)
    weighed = kept.weight * factor, kept.weights * factor
    return replace(kept, weight=weighed[0], weights=weighed[1], priority=priority, kept=rows)


def stands_for(found: Drawn, codes: Places, totals: Array) -> Array:
    """Return how many rows, by weight, each drawn row stands for: a row that was kept for sure itself alone.

    The others of a class stand for what is left of its total, by one over their chance.
    """
    sure, w = found.chance >= 1.0, found.weight / np.maximum(found.chance, 1e-300)
    left = np.maximum(totals - np.bincount(codes[sure], w[sure], len(totals)), 0.0)
    estimated = np.bincount(codes[~sure], w[~sure], len(totals))
    factor = np.divide(left, estimated, out=np.zeros_like(left), where=estimated > 0.0)
    return np.asarray(np.where(sure, w, w * factor[codes]))


def columns_seen(values: Array) -> Places:
    """Return the places of the columns that are not zero in every row; the first where all of them are.

    Examples
    --------
    >>> columns_seen(np.array([[0.0, 2.0], [0.0, 0.0]])).tolist()
    [1]
    """
    found = np.flatnonzero(np.any(values != 0.0, axis=0))
    return found if len(found) else np.arange(min(1, values.shape[1]))
