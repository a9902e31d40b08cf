"""Scores of topics by plain loops over documents."""

from __future__ import annotations

import numpy as np


def joint_of(X):
    """Return the mean over documents of the probability of each pair of two words."""
    n = X.sum(axis=1)
    return sum((np.outer(x, x) - np.diag(x)) / (m * (m - 1)) for x, m in zip(X, n, strict=True)) / len(X)


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


def scores(phi, together, prior, held, given, asked):
    """Return every score of topics, of held-out documents and of their two halves."""
    p = folded(given, phi, prior) @ phi
    return {
        "pair_log_likelihood": np.sum(joint_of(held) * np.log(phi.T @ together @ phi)),
        "npmi": npmi_of(phi, held),
        "diversity": len(np.unique(np.argsort(-phi, axis=1)[:, :25])) / phi[:, :25].size,
        "neg_perplexity": -np.exp(-np.sum(asked * np.log(p)) / asked.sum()),
    }


TWINS = {"topics": scores}
