"""k-nearest neighbours of a sample, for classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sklearn.neighbors import KNeighborsClassifier

from algorithms.models._neighbors import Neighbors
from algorithms.summaries.sample import SampleState


@dataclass(frozen=True, kw_only=True)
class KNNClassifier(Neighbors):
    """A vote of the nearest rows; parameters are those of ``sklearn.neighbors.KNeighborsClassifier``.

    Examples
    --------
    >>> KNNClassifier(n_neighbors=3).weights
    'uniform'
    """

    task: ClassVar[str] = "classification"
    auto: ClassVar[int] = 9

    def model(self, solution: SampleState) -> KNeighborsClassifier:
        """Return ``sklearn.neighbors.KNeighborsClassifier``, not fitted."""
        return KNeighborsClassifier(self.n_neighbors, weights=self.weights, metric=self.metric)
