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

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Mask, Places
from algorithms.contract import EXACT, Batch, Shape, Summary
from algorithms.lazily import scipy
from algorithms.preparing.column_map import ColumnMap, gaps_of
from algorithms.preparing.within import add, places_of, selected, union
from algorithms.summaries.by_class import ByClass, class_means

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class ClassKurtosisState(ByClass):
    """The state of :class:`ClassKurtosis`.

    Attributes
    ----------
    shape : the columns.
    counts : shape (C,) int64, rows of each class.
    weights : shape (C,), their weight.
    means : shape (C, d), m: of the rows in which a number is known.
    deviations : shape (C, d), σ.
    within : shape (k,), the places of the columns that are other than zero in any row, ascending.
    products : shape (C, 3, k, k), of these columns, the means of z_j z_l, of z_j² z_l and of z_j² z_l².
    """

    shape: Shape = field(metadata={"static": True})
    counts: NDArray[np.int64]
    weights: Array
    means: Array
    deviations: Array
    within: Places = field(metadata={"varies": True})
    products: Array = field(metadata={"varies": True, "sides": True})

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.counts.sum())

    @property
    def weight(self) -> float:
        """Sum of the row weights."""
        return float(self.weights.sum())

    @cached_property
    def known(self) -> Array:
        """The share π of each class's rows in which a column is known, shape (C, d)."""
        gaps, found = gaps_of(self.shape.columns), np.ones_like(self.means)
        found[:, gaps.values] -= self.means[:, gaps.indicators]
        return found

    @cached_property
    def mean(self) -> Array:
        """Mean of all rows, missing numbers zero, shape (d,)."""
        return np.asarray(self.weights @ (self.known * self.means) / max(self.weight, 1e-300))

    @cached_property
    def squares(self) -> Array:
        """Sum of squares of each column about the mean of all rows, missing numbers zero, shape (d,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            inside = self.deviations**2 + self.known * (1.0 - self.known) * self.means**2
            return np.asarray(self.weights @ (inside + (self.known * self.means - self.mean) ** 2))

    def mapped(self, columns: ColumnMap, as_is: Mask | None = None) -> tuple[Array, Array]:
        """Return each class's mean and scatter in the columns of a design, shapes (C, q) and (C, q, q)."""
        q = len(columns.names)
        scatters = np.zeros((len(self.means), q, q))
        for c, w in enumerate(self.weights):
            t = self._centred(columns, c).multiply(self.deviations[c][:, None]).T.tocsr()[:, self.within]
            scatters[c] = w * (t @ (t @ self.products[c, 0]).T)
        return class_means(self.known * self.means, scatters, columns), scatters

    def lengths(self, columns: ColumnMap) -> Array:
        """Return the length of each class's columns in a design, or of their parts, which may cancel, (C, q)."""
        return np.stack([
            columns.parts(w * s**2) for w, s in zip(self.weights, self.deviations, strict=True)
        ])  # fmt: skip

    def fourth(self, columns: ColumnMap, shifts: Array, scales: Array) -> Array:
        """Return the mean, over each class's rows, of |(y - ȳ + shift) / scale|⁴, shape (C,).

        Parameters
        ----------
        columns : the columns y of a design; ȳ is the class's mean of them.
        shifts, scales : shape (C, q).
        """
        return np.array([self._fourth(columns, c, shifts[c], scales[c]) for c in range(len(self.weights))])

    def _centred(self, columns: ColumnMap, c: int) -> csr_array:
        """Return the sparse map of shape (d, q) from u to y - ȳ: x = u + m p, and p is 1 less an indicator."""
        d, gaps = self.shape.d, gaps_of(self.shape.columns)
        filled = scipy.sparse.csr_array(
            (-self.means[c, gaps.values], (gaps.indicators, gaps.values)), shape=(d, d)
        )
        return columns.matrix + filled @ columns.matrix

    def _fourth(self, columns: ColumnMap, c: int, shift: Array, scale: Array) -> float:
        """Return the mean of (Σ_j (y_j - ȳ_j + shift_j)² / scale_j²)², a quadratic form in 1, z and z².

        Of the columns that a y is the sum of, one at most is other than zero in a row: the e_i = u_i + b_i, with
        the mean b_i of a level or an indicator and none of a number, have e_i e_k = 0. So u_i u_k is linear in u,
        and the square of y - ȳ is linear in u and u².
        """
        made, sigma = self._centred(columns, c).tocoo(), self.deviations[c]
        (i, j), (d, q) = made.coords, made.shape
        beside = self.means[c].copy()
        beside[gaps_of(self.shape.columns).values] = 0.0
        a, b, inverse = made.data * sigma[i], made.data * beside[i], 1.0 / scale**2
        b_all = np.bincount(j, b, q)
        square = np.bincount(i, a**2 * inverse[j], d)
        linear = np.bincount(i, 2.0 * a * (shift[j] - (b_all[j] - b)) * inverse[j], d)
        constant = float(inverse @ (shift**2 - (b_all**2 - np.bincount(j, b**2, q))))
        second, third, fourth = self.products[c]
        constant *= constant + 2.0 * float(square @ (sigma > 0.0))
        square, linear = square[self.within], linear[self.within]
        return float(
            constant
            + linear @ second @ linear
            + 2.0 * square @ third @ linear
            + square @ fourth @ square
        )


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
