"""How well the foremost words of topics go together, and how different topics are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.summaries.co_occurrence import CoOccurrenceState, starts_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

COHERENT, DIVERSE = 10, 25
"""Foremost words of each topic that coherence and diversity look at."""


def foremost(phi: Array, n: int) -> Places:
    """Return the places of the most probable words of each topic, shape (K, n), the first first."""
    return np.argsort(-phi, axis=1, kind="stable")[:, :n]


def coherence(phi: Array, state: CoOccurrenceState) -> float:
    """Return the mean normalised pointwise mutual information of foremost words in a state's documents.

    log(p_ij/(p_i p_j)) / -log p_ij, p the shares of documents (Bouma 2009; Lau, Newman & Baldwin 2014): 1 where two
    words are always together, 0 where one says nothing of the other, -1 where they never are.
    """
    found = coherences(phi, state)
    return float(found.mean()) if found.size else 0.0


def coherences(phi: Array, state: CoOccurrenceState) -> Array:
    """Return the coherence of each topic, shape (K,); nothing where a topic has one word."""
    words = foremost(phi, COHERENT)
    i, j = _pairs(words)
    if not len(i):
        return np.zeros(0)
    share = state.document_frequency / max(state.documents, 1e-300)
    both = state.together[starts_of(len(share))[i] + (j - i)] / max(state.documents, 1e-300)
    return _mean_of_pairs(words, share[i], share[j], both)


def coherence_in(phi: Array, counts: csr_array, weights: Array) -> float:
    """Return the mean coherence of topics in documents as they are, of two words or more, shapes (n, V) and (n,).

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> coherence_in(np.array([[0.6, 0.4]]), csr_array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]]), np.ones(3))
    -0.26...
    """
    found = coherences_in(phi, counts, weights)
    return float(found.mean()) if found.size else 0.0


def coherences_in(phi: Array, counts: csr_array, weights: Array) -> Array:
    """Return the coherence of each topic in documents, shape (K,); nothing where a topic has one word."""
    words = foremost(phi, COHERENT)
    some = np.unique(words)
    i, j = np.searchsorted(some, _pairs(words))
    if not len(i):
        return np.zeros(0)
    there = (counts[:, some] > 0.0).astype(np.float64)
    both = (there.T @ there.multiply(weights[:, None]).tocsr()).toarray() / max(float(weights.sum()), 1e-300)
    share = np.diagonal(both)
    return _mean_of_pairs(words, share[i], share[j], both[i, j])


def _pairs(words: Places) -> Places:
    """Return the pairs of the words of each topic, the smaller place first, shape (2, pairs of all topics)."""
    a, b = np.triu_indices(words.shape[1], k=1)
    return np.sort([words[:, a].ravel(), words[:, b].ravel()], axis=0)


def _mean_of_pairs(words: Places, one: Array, other: Array, both: Array) -> Array:
    """Return the mean over the pairs of each topic, by the shares of documents that have words, and both."""
    made = np.full(len(both), -1.0)
    some = both > 0.0
    logs = np.log(both[some])
    apart = np.log(one[some]) + np.log(other[some])
    made[some] = np.where(logs < 0.0, (logs - apart) / np.where(logs < 0.0, -logs, 1.0), 1.0)
    return np.asarray(made.reshape(len(words), -1).mean(axis=1))


def places(phi: Array) -> Array:
    """Return a place for each topic, shape (K, 2): distances are near those of Jensen and Shannon between topics.

    Classical scaling (Torgerson 1952), as of Sievert & Shirley 2014, "LDAvis".

    Examples
    --------
    >>> found = places(np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> round(float(abs(found[0, 0] - found[1, 0])), 3)
    0.833
    """
    k = len(phi)
    logs = np.log(np.maximum(phi, 1e-300))
    apart = np.zeros((k, k))
    for i in range(k):
        middle = np.log(np.maximum(0.5 * (phi + phi[i]), 1e-300))
        apart[i] = 0.5 * ((phi * (logs - middle)).sum(axis=1) + (phi[i] * (logs[i] - middle)).sum(axis=1))
    centre = np.eye(k) - 1.0 / k
    values, vectors = np.linalg.eigh(-0.5 * centre @ (0.5 * (apart + apart.T)) @ centre)
    made = np.zeros((k, 2))
    for place in range(min(2, k)):
        made[:, place] = vectors[:, -1 - place] * np.sqrt(max(float(values[-1 - place]), 0.0))
    return made


def diversity(phi: Array) -> float:
    """Return the share of foremost words of all topics that are different (Dieng, Ruiz & Blei 2020, §5).

    Examples
    --------
    >>> diversity(np.array([[0.5, 0.5], [0.9, 0.1]]))
    0.5
    """
    words = foremost(phi, DIVERSE)
    return len(np.unique(words)) / max(1, words.size)
