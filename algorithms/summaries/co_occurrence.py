"""Co-occurrence: how often two words of a document are a given pair, from which models of topics follow.

Notation: x a document's counts, n = Σx. Of two of its words drawn without replacement the pair (i, j) has the
probability M_ij/ΣM with M = xxᵀ - diag(x) (Arora, Ge, Halpern, Mimno, Moitra, Sontag, Wu & Zhu 2013, "A practical
algorithm for topic modeling with provable guarantees", §2.1), which is unbiased for what the topics of the document
say of a pair. There each document counts alike; in the likelihood of words, by which topics are fitted otherwise,
each word does. A power of n stands between them. Counts need not be whole: of less than one word nothing is drawn
twice, so M is xxᵀ - diag(min(x, x²)), the same where they are.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Places
from algorithms.contract import EXACT, INDICATOR, MISSING, Batch, Shape, SparseBatch, State, Summary
from algorithms.lazily import scipy
from algorithms.preparing.column_map import gaps_of
from algorithms.ranges import Legal, Uniform

if TYPE_CHECKING:
    from scipy.sparse import csr_array

F = TypeVar("F", np.float32, np.float64)


@dataclass(frozen=True, eq=False)
class CoOccurrenceState(State):
    """The state of :class:`CoOccurrence`.

    Attributes
    ----------
    shape : the columns, of which V are words.
    rows : number of documents seen (int).
    weight : sum of their weights.
    short : of it, that of documents of fewer than two words, or with a negative count: they are in no sum below.
    pairs : shape (V(V + 1)/2,), Σ w nᵃ M/ΣM, the upper triangle row by row.
    together : shape (V(V + 1)/2,), weight of the documents that have both words, likewise.
    totals : shape (V,), Σ w x.
    lowest : shape (V,), the smallest count of each word in any document; the largest number before the first.
    """

    shape: Shape = field(metadata={"static": True})
    rows: int
    weight: float
    short: float
    pairs: Array
    together: Array
    totals: Array
    lowest: Array

    @property
    def documents(self) -> float:
        """Weight of the documents of two words or more."""
        return self.weight - self.short

    @property
    def document_frequency(self) -> Array:
        """Weight of the documents that have each word, shape (V,)."""
        v = len(self.totals)
        return self.together[starts_of(v)]

    @property
    def unused(self) -> str:
        """How many documents have no two words."""
        if not self.short:
            return ""
        have = "has" if self.short == 1.0 else "have"
        which = f"{self.short:,g} of {self.weight:,g} documents {have} fewer than two words"
        return f"{which}: nothing is learned of them"

    def beside(self, words: Places) -> Array:
        """Return how often one of some words and each word are a pair of a document, shape (V,)."""
        i, j = words[:, None], np.arange(len(self.totals))
        return np.asarray(self.pairs[starts_of(len(j))[np.minimum(i, j)] + np.abs(j - i)].sum(axis=0))

    def joint(self) -> Array:
        """Return the probability of each pair of words of a document, shape (V, V); zeros where there is none."""
        return square(self.shares(), len(self.totals))

    def shares(self) -> Array:
        """Return the upper triangle of :meth:`joint`, row by row, shape (V(V + 1)/2,)."""
        total = 2.0 * float(self.pairs.sum()) - float(self.pairs[starts_of(len(self.totals))].sum())
        return self.pairs / total if total > 0.0 else self.pairs


@dataclass(frozen=True)
class CoOccurrence(Summary[CoOccurrenceState]):
    """Pairs of words of documents: how often they are drawn together, and in how many documents both are.

    Every encoded column is a word, but for those that say that something is missing: a missing count is zero.

    Parameters
    ----------
    length_power : a; the pairs of a document weigh nᵃ. With 1 each word counts alike, with 0 each document.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape, summary = Shape((Column("tea", "tea"), Column("milk", "milk"))), CoOccurrence()
    >>> state = summary.update(summary.init(shape), Batch(np.array([[2.0, 1.0], [1.0, 0.0]]), d=2))
    >>> state.joint().round(3).tolist(), state.document_frequency.tolist(), state.short
    ([[0.333, 0.333], [0.333, 0.0]], [1.0, 1.0], 1.0)
    """

    length_power: Annotated[float, Legal(ge=0, le=1), Uniform(0.0, 1.0, searched=False)] = 0.75

    version: ClassVar[int] = 2
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = EXACT
    sums: ClassVar[bool] = True
    sparse: ClassVar[bool] = True

    def init(self, shape: Shape) -> CoOccurrenceState:
        """Return the state of no documents."""
        v = len(words_of(shape))
        half = v * (v + 1) // 2
        lowest = np.full(v, sys.float_info.max)
        return CoOccurrenceState(shape, 0, 0.0, 0.0, np.zeros(half), np.zeros(half), np.zeros(v), lowest)

    def update(self, state: CoOccurrenceState, batch: Batch) -> CoOccurrenceState:
        """Return the state of the documents seen before and those of ``batch``."""
        if not batch.n:
            return state
        x, w = counts_of(batch, state.shape), batch.weights
        size = np.asarray(x.sum(axis=1)).ravel()
        kept = (size >= 2.0) & ~_negative(x)
        lowest = np.minimum(state.lowest, _lowest(x))
        seen = replace(
            state, rows=state.rows + batch.n, weight=state.weight + batch.total,
            short=state.short + float(w[~kept].sum()), lowest=lowest,
        )  # fmt: skip
        return _added(seen, x[np.flatnonzero(kept)], w[kept], size[kept] ** self.length_power)

    def merge(self, a: CoOccurrenceState, b: CoOccurrenceState) -> CoOccurrenceState:
        """Return the state of both states' documents."""
        return CoOccurrenceState(
            a.shape, a.rows + b.rows, a.weight + b.weight, a.short + b.short, a.pairs + b.pairs,
            a.together + b.together, a.totals + b.totals, np.minimum(a.lowest, b.lowest),
        )  # fmt: skip

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: two triangles, two rows, three numbers."""
        v = len(words_of(shape))
        return 8 * (v * (v + 1) + 2 * v + 3)


def words_of(shape: Shape) -> Places:
    """Return the places of the columns that are words.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> words_of(Shape((Column("tea", "tea"), Column("tea?", "tea", "indicator")))).tolist()
    [0]
    """
    return np.array([j for j, c in enumerate(shape.columns) if c.role not in (INDICATOR, MISSING)], np.intp)


def counts_of(batch: Batch, shape: Shape) -> csr_array:
    """Return the counts of the words in each row, shape (n, V), missing ones zero."""
    places = words_of(shape)
    if isinstance(batch, SparseBatch) and not shape.shifted:
        made = scipy.sparse.csr_array(batch.matrix.astype(np.float64)[:, places])
    else:
        values = batch.dense(shape.p)[:, : shape.d].astype(np.float64) + shape.origin
        gaps = gaps_of(shape.columns)
        values[:, gaps.values] *= values[:, gaps.indicators] == 0.0
        made = scipy.sparse.csr_array(values[:, places])
    made.sum_duplicates()
    made.eliminate_zeros()
    return made


def square(half: NDArray[F], v: int) -> NDArray[F]:
    """Return the symmetric matrix of an upper triangle that is stored row by row.

    Examples
    --------
    >>> square(np.array([1.0, 2.0, 3.0]), 2).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    made = np.zeros((v, v), half.dtype)
    for i, start in enumerate(starts_of(v)):
        made[i, i + 1 :] = half[start + 1 : start + v - i]
    made = made + made.T
    made[np.diag_indices(v)] = half[starts_of(v)]
    return made


