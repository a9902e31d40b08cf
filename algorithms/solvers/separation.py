"""How well clusters are apart: silhouette, Davies–Bouldin and Calinski–Harabasz of weighted rows.

With weights of one each is scikit-learn's score of the same name. A weight stands for as many rows; weights
count relative to each other, so that their unit does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array, Floats, Places
from algorithms.errors import Unscorable
from algorithms.solvers.centres import members
from algorithms.solvers.cloud import Cloud, Rows

CHUNK = 512
"""Rows whose distances to all others are held at once."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """Rows in the order of their clusters; clusters without rows are left out.

    Attributes
    ----------
    Z, w, labels : rows about their mean, their weights, one on average, and clusters from 0.
    starts : place of each cluster's first row.
    counts, mass : rows and weight of each cluster.
    """

    Z: Rows
    w: Rows
    labels: Places
    starts: Places
    counts: Places
    mass: Array

    @property
    def k(self) -> int:
        """Number of clusters that have rows."""
        return len(self.counts)


def clusters_of(cloud: Cloud, labels: Places) -> Clusters:
    """Return the rows by cluster; Unscorable unless there are from 2 clusters to one fewer than rows."""
    found, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if not 2 <= len(found) < cloud.n:
        raise Unscorable(
            f"the held-out rows fall in {len(found)} cluster{'s' * (len(found) != 1)} of {cloud.n} rows, and how "
            "far clusters are apart needs at least two, and fewer than rows; try another number of clusters, "
            "or fewer folds"
        )
    order = np.argsort(codes, kind="stable")
    Z, w, codes = cloud.Z[order], cloud.share[order], codes[order]
    Z = Z - Z.mean(axis=0, dtype=np.float64).astype(Z.dtype)
    mass = np.bincount(codes, w, len(found)).astype(np.float64)
    return Clusters(Z, w, codes, (np.cumsum(counts) - counts).astype(np.intp), counts, mass)


def silhouette(cloud: Cloud, labels: Places) -> float:
    """Return the mean of (b - a)/max(a, b) over the rows (Rousseeuw 1987); 0 for a row alone in its cluster.

    a is the mean distance to the other rows of its cluster, b that to the rows of the nearest other cluster.

    Examples
    --------
    >>> cloud = Cloud(np.array([[0.0], [1.0], [9.0], [10.0]]), np.ones(4), 4.0, 4)
    >>> round(silhouette(cloud, np.array([0, 0, 1, 1])), 4)
    0.8885
    """
    found = clusters_of(cloud, labels)
    square, total = np.einsum("ij,ij->i", found.Z, found.Z), 0.0
    others = np.maximum(found.counts - 1, 1) / found.counts
    for start in range(0, cloud.n, CHUNK):
        rows_here = slice(start, start + CHUNK)
        sums = _summed_distances(found, square, rows_here)
        place, own = np.arange(len(sums)), found.labels[rows_here]
        means = sums / found.mass
        a = means[place, own] / others[own]
        means[place, own] = np.inf
        b = means.min(axis=1)
        larger = np.maximum(a, b)
        value = np.where(larger > 0.0, (b - a) / np.where(larger > 0.0, larger, 1.0), 0.0)
        total += float(found.w[rows_here] @ np.where(found.counts[own] > 1, value, 0.0))
    return total / float(found.mass.sum())


def davies_bouldin(cloud: Cloud, labels: Places) -> float:
    """Return the mean over clusters of the largest (sᵢ + sⱼ)/|cᵢ - cⱼ| (Davies & Bouldin 1979); smaller is better.

    s is the mean distance of a cluster's rows to its mean c.
    """
    found = clusters_of(cloud, labels)
    c = _centroids(found)
    away = np.linalg.norm(found.Z - c[found.labels], axis=1)
    spread = np.bincount(found.labels, found.w * away) / found.mass
    apart = np.sqrt(np.maximum(((c[:, None, :] - c[None, :, :]) ** 2).sum(axis=2), 0.0))
    if np.allclose(spread, 0.0) or np.allclose(apart, 0.0):
        return 0.0
    apart[apart == 0.0] = np.inf
    return float(np.mean(np.max((spread[:, None] + spread) / apart, axis=1)))


def calinski_harabasz(cloud: Cloud, labels: Places) -> float:
    """Return the variance ratio B/W · (n - k)/(k - 1) (Calinski & Harabasz 1974); n is ``cloud.rows``."""
    found, n = clusters_of(cloud, labels), cloud.rows
    c = _centroids(found)
    middle = found.mass @ c / found.mass.sum()
    between = float(found.mass @ ((c - middle) ** 2).sum(axis=1))
    within = float(found.w @ ((found.Z - c[found.labels]) ** 2).sum(axis=1))
    return 1.0 if within == 0.0 else between * (n - found.k) / (within * (found.k - 1.0))


Separation = Callable[[Cloud, Places], float]

SEPARATION: Mapping[str, Separation] = {
    "silhouette": silhouette,
    "neg_davies_bouldin": lambda cloud, labels: -davies_bouldin(cloud, labels),
    "calinski_harabasz": calinski_harabasz,
}
"""Score by name; greater is better."""


def _summed_distances(found: Clusters, square: Rows, rows: slice) -> Floats:
    """Return the weighted sums of the distances from some rows to each cluster's rows."""
    D = found.Z[rows] @ found.Z.T
    D *= -2.0
    D += square
    D += square[rows, None]
    np.sqrt(np.maximum(D, 0.0, out=D), out=D)
    here = np.arange(len(D))
    D[here, here + rows.start] = 0.0
    if np.ptp(found.w) > 0.0:
        D *= found.w
    sums: Floats = np.add.reduceat(D, found.starts, axis=1)
    return sums


def _centroids(found: Clusters) -> Array:
    sums = members(found.labels, found.w, found.k) @ found.Z
    return np.asarray(sums / found.mass[:, None], np.float64)
