"""Centres for weighted rows: a path in k, each solution grown from the one before by swaps and Lloyd's steps.

==== ==================================================
Z    rows, shape (n, q)
w    their weights, shape (n,)
C    centres, shape (k, q)
d₁   squared distance to the nearest centre, shape (n,)
d₂   squared distance to the second nearest
==== ==================================================

A step of the path adds the best of a few rows drawn by w·d₁ (greedy k-means++; Arthur & Vassilvitskii 2007),
tries to exchange one centre for a row drawn the same way (local search; Lattanzi & Sohler 2019, "A better
k-means++ algorithm via local search"), and ends with Lloyd's steps. While k is small,
where one bad choice costs most and starts cost least, the best of several starts of k-means++ is taken in its
place if it is lower; beyond, now and then, lest the path stay where it began. Draws depend on the seed and k alone,
so the solution for k is the same whichever others are asked for.
"""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Places
from algorithms.lazily import scipy, sklearn
from algorithms.solvers.cloud import Cloud, Rows
from algorithms.solvers.restarts import ALIKE, best_start, few

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CANDIDATES = 4
"""Rows that each step may add, of which the best is taken."""

SWAPS = 16
"""Rows that each round may exchange a centre for."""

FEW = 32
"""Up to so many centres a step of the path is held against other starts; then at FEW·√2, FEW·2, …"""

FIRST_ROWS = 4_096
"""Rows of a coreset on which what is only a start is found."""


DENSE = 1 << 14
"""Rows × clusters up to which a matrix of who is in which takes less time dense than sparse."""

GAIN = 1e-4
"""Relative gain that an exchange must bring."""


class Path:
    """The solutions for k = 1, 2, … on one cloud, found as far as they are asked for.

    Parameters
    ----------
    cloud : the rows.
    first : fewer rows that stand for the same.
    seed : of the draws.
    most : the largest k, for the memory that the path may come to.

    Examples
    --------
    >>> cloud = Cloud(np.array([[0.0], [1.0], [9.0], [10.0]]), np.ones(4), 4.0, 4)
    >>> sorted(Path(cloud, cloud, 0).centres(2).ravel().tolist())
    [0.5, 9.5]
    """

    def __init__(self, cloud: Cloud, first: Cloud, seed: int, most: int = 200) -> None:
        self.cloud, self.first, self.seed = cloud, first, seed
        self.nbytes = cloud.nbytes + 4 * most * most * cloud.Z.shape[1]
        mean = cloud.share @ cloud.Z / cloud.share.sum()
        self._found: list[Rows] = [mean[None].astype(cloud.Z.dtype)]
        self._lock = threading.Lock()

    def centres(self, k: int) -> Rows:
        """Return the solution for k centres, shape (k, q)."""
        with self._lock:
            while len(self._found) < k:
                self._found.append(self._next(self._found[-1]))
        return self._found[k - 1]

    def _next(self, C: Rows) -> Rows:
        grown, k = _step(self.cloud, C, self.seed), len(C) + 1
        if k > self.first.distinct or not _held_against_others(k):
            return grown
        other = _restarted(self.first, k, self.seed)
        other = means(self.cloud, self.cloud.nearest(other)[0], other)
        mine, theirs = (float(self.cloud.share @ self.cloud.nearest(made)[1]) for made in (grown, other))
        return grown if mine <= theirs * (1.0 + ALIKE) else _largest_first(self.cloud, other)


def _largest_first(cloud: Cloud, C: Rows) -> Rows:
    """Return centres by the rows that they have: in an order that does not depend on how they were found."""
    held = np.bincount(cloud.nearest(C)[0], cloud.share, len(C))
    return C[np.argsort(-held, kind="stable")]


def seeded(cloud: Cloud, k: int, init: str, seed: int) -> Rows:
    """Return k rows to start from, drawn as scikit-learn's ``init`` of that name does.

    Examples
    --------
    >>> seeded(Cloud(np.arange(4.0)[:, None], np.ones(4), 4.0, 4), 4, "random", 0).shape
    (4, 1)
    """
    if init == "random":
        rng = np.random.default_rng([seed, k])
        return cloud.Z[rng.choice(cloud.n, k, replace=False, p=cloud.w / cloud.w.sum())]

    made: Rows = sklearn.cluster.kmeans_plusplus(cloud.Z, k, sample_weight=cloud.share, random_state=seed)[0]
    return made


def _held_against_others(k: int) -> bool:
    """Return whether a path is held against other starts at k centres.

    Examples
    --------
    >>> [k for k in range(30, 200) if _held_against_others(k)]
    [30, 31, 32, 45, 64, 90, 128, 181]
    """
    halves = 2.0 * np.log2(k / FEW)
    return bool(k <= FEW or int(FEW * 2.0 ** (np.ceil(halves) / 2.0)) == k)


