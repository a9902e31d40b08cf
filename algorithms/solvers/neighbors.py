"""Nearest neighbours of every number at once: one search, then running votes and running means.

The K nearest rows of a query, nearest first, hold the k nearest for every k ≤ K. So one search answers all of
them: a vote for k is a vote for k - 1 and one more, and a mean is a running sum over a running weight.

==== ==============================================
m    queries
K    neighbours that were searched
C    classes
==== ==============================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Floats, Mask, Places, Values
from algorithms.lazily import sklearn

UNIFORM, DISTANCE = "uniform", "distance"
WEIGHTS = (UNIFORM, DISTANCE)

TREE_COLUMNS = 15
"""Columns up to which a tree finds neighbours faster than all distances do, as scikit-learn has it."""

T = TypeVar("T", bound=np.generic)

SHORT = 1e-3
"""A distance of so small a share of a row's length, taken by products, has lost six digits of its square."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """The nearest rows of some queries, nearest first.

    Attributes
    ----------
    distances : shape (m, K), ascending.
    target : shape (m, K), what is known of those rows: codes of classes, or numbers.
    """

    distances: Floats
    target: Values

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.distances.nbytes + self.target.nbytes)

    def weights(self, how: str) -> Array:
        """Return the weight of each neighbour, shape (m, K), as scikit-learn's ``weights``.

        Examples
        --------
        >>> Ranked(np.array([[0.5, 2.0], [0.0, 2.0]]), np.zeros((2, 2))).weights("distance").tolist()
        [[2.0, 0.5], [1.0, 0.0]]
        """
        if how == UNIFORM:
            return np.ones(self.distances.shape)
        with np.errstate(divide="ignore"):
            inverse = 1.0 / self.distances
        at_zero = np.isinf(inverse)  # a query on top of a row asks that row alone
        return np.asarray(np.where(at_zero[:, :1], at_zero, inverse), np.float64)


def search(rows: Floats, target: Values, queries: Floats, k: int, metric: str) -> Ranked:
    """Return the k nearest of some rows for every query, by one search of scikit-learn's.

    All distances at once are taken by products, about the mean of the rows; those that are short beside the rows
    are then taken by differences, so that equal rows are at distance zero.

    Parameters
    ----------
    rows, queries : shapes (n, q) and (m, q).
    target : shape (n,).
    k : neighbours, at most n.
    metric : as in ``sklearn.neighbors.NearestNeighbors``.

    Examples
    --------
    >>> search(np.array([[0.0], [1.0], [5.0]]), np.array([7, 8, 9]), np.array([[4.0]]), 2, "euclidean").target
    array([[9, 8]])
    """
    wide = rows.shape[1] > TREE_COLUMNS
    if wide:
        mean = rows.mean(axis=0)
        rows, queries = rows - mean, queries - mean
    found = sklearn.neighbors.NearestNeighbors(
        n_neighbors=k, algorithm="brute" if wide else "kd_tree", metric=metric
    ).fit(rows)
    distances, places = found.kneighbors(queries)
    if wide and metric == "euclidean":
        distances, places = _corrected(rows, queries, distances, places)
    return Ranked(distances, target[places])


def _corrected(
    rows: Floats, queries: Floats, distances: Floats, places: Places
) -> tuple[Floats, Places]:
    """Return distances, ascending, and places, those that are short beside the queries taken by differences."""
    i, j = np.nonzero(distances < SHORT * np.linalg.norm(queries, axis=1)[:, None])
    if len(i):
        distances = distances.copy()
        distances[i, j] = np.linalg.norm(rows[places[i, j]] - queries[i], axis=1)
        some = np.unique(i)
        order = np.argsort(distances[some], axis=1, kind="stable")
        distances[some] = np.take_along_axis(distances[some], order, axis=1)
        places[some] = np.take_along_axis(places[some], order, axis=1)
    return distances, places


@dataclass(frozen=True, eq=False)
class Table(Generic[T]):
    """Something known of every query for every number of neighbours and both weightings.

    Attributes
    ----------
    values : by weighting, shape (K, m).
    """

    values: dict[str, NDArray[T]]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(sum(v.nbytes for v in self.values.values()))

    def at(self, k: int, weights: str) -> NDArray[T]:
        """Return the values of k neighbours, shape (m,)."""
        found: NDArray[T] = self.values[weights][k - 1]
        return found


def means(ranked: Ranked) -> Table[np.float64]:
    """Return the weighted means of numbers, Σ w·y / Σ w over the k nearest.

    Examples
    --------
    >>> ranked = Ranked(np.array([[0.5, 2.0]]), np.array([[3.0, 8.0]]))
    >>> means(ranked).at(2, "uniform").tolist(), means(ranked).at(2, "distance").tolist()
    ([5.5], [4.0])
    """
    return Table({how: _means(ranked, how) for how in WEIGHTS})


def _means(ranked: Ranked, how: str) -> Array:
    return _running_mean(ranked.weights(how).T, ranked.target.T.astype(np.float64, copy=False))


def elected(ranked: Ranked, n_classes: int) -> Table[np.unsignedinteger]:
    """Return the class with most votes, the first of equals.

    Examples
    --------
    >>> ranked = Ranked(np.array([[1.0, 2.0, 3.0]]), np.array([[1, 0, 0]]))
    >>> [elected(ranked, 2).at(k, "uniform").tolist() for k in (1, 2, 3)]
    [[1], [0], [0]]
    """
    return Table({how: _elected(ranked, how, n_classes) for how in WEIGHTS})


def _elected(ranked: Ranked, how: str, n_classes: int) -> NDArray[np.unsignedinteger]:
    m, reach = ranked.target.shape
    weights, codes, rows = ranked.weights(how).T, ranked.target.T.astype(np.intp), np.arange(m)
    votes, most, first = np.zeros((m, n_classes)), np.full(m, -1.0), np.zeros(m, np.intp)
    chosen = np.empty((reach, m), small(n_classes))
    for j in range(reach):
        mine = votes[rows, codes[j]] + weights[j]
        votes[rows, codes[j]] = mine
        # votes only grow, so the leader changes to the class that has just been voted for, or not at all
        leads = (mine > most) | ((mine == most) & (codes[j] < first))
        most, first = np.where(leads, mine, most), np.where(leads, codes[j], first)
        chosen[j] = first
    return chosen


def shares(ranked: Ranked, truth: Places) -> Table[np.float64]:
    """Return the share of the votes for each query's true class.

    Examples
    --------
    >>> ranked = Ranked(np.array([[0.5, 2.0]]), np.array([[1, 0]]))
    >>> shares(ranked, np.array([1])).at(2, "distance").tolist()
    [0.8]
    """
    hits = np.ascontiguousarray((ranked.target == truth[:, None]).T)
    return Table({how: _running_mean(ranked.weights(how).T, hits) for how in WEIGHTS})


def _running_mean(weights: Array, values: Array | Mask) -> Array:
    """Return Σ w·v / Σ w over the first j + 1 of K, shape (K, m)."""
    sums: Array = np.multiply(weights, values, order="C")
    totals = np.array(weights, order="C")
    for j in range(1, len(sums)):  # row by row: several times faster than cumsum along the first axis
        sums[j] += sums[j - 1]
        totals[j] += totals[j - 1]
    sums /= totals
    return sums


def probabilities(ranked: Ranked, k: int, how: str, n_classes: int) -> Array:
    """Return the shares of the votes, shape (m, C).

    Examples
    --------
    >>> probabilities(Ranked(np.array([[0.5, 2.0]]), np.array([[1, 0]])), 2, "distance", 2).tolist()
    [[0.2, 0.8]]
    """
    m = len(ranked.target)
    places = ranked.target[:, :k].astype(np.intp) + n_classes * np.arange(m)[:, None]
    weights = Ranked(ranked.distances[:, :k], ranked.target).weights(how)
    votes = np.bincount(places.ravel(), weights.ravel(), m * n_classes).reshape(m, n_classes)
    return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def small(n_classes: int) -> np.dtype[np.unsignedinteger]:
    """Return the smallest type that holds a class's code.

    Examples
    --------
    >>> small(3)
    dtype('uint8')
    """
    return np.min_scalar_type(max(n_classes - 1, 0))
