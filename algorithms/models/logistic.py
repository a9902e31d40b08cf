"""Logistic regression, binary and softmax, from one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.batches import Label
from algorithms.contract import Array, Rows, Shape, Tags
from algorithms.families.by_class import by_class, parsed
from algorithms.families.classes import need_every_class
from algorithms.families.generalized import AS_LONG, Generalized, GeneralizedSolution
from algorithms.families.quadratic import Weights
from algorithms.lazily import sklearn
from algorithms.ranges import Choice, Legal, Log, Uniform
from algorithms.solvers.log_loss import mean_log, own_probability
from algorithms.summaries.curvature_state import CurvatureState
from algorithms.summaries.families import LogisticCurvature
from algorithms.summaries.sample import labels
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression


@dataclass(frozen=True, kw_only=True)
class Logistic(Generalized):
    """Logistic regression: argmin C·Σ wℓ + ½(1 - ρ)‖c‖² + ρ‖c‖₁ with ρ = ``l1_ratio``.

    Exact for few rows, which the state keeps; for many approximate, and very near: a quadratic of every row,
    corrected by a sample.
    Parameters are those of ``sklearn.linear_model.LogisticRegression`` and the preprocessing of
    :class:`~algorithms.families.generalized.Generalized`.

    Parameters
    ----------
    class_weight : None; ``"balanced"``: classes weigh the same together; or text such as ``"late=5, on time=1"``,
        a weight for each class, 1 for those that are not named.

    Examples
    --------
    >>> Logistic(C=0.1).l1_ratio
    0.0
    """

    C: Annotated[float, Legal(gt=0), Log(1e-4, 1e4)] = 1.0
    l1_ratio: Annotated[float, Legal(ge=0, le=1), Uniform(0.0, 1.0, searched=False)] = 0.0
    class_weight: Annotated[str | None, Choice(None, "balanced", searched=False)] = None
    summary: LogisticCurvature = LogisticCurvature()

    tags: ClassVar[Tags] = Tags(
        task="classification", auto=1, needs_every_class=True, in_threads=True,
        on_request=("standardize",),
        equivalent=Equivalent("sklearn.linear_model.LogisticRegression", unanswered=AS_LONG),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_weight not in (None, "balanced"):
            parsed("class_weight", self.class_weight)

    def check(self, state: CurvatureState) -> None:
        """Refuse what no generalized linear model takes, and weights of classes that are not there."""
        super().check(state)
        if self.class_weight not in (None, "balanced"):
            self.group_weights(state)

    def need_rows(self, state: CurvatureState) -> None:
        """Raise NotEnoughRows for a state without rows of some class."""
        super().need_rows(state)
        need_every_class("Logistic", state.shape, state.counts)

    def penalty(self, weight: float) -> tuple[float, float]:
        """Return ρ/C and (1 - ρ)/C."""
        return self.l1_ratio / self.C, (1.0 - self.l1_ratio) / self.C

    def group_weights(self, state: CurvatureState) -> Weights:
        """Return what the classes weigh: 1, what was given, or W/(C·W_c) for balanced ones."""
        if self.class_weight is None:
            return super().group_weights(state)
        if self.class_weight != "balanced":
            return tuple(by_class("class_weight", self.class_weight, state.shape, missing=1.0).tolist())
        return tuple((state.weight / (len(state.counts) * state.counts)).tolist())

    def model(self, solution: GeneralizedSolution, state_shape: Shape) -> LogisticRegression:
        """Return the fitted ``sklearn.linear_model.LogisticRegression``."""
        classes = labels(state_shape)
        weight: str | dict[Label, float] | None = self.class_weight
        if self.class_weight is not None and self.class_weight != "balanced":
            each = by_class("class_weight", self.class_weight, state_shape, 1.0)
            weight = dict(zip(classes.tolist(), each, strict=True))
        model = sklearn.linear_model.LogisticRegression(
            C=self.C, l1_ratio=self.l1_ratio, fit_intercept=self.fit_intercept, class_weight=weight,
            solver="saga" if self.l1_ratio else "lbfgs",
        )  # fmt: skip
        model.classes_ = classes
        model.coef_, model.intercept_ = solution.coef.copy(), solution.intercept.copy()
        model.n_iter_ = np.ones(1, np.int32)
        return model

    def score_eta(self, eta: Array, rows: Rows, metric: str) -> float | None:
        """Return accuracy, log-loss or, of two classes, the area under the ROC curve."""
        if metric not in ("accuracy", "neg_log_loss", "roc_auc"):
            return None
        y, w = rows.target.astype(np.intp), rows.sample_weight
        if metric == "accuracy":
            made = (eta[:, 0] > 0.0).astype(np.intp) if eta.shape[1] == 1 else eta.argmax(axis=1)
            return float(np.average(made == y, weights=w))
        if metric == "neg_log_loss":
            return mean_log(own_probability(eta, y), w)
        if eta.shape[1] > 1 or len(np.unique(y)) < 2:
            return None

        return float(sklearn.metrics.roc_auc_score(y, eta[:, 0], sample_weight=w))

    def score_moves(self, eta: Array, away: Array, rows: Rows, metric: str) -> list[float]:
        """Return how much a score changes with the linear predictors; the area under the curve by a quick way."""
        if metric != "roc_auc" or eta.shape[1] > 1:
            return super().score_moves(eta, away, rows, metric)
        y, w = rows.target, rows.sample_weight
        here = _area(eta[:, 0], y, w)
        return [_area(eta[:, 0] + each[:, 0], y, w) - here for each in away]


def _area(eta: Array, y: Array, w: Array) -> float:
    """Return the area under the ROC curve of rows that are not tied.

    Examples
    --------
    >>> _area(np.array([0.1, 0.4, 0.3]), np.array([0.0, 1.0, 1.0]), np.ones(3))
    1.0
    """
    order = np.argsort(eta)
    positive, negative = (w * y)[order], (w * (1.0 - y))[order]
    return float(positive @ np.cumsum(negative) / (positive.sum() * negative.sum()))
