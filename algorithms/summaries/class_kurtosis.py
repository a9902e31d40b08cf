"""ClassKurtosis: the moments of each class up to the fourth, from which the shrinkage of Ledoit & Wolf follows.

Notation, within one class of weight W

====== ======================================================================================
p_j    1 where column j is known in a row; 0 where its indicator says that it is missing
π_j    share of the rows in which it is known
u_j    p_j (x_j - m_j), with the mean m_j of the known: Σw u_j = 0
σ_j    root of the mean of u_j² over all rows
z_j    u_j / σ_j, zero where σ_j is
====== ======================================================================================

What is kept of the products is free of units, so that neither an offset nor a scale costs digits: fourth powers
of a column at 10⁶ with a spread of 1 would leave none. A missing number counts as zero *after* centring, for the
same reason. Since p² = p and pu = u, another centre and another fill are linear in 1, u and u².
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.contract import EXACT, Batch, Shape, Summary
from algorithms.preparing.column_map import gaps_of
from algorithms.preparing.within import add, places_of, selected, union
from algorithms.summaries.class_kurtosis_state import ClassKurtosisState


@dataclass(frozen=True)
class ClassKurtosis(Summary[ClassKurtosisState]):
    """Rows, weight, mean and deviations of each class, and products of its columns up to the fourth order.

    It costs three times what :class:`~algorithms.summaries.classes.Classes` does.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape, kurtosis = Shape((Column("x", "x"),), ("y",), classes=("a", "b")), ClassKurtosis()
    >>> rows = np.array([[0.0, 0.0], [2.0, 0.0], [5.0, 1.0]])
    >>> state = kurtosis.update(kurtosis.init(shape), Batch(rows, d=1))
    >>> state.means.ravel().tolist(), state.deviations.ravel().tolist(), state.products[0].ravel().tolist()
    ([1.0, 5.0], [1.0, 0.0], [1.0, 0.0, 1.0])
    """

    version: ClassVar[int] = 2
    tolerance: ClassVar[float] = 1e-7
    family: ClassVar[str] = EXACT

    def init(self, shape: Shape) -> ClassKurtosisState:
        """Return the state of no rows: no column is other than zero in any of them."""
        return _none(shape, np.zeros(0, np.intp))

    def update(self, state: ClassKurtosisState, batch: Batch) -> ClassKurtosisState:
        """Return the state of the rows seen before and those of ``batch``."""
        if not batch.n:
            return state
        with np.errstate(over="ignore", invalid="ignore"):
            lifted = self._lift(state.shape, batch)
        return self.merge(state, lifted)

    def merge(self, a: ClassKurtosisState, b: ClassKurtosisState) -> ClassKurtosisState:
        """Return the state of both states' rows, class by class, about their common mean and by their deviation."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        made = _none(a.shape, union(a.within, b.within))
        made.counts[:], made.weights[:] = a.counts + b.counts, a.weights + b.weights
        for c in range(len(made.weights)):
            if a.counts[c] and b.counts[c]:
                with np.errstate(over="ignore", invalid="ignore"):
                    _join(made, a, b, c)
            else:
                one = a if a.counts[c] else b
                made.means[c], made.deviations[c] = one.means[c], one.deviations[c]
                add(made.products[c], made.within, one.products[c], one.within)
        return made

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state at most."""
        return self._bytes(shape, shape.d)

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes of one state whose rows have every column that they may have."""
        return self._bytes(shape, shape.d if shape.filled is None else shape.filled)

    def _bytes(self, shape: Shape, k: int) -> int:
        return 8 * (len(shape.classes) * (2 + 2 * shape.d + 3 * k * k) + k)

    def _lift(self, shape: Shape, batch: Batch) -> ClassKurtosisState:
        values, w = batch.dense(shape.p), batch.weights
        codes = values[:, shape.d].astype(np.intp)
        state = _none(shape, np.flatnonzero(values[:, : shape.d].any(axis=0)))
        for c in np.unique(codes).tolist():
            mine = codes == c
            _fill(state, c, values[mine, : shape.d].astype(np.float64), w[mine])
        return state


def _none(shape: Shape, within: Places) -> ClassKurtosisState:
    """Return the state of no rows, with places for these columns."""
    c, d, k = len(shape.classes), shape.d, len(within)
    none = np.zeros((c, d))
    return ClassKurtosisState(
        shape, np.zeros(c, np.int64), np.zeros(c), none, none.copy(), within, np.zeros((c, 3, k, k))
    )


