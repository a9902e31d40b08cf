"""Gaussian mixtures of weighted rows by expectation and maximisation (Dempster, Laird & Rubin 1977).

==== ======================================================================
R    responsibilities times row weights, shape (n, k)
π    shares of the components, shape (k,)
μ    means, shape (k, q)
Σ    covariances: (k, q, q) full, (q, q) tied, (k, q) diag, (k,) spherical
P    Cholesky factors of the precisions, laid out as Σ
==== ======================================================================

With weights of one every step is that of ``sklearn.mixture.GaussianMixture``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from algorithms.contract import Array
from algorithms.errors import AlgorithmError
from algorithms.lazily import scipy

TINY = 10 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class Mixture:
    """A Gaussian mixture.

    Attributes
    ----------
    kind : ``"full"``, ``"tied"``, ``"diag"`` or ``"spherical"``.
    weights, means, covariances, precisions_cholesky : π, μ, Σ and P.
    """

    kind: str
    weights: Array
    means: Array
    covariances: Array
    precisions_cholesky: Array

    @property
    def k(self) -> int:
        """Number of components."""
        return len(self.weights)

    @property
    def parameters(self) -> int:
        """Number of free parameters."""
        q = self.means.shape[1]
        covariance = {"full": self.k * q * (q + 1) / 2, "tied": q * (q + 1) / 2, "diag": self.k * q}
        return int(covariance.get(self.kind, self.k) + self.k * q + self.k - 1)

    @property
    def precisions(self) -> Array:
        """The inverses of the covariances."""
        P = self.precisions_cholesky
        return np.asarray(P @ np.swapaxes(P, -1, -2)) if self.kind in ("full", "tied") else P**2

    def joint(self, Z: Array) -> Array:
        """Return log π + log density of each row under each component, shape (n, k)."""
        q, P = Z.shape[1], self.precisions_cholesky
        distance, logdet = _DISTANCES[self.kind](Z, self.means, P)
        return np.asarray(np.log(self.weights) + logdet - 0.5 * (q * math.log(2.0 * math.pi) + distance))

    def log_density(self, Z: Array) -> Array:
        """Return the log-likelihood of each row, shape (n,)."""
        return np.asarray(_log_sum(self.joint(Z)))


@dataclass(frozen=True, eq=False)
class Fit:
    """A mixture fitted to weighted rows.

    Attributes
    ----------
    mixture : as after the last step.
    bounds : mean log-likelihood of the rows before each step.
    converged : whether the last change was below the tolerance.
    """

    mixture: Mixture
    bounds: tuple[float, ...]
    converged: bool

    @property
    def n_iter(self) -> int:
        """Number of steps."""
        return len(self.bounds)


def expectation_maximisation(
    Z: Array, w: Array, start: Mixture, reg_covar: float, tol: float, max_iter: int
) -> Fit:
    """Return the mixture that EM finds from a start, as ``GaussianMixture.fit`` goes about it.

    Parameters
    ----------
    Z, w : rows (n, q) and their weights, one on average.
    start : where to begin.
    reg_covar : added to the diagonals of covariances.
    tol, max_iter : stop when the mean log-likelihood changes by less, or after so many steps.

    Examples
    --------
    >>> Z = np.array([[-1.0], [-1.2], [3.0], [3.2]])
    >>> start = maximised(Z, np.repeat(np.eye(2), 2, axis=0), np.ones(4), "full", 1e-6)
    >>> expectation_maximisation(Z, np.ones(4), start, 1e-6, 1e-3, 100).mixture.means.ravel().round(6).tolist()
    [-1.1, 3.1]
    """
    mixture, bounds = start, [-math.inf]
    for _ in range(max_iter):
        joint = mixture.joint(Z)
        density = _log_sum(joint)
        resp = np.exp(joint - density[:, None])
        bounds.append(float(w @ density / w.sum()))
        mixture = maximised(Z, resp, w, start.kind, reg_covar)
        if abs(bounds[-1] - bounds[-2]) < tol:
            return Fit(mixture, tuple(bounds[1:]), converged=True)
    return Fit(mixture, tuple(bounds[1:]), converged=False)


def maximised(Z: Array, resp: Array, w: Array, kind: str, reg_covar: float) -> Mixture:
    """Return the mixture that responsibilities (n, k) make of weighted rows."""
    R = resp * w[:, None]
    mass = R.sum(axis=0) + TINY
    means = R.T @ Z / mass[:, None]
    covariances = _COVARIANCES[kind](Z, R, mass, means, reg_covar)
    return Mixture(kind, mass / mass.sum(), means, covariances, _cholesky(covariances, kind))


def _full(Z: Array, R: Array, mass: Array, means: Array, reg: float) -> Array:
    found = np.empty((len(mass), Z.shape[1], Z.shape[1]))
    for j, mean in enumerate(means):
        away = Z - mean
        found[j] = (R[:, j] * away.T) @ away / mass[j]
        found[j].flat[:: Z.shape[1] + 1] += reg
    return found


def _tied(Z: Array, R: Array, mass: Array, means: Array, reg: float) -> Array:
    found = (Z.T @ (R.sum(axis=1)[:, None] * Z) - (mass * means.T) @ means) / mass.sum()
    found.flat[:: Z.shape[1] + 1] += reg
    return np.asarray(found)


def _diag(Z: Array, R: Array, mass: Array, means: Array, reg: float) -> Array:
    return np.asarray(R.T @ Z**2 / mass[:, None] - means**2 + reg)


def _spherical(Z: Array, R: Array, mass: Array, means: Array, reg: float) -> Array:
    return np.asarray(_diag(Z, R, mass, means, reg).mean(axis=1))


_COVARIANCES: Mapping[str, Callable[[Array, Array, Array, Array, float], Array]] = {
    "full": _full, "tied": _tied, "diag": _diag, "spherical": _spherical,
}  # fmt: skip


def _cholesky(covariances: Array, kind: str) -> Array:
    """Return P; AlgorithmError where a component has collapsed onto too few rows."""
    try:
        if kind in ("full", "tied"):
            lower = np.linalg.cholesky(covariances)
            unit = np.eye(covariances.shape[-1])
            each = lower.reshape(-1, *lower.shape[-2:])
            found = np.array([scipy.linalg.solve_triangular(one, unit, lower=True).T for one in each])
            return np.asarray(found.reshape(lower.shape))
        if np.any(covariances <= 0.0):
            raise np.linalg.LinAlgError
    except np.linalg.LinAlgError as error:
        raise AlgorithmError(
            "a component's covariance is singular: it holds too few distinct rows; use fewer components, a "
            "larger reg_covar, or covariance_type 'diag' or 'tied'"
        ) from error
    return np.asarray(1.0 / np.sqrt(covariances))


def _distance_full(Z: Array, means: Array, P: Array) -> tuple[Array, Array]:
    found = np.empty((len(Z), len(means)))
    for j, (mean, factor) in enumerate(zip(means, P, strict=True)):
        found[:, j] = np.square(Z @ factor - mean @ factor).sum(axis=1)
    return found, np.log(np.diagonal(P, axis1=1, axis2=2)).sum(axis=1)


def _distance_tied(Z: Array, means: Array, P: Array) -> tuple[Array, Array]:
    found, _ = _distance_diag(Z @ P, means @ P, np.ones_like(means))
    return found, np.full(len(means), np.log(np.diagonal(P)).sum())


def _distance_diag(Z: Array, means: Array, P: Array) -> tuple[Array, Array]:
    precision = P**2
    found = (means**2 * precision).sum(axis=1) - 2.0 * Z @ (means * precision).T + Z**2 @ precision.T
    return found, np.log(P).sum(axis=1)


def _distance_spherical(Z: Array, means: Array, P: Array) -> tuple[Array, Array]:
    return _distance_diag(Z, means, np.repeat(P[:, None], Z.shape[1], axis=1))


_DISTANCES: Mapping[str, Callable[[Array, Array, Array], tuple[Array, Array]]] = {
    "full": _distance_full, "tied": _distance_tied, "diag": _distance_diag, "spherical": _distance_spherical,
}  # fmt: skip


def _log_sum(joint: Array) -> Array:
    largest: Array = joint.max(axis=1)
    beside: Array = np.exp(joint - largest[:, None]).sum(axis=1)
    return largest + np.log(beside)
