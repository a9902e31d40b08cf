"""What nearest-neighbour models share: one search per training sample answers every number of neighbours."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

from algorithms.arrays import Values
from algorithms.contract import Algorithm, Held, Rows
from algorithms.errors import InvalidField, NotEnoughRows
from algorithms.families.sampled import Prepared, check_squares, prepare, without_effect
from algorithms.memo import Memo, Sized
from algorithms.preparing.preprocess import Preprocessed
from algorithms.ranges import Choice, Integer, Legal, Range
from algorithms.scoring.scorers import score_given
from algorithms.solvers.neighbors import DISTANCE, WEIGHTS, Ranked, search
from algorithms.summaries.sample import Sample, SampleState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from algorithms.scoring.given import Given

METRICS = ("euclidean", "manhattan")

TIES = "takes any of rows that are equally far, by how it searches for them"
"""Why no search of scikit-learn's is answered from states of these models."""


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
        return solution.pipeline_of(self.model(self._by(solution)).fit(solution.X, solution.sample.y))

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
