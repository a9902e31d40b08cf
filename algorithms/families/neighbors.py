"""What nearest-neighbour models share: one search per training sample answers every number of neighbours."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import numpy as np

from algorithms.arrays import Array, Values
from algorithms.contract import Algorithm, Held, Rows
from algorithms.errors import AlgorithmError, InvalidField, NotEnoughRows
from algorithms.families.sampled import Prepared, check_squares, prepare, without_effect
from algorithms.lazily import scipy
from algorithms.memo import Memo, Sized
from algorithms.preparing.preprocess import Preprocessed
from algorithms.ranges import Choice, Integer, Legal, Range
from algorithms.scoring.scorers import score_given
from algorithms.solvers.neighbors import DISTANCE, WEIGHTS, Ranked, search
from algorithms.summaries.sample import Sample, SampleState
from algorithms.tags import Shared

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator

    from algorithms.scoring.given import Given

METRICS = ("euclidean", "manhattan")

TIES = "takes any of rows that are equally far, by how it searches for them"
"""Why no search of scikit-learn's is answered from states of these models."""

SQUARED = ("euclidean", "l2")
"""Metrics of scikit-learn's whose distances may be computed from squares and products of columns."""

PLAIN = ("manhattan", "l1", "cityblock", "chebyshev", "cosine")
"""Further metrics that need no parameters."""

ROUNDED = 4.0 * float(np.finfo(np.float64).eps)
"""Share of a distance by which a column may have rounded it."""

REACH = 200
"""Neighbours that one search looks for; twice as many, and so on, where more are asked for."""

SEARCHES = Memo(512 * 2**20)
"""Searches, and what was counted from them: those of every fold, metric and scaling of a study side by side."""

V = TypeVar("V", bound=Sized)


@dataclass(frozen=True, kw_only=True)
class Vote:
    """How neighbours are found and counted; proposed before the preprocessing.

    Parameters
    ----------
    n_neighbors, weights, metric : as in scikit-learn.
    """

    n_neighbors: Annotated[int, Legal(ge=1), Integer(1, 200, log=True)] = 5
    weights: Annotated[str, Legal(*WEIGHTS), Choice(*WEIGHTS)] = "uniform"
    metric: Annotated[str, Legal(*METRICS), Choice(*METRICS)] = "euclidean"


