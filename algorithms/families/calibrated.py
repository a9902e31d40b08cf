"""A binary classifier with a threshold of its own: any classifier's state, and rows to choose the threshold on.

The threshold is chosen on training rows only, by cross-fitting: the cells of the training state are left out in
turn, a model of the others scores the sampled rows of the cell that was left out, and the threshold that is best
for all of these scores together is the model's. No row is scored by a model that has seen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Matrix
from algorithms.contract import Algorithm, Array, Held, Polishable, Score, Shape, Summary, steps_of
from algorithms.errors import InvalidField
from algorithms.families.cells import Cells
from algorithms.lazily import sklearn
from algorithms.learned import Learned
from algorithms.ranges import Range
from algorithms.scoring.blocks import asked_of
from algorithms.scoring.thresholds import best_threshold, check_criterion, positives

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


RANKED = ("roc_auc", "average_precision", "neg_log_loss", "neg_brier_score")
"""Scores that no threshold changes."""


@dataclass(frozen=True, eq=False)
class CalibratedSolution:
    """A solution and its threshold, which is found when it is first asked for.

    Attributes
    ----------
    algorithm : the classifier.
    criterion : what the threshold is best for.
    inner : the classifier's solution.
    state : what it was solved from.
    """

    algorithm: Algorithm
    criterion: str
    inner: object
    state: Cells

    @cached_property
    def threshold(self) -> float:
        """The score from which on a row is called positive."""
        y, scores, weights = [], [], []
        for rest, samples in self.state.left_out():
            model = self.algorithm.estimator(self.algorithm.solve(rest))
            for rows in samples:
                if rows.n:
                    y.append(positives(rows.target))
                    scores.append(scores_of(asked_of(model, rows), rows.X))
                    weights.append(rows.sample_weight)
        return best_threshold(
            self.criterion, np.concatenate(y), np.concatenate(scores), np.concatenate(weights)
        )


@dataclass(frozen=True)
class Calibrated(Algorithm[Cells, CalibratedSolution]):
    """Any binary classifier, its threshold chosen for a criterion.

    Parameters
    ----------
    algorithm : the classifier, its hyperparameters set.
    threshold : a criterion of :mod:`algorithms.scoring.thresholds`.

    Examples
    --------
    >>> from algorithms.models.knn_classifier import KNNClassifier
    >>> Calibrated(KNNClassifier(), "f1").summary == KNNClassifier().summary
    True
    """

    algorithm: Algorithm
    threshold: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_criterion(self.threshold)
        object.__setattr__(self, "tags", self.algorithm.tags.but(beside_cells=True))

    @property
    def summary(self) -> Summary:
        """The classifier's."""
        return self.algorithm.summary

    @property
    def exact(self) -> tuple[str, ...]:
        """The classifier's: those that no threshold changes."""
        return self.algorithm.exact

    @property
    def polishing(self) -> Polishable | None:
        """How the classifier's models are improved by another pass; the threshold is then chosen again."""
        found = self.algorithm.polishing
        return None if found is None else _Polishing(found)

    def solve(self, state: Cells) -> CalibratedSolution:
        """Return the classifier's numbers, and where its threshold comes from."""
        self._check_binary(state.shape)
        return CalibratedSolution(self.algorithm, self.threshold, self.algorithm.solve(state.whole), state)

    def estimator(self, solution: CalibratedSolution) -> BaseEstimator:
        """Return the fitted ``Pipeline``, its last step in scikit-learn's ``FixedThresholdClassifier``."""
        *steps, (name, model) = steps_of(self.algorithm.estimator(solution.inner))
        method = "predict_proba" if hasattr(model, "predict_proba") else "decision_function"
        fixed = sklearn.model_selection.FixedThresholdClassifier(
            model, threshold=solution.threshold, response_method=method
        )
        fixed.estimator_ = model
        if hasattr(model, "n_features_in_"):
            fixed.n_features_in_ = model.n_features_in_
        return sklearn.pipeline.Pipeline([*steps, (name, fixed)])

    def converged(self, solution: CalibratedSolution) -> bool:
        """Return whether the classifier's solver reached its tolerance."""
        return self.algorithm.converged(solution.inner)

    def score(self, solution: CalibratedSolution, held: Held[Cells], metric: str) -> Score | float | None:
        """Return the classifier's own score where no threshold changes it; None for any other."""
        if held.rows_for(metric) is not None and metric not in RANKED:
            return None
        return self.algorithm.score(solution.inner, Held(held.state.whole, held.rows, held.exact), metric)

    def complexity(self, solution: CalibratedSolution) -> float:
        """Return the classifier's degrees of freedom; a threshold takes the place of the intercept."""
        return self.algorithm.complexity(solution.inner)

    def bounds(self, state: Cells) -> Mapping[str, Range | None]:
        """Return what the state knows of the classifier's fields."""
        return self.algorithm.bounds(state.whole)

    def check(self, state: Cells) -> None:
        """Refuse a state that defines no classifier, or more than two classes."""
        self._check_binary(state.shape)
        self.algorithm.check(state.whole)

    def _check_binary(self, shape: Shape) -> None:
        if len(shape.classes) != 2:
            raise InvalidField(
                f"threshold={self.threshold!r} is for two classes, and {shape.targets[0]!r} has "
                f"{len(shape.classes):,}; leave threshold out"
            )


@dataclass(frozen=True)
class _Polishing(Polishable[Cells, CalibratedSolution]):
    """The further passes of a classifier with a threshold: those of the classifier."""

    inner: Polishable

    def gain(self, solution: CalibratedSolution, state: Cells) -> float:
        return self.inner.gain(solution.inner, state.whole)

    def loss(self, solution: CalibratedSolution, state: Cells) -> float:
        return self.inner.loss(solution.inner, state.whole)

    def objective(self, solution: CalibratedSolution, state: Cells) -> float:
        return self.inner.objective(solution.inner, state.whole)

    def expanded_at(self, solution: CalibratedSolution, state: Cells) -> Learned:
        return self.inner.expanded_at(solution.inner, state.whole)


def scores_of(model: BaseEstimator, x: Matrix) -> Array:
    """Return how positive a binary classifier thinks each row is: probabilities, where it has them."""
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(x)[:, 1], np.float64)
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(x), np.float64)
    raise InvalidField(f"threshold= needs a classifier that scores rows, and {model!r} predicts classes only")
