"""The nearest of kept rows, whatever asks for them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from algorithms.arrays import Array
from algorithms.errors import AlgorithmError
from algorithms.lazily import scipy
from algorithms.solvers.neighbors import DISTANCE, WEIGHTS
from algorithms.tags import Shared

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator


SQUARED = ("euclidean", "l2")
"""Metrics of scikit-learn's whose distances may be computed from squares and products of columns."""

PLAIN = ("manhattan", "l1", "cityblock", "chebyshev", "cosine")
"""Further metrics that need no parameters."""

ROUNDED = 4.0 * float(np.finfo(np.float64).eps)
"""Share of a distance by which a column may have rounded it."""


class NearestRows(Shared):
    """The nearest rows of some others as scikit-learn finds them, which answer for every smaller number of them.

    The k nearest rows are the first k of more, unless the next one is equally far: then which of them is taken
    depends on how many are searched for.

    Parameters
    ----------
    model : a fitted ``KNeighborsClassifier`` or ``KNeighborsRegressor``.
    X : rows, as it predicts them.

    Raises
    ------
    AlgorithmError
        Its distances are of a kind that is not known here.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> y = np.arange(10.0)
    >>> X = (y**2)[:, np.newaxis]
    >>> found = NearestRows(KNeighborsRegressor(3).fit(X, y), X)
    >>> float(found.smaller(KNeighborsRegressor(1)).score(X, y))
    1.0
    """

    varied = ("n_neighbors", "weights")

    @classmethod
    def largest(cls, models: Sequence[BaseEstimator]) -> BaseEstimator:
        """Return the one with the most neighbours."""
        return max(models, key=_asked)

    def __init__(self, model: BaseEstimator, X: ArrayLike) -> None:
        squared = model.metric in SQUARED or (model.metric == "minkowski" and model.p == 2)
        if not (squared or model.metric in PLAIN or model.metric == "minkowski") or model.metric_params:
            raise AlgorithmError(f"metric={model.metric!r} is not known to be answered by one search")
        self._model, self._n, self._k = model, int(model.n_samples_fit_), _asked(model)
        if model._fit_X.dtype == np.float32:
            raise AlgorithmError("distances are computed in float32; X.astype(float) is answered")
        found = model.kneighbors(X, min(self._k + 1, self._n))
        self._distances, self._places = cast(tuple[Array, Array], found)
        columns = model.n_features_in_ + 4
        if squared:
            noise = ROUNDED * columns * (_largest_square(model._fit_X) + _largest_square(X))
            gaps = np.diff(self._distances**2, axis=1) <= noise
        else:
            gaps = np.diff(self._distances, axis=1) <= ROUNDED * columns * np.maximum(self._distances[:, 1:], 1.0)
        self._level = gaps

    def smaller(self, model: BaseEstimator) -> BaseEstimator:
        """Return an estimator with fewer neighbours, or other weights.

        Raises
        ------
        AlgorithmError
            Rows are equally far, or the estimator searches in another way.
        """
        k = _asked(model)
        if k > min(self._k, self._n) or model.weights not in WEIGHTS:
            raise AlgorithmError(f"n_neighbors={k}, weights={model.weights!r} is not held by one search")
        if model.algorithm == "auto" and (k < self._n // 2) != (self._k < self._n // 2):
            raise AlgorithmError(f"n_neighbors={k} searches in another way than n_neighbors={self._k}")
        if k < self._n and self._level[:, k - 1].any():
            raise AlgorithmError(f"n_neighbors={k}: for some row the next one is equally far")
        if model.weights == DISTANCE and self._mixed(k):
            why = "rows of several classes are equally far, and are weighed in any order"
            raise AlgorithmError(f"n_neighbors={k}: {why}")
        found = copy.copy(self._model)
        found.set_params(n_neighbors=k, weights=model.weights)
        distances, places = self._distances[:, :k], self._places[:, :k]

        def kneighbors(_: ArrayLike, return_distance: bool = True) -> Array | tuple[Array, Array]:
            return (distances, places) if return_distance else places

        found.kneighbors = kneighbors
        found._fit_method = "kd_tree"  # counts the rows that kneighbors gives; "brute" may search once more
        return found

    def _mixed(self, k: int) -> bool:
        """Return whether rows of several classes are equally far: sums of weights are rounded by their order."""
        if not hasattr(self._model, "classes_"):
            return False
        codes = self._model._y[self._places[:, :k]]
        return bool((self._level[:, : k - 1] & (codes[:, 1:] != codes[:, :-1])).any())


def _asked(model: BaseEstimator) -> int:
    """Return how many neighbours an estimator asks for; AlgorithmError where that is not a number of rows."""
    k = model.n_neighbors
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise AlgorithmError(f"n_neighbors={k!r} is not a number of rows")
    return int(k)


def _largest_square(X: ArrayLike) -> float:
    """Return the largest squared norm of a row."""
    if scipy.sparse.issparse(X):
        rows = cast("csr_array", X)
        return float(np.max(rows.multiply(rows).sum(axis=1)))
    dense = np.asarray(X, dtype=np.float64)
    return float(np.max(np.einsum("ij,ij->i", dense, dense)))