def _fill(state: ClassKurtosisState, c: int, x: Array, w: Array) -> None:
    """Write one class's rows, shape (n, d), into an empty state; overwrites them."""
    gaps, total = gaps_of(state.shape.columns), float(w.sum())
    missing = x[:, gaps.indicators] != 0.0
    x[:, gaps.indicators] = missing
    holes, missing = gaps.some(missing.any(axis=0)), missing[:, missing.any(axis=0)]
    firsts, known = x[0].copy(), np.full(x.shape[1], total)
    firsts[holes.values] = x[missing.argmin(axis=0), holes.values]
    known[holes.values] = w @ ~missing
    x -= firsts
    x[:, holes.values] *= ~missing
    mean = np.divide(w @ x, known, out=np.zeros_like(known), where=known > 0.0)
    x -= mean
    x[:, holes.values] *= ~missing
    sigma = np.sqrt(w @ (x * x) / total)
    on = np.flatnonzero(sigma > 0.0)
    at = np.searchsorted(state.within, on)
    z = x[:, on] / sigma[on]
    first, second = z * np.sqrt(w)[:, None], z * z * np.sqrt(w)[:, None]
    state.counts[c], state.weights[c] = len(x), total
    state.means[c], state.deviations[c] = np.where(known > 0.0, firsts + mean, 0.0), sigma
    for order, made in enumerate((first.T @ first, second.T @ first, second.T @ second)):
        state.products[c, order][np.ix_(at, at)] = made / total


def _join(made: ClassKurtosisState, a: ClassKurtosisState, b: ClassKurtosisState, c: int) -> None:
    """Write one class of two states, of which each has rows, into an empty state."""
    share_a, share_b = a.weights[c] / made.weights[c], b.weights[c] / made.weights[c]
    known_a, known_b = share_a * a.known[c], share_b * b.known[c]
    known = known_a + known_b
    toward = np.divide(known_b, known, out=np.zeros_like(known), where=known > 0.0)
    mean = np.where(known_a > 0.0, a.means[c] + (b.means[c] - a.means[c]) * toward, b.means[c])
    shift_a = np.where(known_a > 0.0, a.means[c] - mean, 0.0)
    shift_b = np.where(known_b > 0.0, b.means[c] - mean, 0.0)
    inside = share_a * a.deviations[c] ** 2 + share_b * b.deviations[c] ** 2
    made.means[c] = mean
    made.deviations[c] = sigma = np.sqrt(inside + known_a * shift_a**2 + known_b * shift_b**2)
    on = np.flatnonzero(sigma > 0.0)
    of_a, of_b = _moved(a, c, shift_a, sigma, on), _moved(b, c, shift_b, sigma, on)
    at = np.searchsorted(made.within, on)
    for order in range(3):
        made.products[c, order][np.ix_(at, at)] = share_a * of_a[order] + share_b * of_b[order]


def _moved(
    state: ClassKurtosisState, c: int, shift: Array, sigma: Array, on: Places
) -> tuple[Array, Array, Array]:
    """Return one class's products about another mean and by another deviation, of some columns.

    With u' = u + e p they are u'² = u² + 2 e u + e² p, since p² = p and pu = u.

    Parameters
    ----------
    shift : e, this mean less the other, shape (d,).
    sigma : the other deviation, shape (d,).
    on : the columns whose other deviation is not zero.
    """
    n, own = len(on), state.deviations[c][on]
    ratio, away, known = own / sigma[on], shift[on] / sigma[on], state.known[c][on]
    places = np.full(len(sigma), -1)
    places[on] = np.arange(n)
    gaps = gaps_of(state.shape.columns)
    value, indicator = places[gaps.values], places[gaps.indicators]
    value, indicator = value[both := (value >= 0) & (indicator >= 0)], indicator[both]

    def moved(rows: Array) -> Array:
        one, z, square = rows[:1], rows[1 : n + 1], rows[n + 1 :]
        p = known[:, None] * one
        p[value] -= own[indicator, None] * z[indicator]
        r, e = ratio[:, None], away[:, None]
        return np.concatenate([one, r * z + e * p, r**2 * square + 2.0 * r * e * z + e**2 * p])

    at = places_of(state.within, len(sigma))[on]
    second, third, fourth = (selected(product, at) for product in state.products[c])
    none, varies = np.zeros((1, n)), (own > 0.0).astype(np.float64)[None, :]
    gram = np.block([
        [np.ones((1, 1)), none, varies], [none.T, second, third.T], [varies.T, third, fourth],
    ])  # fmt: skip
    gram = moved(moved(gram).T)
    return gram[1 : n + 1, 1 : n + 1], gram[n + 1 :, 1 : n + 1], gram[n + 1 :, n + 1 :]
