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
apart, one after the other (Arora et al. 2013, alg. 4).

Topics join one by one, each as the companions of the next anchor, and after each a few steps of EM raise the
likelihood Σ Q log ΦᵀRΦ of a word and its context (Hofmann 1999, "Probabilistic latent semantic indexing", §3, for
pairs; the greedy order is that of Verbeek, Vlassis & Kröse 2003). So all numbers of topics cost little more than
the largest. The rarer words are one context together, which takes V·g numbers where all pairs take V².
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array, Mask, Places, Singles
from algorithms.lazily import scipy

CONTEXTS = 1024
"""Groups of words beside which a word is looked at, at most: the most frequent ones alone, all others as one."""

ROUNDS, POWERS = 1, 2
"""How often Q is rectified, and multiplications for the eigenvectors of each."""

SPREAD = 1e-9
"""A row that lies so near to those before it, beside the furthest, is no anchor of another topic."""

BLOCK = 256
"""Words whose contexts are looked at at once, so that they stay in the cache."""

MIX = 0.3
"""Share of the frequencies of all words in a topic that joins: what is zero stays zero."""

APART = 0.8
"""Share of the pairs of words of a topic that joins with both words in it."""

GROWING, LEAST_STEPS = 60, 2
"""Steps after a topic has joined, divided by the topics that there are; and at least."""

BOLD = 1.7
"""How many times as far as EM's own each step goes: below 2 it ends where EM does (Salakhutdinov & Roweis 2003,
"Adaptive overrelaxed bound optimization methods")."""

EVEN = 0.01
"""Share of R that is the same for all pairs of topics: without it some end with no words, and the others apart."""

LEAST = 1e-15
"""Probability of a word in a topic, at least: single precision holds its products."""


@dataclass(frozen=True, eq=False)
class Rectified:
    """Words as rows of a rectified Q.

    Attributes
    ----------
    rows : shape (V, r), rows of Q, each divided by its sum, in orthonormal directions.
    frequency : shape (V,), of each word: the sums of Q.
    contexts : QH, shape (V, g), in single precision.
    groups : shape (V,), the context of each word.
    """

    rows: Array
    frequency: Array
    contexts: Singles
    groups: Places

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.rows.nbytes + self.contexts.nbytes + self.groups.nbytes

    @classmethod
    def of(cls, joint: Singles, rank: int, contexts: int) -> Rectified:
        """Return those of a Q without words of no document, by so many directions and contexts at most."""
        frequency = joint.sum(axis=1, dtype=np.float64)
        values, vectors = _leading(joint, min(rank, len(joint)))
        rows = vectors * values
        sums = np.maximum(rows @ vectors.sum(axis=0), 1e-3 / len(joint) * frequency)
        groups = _groups(frequency, contexts)
        return cls(rows / sums[:, None], frequency, _beside(joint, groups), groups)


def _groups(frequency: Array, contexts: int) -> Places:
    """Return the context of each word: the most frequent words one each, the others the last."""
    groups = np.full(len(frequency), contexts - 1)
    most = np.argsort(-frequency, kind="stable")[: contexts - 1]
    groups[most] = np.arange(len(most))
    return np.asarray(groups)


def _beside(joint: Singles, groups: Places) -> Singles:
    """Return QH, shape (V, g): groups of one word but for the last, which may have more."""
    order = np.argsort(groups, kind="stable")
    rest = order[int(groups.max()) :]
    made = np.empty((len(groups), int(groups.max()) + 1), np.float32)
    made[:, :-1] = joint[order[: len(order) - len(rest)]].T
    others = np.zeros(len(groups), np.float32)
    others[rest] = 1.0
    made[:, -1] = joint @ others
    return made


def _leading(joint: Singles, rank: int) -> tuple[Array, Array]:
    """Return the largest eigenvalues of a rectified Q, none of them negative, and their vectors."""
    v = len(joint)
    basis = np.random.default_rng(0).normal(size=(v, min(v, rank + 8))).astype(np.float32)
    made = joint
    for left in reversed(range(ROUNDS + 1)):
        for _ in range(POWERS):
            basis = np.linalg.qr(made @ basis)[0]
        values, turned = np.linalg.eigh(basis.T @ (made @ basis))
        values, vectors = np.maximum(values[::-1][:rank], 0.0), basis @ turned[:, ::-1][:, :rank]
        if left:
            made = (vectors * values) @ vectors.T
            made += np.float32((1.0 - made.sum(dtype=np.float64)) / v**2)
            np.maximum(made, 0.0, out=made)
    return values.astype(np.float64), vectors.astype(np.float64)


