"""Bayesian ridge: the evidence of noise and weights, maximised on the eigenvalues of the Gram matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.contract import Array
from algorithms.solvers.penalised import penalised
from algorithms.solvers.spectrum import Spectrum


@dataclass(frozen=True)
class Priors:
    """Gamma priors and stopping, with ``BayesianRidge``'s names and defaults.

    Examples
    --------
    >>> Priors().alpha_1
    1e-06
    """

    alpha_1: float = 1e-6
    alpha_2: float = 1e-6
    lambda_1: float = 1e-6
    lambda_2: float = 1e-6
    alpha_init: float | None = None
    lambda_init: float | None = None
    tol: float = 1e-3
    max_iter: int = 300


@dataclass(frozen=True, eq=False)
class Evidence:
    """The maximum: coefficients, noise precision α, weight precision λ, directions γ, squared error of the rows.

    Attributes
    ----------
    open : what directions of which nobody knows whether they are rounding would add to γ.
    certain : whether the coefficients are known, as far as rounding goes.
    """

    coef: Array
    alpha: float
    lambda_: float
    gamma: float
    n_iter: int
    sse: float
    open: float = 0.0
    certain: bool = True


def maximise(
    spectrum: Spectrum, most: int, yy: float, target_variance: float, weight: float, how: Priors
) -> Evidence:
    """Return the maximum of the evidence by MacKay's (1992) fixed point, as ``BayesianRidge`` iterates it.

    Parameters
    ----------
    spectrum : of the centred Gram matrix.
    most : directions that the rows can have: their number, less one where they are centred.
    yy : centred square of the target.
    target_variance : of the target, for the first α.
    weight : W, the sum of the weights.
    how : priors and stopping.
    """
    s = spectrum.of_rows(most)
    variance = max(target_variance, 0.0) + np.finfo(np.float64).eps
    alpha = 1.0 / variance if how.alpha_init is None else how.alpha_init
    lambda_ = 1.0 if how.lambda_init is None else how.lambda_init
    gamma, old, n_iter = 0.0, None, 0
    while n_iter < how.max_iter:
        n_iter += 1
        coef = _along(s, _ratio(lambda_, alpha))
        sse = _squared(s, yy, coef)
        gamma = float(np.sum(alpha * s.resolved / (lambda_ + alpha * s.resolved)))
        lambda_ = (gamma + 2.0 * how.lambda_1) / (float(coef @ coef) + 2.0 * how.lambda_2)
        alpha = (weight - gamma + 2.0 * how.alpha_1) / (sse + 2.0 * how.alpha_2)
        if old is not None and float(np.abs(old - coef).sum()) < how.tol:
            break
        old = coef
    ratio, unknown = _ratio(lambda_, alpha), s.values[s.resolved == 0.0]
    # of columns of unlike scales eigenvectors lose digits
    last = penalised(spectrum, ratio) if 0.0 < ratio < np.inf else None
    coef = _along(spectrum, ratio) if last is None else last.coef
    left = float(np.sum(unknown / (ratio + unknown))) if 0.0 < ratio < np.inf else 0.0
    sure = last is None or last.certain
    return Evidence(coef, float(alpha), float(lambda_), gamma, n_iter, _squared(spectrum, yy, coef), left, sure)


def _ratio(lambda_: float, alpha: float) -> float:
    """Return λ/α: infinite, and so no coefficient at all, where the noise has no precision."""
    return lambda_ / alpha if alpha != 0.0 else np.inf


def _along(s: Spectrum, ratio: float) -> Array:
    """Return the mean of the weights."""
    return np.asarray(s.vectors @ (s.projected / (s.values + ratio)))


def _squared(s: Spectrum, yy: float, coef: Array) -> float:
    """Return the squared error of weights."""
    if s.root is not None:
        r = s.root[:, :-1] @ coef - s.root[:, -1]
        return float(r @ r)
    return max(yy + float((s.gram @ coef - 2.0 * s.xy) @ coef), 0.0)