@dataclass(frozen=True, kw_only=True)
class Neighbors(Preprocessed, Vote, Algorithm[SampleState, Prepared]):
    """A vote, or a mean, of the nearest rows of a sample.

    Exact on the sample, and the same as scikit-learn's neighbours of the same rows; where two rows are equally
    far, either may be taken for the nearer, as in scikit-learn.

    Parameters
    ----------
    n_neighbors, weights, metric : as in scikit-learn; ``n_neighbors`` at most the rows of the sample.
    standardize, impute, min_frequency : as in :class:`~algorithms.preparing.preprocess.Preprocessed`.
    summary : the sample that is searched.
    """

    summary: Sample = Sample()

    @abstractmethod
    def model(self, how: str) -> BaseEstimator:
        """Return scikit-learn's estimator, not fitted, with that ``algorithm``."""

    def _by(self, solution: Prepared) -> str:
        """Return how scikit-learn is to search: by a tree where products of columns would lose what counts.

        That is whether a row is at distance zero, and every distance in columns that lie far from zero.
        """
        far = not self.standardize and bool(solution.columns.origin.any())
        return "kd_tree" if self.weights == DISTANCE or far else "auto"

    @abstractmethod
    def predicted(self, prepared: Prepared, rows: Rows) -> Given:
        """Return what is predicted of other rows."""

    @abstractmethod
    def quick(self, prepared: Prepared, rows: Rows, metric: str) -> float | None:
        """Return a common score from running votes or means; None for any other."""

    @abstractmethod
    def known(self, sample: Rows) -> Values:
        """Return the target of each row as it is counted, shape (n,)."""

    def solve(self, state: SampleState) -> Prepared:
        """Return the rows of the sample in the model's columns: they are the model."""
        self._need_row(state)
        self.check_field("n_neighbors", state)
        how = self.preprocess

        def prepared() -> Prepared:
            check_squares(state)
            return prepare(state, how)

        return SEARCHES.get(state, how, prepared)

    def estimator(self, solution: Prepared) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns."""
        return solution.dress(self.model(self._by(solution)).fit(solution.X, solution.sample.y))

    def score(self, solution: Prepared, held: Held[SampleState], metric: str) -> float | None:
        """Return any scorer's score of sampled held-out rows, from one search for all numbers of neighbours."""
        rows = held.rows_for(metric)
        if rows is None:
            return None
        found = self.quick(solution, rows, metric)
        if found is not None:
            return found
        return score_given(self.predicted(solution, rows), rows, metric)

    def ranked(self, prepared: Prepared, rows: Rows) -> Ranked:
        """Return the nearest rows of the sample for each of other rows, as many as any k so far needs."""
        reach = self.reach(prepared)
        return self.kept(prepared, rows, "ranked", lambda: self._search(prepared, rows, reach))

    def kept(self, prepared: Prepared, rows: Rows, what: Hashable, make: Callable[[], V]) -> V:
        """Return what was counted from one search for these rows; made at the first call."""
        key = (rows, what, self.metric, self.reach(prepared))
        return SEARCHES.get(prepared, key, make)

    def reach(self, prepared: Prepared) -> int:
        """Return how many neighbours are searched for."""
        reach = REACH
        while reach < self.n_neighbors:
            reach *= 2
        return min(reach, prepared.sample.n)

    def check_field(self, name: str, state: SampleState | None = None) -> None:
        """Refuse more neighbours than the sample keeps, or than a state has rows."""
        if name != "n_neighbors":
            return
        if self.n_neighbors > self.summary.size:
            raise InvalidField(
                f"n_neighbors={self.n_neighbors}: more than size={self.summary.size}, the rows that the sample "
                f"keeps; set size to at least {self.n_neighbors} (a pass field: another value reads the data once "
                "more)"
            )
        if state is not None and state.n < self.n_neighbors:
            raise NotEnoughRows(
                f"n_neighbors={self.n_neighbors} needs as many rows, and the sample to search has {state.n}; use "
                "fewer neighbours, a larger sample (size) or fewer folds"
            )

    def _search(self, prepared: Prepared, rows: Rows, reach: int) -> Ranked:
        return search(prepared.X, self.known(prepared.sample), prepared.place(rows), reach, self.metric)

    def complexity(self, solution: Prepared) -> float:
        """Return n / n_neighbors (Hastie, Tibshirani & Friedman 2009, §2.3.3)."""
        return solution.sample.n / self.n_neighbors

    def bounds(self, state: SampleState) -> Mapping[str, Range | None]:
        """Return neighbours up to half of the rows, and None for the fields without effect."""
        return {
            **without_effect(state),
            "n_neighbors": Integer(1, max(1, min(REACH, state.n // 2)), log=True),
        }

    def check(self, state: SampleState) -> None:
        """Refuse a sample without rows, and values whose squares have no finite sum."""
        self._need_row(state)
        check_squares(state)

    def _need_row(self, state: SampleState) -> None:
        if not state.n:
            raise NotEnoughRows(f"{type(self).__name__} needs at least 1 row, and the sample holds none")


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
    """Return how many neighbours an estimator asks for; raises AlgorithmError where that is no number of rows."""
    k = model.n_neighbors
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise AlgorithmError(f"n_neighbors={k!r} is no number of rows")
    return int(k)


def _largest_square(X: ArrayLike) -> float:
    """Return the largest squared norm of a row."""
    if scipy.sparse.issparse(X):
        rows = cast("csr_array", X)
        return float(np.max(rows.multiply(rows).sum(axis=1)))
    dense = np.asarray(X, dtype=np.float64)
    return float(np.max(np.einsum("ij,ij->i", dense, dense)))
