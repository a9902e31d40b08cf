"""Topics by anchor words, then by expectation and maximisation on pairs of words.

Notation
======= =====================================================================
V, K    words, topics
Q       joint probability of two words of a document, shape (V, V)
Φ       probability of each word in each topic, shape (K, V)
R       joint probability of the topics of two words, shape (K, K)
H       contexts: groups of words, shape (V, g), of zeros and ones
======= =====================================================================

Q = ΦᵀRΦ but for the noise of few documents. That is taken away by projecting in turn on what has rank r and
no negative eigenvalue, sums to one, and is not negative (Lee, Bindel & Mimno 2015, "Robust spectral inference for
joint stochastic matrix factorization"). Anchors, words of one topic alone, are rows of the rest that are furthest
apart (Arora et al. 2013, alg. 4), and every other word is a mixture of them (alg. 3, squared distance).

From there steps of EM raise the likelihood Σ Q log ΦᵀRΦ of a word and its context (Hofmann 1999, "Probabilistic
latent semantic indexing", §3, for pairs): the rarer words are one context together, which costs little and takes
V·g numbers where all pairs take V².
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array, Mask, Places
from algorithms.lazily import scipy

CONTEXTS = 512
"""Groups of words beside which a word is looked at: the most frequent ones alone, all others as one."""

ROUNDS, POWERS = 3, 2
"""How often Q is rectified, and multiplications for the eigenvectors of each."""

SPREAD = 1e-9
"""A row that lies so near to those before it, beside the furthest, is no anchor of another topic."""

DESCENTS = 60
"""Steps by which words are found as mixtures of anchors."""

BLOCK = 256
"""Words whose contexts are looked at at once, so that they stay in the cache."""

MIX = 0.1
"""Share of the frequencies of all words in each topic that EM begins with: what is zero stays zero."""


@dataclass(frozen=True, eq=False)
class Rectified:
    """Words as rows of a rectified Q.

    Attributes
    ----------
    rows : shape (V, r), rows of Q, each divided by its sum, in orthonormal directions.
    frequency : shape (V,), of each word: the sums of Q.
    contexts : QH, shape (V, g).
    groups : shape (V,), the context of each word.
    """

    rows: Array
    frequency: Array
    contexts: Array
    groups: Places

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.rows.nbytes + self.contexts.nbytes + self.groups.nbytes

    @classmethod
    def of(cls, joint: Array, rank: int) -> Rectified:
        """Return those of a Q without words of no document, by so many directions."""
        frequency = joint.sum(axis=1)
        values, vectors = _leading(joint, min(rank, len(joint)))
        rows = vectors * values
        sums = np.maximum(rows @ vectors.sum(axis=0), 1e-3 / len(joint) * frequency)
        groups = _groups(frequency)
        order = np.argsort(groups, kind="stable")
        starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
        contexts = np.add.reduceat(joint[order], starts, axis=0).T
        return cls(rows / sums[:, None], frequency, np.ascontiguousarray(contexts), groups)


def _groups(frequency: Array) -> Places:
    """Return the context of each word: the most frequent words one each, the others the last."""
    groups = np.full(len(frequency), CONTEXTS - 1)
    most = np.argsort(-frequency, kind="stable")[: CONTEXTS - 1]
    groups[most] = np.arange(len(most))
    return np.asarray(np.minimum(groups, len(most)))


def _leading(joint: Array, rank: int) -> tuple[Array, Array]:
    """Return the largest eigenvalues of a rectified Q, none of them negative, and their vectors."""
    v = len(joint)
    basis = np.random.default_rng(0).normal(size=(v, min(v, rank + 8)))
    made = joint
    for left in reversed(range(ROUNDS + 1)):
        for _ in range(POWERS):
            basis = np.linalg.qr(made @ basis)[0]
        values, turned = np.linalg.eigh(basis.T @ (made @ basis))
        values, vectors = np.maximum(values[::-1][:rank], 0.0), basis @ turned[:, ::-1][:, :rank]
        if left:
            made = (vectors * values) @ vectors.T
            made += (1.0 - made.sum()) / v**2
            np.maximum(made, 0.0, out=made)
    return values, vectors


def anchors(rows: Array, allowed: Mask, k: int) -> Places:
    """Return the places of k rows that are furthest apart, one after the other; fewer where no more are apart.

    Parameters
    ----------
    rows : shape (V, r).
    allowed : which of them may be anchors.

    Examples
    --------
    >>> rows = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.9, 0.1]])
    >>> anchors(rows, np.ones(4, bool), 3).tolist()
    [0, 2]
    """
    places = np.flatnonzero(allowed)
    left = rows[places].copy()
    found = [int(np.argmax(np.einsum("ij,ij->i", left, left)))]
    left -= left[found[0]]
    lengths = np.einsum("ij,ij->i", left, left)
    floor = SPREAD * float(lengths.max(initial=0.0))
    while len(found) < min(k, len(places)):
        lengths = np.einsum("ij,ij->i", left, left)
        if not (furthest := float(lengths.max())) > floor:
            break
        found.append(int(np.argmax(lengths)))
        along = left[found[-1]] / np.sqrt(furthest)
        left -= np.multiply.outer(left @ along, along)
    return places[found]


def mixtures(rows: Array, corners: Array) -> Array:
    """Return the shares of corners in each row that bring it nearest, by accelerated gradients, shape (V, K).

    Steps on the simplex with momentum (Beck & Teboulle 2009, FISTA).
    """
    products, along, k = corners @ corners.T, rows @ corners.T, len(corners)
    made = ahead = np.full((len(rows), k), 1.0 / k)
    step, t = 1.0 / max(float(np.linalg.eigvalsh(products)[-1]), 1e-300), 1.0
    for _ in range(DESCENTS):
        before, made = made, on_simplex(ahead - step * (ahead @ products - along))
        t, last = (1.0 + np.sqrt(1.0 + 4.0 * t * t)) / 2.0, t
        ahead = made + ((last - 1.0) / t) * (made - before)
    return made


def on_simplex(rows: Array) -> Array:
    """Return the nearest rows that are not negative and have a sum of one (Held, Wolfe & Crowder 1974).

    Examples
    --------
    >>> on_simplex(np.array([[0.5, 0.5], [2.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]]
    """
    k = rows.shape[1]
    falling = -np.sort(-rows, axis=1)
    excess = (np.cumsum(falling, axis=1) - 1.0) / np.arange(1, k + 1)
    last = np.count_nonzero(falling > excess, axis=1) - 1
    return np.maximum(rows - np.take_along_axis(excess, last[:, None], axis=1), 0.0)


def begun(words: Rectified, allowed: Mask, k: int) -> Array:
    """Return Φ of k topics, or of fewer, by anchor words."""
    places = anchors(words.rows, allowed, k)
    made = mixtures(words.rows, words.rows[places]).T * words.frequency
    made /= np.maximum(made.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray((1.0 - MIX) * made + MIX * words.frequency)


def improved(words: Rectified, phi: Array, prior: float, steps: int) -> tuple[Array, Array]:
    """Return Φ and R after steps of EM.

    Parameters
    ----------
    words : pairs of words and contexts.
    phi : shape (K, V), where to begin; positive.
    prior : what is added to the share that a word and a topic together have of all words.
    """
    k, v = phi.shape
    together = np.full((k, k), 0.5 / k**2) + np.eye(k) * (0.5 / k)
    member = scipy.sparse.csr_array((np.ones(v), (np.arange(v), words.groups)))
    for _ in range(steps):
        beside = np.asarray(phi @ member)
        of_words, of_contexts = _expected(words.contexts, phi, together @ beside)
        together = together * (of_contexts @ beside.T)
        together = (together + together.T) / (2.0 * together.sum())
        phi = phi * of_words + prior
        phi /= phi.sum(axis=1, keepdims=True)
    return phi, together


def _expected(contexts: Array, phi: Array, mixed: Array) -> tuple[Array, Array]:
    """Return W(RΦH)ᵀ as rows of topics, shape (K, V), and ΦW, shape (K, g), W = QH/(ΦᵀRΦH) entry by entry."""
    of_words, of_contexts = np.empty_like(phi), np.zeros_like(mixed)
    for start in range(0, phi.shape[1], BLOCK):
        part = slice(start, start + BLOCK)
        ratio = phi[:, part].T @ mixed
        np.divide(contexts[part], ratio, out=ratio)
        of_words[:, part] = mixed @ ratio.T
        of_contexts += phi[:, part] @ ratio
    return of_words, of_contexts


def concentrations(together: Array) -> Array:
    """Return the parameters of the Dirichlet distribution whose second moments are nearest to R, shape (K,).

    E θ = m has the sums of R, and E Σθ² = (α Σm² + 1)/(α + 1) its trace, α the sum of the parameters.

    Examples
    --------
    >>> a = np.array([1.0, 3.0])
    >>> concentrations((np.diag(a) + np.multiply.outer(a, a)) / (4.0 * 5.0)).round(12).tolist()
    [1.0, 3.0]
    """
    mean, trace = together.sum(axis=0), float(np.trace(together))
    apart = trace - float(mean @ mean)
    total = (1.0 - trace) / apart if apart > 0.0 else 1e6
    return np.asarray(mean * min(max(total, 1e-6), 1e6))
