r"""Noise that hides single rows: the Gaussian mechanism, for sums of rows whose columns lie within bounds.

A release M of a data set is (ε, δ)-differentially private if, for data sets that differ by one row and every event,
P(M(D) ∈ E) ≤ e^ε P(M(D') ∈ E) + δ. Adding N(0, σ²) to every number of a vector of sums is so exactly if
Φ(Δ/2σ - εσ/Δ) - e^ε Φ(-Δ/2σ - εσ/Δ) ≤ δ, with Δ the largest length that one row adds (Balle & Wang 2018, eq. 6).
What is made of the noised sums afterwards reveals no more than they do.

Sums are of z = (x - c)/h with c and h the middle and the half of the bounds, so that each |z| ≤ 1: of 1, z, and the
products of z that a state has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array

SURE = 4.0
"""A noisy value within so many deviations of the noise counts as zero."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Between which values columns lie.

    Attributes
    ----------
    low, high : shape (p,), of each column as summaries see it.

    Examples
    --------
    >>> Bounds(np.array([0.0, -1.0]), np.array([4.0, 1.0])).middle.tolist()
    [2.0, 0.0]
    """

    low: Array
    high: Array

    @property
    def middle(self) -> Array:
        """The middle of each column's bounds."""
        return np.asarray((self.low + self.high) / 2.0)

    @property
    def half(self) -> Array:
        """Half of the distance between them; 1 where they are equal."""
        half = (self.high - self.low) / 2.0
        return np.where(half > 0.0, half, 1.0)


def sigma_of(epsilon: float, delta: float, sensitivity: float) -> float:
    """Return the least standard deviation of the noise that is (ε, δ)-private.

    Examples
    --------
    >>> round(sigma_of(1.0, 1e-5, 1.0), 2)
    3.73
    """
    low, high = 0.0, sensitivity
    while _spent(epsilon, high, sensitivity) > delta:
        low, high = high, 2.0 * high
    for _ in range(200):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _spent(epsilon, middle, sensitivity) > delta else (low, middle)
    return high


def _spent(epsilon: float, sigma: float, sensitivity: float) -> float:
    """Return the δ that noise of that deviation has at ε; e^ε, which may be huge, meets its counterpart first."""
    far, near = epsilon * sigma / sensitivity, sensitivity / (2.0 * sigma)
    below, above = (far - near) / math.sqrt(2.0), (far + near) / math.sqrt(2.0)
    return 0.5 * (math.erfc(below) - math.exp(-below * below) * _erfcx(above))


def _erfcx(x: float) -> float:
    """Return exp(x²) erfc(x) for x ≥ 0, by its asymptotic series where the factors leave the range of float64."""
    if x < 25.0:
        return math.exp(x * x) * math.erfc(x)
    return (1.0 - 1.0 / (2.0 * x * x)) / (x * math.sqrt(math.pi))


def noised_moments(
    rows: float, mean: Array, scatter: Array, bounds: Bounds, sigma: float, rng: np.random.Generator
) -> tuple[int, Array, Array]:
    """Return a number of rows, their mean and their scatter (a matrix, or its diagonal) with noise in their sums.

    Sums are noised, and what they say is made possible again: rows not below zero, means within the bounds, a
    scatter that is positive semidefinite. A column whose mean is at a bound, or whose scatter is none, as far as
    the noise tells, is constant: scaled to a deviation of one, noise would weigh as much as columns do. Without
    noise the same comes back.
    """
    z = (mean - bounds.middle) / bounds.half
    full = scatter.ndim == 2
    scale = np.outer(bounds.half, bounds.half) if full else bounds.half**2
    products = scatter / scale + rows * (np.outer(z, z) if full else z * z)
    count = max(0, round(rows + sigma * rng.normal()))
    total = rows * z + sigma * rng.normal(size=z.shape)
    products = products + sigma * (_symmetric(rng, len(z)) if full else rng.normal(size=z.shape))
    if count == 0:
        return 0, np.zeros_like(mean), np.zeros_like(scatter)
    z = np.clip(total / count, -1.0, 1.0)
    at_bound = 1.0 - np.abs(z) <= SURE * sigma / count
    z = np.where(at_bound, np.sign(z), z)
    about = products - count * (np.outer(z, z) if full else z * z)
    spread = np.diagonal(about) if full else about
    drowned = at_bound | (spread < SURE * sigma * (1.0 + np.abs(z)) ** 2)
    about = np.where(drowned[:, None] | drowned if full else drowned, 0.0, about)
    return count, bounds.middle + bounds.half * z, _possible(about) * scale


def _symmetric(rng: np.random.Generator, p: int) -> Array:
    """Return noise for the products of p columns, each of which is released once."""
    noise = np.triu(rng.normal(size=(p, p)))
    return np.asarray(noise + np.triu(noise, 1).T)


def _possible(scatter: Array) -> Array:
    """Return the nearest scatter that rows can have."""
    if scatter.ndim == 1:
        return np.maximum(scatter, 0.0)
    values, vectors = np.linalg.eigh((scatter + scatter.T) / 2.0)
    if values[0] >= 0.0:
        return scatter
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