def starts_of(v: int) -> Places:
    """Return where each row of a triangle begins: at its diagonal."""
    i = np.arange(v)
    return i * v - i * (i - 1) // 2


def _negative(x: csr_array) -> np.ndarray:
    """Return which rows have a negative number."""
    return np.asarray((x < 0.0).sum(axis=1)).ravel() > 0


def _lowest(x: csr_array) -> Array:
    """Return the smallest number of each column, those that are not stored zero."""
    v = x.shape[1]
    lowest = np.where(np.bincount(x.indices, minlength=v) == x.shape[0], sys.float_info.max, 0.0)
    np.minimum.at(lowest, x.indices, x.data)
    return lowest


def _added(state: CoOccurrenceState, x: csr_array, w: Array, times: Array) -> CoOccurrenceState:
    """Return the state with documents of two words or more added, the pairs of each so many times."""
    if not x.shape[0]:
        return state
    with np.errstate(over="ignore", invalid="ignore"):
        twice = x.copy()
        twice.data = np.maximum(x.data * x.data - x.data, 0.0)
        size, squares = np.asarray(x.sum(axis=1)).ravel(), np.asarray(x.multiply(x).sum(axis=1)).ravel()
        share = w * times / np.maximum(size * size - squares + np.asarray(twice.sum(axis=1)).ravel(), 1.0)
        one = x.copy()
        one.data = np.ones_like(x.data)
        pairs = _products(state.pairs, x, share, np.asarray(twice.T @ share))
        together = _products(state.together, one, w, np.asarray(one.T @ w))
        totals = state.totals + x.T @ w
    return replace(state, pairs=pairs, together=together, totals=totals)


def _products(half: Array, x: csr_array, w: Array, diagonal: Array) -> Array:
    """Return a triangle with Σ w xxᵀ added above its diagonal, and on it what is given."""
    made, starts = half.copy(), starts_of(x.shape[1])
    found = scipy.sparse.triu(x.T @ x.multiply(w[:, None]).tocsr(), k=1).tocoo()
    i, j = found.coords
    np.add.at(made, starts[i] + (j - i), found.data)
    made[starts] += diagonal
    return made
