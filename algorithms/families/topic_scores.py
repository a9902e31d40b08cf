"""Scores of topics on sampled documents: the same for every model of topics, whatever finds these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import Rows
from algorithms.errors import Unscorable
from algorithms.families.coherence import coherence_in, diversity
from algorithms.lazily import scipy
from algorithms.memo import MEMO
from algorithms.preparing.column_map import ColumnMap
from algorithms.solvers.fold_in import halves

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NPMI, DIVERSITY, PERPLEXITY = "npmi", "diversity", "neg_perplexity"

NO_DOCUMENTS = "no held-out document has two words, one to infer its topics from and one to predict"


@dataclass(frozen=True, eq=False)
class Completion:
    """Held-out documents in two halves: by one their topics are found, the other is predicted."""

    given: csr_array
    asked: csr_array
    weights: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(int(m.data.nbytes + m.indices.nbytes) for m in (self.given, self.asked))

    def perplexity(self, logs: Array) -> float:
        """Return exp(-log p of a word), by Σ x log p of the predicted words of each document."""
        words = np.asarray(self.asked.sum(axis=1)).ravel()
        return float(np.exp(-(self.weights @ logs) / (self.weights @ words)))


def completion(rows: Rows, columns: ColumnMap) -> Completion:
    """Return the halves of sampled documents of two words or more; what is known of these rows is kept.

    Raises
    ------
    Unscorable
        There is none.
    """
    return MEMO.get(rows, ("completion", columns.names), lambda: _completion(rows, columns))


def score_of_topics(metric: str, phi: Array, rows: Rows, columns: ColumnMap) -> float | None:
    """Return coherence or diversity of topics on sampled documents; None for another metric."""
    if metric not in (NPMI, DIVERSITY):
        return None
    parts = completion(rows, columns)
    return coherence_in(phi, parts.given + parts.asked, parts.weights) if metric == NPMI else diversity(phi)


def _completion(rows: Rows, columns: ColumnMap) -> Completion:
    counts = scipy.sparse.csr_array(rows.X @ columns.matrix)
    counts.eliminate_zeros()
    enough = np.flatnonzero(np.asarray(counts.sum(axis=1)).ravel() >= 2.0)
    if not len(enough):
        raise Unscorable(NO_DOCUMENTS)
    return Completion(*halves(counts[enough]), np.asarray(rows.sample_weight)[enough])
