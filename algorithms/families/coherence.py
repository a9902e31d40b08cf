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
    words = foremost(phi, COHERENT)
    a, b = np.triu_indices(words.shape[1], k=1)
    i, j = np.sort([words[:, a].ravel(), words[:, b].ravel()], axis=0)
    if not len(i):
        return 0.0
    share = state.document_frequency / max(state.documents, 1e-300)
    both = state.together[starts_of(len(share))[i] + (j - i)] / max(state.documents, 1e-300)
    made = np.full(len(i), -1.0)
    some = both > 0.0
    logs = np.log(both[some])
    apart = np.log(share[i[some]]) + np.log(share[j[some]])
    made[some] = np.where(logs < 0.0, (logs - apart) / np.where(logs < 0.0, -logs, 1.0), 1.0)
    return float(made.mean())


def diversity(phi: Array) -> float:
    """Return the share of foremost words of all topics that are different (Dieng, Ruiz & Blei 2020, §5).

    Examples
    --------
    >>> diversity(np.array([[0.5, 0.5], [0.9, 0.1]]))
    0.5
    """
    words = foremost(phi, DIVERSE)
    return len(np.unique(words)) / max(1, words.size)
