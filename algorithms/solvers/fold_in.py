"""Shares of topics in documents that the model has not seen, their words folded in; and halves of documents.

p(word w in document d) = Σ θ_dk Φ_kw. With the topics Φ as they are and a Dirichlet prior α of θ, steps of
θ_dk ∝ α_k + Σ_w x_dw θ_dk Φ_kw / p(w in d), which is EM for the mode under the prior α + 1 (Asuncion, Welling,
Smyth & Teh 2009, "On smoothing and inference for topic models", §2.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.lazily import scipy
from algorithms.mixing import mixed

if TYPE_CHECKING:
    from scipy.sparse import csr_array

STEPS = 50
"""Steps by which the shares of topics are found."""

DOCUMENTS = 256
"""Documents that are folded in at once."""


def shares_of_topics(counts: csr_array, phi: Array, prior: Array) -> Array:
    """Return θ, shape (n, K): of a document without words the means of the prior.

    Parameters
    ----------
    counts : shape (n, V).
    phi : shape (K, V), each row with a sum of one, positive.
    prior : shape (K,).
    """
    parts = [
        _shares(counts[start : start + DOCUMENTS], phi, prior) for start in range(0, counts.shape[0], DOCUMENTS)
    ]
    return np.concatenate([np.zeros((0, len(phi))), *parts])


def _shares(counts: csr_array, phi: Array, prior: Array) -> Array:
    n, document = counts.shape[0], documents_of(counts)
    made = np.tile(prior / prior.sum(), (n, 1))
    words = np.ascontiguousarray(phi[:, counts.indices].T)
    gather = scipy.sparse.csr_array(
        (np.ones(counts.nnz), np.arange(counts.nnz), counts.indptr), shape=(n, counts.nnz)
    )
    for _ in range(STEPS):
        each = made[document] * words
        each *= (counts.data / np.maximum(each.sum(axis=1), 1e-300))[:, None]
        made = gather @ each + prior
        made /= made.sum(axis=1, keepdims=True)
    return np.asarray(made)


def log_of_words(counts: csr_array, shares: Array, phi: Array) -> Array:
    """Return Σ x log p of each document, shape (n,)."""
    document, logs = documents_of(counts), np.zeros(counts.nnz)
    for start in range(0, counts.nnz, 1 << 16):
        part = slice(start, start + (1 << 16))
        chance = np.einsum("ij,ji->i", shares[document[part]], phi[:, counts.indices[part]])
        logs[part] = counts.data[part] * np.log(np.maximum(chance, 1e-300))
    found: Array = np.bincount(document, logs, minlength=counts.shape[0]).astype(np.float64)
    return found


def documents_of(counts: csr_array) -> Places:
    """Return the row of each stored number."""
    return np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))


def halves(counts: csr_array) -> tuple[csr_array, csr_array]:
    """Return two halves of the words of each document: each word's, and of odd ones every other.

    Which follows from the words that a document has, and not from where it stands.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> a, b = halves(csr_array([[4.0, 1.0, 0.0, 1.0]]))
    >>> (a + b).toarray().tolist(), float(a.sum()), a.toarray()[0, 0]
    ([[4.0, 1.0, 0.0, 1.0]], 3.0, np.float64(2.0))
    """
    counts = scipy.sparse.csr_array(counts)
    counts.sort_indices()
    document, half = documents_of(counts), np.floor(counts.data / 2.0)
    rest = counts.data - 2.0 * half
    own = np.zeros(counts.shape[0], np.uint64)
    word = mixed(counts.indices.astype(np.uint64) + np.uint64(1))
    np.add.at(own, document, word * counts.data.astype(np.uint64))
    odd = np.flatnonzero(rest > 0.0)
    order = odd[np.lexsort((mixed(word[odd] ^ own[document[odd]]), document[odd]))]
    many = np.bincount(document[odd], minlength=counts.shape[0])
    place = np.arange(len(order)) - np.repeat(np.cumsum(many) - many, many)
    first = np.zeros(counts.nnz, bool)
    first[order[place % 2 == 0]] = True
    return _with(counts, half + np.where(first, rest, 0.0)), _with(counts, half + np.where(first, 0.0, rest))


def _with(counts: csr_array, data: Array) -> csr_array:
    made = scipy.sparse.csr_array((data, counts.indices.copy(), counts.indptr.copy()), shape=counts.shape)
    made.eliminate_zeros()
    return made
