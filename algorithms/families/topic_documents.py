"""Documents as a neural model of topics is trained on them, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Places, Values
from algorithms.chained import Chosen
from algorithms.families.documents import check_counts, columns_of_words
from algorithms.families.topic_network import TopicNetwork, laid_out
from algorithms.lazily import scipy
from algorithms.neural import training
from algorithms.solvers.fold_in import halves
from algorithms.summaries.sample import SampleState

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Corpus:
    """The documents of a sample that have two words or more.

    Attributes
    ----------
    counts : shape (n, V).
    weights : shape (n,), with a mean of one.
    places : shape (n,), of them among the rows of the sample.
    """

    counts: csr_array
    weights: Array
    places: Places

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.counts.data.nbytes + self.counts.indices.nbytes + self.weights.nbytes)


@dataclass(frozen=True, eq=False)
class Parts:
    """What is trained on, and what is held out of training.

    Attributes
    ----------
    train, held : documents as they are laid out, with their weights.
    n : how many are trained on.
    words : of those that are trained on, shape (V,), how often each word is there.
    """

    train: Mapping[str, Values]
    held: Mapping[str, Values]
    n: int
    words: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for rows in (self.train, self.held) for array in rows.values())


@dataclass(frozen=True, eq=False)
class NeuralTopics:
    """A trained model of topics.

    Attributes
    ----------
    state : of the documents that it was trained on.
    corpus : these, those of two words or more.
    network : what makes shares of documents, and words of these.
    converged : whether its held-out loss stopped falling.
    """

    state: SampleState
    corpus: Corpus
    network: TopicNetwork
    converged: bool

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.network.nbytes

    @cached_property
    def phi(self) -> Array:
        """The probability of each word in each topic, shape (K, V)."""
        return self.network.topic_words()

    @cached_property
    def often(self) -> Array:
        """How many words of the documents stand in each topic, shape (K,)."""
        sizes = self.corpus.weights * np.asarray(self.corpus.counts.sum(axis=1)).ravel()
        return np.asarray(sizes @ self.network.shares(self.corpus.counts))


def corpus_of(state: SampleState) -> Corpus:
    """Return the documents of a sample that have two words or more.

    Raises
    ------
    InvalidField, TooLarge
        A count is negative, or they have no finite sum.
    """
    columns = columns_of_words(state)
    counts = scipy.sparse.csr_array(state.X @ columns.matrix, dtype=np.float64)
    counts.eliminate_zeros()
    lowest = np.zeros(counts.shape[1])
    np.minimum.at(lowest, counts.indices, counts.data)
    with np.errstate(over="ignore", invalid="ignore"):
        check_counts(state, lowest, float(counts.sum()))
    kept = np.flatnonzero(np.asarray(counts.sum(axis=1)).ravel() >= 2.0)
    weights = np.asarray(state.sample_weight, np.float64)[kept]
    counts = scipy.sparse.csr_array(counts[kept])
    counts.sort_indices()
    return Corpus(counts, weights / weights.mean() if len(kept) else weights, kept)


def parts_of(corpus: Corpus, validation_fraction: float, seed: int, chosen: Chosen) -> Parts:
    """Return the documents that are trained on and those that are held out, drawn by a seed.

    Of those that are chosen, where any is; see :class:`~algorithms.chained.Chain`.
    """
    n = len(corpus.weights)
    order: Places = np.random.default_rng([seed, 0]).permutation(n)
    many = min(n - 1, max(1, round(validation_fraction * n))) if validation_fraction else 0
    some, rest = np.sort(order[many:]), np.sort(order[:many])
    if len(chosen):
        some, rest = (each[chosen[corpus.places[each]]] for each in (some, rest))
    train, words = laid_out(corpus.counts[some]), corpus.counts[some].T @ corpus.weights[some]
    held = laid_out(*halves(corpus.counts[rest]))
    for rows, at in ((train, some), (held, rest)):
        rows[training.WEIGHT] = corpus.weights[at].astype(np.float32)
    return Parts(train, held, len(some), np.asarray(words))
