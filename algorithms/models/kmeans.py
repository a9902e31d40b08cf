"""k-means of a coreset: every number of clusters from one pass."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np

from algorithms.arrays import Places
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
from algorithms.memo import MEMO
from algorithms.ranges import Choice, Integer, Legal, Range
from algorithms.solvers.centres import FIRST_ROWS, Path, seeded
from algorithms.solvers.cloud import Cloud, Rows
from algorithms.summaries.coreset_state import CoresetState
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.cluster import KMeans as SkKMeans

INITS = ("path", "k-means++", "random")


@dataclass(frozen=True, eq=False)
class KMeansSolution:
    """Centres of a coreset's rows.

    Attributes
    ----------
    space : the columns of the centres.
    fitted : scikit-learn's ``KMeans``, fitted to the rows about the mean of the space; ``init`` is its start.
    weight : what a weight of one in that fit stands for.
    """

    space: Space
    fitted: SkKMeans
    weight: float

    @property
    def centres(self) -> Rows:
        """The centres, shape (k, q), about the mean of the space."""
        found: Rows = self.fitted.cluster_centers_
        return found

    @property
    def converged(self) -> bool:
        """Whether Lloyd's algorithm reached its tolerance."""
        return bool(self.fitted.n_iter_ < self.fitted.max_iter)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(2 * self.centres.nbytes + self.fitted.labels_.nbytes)


@dataclass(frozen=True, kw_only=True)
class KMeans(Clustering[KMeansSolution]):
    """k-means; parameters are those of ``sklearn.cluster.KMeans``, and the preprocessing of ``Clustering``.

    The clusters are those of the coreset's weighted rows, found by scikit-learn's own ``KMeans``: exact while
    the coreset holds every row, approximate beyond. ``neg_inertia`` is minus the held-out squared distance per
    unit of weight, an unbiased estimate from the held-out coreset; ``neg_davies_bouldin`` and
    ``calinski_harabasz`` are estimates from it too, and ``silhouette`` is that of sampled held-out rows.

    Parameters
    ----------
    n_clusters : at most the coreset's ``k_max``.
    init : ``"k-means++"`` and ``"random"`` as in scikit-learn; ``"path"`` starts from the solution for one
        cluster fewer, with a row added and others exchanged, which costs less and ends lower.
    n_init : how many starts; the one that ends lowest is kept.
    max_iter, tol : of Lloyd's algorithm.

    Examples
    --------
    >>> KMeans(n_clusters=3).summary.k_max
    200
    """

    n_clusters: Annotated[int, Legal(ge=1), Integer(2, None, log=True)] = 8
    init: Annotated[str, Legal(*INITS), Choice(*INITS, searched=False)] = "path"
    n_init: Starts = 1
    max_iter: Rounds = 300
    tol: Tolerance = 1e-4

    tags: ClassVar[Tags] = Clustering.tags.but(
        exact=("neg_inertia", *SEPARATED), default_score="silhouette", elbow=("n_clusters", "neg_inertia"), auto=1,
        equivalent=Equivalent("sklearn.cluster.KMeans", unanswered=STARTS),
    )  # fmt: skip

    @property
    def counted(self) -> tuple[str, int]:
        """``n_clusters``."""
        return "n_clusters", self.n_clusters

    def of_one(self) -> Self:
        """Return the same algorithm with one cluster."""
        return replace(self, n_clusters=1)

    def estimator(self, solution: KMeansSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``KMeans``."""
        space, model = solution.space, copy.copy(solution.fitted)
        model.init = (model.init + space.offset).astype(space.dtype)
        model.cluster_centers_ = (solution.centres + space.offset).astype(space.dtype)
        model.inertia_ = float(model.inertia_) * solution.weight
        return space.pipeline_of(model)

    def assign(self, solution: KMeansSolution, Z: Rows) -> Places:
        """Return the nearest centre of each row."""
        return Cloud(Z, np.ones(len(Z)), len(Z), len(Z)).nearest(solution.centres)[0]

    def own_score(self, solution: KMeansSolution, cloud: Cloud) -> float:
        """Return minus the squared distance to the nearest centre, per unit of weight."""
        return -float(cloud.w @ cloud.nearest(solution.centres)[1]) / cloud.total

    def complexity(self, solution: KMeansSolution) -> float:
        """Return the numbers that describe the centres."""
        return float(solution.centres.size)

    def bounds(self, state: CoresetState) -> Mapping[str, Range | None]:
        """Return clusters up to ``k_max`` and to the distinct rows of the folds."""
        return self.narrowed("n_clusters", state, 2, self.summary.k_max)

    def _solve(self, state: CoresetState) -> KMeansSolution:
        cloud = self.enough(state)
        starts = (self._start(state, cloud, self.random_state + i) for i in range(self.n_init))
        best = min((self._lloyd(cloud, start) for start in starts), key=lambda fit: float(fit.inertia_))
        return KMeansSolution(self.space(state), best, float(cloud.w.mean()))

    def _start(self, state: CoresetState, cloud: Cloud, seed: int) -> Rows:
        if self.init != "path":
            return seeded(cloud, self.n_clusters, self.init, seed)
        most = self.summary.k_max
        path = MEMO.get(state, (self.preprocess, seed, most), lambda: self._path(state, cloud, seed))
        return path.centres(self.n_clusters)

    def _path(self, state: CoresetState, cloud: Cloud, seed: int) -> Path:
        return Path(cloud, first_rows(cloud, state, FIRST_ROWS), seed, self.summary.k_max)

    def _lloyd(self, cloud: Cloud, start: Rows) -> SkKMeans:
        model = sklearn.cluster.KMeans(
            self.n_clusters, init=start, n_init=1, max_iter=self.max_iter, tol=self.tol
        )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", sklearn.exceptions.ConvergenceWarning
            )  # fewer centres than asked for can be best
            return model.fit(cloud.Z, sample_weight=cloud.share)
