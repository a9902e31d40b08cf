"""Naive twins of DeepAR: an LSTM of one window at a time, gate by gate, and the densities of SciPy."""

from __future__ import annotations

import numpy as np
from scipy.stats import beta, nbinom, norm, t

SETTINGS = [{"likelihood": name} for name in ("gaussian", "student_t", "negative_binomial", "beta")]

TWINS = {"deepar": (SETTINGS, None)}
"""Name → (hyperparameters to try, no class of scikit-learn)."""

FLOOR = 1e-3


def soft(x):
    return np.log(1.0 + np.exp(x))


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def distribution(likelihood, out, scale):
    """The distribution of SciPy that a network's numbers say, of a value of that scale."""
    if likelihood == "gaussian":
        return norm(out[0] * scale, (soft(out[1]) + FLOOR) * scale)
    if likelihood == "student_t":
        return t(2.0 + soft(out[2]), out[0] * scale, (soft(out[1]) + FLOOR) * scale)
    if likelihood == "beta":
        return beta(soft(out[0]) + FLOOR, soft(out[1]) + FLOOR)
    mean, alpha = (soft(out[0]) + FLOOR**2) * scale, (soft(out[1]) + FLOOR) / np.sqrt(scale)
    return nbinom(1.0 / alpha, 1.0 / (1.0 + alpha * mean))


def log_density(likelihood, out, y, scale):
    made = distribution(likelihood, out, scale)
    return made.logpmf(y) if likelihood == "negative_binomial" else made.logpdf(y)


def scale_of(window, first, context):
    """The mean absolute value of the past that the network goes over; of all of it where that is zero."""
    for start in (first, 0):
        past = [v for v in window[start:context] if not np.isnan(v)]
        if past and np.any(past):
            return np.mean(np.abs(past))
    return 1.0


def outputs(weights, window, lags, context, layers, beside, whole):
    """What comes out at each step of one window.

    window : L + H values, NaN where there is none; beside : what is known of each step, by its place in the window;
    whole(scale) : what is the same at each step.
    """
    weights = {name: array.astype(np.float64) for name, array in weights.items()}
    scale = scale_of(window, max(lags), context)
    hidden = weights["own0"].shape[0]
    h, c = np.zeros((layers, hidden)), np.zeros((layers, hidden))
    found = []
    for place in range(max(lags), len(window)):
        x = [0.0 if np.isnan(window[place - lag]) else window[place - lag] / scale for lag in lags]
        x += [0.0 if np.isnan(window[place - 1]) else 1.0]
        x = np.concatenate([x, beside[place], whole(scale)])
        for k in range(layers):
            gates = x @ weights[f"in{k}"] + h[k] @ weights[f"own{k}"] + weights[f"bias{k}"]
            i, f, g, o = gates[:hidden], gates[hidden : 2 * hidden], gates[2 * hidden : 3 * hidden], gates[3 * hidden :]
            c[k] = sigmoid(f) * c[k] + sigmoid(i) * np.tanh(g)
            h[k] = x = sigmoid(o) * np.tanh(c[k])
        found.append(x @ weights["head"] + weights["head_bias"])
    return np.array(found), scale


def crps(paths, y):
    """E|X - y| - ½E|X - X'| by every pair of paths."""
    pairs = np.mean([abs(a - b) for a in paths for b in paths])
    return np.mean([abs(a - y) for a in paths]) - pairs / 2
