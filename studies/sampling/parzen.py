"""Tree-structured Parzen estimator in unit coordinates: a few matrix operations a proposal.

Notation

====== =====================================================================
u      coordinates of a setting, shape (m,), each in [0, 1]
l, g   densities of the good and of the other settings tried so far
μ, σ   centre and width of a kernel, shape (k, m)
====== =====================================================================

Source: Bergstra, Bardenet, Bengio, Kégl, Algorithms for Hyper-Parameter Optimization, NIPS 2011; the widths
are those of Watanabe, Tree-Structured Parzen Estimator, 2023 (arXiv 2304.11127), with multivariate kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studies.sampling.normal import ROOT_TAU, Array, cdf, quantile

CANDIDATES = 24
MOST_KERNELS = 256
MOST_GOOD = 25


@dataclass(frozen=True)
class Mixture:
    """Equal-weight mixture of product kernels: truncated normals and, for categories, smoothed counts.

    Attributes
    ----------
    mu, sigma : shape (k, m); the last kernel is the prior, flat over the cube.
    levels : number of categories of each coordinate, 0 for a number, shape (m,).
    """

    mu: Array
    sigma: Array
    levels: NDArray[np.intp]

    def sample(self, rng: np.random.Generator, n: int) -> Array:
        """Return n draws, shape (n, m)."""
        kernel = rng.integers(len(self.mu), size=n)
        q, (low, span) = rng.random((n, self.mu.shape[1])), self._tails
        draws: Array = self.mu[kernel] + self.sigma[kernel] * quantile(low[kernel] + q * span[kernel])
        draws = np.minimum(np.maximum(draws, 0.0), 1.0)
        for j in self._tables:
            draws[:, j] = self._categories(rng, kernel, q[:, j], j)
        return draws

    def _categories(self, rng: np.random.Generator, kernel: NDArray[np.intp], q: Array, j: int) -> Array:
        k, c = len(self.mu), int(self.levels[j])
        keep = (q < k / (k + 1)) & (kernel < k - 1)
        drawn = (rng.integers(c, size=len(q)) + 0.5) / c
        return np.where(keep, self.mu[kernel, j], drawn)

    def log_density(self, u: Array) -> Array:
        """Return the log density at points u, shape (n, m) to (n,)."""
        number, curve, slope, constant = self._normals
        x = u[:, number]
        logs = (x * x) @ curve + x @ slope - constant
        for j, table in self._tables.items():
            logs += table[(u[:, j] * len(table)).astype(np.intp)]
        top = logs.max(axis=1)
        total: Array = top + np.log(np.exp(logs - top[:, None]).sum(axis=1) / len(self.mu))
        return total

    @cached_property
    def _tails(self) -> tuple[Array, Array]:
        """Mass of each kernel below zero, and within [0, 1], shapes (k, m)."""
        low = cdf(-self.mu / self.sigma)
        return low, cdf((1 - self.mu) / self.sigma) - low

    @cached_property
    def _normals(self) -> tuple[NDArray[np.bool_], Array, Array, Array]:
        """Which coordinates are numbers, and Σ log of their kernels as a quadratic: Σ a u² + Σ b u - c."""
        number = self.levels == 0
        mu, sigma, mass = self.mu[:, number], self.sigma[:, number], self._tails[1][:, number]
        precision = 1.0 / (sigma * sigma)
        constant = np.log(ROOT_TAU * sigma * mass) + 0.5 * mu * mu * precision
        return number, -0.5 * precision.T, (mu * precision).T, constant.sum(axis=1)

    @cached_property
    def _tables(self) -> dict[int, Array]:
        """Log probability of each category under each kernel, shape (c, k), by coordinate."""
        k, found = len(self.mu), {}
        for j in np.flatnonzero(self.levels).tolist():
            c = int(self.levels[j])
            same = np.arange(c)[:, None] == (self.mu[:, j] * c).astype(np.intp)
            logs = np.log((same + 1 / (k * c)) / (1 + 1 / k))
            logs[:, -1] = -np.log(c)
            found[j] = logs
        return found


def fit(points: Array, levels: NDArray[np.intp]) -> Mixture:
    """Return the mixture over the points, shape (k, m), and the flat prior.

    A kernel is as wide as the larger gap to its neighbours, within [1 / min(100, k + 2), 1].
    """
    k, m = points.shape
    sigma = np.ones((k + 1, m))
    if k:
        order = np.argsort(points, axis=0, kind="stable")
        ends = np.vstack([np.zeros(m), np.take_along_axis(points, order, axis=0), np.ones(m)])
        gaps = np.diff(ends, axis=0)
        widths = np.maximum(gaps[:-1], gaps[1:])
        if k >= 2:
            widths[0], widths[-1] = gaps[1], gaps[-2]
        np.put_along_axis(sigma[:-1], order, np.clip(widths, 1 / min(100.0, k + 2.0), 1.0), axis=0)
    return Mixture(np.vstack([points, np.full((1, m), 0.5)]), sigma, levels)


def good(n: int) -> int:
    """Return how many of n settings count as good: a tenth, at most 25.

    Examples
    --------
    >>> good(5), good(100), good(1000)
    (1, 10, 25)
    """
    return min(-(-n // 10), MOST_GOOD)


@dataclass(frozen=True)
class Estimator:
    """The densities of the good settings and of the others.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> points = rng.random((40, 1))
    >>> found = estimate(points, np.abs(points[:, 0] - 0.25), np.zeros(1, int))
    >>> bool(abs(found.propose(rng)[0, 0] - 0.25) < 0.1)
    True
    """

    good: Mixture
    rest: Mixture

    def propose(self, rng: np.random.Generator) -> Array:
        """Return candidates, shape (n, m), the most promising first: those with the largest l(u) / g(u)."""
        candidates = self.good.sample(rng, CANDIDATES)
        ratio: Any = self.good.log_density(candidates) - self.rest.log_density(candidates)
        ranked: Array = candidates[np.argsort(-ratio, kind="stable")]
        return ranked


def estimate(points: Array, values: Array, levels: NDArray[np.intp]) -> Estimator:
    """Return the densities of settings tried.

    Parameters
    ----------
    points : settings, shape (k, m); the oldest first.
    values : what they gave, shape (k,); smaller is better.
    levels : number of categories of each coordinate, 0 for a number, shape (m,).
    """
    order = np.argsort(values, kind="stable")
    n = good(len(values))
    others = np.sort(order[n:])[-MOST_KERNELS:]
    return Estimator(fit(points[order[:n]], levels), fit(points[others], levels))
