"""Starts of k-means side by side, on few rows: drawn by k-means++ and settled by Lloyd's steps, all at once.

==== ==========================================
Z    rows, shape (n, q)
w    their weights, shape (n,)
C    centres of S starts, shape (S, k, q)
==== ==========================================

Of 150 rows the steps of a run take less time than the checks around them: sixteen runs as one
array take that of two.
"""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.solvers.cloud import Rows

ROUNDS = 50
"""Lloyd's steps of a start, at most."""

ALIKE = 1e-9
"""Inertias that differ by less, relatively, are of the same clusters: the first start counts, not rounding."""

MOST = 1 << 16
"""Distances of all starts together up to which they are settled side by side."""


def few(n: int, k: int, starts: int) -> bool:
    """Return whether so many starts of k centres among n rows are quicker side by side than one by one.

    Examples
    --------
    >>> few(150, 8, 16), few(4_096, 8, 16)
    (True, False)
    """
    return starts * k * n <= MOST and n * n <= 4 * MOST


def best_start(Z: Rows, w: Rows, k: int, starts: int, seed: int) -> Rows:
    """Return the centres of the best of some starts, shape (k, q).

    Examples
    --------
    >>> sorted(best_start(np.array([[0.0], [1.0], [9.0], [10.0]]), np.ones(4), 2, 3, seed=0).ravel().tolist())
    [0.5, 9.5]
    """
    wide, weight = Z.astype(np.float64), w.astype(np.float64)
    drawn = plus_plus(wide, weight, k, starts, np.random.default_rng([seed, k]))
    C, inertia = settled(wide, weight, wide[drawn])
    best = np.flatnonzero(inertia <= inertia.min() * (1.0 + ALIKE))[0]
    return np.asarray(C[best], Z.dtype)


def plus_plus(Z: Array, w: Array, k: int, starts: int, rng: np.random.Generator) -> Places:
    """Return the places of the rows that each start is drawn of, shape (S, k): greedy k-means++."""
    squares = np.einsum("ij,ij->i", Z, Z)
    apart = np.maximum(squares[:, None] + squares - 2.0 * (Z @ Z.T), 0.0)
    every, trials = np.arange(starts), 2 + int(np.log(k))
    chosen = np.empty((starts, k), np.intp)
    chosen[:, 0] = rng.choice(len(Z), starts, p=w / w.sum())
    near = apart[chosen[:, 0]]
    for j in range(1, k):
        mass = np.cumsum(w * near, axis=1)
        drawn = rng.uniform(size=(starts, trials)) * mass[:, -1:]
        places = np.minimum((mass[:, None] < drawn[:, :, None]).sum(axis=2), len(Z) - 1)
        nearer = np.minimum(near[:, None], apart[places])
        best = (nearer @ w).argmin(axis=1)
        chosen[:, j], near = places[every, best], nearer[every, best]
    return chosen


def settled(Z: Array, w: Array, C: Array, rounds: int = ROUNDS) -> tuple[Array, Array]:
    """Return the centres after Lloyd's steps, until no row changes its cluster, and the inertia of each start.

    A centre without rows stays where it is.

    Examples
    --------
    >>> C, inertia = settled(np.array([[0.0], [2.0], [9.0]]), np.ones(3), np.array([[[0.0], [9.0]]]))
    >>> C.ravel().tolist(), inertia.tolist()
    ([1.0, 9.0], [2.0])
    """
    squares, each = np.einsum("ij,ij->i", Z, Z), np.arange(C.shape[1])[:, None]
    weighed = np.column_stack([w[:, None] * Z, w])
    labels = np.full((len(C), len(Z)), -1)
    for _ in range(rounds):
        found = _apart(Z, C).argmin(axis=1)
        if np.array_equal(found, labels):
            break
        labels = found
        sums = (labels[:, None] == each).astype(np.float64) @ weighed
        weight = sums[..., -1:]
        C = np.where(weight > 0.0, sums[..., :-1] / np.where(weight > 0.0, weight, 1.0), C)
    return C, np.maximum(_apart(Z, C).min(axis=1) + squares, 0.0) @ w


def _apart(Z: Array, C: Array) -> Array:
    """Return squared distances of rows to centres, less the squares of the rows: shape (S, k, n)."""
    return np.asarray(np.einsum("skq,skq->sk", C, C)[:, :, None] - 2.0 * (C @ Z.T))
