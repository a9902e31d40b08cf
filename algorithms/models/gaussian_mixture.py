"""Gaussian mixtures of a coreset: every number of components and kind of covariance from one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.contract import Tags
from algorithms.families.clusters import (
    SEPARATED,
    STARTS,
    Clustering,
    Rounds,
    Space,
    Starts,
    Tolerance,
    first_rows,
)
from algorithms.lazily import sklearn
from algorithms.models.kmeans import KMeans
from algorithms.ranges import Choice, Integer, Legal, Log, Range
from algorithms.solvers.centres import FIRST_ROWS
from algorithms.solvers.cloud import Cloud, Rows
from algorithms.solvers.mixture import Fit, Mixture, expectation_maximisation, maximised
from algorithms.summaries.coreset_state import CoresetState
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

KINDS = ("full", "tied", "diag", "spherical")


@dataclass(frozen=True, eq=False)
class MixtureSolution:
    """A mixture of a coreset's rows.

    Attributes
    ----------
    space : the columns of the mixture, which is held about their mean.
    start : where EM on all rows of the coreset began.
    fit : where it ended.
    """

    space: Space
    start: Mixture
    fit: Fit

    @property
    def converged(self) -> bool:
        """Whether EM reached its tolerance."""
        return self.fit.converged

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(4 * self.start.covariances.nbytes + 2 * self.start.means.nbytes)


@dataclass(frozen=True, kw_only=True)
class GaussianMixture(Clustering[MixtureSolution]):
    """A Gaussian mixture; parameters are those of ``sklearn.mixture.GaussianMixture``.

    Weighted EM on the rows of the coreset, from k-means: exact while the coreset holds every row, approximate
    beyond. ``log_likelihood`` is the weighted mean over the held-out coreset, an estimate; its unit depends on
    ``standardize``. ``neg_davies_bouldin`` and ``calinski_harabasz`` are estimates from it too, and
    ``silhouette`` is that of sampled held-out rows, each in its likeliest component.

    Parameters
    ----------
    n_components : at most the coreset's ``k_max``.
    covariance_type, reg_covar : as in scikit-learn.
    n_init : how many starts; the one that ends highest is kept.
    max_iter, tol : of EM.

    Examples
    --------
    >>> GaussianMixture(n_components=3).covariance_type
    'full'
    """

    n_components: Annotated[int, Legal(ge=1), Integer(1, 30, log=True)] = 1
    covariance_type: Annotated[str, Legal(*KINDS), Choice(*KINDS)] = "full"
    reg_covar: Annotated[float, Legal(ge=0), Log(1e-9, 1e-1, searched=False)] = 1e-6
    n_init: Starts = 1
    max_iter: Rounds = 100
    tol: Tolerance = 1e-3

    tags: ClassVar[Tags] = Clustering.tags.but(
        exact=("log_likelihood", *SEPARATED),
        default_score="log_likelihood",
        elbow=("n_components", "log_likelihood"),
        auto=2,
        equivalent=Equivalent("sklearn.mixture.GaussianMixture", unanswered=STARTS),
    )

    @property
    def counted(self) -> tuple[str, int]:
        """``n_components``."""
        return "n_components", self.n_components

    def of_one(self) -> Self:
        """Return the same algorithm with one component."""
        return replace(self, n_components=1)

    def estimator(self, solution: MixtureSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``GaussianMixture``."""
        space, fit, mixture = solution.space, solution.fit, solution.fit.mixture
        model: BaseEstimator = sklearn.mixture.GaussianMixture(
            self.n_components, covariance_type=self.covariance_type, tol=self.tol, reg_covar=self.reg_covar,
            max_iter=self.max_iter, n_init=self.n_init, random_state=self.random_state,
        )  # fmt: skip
        model.weights_, model.means_ = mixture.weights, mixture.means + space.offset
        model.covariances_, model.precisions_cholesky_ = mixture.covariances, mixture.precisions_cholesky
        model.precisions_, model.converged_ = mixture.precisions, fit.converged
        model.n_iter_, model.lower_bound_, model.lower_bounds_ = fit.n_iter, fit.bounds[-1], list(fit.bounds)
        return space.pipeline_of(model)

    def assign(self, solution: MixtureSolution, Z: Rows) -> Places:
        """Return the likeliest component of each row."""
        return np.asarray(solution.fit.mixture.joint(Z.astype(np.float64)).argmax(axis=1))

    def own_score(self, solution: MixtureSolution, cloud: Cloud) -> float:
        """Return the weighted mean of the log-likelihood."""
        density = solution.fit.mixture.log_density(cloud.Z.astype(np.float64))
        return float(cloud.w @ density / cloud.w.sum())

    def complexity(self, solution: MixtureSolution) -> float:
        """Return the number of free parameters."""
        return float(solution.fit.mixture.parameters)

    def bounds(self, state: CoresetState) -> Mapping[str, Range | None]:
        """Return components up to 30, ``k_max`` and the distinct rows of the folds."""
        return self.narrowed("n_components", state, 1, 30)

    def _solve(self, state: CoresetState) -> MixtureSolution:
        cloud = self.enough(state)
        many = max(FIRST_ROWS, 40 * self.n_components)
        first, kept = first_rows(cloud, state, many), state.first(many)[0]
        starts = (self._start(state, first, kept, self.random_state + i) for i in range(self.n_init))
        if first.n == cloud.n:
            fits = [(start, self._fit(cloud, start)) for start in starts]
            start, fit = max(fits, key=lambda pair: pair[1].bounds[-1])
        else:
            start = max((self._fit(first, s) for s in starts), key=lambda found: found.bounds[-1]).mixture
            fit = self._fit(cloud, start)
        return MixtureSolution(self.space(state), start, fit)

    def _start(self, state: CoresetState, cloud: Cloud, kept: Places, seed: int) -> Mixture:
        """Return the mixture that the clusters of k-means make of some rows of the state."""
        clusters = KMeans(
            n_clusters=self.n_components, standardize=self.standardize, impute=self.impute,
            min_frequency=self.min_frequency, random_state=seed, summary=self.summary,
        ).solve(state)  # fmt: skip
        labels = clusters.fitted.labels_[kept]
        resp: Array = (labels[:, None] == np.arange(self.n_components)).astype(np.float64)
        return maximised(
            cloud.Z.astype(np.float64), resp, _share(cloud), self.covariance_type, self.reg_covar
        )

    def _fit(self, cloud: Cloud, start: Mixture) -> Fit:
        Z = cloud.Z.astype(np.float64)
        return expectation_maximisation(Z, _share(cloud), start, self.reg_covar, self.tol, self.max_iter)


def _share(cloud: Cloud) -> Array:
    return np.asarray(cloud.w / cloud.w.mean())
