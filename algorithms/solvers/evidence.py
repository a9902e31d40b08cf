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
    """The maximum: coefficients, noise precision α, weight precision λ, directions γ, squared error of the rows."""

    coef: Array
    alpha: float
    lambda_: float
    gamma: float
    n_iter: int
    sse: float


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
        coef, sse = _posterior_mean(s, yy, _ratio(lambda_, alpha))
        gamma = float(np.sum(alpha * s.resolved / (lambda_ + alpha * s.resolved)))
        lambda_ = (gamma + 2.0 * how.lambda_1) / (float(coef @ coef) + 2.0 * how.lambda_2)
        alpha = (weight - gamma + 2.0 * how.alpha_1) / (sse + 2.0 * how.alpha_2)
        if old is not None and float(np.abs(old - coef).sum()) < how.tol:
            break
        old = coef
    coef, sse = _posterior_mean(spectrum, yy, _ratio(lambda_, alpha), last=True)
    return Evidence(coef, float(alpha), float(lambda_), gamma, n_iter, sse)


def _ratio(lambda_: float, alpha: float) -> float:
    """Return λ/α: infinite, and so no coefficient at all, where the noise has no precision."""
    return lambda_ / alpha if alpha != 0.0 else np.inf


def _posterior_mean(s: Spectrum, yy: float, ratio: float, *, last: bool = False) -> tuple[Array, float]:
    """Return the mean and its squared error; the last with the digits that eigenvectors of unlike columns lose."""
    coef = s.vectors @ (s.projected / (s.values + ratio))
    if last and 0.0 < ratio < np.inf:
        coef = penalised(s, ratio).coef
    if s.root is not None:
        r = s.root[:, :-1] @ coef - s.root[:, -1]
        return coef, float(r @ r)
    sse = yy + float((s.gram @ coef - 2.0 * s.xy) @ coef)
    return coef, max(sse, 0.0)
