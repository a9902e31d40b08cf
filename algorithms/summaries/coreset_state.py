"""The state of a coreset: rows that are kept with the weight of those that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Mask, Places
from algorithms.contract import Shape
from algorithms.summaries._drawn import DrawnRows
from algorithms.summaries._kept import KeptRows

SHARES = 3.0
"""The average of a sensitivity over the rows that the pilot clustering is of."""

UNIFORM = 4
"""One place of so many belongs to a uniform sample."""


@dataclass(frozen=True, eq=False)
class CoresetState(DrawnRows):
    """The state of :class:`Coreset`.

    Attributes
    ----------
    shape : the columns that the rows are laid out by.
    rows : number of rows seen (int).
    weight : sum of their weights, exact.
    mean, scatter : shape (p,), exact: mean of each column and its sum of squares about it.
    tau : the largest W/u of a row that is not kept; 0 while all are.
    tau_uniform : the largest w/u of a row that is not kept.
    priority : shape (size,) uint64, the hashes that u is made of; the largest number where there is no row.
    importance : shape (size,), W of the kept rows, by descending W/u; zero where there is no row.
    weights : shape (size,), their row weights w.
    values : shape (size, p), the kept rows.
    """

    shape: Shape = field(metadata={"static": True})
    rows: int
    weight: float
    mean: Array
    scatter: Array
    tau: float
    tau_uniform: float
    priority: NDArray[np.uint64]
    importance: Array
    weights: Array
    kept: KeptRows

    @property
    def squares(self) -> Array:
        """The sums of squares, as column maps ask for them."""
        return self.scatter

    @property
    def complete(self) -> bool:
        """Whether every row is kept."""
        return self.n == self.rows

    @property
    def representatives(self) -> Self:
        """Itself: every sum over rows is estimated by its own."""
        return self

    @property
    def sample_weight(self) -> Array:
        """The weight that each kept row stands for, shape (n,)."""
        kept = slice(0, self.n)
        return _stood_for(
            Drawn(self.priority[kept], self.importance[kept], self.weights[kept]),
            len(self.priority),
            (self.tau, self.tau_uniform),
        )

    @property
    def crowding(self) -> float:
        """How many times the average row's importance is what it was among the rows that the importances are of.

        Estimated from τ, to which a row that is always kept does not add. Where it is far above one, rows that
        were unknown take the places of the others.
        """
        return self.tau * len(self.priority) / (SHARES * self.weight) if self.weight else 1.0

    def first(self, m: int) -> tuple[Places, Array]:
        """Return which of the kept rows are the coreset of size m, and the weights they stand for."""
        every = Drawn(self.priority[: self.n], self.importance[: self.n], self.weights[: self.n])
        if m >= len(self.priority):
            return np.arange(self.n), self.sample_weight
        kept, tau, tau_uniform = chosen(every, m)
        left_out = max(tau, self.tau), max(tau_uniform, self.tau_uniform)
        return kept, _stood_for(every.part(kept), m, left_out)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Rows that are drawn from: hash, importance W and weight w of each."""

    priority: NDArray[np.uint64]
    importance: Array
    weights: Array

    @property
    def u(self) -> Array:
        """(hash + 1)/2⁶⁴ in (0, 1]."""
        return np.asarray((self.priority.astype(np.float64) + 1.0) / 2.0**64)

    def part(self, rows: Places) -> Drawn:
        """Return some of them."""
        return Drawn(self.priority[rows], self.importance[rows], self.weights[rows])

    def ranked(self, by: Array) -> Places:
        """Return the order by descending ``by``; of equal ones the smaller hash is first."""
        return np.lexsort((self.priority, -by))

    def largest(self, by: Array, m: int) -> Mask:
        """Return which are the first m in that order."""
        if m >= len(by) or m == 0:
            return np.full(len(by), m > 0)
        cut = np.partition(by, len(by) - m)[len(by) - m]
        chosen, ties = by > cut, np.flatnonzero(by == cut)
        chosen[ties[np.argsort(self.priority[ties])[: m - np.count_nonzero(chosen)]]] = True
        return np.asarray(chosen)


def _uniform_places(size: int) -> int:
    """Return how many of a coreset's places a uniform sample has."""
    return size // UNIFORM


def chosen(rows: Drawn, size: int) -> tuple[Places, float, float]:
    """Return the rows to keep by descending W/u, and the largest W/u and w/u of the others.

    A row that is left out stays so with more rows: those before it in either order are never fewer.
    """
    u = rows.u
    by, evenly = rows.importance / u, rows.weights / u
    if len(u) <= size:
        return rows.ranked(by), 0.0, 0.0
    places = _uniform_places(size)
    kept = rows.largest(evenly, places)
    others = np.flatnonzero(~kept)
    kept[others[rows.part(others).largest(by[others], size - places)]] = True
    order = np.flatnonzero(kept)
    return order[rows.part(order).ranked(by[order])], float(by[~kept].max()), float(evenly[~kept].max())


def _stood_for(rows: Drawn, size: int, left_out: tuple[float, float]) -> Array:
    """Return the weight w/p of each kept row, shape (n,), p its probability to be kept for any u of its own.

    ``left_out`` are the largest W/u and w/u of the rows that are not kept. Given the other rows, a row is kept
    while u is below w/a or W/b; a and b are what it would have to beat were it not there. For a row of the
    uniform places that is the next one, w/u, which then has a place of its own; for any other, the last one.
    """
    tau, tau_uniform = left_out
    if tau == 0.0 and tau_uniform == 0.0:
        return rows.weights
    u = rows.u
    by, evenly = rows.importance / u, rows.weights / u
    uniform = rows.largest(evenly, _uniform_places(size))
    last = float(evenly[uniform].min(initial=np.inf))
    following = float(evenly[~uniform].max(initial=0.0))
    level = tau if following >= tau_uniform else float(by[~uniform].min(initial=np.inf))
    a = np.where(uniform, max(following, tau_uniform), last)
    b = np.where(uniform, level, tau)
    share = np.divide(rows.weights, rows.importance, out=np.zeros(len(u)), where=rows.importance > 0.0)
    return np.asarray(np.maximum(rows.weights, np.minimum(a, b * share)))