def _restarted(cloud: Cloud, k: int, seed: int) -> Rows:
    """Return the best of a few starts of k-means++, more of them for fewer centres."""
    starts = max(2, min(16, 128 // k))
    if few(cloud.n, k, starts):
        return best_start(cloud.Z, cloud.share, k, starts, seed)

    def drawn(Z: Rows, _: int, random_state: np.random.RandomState) -> Rows:
        return plus_plus(Z, cloud.share, k, random_state)

    model = sklearn.cluster.KMeans(k, init=drawn, n_init=starts, max_iter=50, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        made: Rows = model.fit(cloud.Z, sample_weight=cloud.share).cluster_centers_
    return made


def plus_plus(Z: Rows, weight: Rows, k: int, rng: np.random.RandomState) -> Rows:
    """Return the rows that scikit-learn's k-means++ draws, without its checks of each step.

    Parameters
    ----------
    Z, weight : rows (n, q), and their weights (n,).
    k : how many are drawn.
    rng : of the draws.

    Examples
    --------
    >>> plus_plus(np.array([[0.0], [1.0], [9.0]]), np.ones(3), 2, np.random.RandomState(0)).ravel().tolist()
    [1.0, 9.0]
    """
    wide = Z.astype(np.float64)
    squares = np.einsum("ij,ij->i", wide, wide)

    def apart(places: Places) -> Rows:
        found = -2.0 * (wide[places] @ wide.T)
        found += squares[places, None]
        found += squares
        return np.maximum(found.astype(Z.dtype, copy=False), 0.0)

    trials = 2 + int(np.log(k))
    chosen = [rng.choice(len(Z), p=weight / weight.sum())]
    near = apart(np.array(chosen))[0]
    left = near @ weight
    for _ in range(1, k):
        mass = np.cumsum(weight * near)
        places = np.minimum(np.searchsorted(mass, rng.uniform(size=trials) * left), len(Z) - 1)
        nearer = np.minimum(near, apart(places))
        each = nearer @ weight[:, None]
        best = int(np.argmin(each))
        left, near = each[best], nearer[best]
        chosen.append(places[best])
    return np.asarray(Z[chosen])


def _step(cloud: Cloud, C: Rows, seed: int) -> Rows:
    """Return k + 1 centres grown from k."""
    k = len(C) + 1
    rng = np.random.default_rng([seed, k])
    _, near, _ = _nearest_two(cloud, C)
    drawn = _draw(cloud, near, rng, CANDIDATES)
    inertia = cloud.share @ np.minimum(near[:, None], cloud.distances(drawn))
    C = np.concatenate([C, drawn[[inertia.argmin()]]])
    for _ in range(max(1, min(8, 64 // k))):
        labels, near, second = _nearest_two(cloud, C)
        swapped = _swap(cloud, C, labels, near, second, _draw(cloud, near, rng, SWAPS))
        if swapped is not None:
            C = swapped
            labels, _ = cloud.nearest(C)
        C = means(cloud, labels, C)
    return means(cloud, cloud.nearest(C)[0], C)


def _nearest_two(cloud: Cloud, C: Rows) -> tuple[Places, Rows, Rows]:
    """Return the nearest centre of each row, d₁ and d₂ (infinite where there is one centre)."""
    D, rows = cloud.distances(C), np.arange(cloud.n)
    labels = D.argmin(axis=1)
    near = D[rows, labels]
    D[rows, labels] = np.inf
    return labels, near, D.min(axis=1)


def _draw(cloud: Cloud, near: Rows, rng: np.random.Generator, count: int) -> Rows:
    """Return rows drawn by w·d₁; by w alone where every row is a centre."""
    mass = np.cumsum(cloud.share * near, dtype=np.float64)
    if mass[-1] <= 0.0:
        mass = np.cumsum(cloud.share, dtype=np.float64)
    places = np.searchsorted(mass, rng.random(count) * mass[-1])
    return np.asarray(cloud.Z[np.minimum(places, cloud.n - 1)])


def _swap(
    cloud: Cloud, C: Rows, labels: Places, near: Rows, second: Rows, drawn: Rows
) -> Rows | None:
    """Return the centres after the best exchange for one of the drawn rows, or None if none gains.

    Without centre j and with a new one at distance δ, a row of cluster j costs min(d₂, δ), any other min(d₁, δ).
    """
    D = cloud.distances(drawn)
    kept = np.minimum(near[:, None], D)
    extra = cloud.share[:, None] * (np.minimum(second[:, None], D) - kept)
    inertia = summed(labels, np.ones_like(cloud.share), extra, len(C)) + cloud.share @ kept
    out, into = np.unravel_index(int(inertia.argmin()), inertia.shape)
    if inertia[out, into] >= (1.0 - GAIN) * (cloud.share @ near):
        return None
    C = C.copy()
    C[out] = drawn[into]
    return C


def means(cloud: Cloud, labels: Places, C: Rows) -> Rows:
    """Return the weighted mean of each cluster's rows; the old centre where a cluster has none."""
    weight = np.bincount(labels, cloud.share, len(C))
    sums = summed(labels, cloud.share, cloud.Z, len(C))
    found = np.where(weight[:, None] > 0.0, sums / np.where(weight > 0.0, weight, 1.0)[:, None], C)
    return np.asarray(found, cloud.Z.dtype)


def summed(labels: Places, values: Rows, rows: Rows, k: int) -> Rows:
    """Return the sums of rows, times their values, over each cluster: shape (k, q).

    Examples
    --------
    >>> summed(np.array([0, 1, 0]), np.ones(3), np.array([[1.0], [2.0], [3.0]]), 2).ravel().tolist()
    [4.0, 2.0]
    """
    if len(labels) * k <= DENSE:
        return np.asarray((labels == np.arange(k)[:, None]) @ (values[:, None] * rows))
    return np.asarray(members(labels, values, k) @ rows)


def members(labels: Places, values: Rows, k: int) -> csr_array:
    """Return the sparse (k, n) matrix of each row's value in its cluster."""
    return scipy.sparse.csr_array((values, (labels, np.arange(len(labels)))), shape=(k, len(labels)))
