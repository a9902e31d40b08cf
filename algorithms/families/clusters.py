"""What models of a coreset share: its rows in a model's columns, and how well clusters are apart."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol, Self, TypeAlias, TypeVar

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.contract import Algorithm, Held, Shape, Tags, as_dense
from algorithms.contract import Rows as Sampled
from algorithms.errors import InvalidField, NotEnoughRows
from algorithms.families.design import deviations
from algorithms.families.pipeline import fitted_scaler, pipeline
from algorithms.memo import MEMO, Sized
from algorithms.preparing.column_map import ColumnMap
from algorithms.preparing.column_maps import column_map
from algorithms.preparing.preprocess import Preprocess, Preprocessed, unused_fields
from algorithms.ranges import Integer, Legal, Log, Range
from algorithms.solvers.cloud import Cloud, Rows
from algorithms.solvers.separation import SEPARATION
from algorithms.summaries.coreset import Coreset, check_sums
from algorithms.summaries.coreset_state import CoresetState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

FAR = 1e3
"""Deviations from zero beyond which squared lengths lose six digits of a squared distance."""

SEPARATED = ("neg_davies_bouldin", "calinski_harabasz")
"""How well clusters are apart, as states with every row give it exactly."""

STARTS = "begins at centres drawn of all rows, which no state has: others give other scores"
"""Why no search of scikit-learn's is answered by these models."""

Starts: TypeAlias = Annotated[int, Legal(ge=1), Integer(1, 100, searched=False)]
Rounds: TypeAlias = Annotated[int, Legal(ge=1), Integer(1, 10_000, searched=False)]
Tolerance: TypeAlias = Annotated[float, Legal(gt=0), Log(1e-8, 1e-1, searched=False)]

S = TypeVar("S", bound="Placed")


