"""k-nearest neighbours of a sample, for classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array
from algorithms.contract import Rows, Tags
from algorithms.families.nearest_rows import NearestRows
from algorithms.families.neighbors import TIES, Neighbors
from algorithms.families.sampled import Prepared, codes
from algorithms.lazily import sklearn
from algorithms.solvers.log_loss import mean_log
from algorithms.solvers.neighbors import elected, probabilities, shares, small
from algorithms.summaries.sample import labels
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.neighbors import KNeighborsClassifier

    from algorithms.scoring.given import Given


@dataclass(frozen=True, kw_only=True)
class KNNClassifier(Neighbors):
    """A vote of the nearest rows; parameters are those of ``sklearn.neighbors.KNeighborsClassifier``.

    Examples
    --------
    >>> KNNClassifier(n_neighbors=3).weights
    'uniform'
    """

    tags: ClassVar[Tags] = Tags(
        task="classification", auto=9, on_request=("impute", "min_frequency"),
        equivalent=Equivalent("sklearn.neighbors.KNeighborsClassifier", unanswered=TIES, shared=NearestRows),
    )

    def model(self, how: str) -> KNeighborsClassifier:
        """Return ``sklearn.neighbors.KNeighborsClassifier``, not fitted."""
        return sklearn.neighbors.KNeighborsClassifier(
            self.n_neighbors, weights=self.weights, metric=self.metric, algorithm=how
        )

    def known(self, sample: Rows) -> NDArray[np.unsignedinteger]:
        """Return the codes of the classes."""
        return codes(sample).astype(small(len(sample.shape.classes)))

    def quick(self, prepared: Prepared, rows: Rows, metric: str) -> float | None:
        """Return the accuracy, the balanced accuracy or the log-loss."""
        if metric == "neg_log_loss":
            return self._log_loss(prepared, rows)
        if metric not in ("accuracy", "balanced_accuracy"):
            return None
        truth, weights = codes(rows), rows.sample_weight
        hits = self._choice(prepared, rows) == truth
        if metric == "accuracy":
            return float(np.average(hits, weights=weights))
        found = np.bincount(truth, weights * hits), np.bincount(truth, weights)
        seen = found[1] > 0.0
        return float(np.mean(found[0][seen] / found[1][seen]))

    def predicted(self, prepared: Prepared, rows: Rows) -> Given:
        """Return the labels and their probabilities; a class that the training sample lacks has none."""
        from algorithms.scoring.given import Given  # noqa: PLC0415 -- loads scikit-learn

        found = labels(rows.shape)

        def chances() -> Array:
            return probabilities(self.ranked(prepared, rows), self.n_neighbors, self.weights, len(found))

        return Given(
            {"predict": lambda: found[self._choice(prepared, rows)], "predict_proba": chances},
            "classifier",
            found,
        )

    def _choice(self, prepared: Prepared, rows: Rows) -> NDArray[np.unsignedinteger]:
        n_classes = len(rows.shape.classes)
        table = self.kept(prepared, rows, "elected", lambda: elected(self.ranked(prepared, rows), n_classes))
        return table.at(self.n_neighbors, self.weights)

    def _log_loss(self, prepared: Prepared, rows: Rows) -> float:
        table = self.kept(prepared, rows, "shares", lambda: shares(self.ranked(prepared, rows), codes(rows)))
        return mean_log(table.at(self.n_neighbors, self.weights), rows.sample_weight)
