"""A naive twin of the neural model of topics: one document at a time, by sums over words."""

from __future__ import annotations

import numpy as np

SETTINGS = [
    {"n_topics": 3, "hidden_layer_sizes": (4,)},
    {"n_topics": 2, "hidden_layer_sizes": (5, 3), "activation": "tanh", "batch_norm": True},
]

TWINS = {"neural_topic_model": (SETTINGS, None)}
"""Name → (hyperparameters to try, no class of scikit-learn)."""

ACT = {
    "softplus": lambda x: np.log1p(np.exp(x)), "relu": lambda x: x * (x > 0), "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}  # fmt: skip


def sums(p, x, activation):
    """m without its bias, and s, of one document's counts x (V,)."""
    h, layer = np.log(1 + x), 0
    while f"hidden{layer}.weights" in p:
        h = ACT[activation](np.array([h @ p[f"hidden{layer}.weights"][:, j] for j in range(len(p[f"hidden{layer}.bias"]))])
                            + p[f"hidden{layer}.bias"])  # fmt: skip
        layer += 1
    return h @ p["mean.weights"], h @ p["spread.weights"] + p["spread.bias"]


def shares(z, temperature=1.0):
    e = np.exp(z / (3.0 * temperature))
    return e / e.sum()


def log_p(p, theta, temperature=1.0):
    """Log-probabilities of words, shape (V,)."""
    k = len(theta)
    eta = p["words"] + sum(3.0 * k * (theta[i] - 1 / k) * p["topics"][i] for i in range(k))
    e = np.exp(eta / temperature)
    return np.log(e / e.sum())


def bound(p, x, m, s, noise, variance):
    """Minus the evidence's lower bound of a document, by one draw."""
    z = m + np.exp(s / 2) * noise
    kl = sum(0.5 * (np.exp(s[i]) / variance + m[i] ** 2 / variance - 1 - s[i] + np.log(variance)) for i in range(len(m)))
    return kl - x @ log_p(p, shares(z))
