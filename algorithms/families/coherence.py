"""How well the foremost words of topics go together, and how different topics are."""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.summaries.co_occurrence import CoOccurrenceState, starts_of

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
    a, b = np.triu_indices(words.shape[1], k=1)
    i, j = np.sort([words[:, a].ravel(), words[:, b].ravel()], axis=0)
    if not len(i):
        return np.zeros(0)
    share = state.document_frequency / max(state.documents, 1e-300)
    both = state.together[starts_of(len(share))[i] + (j - i)] / max(state.documents, 1e-300)
    made = np.full(len(i), -1.0)
    some = both > 0.0
    logs = np.log(both[some])
    apart = np.log(share[i[some]]) + np.log(share[j[some]])
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
