"""Scores of topics by plain loops over documents."""

from __future__ import annotations

import numpy as np


def joint_of(X, length_power=0.75):
    """Return the mean over documents, by a power of their length, of the probability of each pair of two words."""
    n = X.sum(axis=1)
    w = n**length_power
    return sum(v * (np.outer(x, x) - np.diag(x)) / (m * (m - 1)) for x, m, v in zip(X, n, w, strict=True)) / w.sum()


def npmi_of(phi, X):
    there, made = X > 0, []
    for row in phi:
        words = np.argsort(-row, kind="stable")[:10]
        for a in range(10):
            for b in range(a):
                both = np.mean(there[:, words[a]] & there[:, words[b]])
                apart = np.mean(there[:, words[a]]) * np.mean(there[:, words[b]])
                made.append(-1.0 if both == 0 else 1.0 if both == 1 else np.log(both / apart) / -np.log(both))
    return np.mean(made)


def folded(X, phi, prior):
    made = []
    for x in X:
        theta = prior / prior.sum()
        for _ in range(50):
            each = theta[:, None] * phi
            theta = prior + (each / each.sum(axis=0)) @ x
            theta = theta / theta.sum()
        made.append(theta)
    return np.array(made)


def scores(phi, together, prior, held, given, asked, alike=None):
    """Return every score of topics, of held-out documents and of their two halves; `alike` is what pairs say of words."""
    alike = phi if alike is None else alike
    p = folded(given, phi, prior) @ phi
    return {
        "pair_log_likelihood": np.sum(joint_of(held) * np.log(alike.T @ together @ alike)),
        "npmi": npmi_of(phi, held),
        "diversity": len(np.unique(np.argsort(-phi, axis=1)[:, :25])) / phi[:, :25].size,
        "neg_perplexity": -np.exp(-np.sum(asked * np.log(p)) / asked.sum()),
    }


def lsa(X, held, weighting="idf", k=5, smoothing=0.75, shift=1.0):
    """Return 1 - ‖M - VΛVᵀ‖²/‖M‖² of held-out documents, and vectors of words."""
    X, held = (counts[counts.sum(axis=1) >= 2] for counts in (X, held))
    df = (X > 0).sum(axis=0)
    idf = np.log((1 + len(X)) / (1 + df)) + 1 if weighting == "idf" else np.ones(X.shape[1])

    def matrix(counts):
        if weighting != "ppmi":
            there = (counts > 0) * idf
            return there.T @ there / len(counts)
        p = joint_of(counts)
        p = p / p.sum()
        words = p.sum(axis=1)
        contexts = words**smoothing / (words**smoothing).sum()
        made = np.zeros_like(p)
        for i, j in zip(*np.nonzero(p), strict=True):
            made[i, j] = max(np.log(p[i, j] / (words[i] * contexts[j])) - np.log(shift), 0.0)
        return (made + made.T) / 2

    values, vectors = np.linalg.eigh(matrix(X))
    top = np.argsort(-np.abs(values))[:k]
    off = matrix(held) - (vectors[:, top] * values[top]) @ vectors[:, top].T
    made = vectors[:, top] * (np.sqrt(np.abs(values[top])) if weighting == "ppmi" else 1.0) * idf[:, None]
    return 1 - np.sum(off**2) / np.sum(matrix(held) ** 2), made


TWINS = {"topics": scores, "lsa": lsa}
