"""Naive twins of factorization machines: every pair of columns in turn, slopes by hand, Adam by its equations."""

from __future__ import annotations

import numpy as np

SETTINGS = [{"rank": 2, "epochs": 2, "batch_rows": 32}, {"rank": 3, "alpha": 0.1, "epochs": 3, "batch_rows": 50}]

TWINS = {"factorization_machine": (SETTINGS, None), "fm_classifier": (SETTINGS, None)}
"""Name → (hyperparameters to try, no class of scikit-learn)."""


def eta(w0, w, V, Z):
    """η of rows of one-hot and plain columns Z (n, p): a sum over every pair of columns. Shapes (E,), (p, E), (p, E, k)."""
    n, p = Z.shape
    made = np.tile(w0, (n, 1)) + Z @ w
    for i in range(p):
        for j in range(i + 1, p):
            made += (Z[:, i] * Z[:, j])[:, None] * (V[i] * V[j]).sum(axis=-1)
    return made


def slopes(w0, w, V, Z, pull, weight, alpha, plain):
    """The slopes of Σ weight·(loss + penalty)/Σ weight, where pull (n, E) is that of the loss along η."""
    share = weight / max(weight.sum(), 1e-30)
    g = share[:, None] * pull
    sums = np.einsum("np,pek->nek", Z, V)
    g_w, g_V = Z.T @ g, np.zeros_like(V)
    for p in range(Z.shape[1]):
        inner = Z[:, p, None, None] * sums - (Z[:, p] ** 2)[:, None, None] * V[p]
        g_V[p] = (g[:, :, None] * inner).sum(axis=0)
    met = np.ones(Z.shape[1])
    met[plain:] = share @ Z[:, plain:]  # a level is penalised in the rows that have it
    met[:plain] = share.sum()
    return g.sum(axis=0), g_w + 2 * alpha * met[:, None] * w, g_V + 2 * alpha * met[:, None, None] * V


def adam(state, slope, t, rate):
    """One step (Kingma & Ba 2015, algorithm 1)."""
    m, v = state
    m[:] = 0.9 * m + 0.1 * slope
    v[:] = 0.999 * v + 0.001 * slope**2
    return rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def trained(w0, w, V, Z, pull, weight, orders, alpha, rate, plain):
    """The parameters after some epochs, each an order of batches; places beyond the rows count for nothing."""
    known = [np.array(a, np.float64) for a in (w0, w, V)]
    states = [(np.zeros_like(a), np.zeros_like(a)) for a in known]
    Z, weight, t = np.vstack([Z, np.zeros(Z.shape[1])]), np.append(weight, 0.0), 0
    for order in orders:
        for batch in order:
            t += 1
            found = slopes(*known, Z[batch], pull(eta(*known, Z[batch]), batch), weight[batch], alpha, plain)
            for now, state, slope in zip(known, states, found, strict=True):
                now[...] = now - adam(state, slope, t, rate)
    return known
