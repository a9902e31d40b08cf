"""What nearest-neighbour models share: one search per training sample answers every number of neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from algorithms.errors import NotEnoughRows
from algorithms.models._regression import at_least
from algorithms.ranges import Choice, Integer, Range
from algorithms.summaries.sample import Sample, SampleState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, kw_only=True)
class Neighbors:
    """A vote, or a mean, of the nearest rows of a sample.

    Parameters
    ----------
    n_neighbors, weights, metric : as in scikit-learn.
    standardize : centre and scale the columns first, as ``StandardScaler`` does.
    summary : the sample that is searched.
    """

    n_neighbors: Annotated[int, Integer(1, 200, log=True)] = 5
    weights: Annotated[str, Choice("uniform", "distance")] = "uniform"
    metric: Annotated[str, Choice("euclidean", "manhattan")] = "euclidean"
    standardize: Annotated[bool, Choice(True, False)] = True
    summary: Sample = Sample()

    metrics: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        at_least("n_neighbors", self.n_neighbors, 1)

    def solve(self, state: SampleState) -> SampleState:
        """Return the sample: it is the model."""
        self.check(state)
        return state

    def estimator(self, solution: SampleState) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns."""
        steps: list[tuple[str, Any]] = [("scale", StandardScaler())] if self.standardize else []
        return Pipeline([*steps, ("model", self.model(solution))]).fit(solution.X, solution.y)

    def model(self, solution: SampleState) -> BaseEstimator:
        """Return scikit-learn's estimator, not fitted."""
        raise NotImplementedError

    def finalize(self, state: SampleState) -> BaseEstimator:
        """Return the fitted scikit-learn estimator of the state's rows."""
        return self.estimator(self.solve(state))

    def score(self, solution: SampleState, held_out: SampleState, metric: str) -> float | None:
        """Return None: a state tells no score of neighbours exactly."""
        return None

    def complexity(self, solution: SampleState) -> float:
        """Return n / n_neighbors (Hastie, Tibshirani & Friedman 2009, §2.3.3)."""
        return solution.n / self.n_neighbors

    def bounds(self, state: SampleState) -> Mapping[str, Range | None]:
        """Return neighbours up to half of the rows."""
        return {"n_neighbors": Integer(1, max(1, min(200, state.n // 2)), log=True)}

    def check(self, state: SampleState) -> None:
        """Refuse a sample with fewer rows than neighbours."""
        if state.n < self.n_neighbors:
            raise NotEnoughRows(
                f"n_neighbors={self.n_neighbors} needs as many rows, and the sample has {state.n}"
            )