@dataclass(frozen=True, eq=False)
class Space:
    """The columns that a model measures distances in.

    Attributes
    ----------
    columns : T.
    shape : the encoded columns.
    mean, scale : shape (q,), exact; rows are held about that mean, divided by that scale.
    variance : shape (q,), exact.
    rows : number of rows that they are of.
    standardize : whether the scale is the model's; else it is one, and the model's columns are not centred.
    """

    columns: ColumnMap
    shape: Shape
    mean: Array
    scale: Array
    variance: Array
    rows: int
    standardize: bool

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.columns.nbytes + 4 * self.mean.nbytes

    @cached_property
    def centred(self) -> Array | None:
        """What a step of the pipeline takes away, shape (q,), so that distances by products keep their digits.

        None where the model's columns are scaled, or do not lie far from zero beside their spread.
        """
        middle = self.mean + self.columns.origin
        far = float(middle @ middle) > FAR**2 * float(self.variance.sum())
        return middle if far and not self.standardize else None

    @property
    def offset(self) -> Array:
        """What the model's columns have on top of those held here, shape (q,)."""
        if self.standardize:
            return np.zeros_like(self.mean)
        origin = self.columns.origin
        return self.mean + origin if self.centred is None else self.mean - (self.centred - origin)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the numbers that reach the model in its pipeline."""
        kept = self.columns.keeps_all(self.shape.d) and not self.shape.shifted
        return np.dtype(self.shape.dtype if kept else np.float64)

    def place(self, X: Rows) -> Rows:
        """Return rows (n, d) as states hold them in these columns, in their own type."""
        return np.asarray((self.columns.rows(X) - self.mean) / self.scale, X.dtype)

    def pipeline_of(self, model: BaseEstimator) -> BaseEstimator:
        """Return the fitted pipeline over the encoded columns that ends in the model."""
        scaler = None
        if self.standardize:
            mean = self.mean + self.columns.origin
            scaler = fitted_scaler(mean, self.scale, self.variance, self.rows)
        elif self.centred is not None:
            scaler = fitted_scaler(self.centred, None, None, self.rows)
        return pipeline(self.columns, self.shape.d, scaler, model)


class Placed(Sized, Protocol):
    """What models of a coreset find: something in the columns of a space."""

    @property
    def space(self) -> Space:
        """The columns."""
        ...


@dataclass(frozen=True, kw_only=True)
class Clustering(Preprocessed, Algorithm[CoresetState, S]):
    """A model of the rows of a coreset.

    Parameters
    ----------
    standardize, impute, min_frequency : as in :class:`~algorithms.preparing.preprocess.Preprocessed`; standardize
        changes the unit of distances.
    random_state : seed of every draw.
    summary : the coreset.
    """

    random_state: Annotated[int, Legal(ge=0, le=2**31 - 1), Integer(0, 2**31 - 1, searched=False)] = 0
    summary: Coreset = Coreset()

    tags: ClassVar[Tags] = Tags(
        task="clustering", sampled=("silhouette",), on_request=("standardize", "impute", "min_frequency")
    )

    @abstractmethod
    def _solve(self, state: CoresetState) -> S:
        """Return the clusters of a state's rows."""

    @abstractmethod
    def assign(self, solution: S, Z: Rows) -> Places:
        """Return the cluster of each row in the columns of the solution's space."""

    @abstractmethod
    def own_score(self, solution: S, cloud: Cloud) -> float:
        """Return the first of the exact scores: how well some rows fit the model."""

    def solve(self, state: CoresetState) -> S:
        """Return the clusters (kept for the state); raises NotEnoughRows for fewer distinct rows than clusters."""
        return MEMO.get(state, self, lambda: self._solve(state))

    @property
    @abstractmethod
    def counted(self) -> tuple[str, int]:
        """The hyperparameter that says how many clusters there are, and its value."""

    @abstractmethod
    def of_one(self) -> Self:
        """Return the same algorithm with one cluster."""

    def score(self, solution: S, held: Held[CoresetState], metric: str) -> float | None:
        """Return the score of the held-out coreset; of rows, how well the clusters that they fall in are apart."""
        if (rows := held.rows_for(metric)) is not None:
            space = solution.space
            cloud = MEMO.get(rows, (space, "cloud"), lambda: _sampled(space, rows))
            return self.separation(solution, cloud, metric)
        state = held.state_for(metric)
        if state is None or metric not in self.exact:
            return None
        cloud = self.cloud(solution.space, state)
        if metric == self.exact[0]:
            return self.own_score(solution, cloud)
        return self.separation(solution, cloud, metric)

    def naive_score(self, state: CoresetState, held: Held[CoresetState], metric: str) -> float | None:
        """Return how well held-out rows fit one cluster; None for how well clusters are apart."""
        if metric != self.exact[0]:
            return None
        one = self.of_one()
        return one.score(one.solve(state), held, metric)

    def space(self, state: CoresetState) -> Space:
        """Return the columns that this preprocessing makes of the state."""
        how = self.preprocess
        return MEMO.get(state, how, lambda: _space(state, how))

    def cloud(self, space: Space, state: CoresetState) -> Cloud:
        """Return a state's rows in the columns of a space (kept for the state)."""
        return MEMO.get(state, (space, "cloud"), lambda: _cloud(space, state))

    def check_field(self, name: str, state: CoresetState | None = None) -> None:
        """Refuse more clusters than the coreset is meant for, or than a state has distinct rows."""
        if name != self.counted[0]:
            return
        k = self.counted[1]
        if k > self.summary.k_max:
            raise InvalidField(
                f"{name}={k}: more than k_max={self.summary.k_max}, which the coreset is drawn for; set k_max to "
                f"at least {k} (a pass field: another value reads the data once more)"
            )
        if state is None:
            return
        cloud = self.cloud(self.space(state), state)
        if cloud.n < k or cloud.distinct < k:
            raise NotEnoughRows(
                f"{name}={k} needs as many distinct rows, and there are {min(cloud.n, cloud.distinct)}; use fewer "
                f"clusters{' or fewer folds' if cloud.n < k else ''}"
            )

    def enough(self, state: CoresetState) -> Cloud:
        """Return the state's rows in this model's columns; refuse more clusters than there are distinct rows."""
        self.check(state)
        self.check_field(self.counted[0], state)
        return self.cloud(self.space(state), state)

    def separation(self, solution: S, cloud: Cloud, metric: str) -> float | None:
        """Return how well the solution's clusters are apart on some rows; None for another metric."""
        formula = SEPARATION.get(metric)
        return None if formula is None else formula(cloud, self.assign(solution, cloud.Z))

    def narrowed(self, name: str, state: CoresetState, low: int, high: int) -> Mapping[str, Range | None]:
        """Return clusters up to ``k_max`` and to the distinct rows of the folds; fields without effect."""
        cloud = self.cloud(self.space(state), state)
        most = max(low, min(high, self.summary.k_max, cloud.groups))
        return {name: Integer(low, most, log=True), **unused_fields(state.shape, state.mean)}

    def check(self, state: CoresetState) -> None:
        """Refuse values whose squares have no finite sum, and a state without rows."""
        check_sums(state)
        if not state.rows:
            raise NotEnoughRows(f"{type(self).__name__} needs at least 1 row, and the state holds none")


def first_rows(cloud: Cloud, state: CoresetState, m: int) -> Cloud:
    """Return the rows of a state's cloud that are a coreset of size m of the same rows."""
    kept, w = state.first(m)
    return Cloud(cloud.Z[kept], w, float(w.sum()), state.rows)


def _space(state: CoresetState, how: Preprocess) -> Space:
    d = state.shape.d
    columns = column_map(state, how.impute, how.min_frequency)
    mean = columns.mean(state.mean[:d])
    variance = columns.spread(state.mean[:d], state.scatter[:d] / state.weight)
    scale = deviations(variance, mean, state.weight) if how.standardize else np.ones(len(mean))
    return Space(columns, state.shape, mean, scale, variance, state.rows, how.standardize)


def _cloud(space: Space, state: CoresetState) -> Cloud:
    return Cloud(space.place(as_dense(state.held)), state.sample_weight, state.weight, state.rows)


def _sampled(space: Space, rows: Sampled) -> Cloud:
    return Cloud(space.place(as_dense(rows.held)), rows.sample_weight, float(rows.sample_weight.sum()), rows.n)
