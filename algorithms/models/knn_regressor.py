"""k-nearest neighbours of a sample, for numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import Rows, Tags
from algorithms.families.nearest_rows import NearestRows
from algorithms.families.neighbors import TIES, Neighbors
from algorithms.families.sampled import Prepared
from algorithms.lazily import sklearn
from algorithms.solvers.neighbors import means
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.neighbors import KNeighborsRegressor

    from algorithms.scoring.given import Given


def _squared(y: Array, made: Array | float, w: Array) -> float:
    return float(np.average((y - made) ** 2, weights=w))


def _r2(y: Array, made: Array, w: Array) -> float | None:
    spread = _squared(y, float(np.average(y, weights=w)), w)
    return 1.0 - _squared(y, made, w) / spread if spread > 0.0 else None


QUICK: Mapping[str, Callable[[Array, Array, Array], float | None]] = {
    "r2": _r2,
    "neg_mean_squared_error": lambda y, made, w: -_squared(y, made, w),
    "neg_root_mean_squared_error": lambda y, made, w: -float(np.sqrt(_squared(y, made, w))),
    "neg_mean_absolute_error": lambda y, made, w: -float(np.average(np.abs(y - made), weights=w)),
}
"""Scores from truth, predictions and row weights."""


@dataclass(frozen=True, kw_only=True)
class KNNRegressor(Neighbors):
    """A mean of the nearest rows; parameters are those of ``sklearn.neighbors.KNeighborsRegressor``.

    Examples
    --------
    >>> KNNRegressor(n_neighbors=3, weights="distance").metric
    'euclidean'
    """

    tags: ClassVar[Tags] = Tags(
        task="regression", on_request=("impute", "min_frequency"),
        equivalent=Equivalent("sklearn.neighbors.KNeighborsRegressor", unanswered=TIES, shared=NearestRows),
    )

    def model(self, how: str) -> KNeighborsRegressor:
        """Return ``sklearn.neighbors.KNeighborsRegressor``, not fitted."""
        return sklearn.neighbors.KNeighborsRegressor(
            self.n_neighbors, weights=self.weights, metric=self.metric, algorithm=how
        )

    def known(self, sample: Rows) -> Array:
        """Return the target's numbers."""
        return sample.target

    def quick(self, prepared: Prepared, rows: Rows, metric: str) -> float | None:
        """Return R² or a squared or absolute error."""
        formula = QUICK.get(metric)
        if formula is None:
            return None
        return formula(self.known(rows), self._mean(prepared, rows), rows.sample_weight)

    def predicted(self, prepared: Prepared, rows: Rows) -> Given:
        """Return the predictions."""
        from algorithms.scoring.given import Given  # noqa: PLC0415 -- loads scikit-learn

        return Given({"predict": lambda: self._mean(prepared, rows)}, "regressor")

    def _mean(self, prepared: Prepared, rows: Rows) -> Array:
        reach = self.reach(prepared)
        table = self.kept(prepared, rows, "means", lambda: means(self._search(prepared, rows, reach)))
        return table.at(self.n_neighbors, self.weights)
