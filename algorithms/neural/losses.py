"""What a network's outputs say of a value: negative log-likelihoods of distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from algorithms.arrays import Array
from algorithms.lazily import jax

GAUSSIAN, STUDENT_T, NEGATIVE_BINOMIAL, BETA = "gaussian", "student_t", "negative_binomial", "beta"

LIKELIHOODS = (STUDENT_T, GAUSSIAN, NEGATIVE_BINOMIAL, BETA)

HEADS = {GAUSSIAN: 2, STUDENT_T: 3, NEGATIVE_BINOMIAL: 2, BETA: 2}
"""Numbers that a distribution takes."""

LEAST = 1e-3
"""The least deviation, in units of the scale: constant series have a likelihood, too."""


def gaussian(out: Array, y: Array, scale: Array) -> Array:
    """Normal: a mean and a deviation, in units of ν."""
    deviation = jax.nn.softplus(out[..., 1]) + LEAST
    off = (y / scale - out[..., 0]) / deviation
    found: Array = 0.5 * off**2 + jax.numpy.log(deviation * scale) + 0.5 * np.log(2.0 * np.pi)
    return found


def student_t(out: Array, y: Array, scale: Array) -> Array:
    """Student's t: a mean, a scale and degrees of freedom above two."""
    np_, gamma = jax.numpy, jax.scipy.special.gammaln
    deviation, free = jax.nn.softplus(out[..., 1]) + LEAST, 2.0 + jax.nn.softplus(out[..., 2])
    off = (y / scale - out[..., 0]) / deviation
    bulge = gamma(free / 2.0) - gamma((free + 1.0) / 2.0) + 0.5 * np_.log(free * np.pi)
    found: Array = bulge + np_.log(deviation * scale) + (free + 1.0) / 2.0 * np_.log1p(off**2 / free)
    return found


def negative_binomial(out: Array, y: Array, scale: Array) -> Array:
    """Negative binomial: a mean and a shape."""
    np_, gamma = jax.numpy, jax.scipy.special.gammaln
    mean = (jax.nn.softplus(out[..., 0]) + LEAST**2) * scale
    wide = (jax.nn.softplus(out[..., 1]) + LEAST) / np_.sqrt(scale)
    r, spread = 1.0 / wide, wide * mean
    found: Array = (
        gamma(y + 1.0) + gamma(r) - gamma(y + r) + r * np_.log1p(spread) - y * (np_.log(spread) - np_.log1p(spread))
    )
    return found


def beta(out: Array, y: Array, scale: Array) -> Array:  # noqa: ARG001 -- shares have no scale
    """Beta: its two shapes."""
    np_, gamma = jax.numpy, jax.scipy.special.gammaln
    a, b = (jax.nn.softplus(out[..., i]) + LEAST for i in range(2))
    inside = np_.clip(y, 1e-6, 1.0 - 1e-6)
    found: Array = (
        gamma(a) + gamma(b) - gamma(a + b) - (a - 1.0) * np_.log(inside) - (b - 1.0) * np_.log1p(-inside)
    )
    return found


LOSSES: Mapping[str, Callable[[Array, Array, Array], Array]] = {
    GAUSSIAN: gaussian, STUDENT_T: student_t, NEGATIVE_BINOMIAL: negative_binomial, BETA: beta,
}  # fmt: skip
"""By likelihood, minus the logarithm of the density of y, by what comes out and ν."""