def anchors(rows: Array, allowed: Mask, k: int, taken: Array) -> Places:
    """Return the places of k rows that are furthest apart, one after the other; fewer where no more are apart.

    Parameters
    ----------
    rows : shape (V, r).
    allowed : which of them may be anchors; the others, where no more of these are apart.
    taken : shape (m, r), rows that count as found already.

    Examples
    --------
    >>> rows = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.9, 0.1]])
    >>> anchors(rows, np.ones(4, bool), 3, np.zeros((0, 2))).tolist()
    [0, 2]
    """
    found: list[int] = []
    if not len(taken):
        found.append(int(np.argmax(np.where(allowed, np.einsum("ij,ij->i", rows, rows), -1.0))))
        taken = rows[found]
    left, before = rows - taken[0], taken[1:] - taken[0]
    floor = SPREAD * float(np.max(np.einsum("ij,ij->i", left, left), initial=0.0))
    for _ in range(len(before)):
        left, before = _without(left, before[0]), _without(before[1:], before[0])
    while len(found) < k:
        lengths = np.einsum("ij,ij->i", left, left)
        some = np.where(allowed, lengths, -1.0)
        furthest = int(np.argmax(some if some.max() > floor else lengths))
        if not lengths[furthest] > floor:
            break
        found.append(furthest)
        left = _without(left, left[furthest])
    return np.array(found, np.intp)


def _without(rows: Array, along: Array) -> Array:
    """Return rows without their parts along a direction."""
    size = float(along @ along)
    return rows - np.multiply.outer(rows @ along, along / size) if size > 0.0 else rows


@dataclass(frozen=True, eq=False)
class Topics:
    """Topics on the way to more, in single precision.

    Attributes
    ----------
    phi : Φ, shape (K, V), positive.
    together : R, shape (K, K).
    """

    phi: Singles
    together: Singles

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.phi.nbytes + self.together.nbytes

    @classmethod
    def one(cls, words: Rectified) -> Topics:
        """Return the one topic of all words."""
        return cls(words.frequency[None].astype(np.float32), np.ones((1, 1), np.float32))

    def joined(self, words: Rectified, companions: Array, prior: float) -> Topics:
        """Return these topics and one more, after a few steps.

        Parameters
        ----------
        words : pairs of words and contexts.
        companions : shape (V,), how often each word is beside those that the topic begins with.
        prior : of :meth:`improved`.
        """
        k = len(self.phi) + 1
        total = float(companions.sum())
        new = MIX * words.frequency + (1.0 - MIX) * companions / (total if total > 0.0 else 1.0)
        together = np.empty((k, k))
        together[:-1, :-1] = self.together * (1.0 - 1.0 / k)
        together[-1, :-1] = together[:-1, -1] = self.together.sum(axis=1) * (1.0 - APART) / (2.0 * k)
        together[-1, -1] = APART / k
        made = Topics(np.concatenate([self.phi, new[None].astype(np.float32)]), together.astype(np.float32))
        return made.improved(words, prior, max(LEAST_STEPS, GROWING // k))

    def improved(self, words: Rectified, prior: float, steps: int) -> Topics:
        """Return the topics after steps of EM.

        Parameters
        ----------
        prior : what is added to the share that a word and a topic together have of all words.
        """
        phi, together = self.phi, self.together
        k, v = phi.shape
        member = scipy.sparse.csr_array((np.ones(v, np.float32), (np.arange(v), words.groups)))
        more, even, bold = np.float32(max(prior, LEAST)), np.float32(EVEN / k**2), np.float32(BOLD)
        for _ in range(steps):
            beside = np.asarray(phi @ member)
            of_words, of_contexts = _expected(words.contexts, phi, together @ beside)
            together = together * (of_contexts @ beside.T) ** bold
            together = (together + together.T) * ((1.0 - EVEN) / (2.0 * together.sum())) + even
            shares = np.einsum("kv,kv->k", phi, of_words)[:, None]
            phi = phi * (of_words / shares) ** bold
            phi = phi * (shares / phi.sum(axis=1, keepdims=True)) + more
            phi /= phi.sum(axis=1, keepdims=True)
        return Topics(phi, together)


def _expected(contexts: Singles, phi: Singles, mixed: Singles) -> tuple[Singles, Singles]:
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
