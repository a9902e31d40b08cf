"""What every principal component analysis shares: the likelihood of held-out rows, and the fitted pipeline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.contract import Array
from algorithms.lazily import sklearn

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.decomposition import PCA as SkPCA  # noqa: N811

METRICS = ("log_likelihood", "explained_variance")


@dataclass(frozen=True, eq=False)
class SecondMoments:
    """Held-out second moments about the training mean, divided by the weight.

    Attributes
    ----------
    along : along each of the training rows' eigenvectors.
    total : of all columns together.
    """

    along: Array
    total: float

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.along.nbytes

    def beyond(self, k: int, q: int) -> float:
        """Return what lies outside the first k of q directions: where all are known, their sum cancels nothing."""
        if len(self.along) == q:
            return float(self.along[k:].sum())
        return self.total - float(self.along[:k].sum())


def score(metric: str, second: SecondMoments, variance: Array, noise: float, q: int) -> float | None:
    """Return a score of held-out rows.

    ``log_likelihood`` is their average under probabilistic PCA (Tipping & Bishop 1999);
    ``explained_variance`` the share of their variance about the training mean that lies in the components.

    Parameters
    ----------
    metric : one of :data:`METRICS`; None is returned for any other.
    second : of the held-out rows.
    variance : shape (k,), eigenvalues of the components.
    noise : variance of every other direction.
    q : columns.

    Examples
    --------
    >>> second = SecondMoments(np.array([3.0, 1.0]), 4.0)
    >>> score("explained_variance", second, np.array([2.0]), 1.0, 2)
    0.75
    """
    k = len(variance)
    if metric == "explained_variance":
        return float(second.along[:k].sum() / second.total) if second.total > 0.0 else 0.0
    if metric != "log_likelihood":
        return None
    if variance.min(initial=math.inf) <= 0.0 or (q > k and noise <= 0.0):
        return -math.inf
    inside = float(np.sum(second.along[:k] / variance))
    rest = q - k
    outside = second.beyond(k, q) / noise if rest else 0.0
    logdet = float(np.log(variance).sum()) + (rest * math.log(noise) if rest else 0.0)
    return -0.5 * (inside + outside + logdet + q * math.log(2.0 * math.pi))


def signed(rows: Array) -> Array:
    """Return components, each with its largest entry positive, as scikit-learn does.

    Examples
    --------
    >>> signed(np.array([[1.0, -2.0]])).tolist()
    [[-1.0, 2.0]]
    """
    largest = np.take_along_axis(rows, np.argmax(np.abs(rows), axis=1)[:, None], axis=1)
    return np.ascontiguousarray(rows * np.where(largest < 0.0, -1.0, 1.0)) + 0.0


def fitted(
    components: Array,
    mean: Array,
    variance: Array,
    *,
    total: float,
    noise: float,
    rows: int,
    singular: Array,
    whiten: bool,
    solver: str,
) -> SkPCA:
    """Return a fitted ``sklearn.decomposition.PCA``.

    Parameters
    ----------
    components : shape (k, q), orthonormal rows.
    mean : shape (q,).
    variance : shape (k,), along the components.
    total : variance of all columns.
    noise : ``noise_variance_``.
    rows : ``n_samples_``.
    singular : shape (k,), ``singular_values_``.
    whiten : as scikit-learn's.
    solver : ``svd_solver`` that scikit-learn would take for the same.
    """
    k, q = components.shape
    model: BaseEstimator = sklearn.decomposition.PCA(n_components=k, whiten=whiten, svd_solver=solver)
    model.components_, model.mean_ = components, mean.copy()
    model.explained_variance_ = variance.copy()
    model.explained_variance_ratio_ = variance / total if total > 0.0 else np.zeros(k)
    model.singular_values_, model.noise_variance_ = singular.copy(), noise
    model.n_components_, model.n_samples_, model.n_features_in_ = k, rows, q
    return model
