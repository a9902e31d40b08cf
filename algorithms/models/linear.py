"""Linear classifiers by stochastic gradient descent, a pack of them in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import Rows, Tags
from algorithms.families.packed import PackedModel, PackedSolution, averaged
from algorithms.lazily import sklearn
from algorithms.ranges import Choice
from algorithms.summaries.packed import PackedClassifiers
from algorithms.summaries.sample import labels

if TYPE_CHECKING:
    from sklearn.linear_model import SGDClassifier


@dataclass(frozen=True, kw_only=True)
class Linear(PackedModel):
    """A linear classifier: argmin of the mean loss + α((1 - ρ)/2 ‖θ‖² + ρ‖θ‖₁), one class against all others.

    Resumable: one pass of stochastic gradient descent. Parameters are those of
    ``sklearn.linear_model.SGDClassifier`` on scaled columns, and those of
    :class:`~algorithms.families.packed.PackedModel`.

    Examples
    --------
    >>> Linear(loss="log_loss").alpha
    0.0001
    """

    loss: Annotated[str, Choice("hinge", "squared_hinge", "log_loss", "modified_huber")] = "hinge"
    summary: PackedClassifiers = PackedClassifiers()

    tags: ClassVar[Tags] = Tags(task="classification", hashes=True)

    def model(self, solution: PackedSolution) -> SGDClassifier:
        """Return ``sklearn.linear_model.SGDClassifier``."""
        member = solution.member
        model = sklearn.linear_model.SGDClassifier(
            loss=self.loss, penalty="elasticnet", alpha=self.alpha, l1_ratio=self.l1_ratio, eta0=member.eta0,
            learning_rate="invscaling", power_t=self.summary.power_t, average=self.average,
        )  # fmt: skip
        model.classes_ = labels(solution.state.shape)
        model.n_iter_, model.t_ = int(solution.state.learned["epochs"][0]), float(solution.state.steps + 1)
        return model

    def quick(self, solution: PackedSolution, rows: Rows, metric: str) -> float | None:
        """Return accuracy or, of two classes, the area under the ROC curve."""
        if metric not in ("accuracy", "roc_auc"):
            return None
        y, eta = rows.target.astype(np.intp), solution.eta(rows.held)
        if metric == "accuracy":
            made = (eta[:, 0] > 0.0).astype(np.intp) if eta.shape[1] == 1 else eta.argmax(axis=1)
            return averaged(made == y, rows)
        if eta.shape[1] > 1 or len(np.unique(y)) < 2:
            return None

        return float(sklearn.metrics.roc_auc_score(y, eta[:, 0], sample_weight=rows.sample_weight))
