"""The largest error of sampled rows: how much larger that of all rows may be, by the tail of the errors.

Errors far out follow a generalized Pareto law (Pickands 1975), of which the largest tenth of the sampled ones says
little. So no one law is fitted: every one is weighted by how likely it makes these errors, and lighter tails more.

===== ==========================================================================
m     rows that all kept ones stand for together
k     rows that those of the largest errors stand for, which lie above u
ξ, σ  shape and scale of what they have above u
λ     rows that are not kept and have an error above u: k/m of these rows
q     probability that the largest of these is below a value
===== ==========================================================================
"""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array

SHARE, FEWEST = 0.1, 10
"""Share of the errors that are its tail, and how many at least."""

SHAPES = np.linspace(0.0, 0.5, 11)
"""ξ, from tails as of an exponential law to those that have no variance."""

SPREAD = 0.25
"""How large ξ are before any error is seen: the deviation of a normal law, of which the half above zero."""

SCALES = np.exp(np.linspace(-2.0, 1.0, 31))
"""σ, in units of the mean of what lies above u."""

QUANTILES = (np.arange(200) + 0.5) / 200


def excess(errors: Array, factors: Array, unseen: float) -> tuple[float, float]:
    """Return how far the largest error of unseen rows is expected above that of kept ones, and its variance.

    Parameters
    ----------
    errors : of the kept rows, shape (n,), not negative.
    factors : how many rows each of these stands for, shape (n,).
    unseen : how many rows there are that are not kept.

    Returns
    -------
    mean and variance of the excess, zero where it is below; NaN for no more than :data:`FEWEST` errors.

    Examples
    --------
    >>> errors = -np.log1p(-(np.arange(1000) + 0.5) / 1000)  # of an exponential law
    >>> mean, variance = excess(errors, np.full(1000, 10.0), 9_000)  # nine times as many: log 9 = 2.2 more
    >>> 1.5 < mean < 5.0
    True
    """
    if len(errors) <= FEWEST:
        return np.nan, np.nan
    order = np.argsort(-errors, kind="stable")
    share = np.cumsum(factors[order]) / factors.sum()
    n = min(len(errors) - 1, max(FEWEST, int(np.searchsorted(share, SHARE))))
    largest, u = float(errors[order[0]]), float(errors[order[n]])
    if largest <= u:
        return 0.0, 0.0
    above, each = errors[order[:n]] - u, factors[order[:n]]
    mean, likely = each @ above / each.sum(), _likely(above, each)
    few = -np.log(QUANTILES) / (unseen * share[n - 1])
    beyond = np.array([-np.log(few) if s == 0.0 else np.expm1(-s * np.log(few)) / s for s in SHAPES])
    reached = u + np.maximum(mean * SCALES[:, None] * beyond[:, None], -u)  # (shapes, scales, quantiles)
    found = np.maximum(reached - largest, 0.0)
    first, second = (float((likely * (found**power).mean(axis=2)).sum()) for power in (1, 2))
    return first, max(second - first**2, 0.0)


def _likely(above: Array, factors: Array) -> Array:
    """Return the weight of each ξ and σ, shape (shapes, scales), summing to one."""
    weights = factors * len(above) / factors.sum()
    z = above / (weights @ above / weights.sum()) / SCALES[:, None]
    logs = [-(z if s == 0.0 else (1.0 + 1.0 / s) * np.log1p(s * z)) @ weights for s in SHAPES]
    found = np.array(logs) - weights.sum() * np.log(SCALES) - 0.5 * (SHAPES[:, None] / SPREAD) ** 2
    found = np.exp(found - found.max())
    return np.asarray(found / found.sum())
