"""Distributions of the next value of a series: what a network says of them, and values drawn by their quantiles.

Values are drawn by numbers between 0 and 1 that are given, so that what is drawn for a series does not depend on
which other series are forecast beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from algorithms.arrays import Array, Floats
from algorithms.errors import InvalidField
from algorithms.lazily import scipy
from algorithms.neural.losses import BETA, GAUSSIAN, LEAST, NEGATIVE_BINOMIAL, STUDENT_T


def softplus(x: Floats) -> Array:
    """Return log(1 + exp x).

    Examples
    --------
    >>> softplus(np.array([-800.0, 0.0, 800.0])).round(4).tolist()
    [0.0, 0.6931, 800.0]
    """
    return np.logaddexp(0.0, x.astype(np.float64))


def _gaussian(out: Floats, scale: Array, u: Array) -> Array:
    return np.asarray(scale * (out[:, 0] + (softplus(out[:, 1]) + LEAST) * scipy.special.ndtri(u)))


def _student_t(out: Floats, scale: Array, u: Array) -> Array:
    wide = scipy.special.stdtrit(2.0 + softplus(out[:, 2]), u)
    return np.asarray(scale * (out[:, 0] + (softplus(out[:, 1]) + LEAST) * wide))


def _negative_binomial(out: Floats, scale: Array, u: Array) -> Array:
    mean = (softplus(out[:, 0]) + LEAST**2) * scale
    r = np.sqrt(scale) / (softplus(out[:, 1]) + LEAST)
    return np.asarray(scipy.stats.nbinom.ppf(u, r, r / (r + mean)))


def _beta(out: Floats, scale: Array, u: Array) -> Array:  # noqa: ARG001 -- shares have no scale
    return np.asarray(scipy.special.betaincinv(softplus(out[:, 0]) + LEAST, softplus(out[:, 1]) + LEAST, u))


QUANTILES: dict[str, Callable[[Floats, Array, Array], Array]] = {
    GAUSSIAN: _gaussian, STUDENT_T: _student_t, NEGATIVE_BINOMIAL: _negative_binomial, BETA: _beta,
}  # fmt: skip
"""By likelihood, the quantiles of values, shape (n,), by what comes out (n, head), ν (n,) and shares u (n,)."""


def check_target(likelihood: str, y: Array) -> None:
    """Refuse values that a likelihood does not have.

    Raises
    ------
    InvalidField
        Names one, and another likelihood.

    Examples
    --------
    >>> check_target("beta", np.array([0.5, 1.0]))
    Traceback (most recent call last):
    algorithms.errors.InvalidField: likelihood='beta': is of values between 0 and 1, and the target holds 1; …
    """
    if likelihood == NEGATIVE_BINOMIAL:
        wrong, what = y[(y < 0.0) | (y != np.rint(y))], "of counts, whole numbers of at least 0,"
    elif likelihood == BETA:
        wrong, what = y[(y <= 0.0) | (y >= 1.0)], "of values between 0 and 1,"
    else:
        return
    if len(wrong):
        raise InvalidField(
            f"likelihood={likelihood!r}: is {what} and the target holds {wrong[0]:g}; "
            f"give {STUDENT_T!r} or {GAUSSIAN!r}"
        )
