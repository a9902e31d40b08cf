"""Predictions that are already known, as an estimator that any scorer of scikit-learn can judge.

scikit-learn is slow to import, so nothing imports this module before there is something to score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from algorithms.arrays import Values
from algorithms.contract import Rows
from algorithms.lazily import sklearn
from algorithms.scoring.scorers import score_by


class Given(BaseEstimator):
    """An estimator of predictions that are given, whatever the rows.

    Parameters
    ----------
    methods : what ``predict``, ``predict_proba``, ``score_samples`` and the like return, each made when asked.
    kind : ``"classifier"``, ``"regressor"`` or ``"outlier_detector"``.
    classes : labels of a classifier.

    Examples
    --------
    >>> import numpy as np
    >>> Given({"predict": lambda: np.array([1.0])}, "regressor").predict([[0.0]]).tolist()
    [1.0]
    """

    def __init__(
        self,
        methods: Mapping[str, Callable[[], Values]],
        kind: str,
        classes: Values | None = None,
    ) -> None:
        self.methods, self.kind, self.classes = methods, kind, classes
        if classes is not None:
            self.classes_ = classes

    def __getattr__(self, name: str) -> Callable[[object], Values]:
        methods: Mapping[str, Callable[[], Values]] = self.__dict__.get("methods", {})
        if name in methods:

            def say(X: object) -> Values:  # noqa: ARG001 -- whatever the rows
                return methods[name]()

            say.__name__ = name  # scikit-learn looks methods up by it
            return say
        raise AttributeError(f"{type(self).__name__} was given no {name!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = self.kind
        if self.kind == "classifier":
            tags.classifier_tags = sklearn.utils.ClassifierTags()
        elif self.kind == "regressor":
            tags.regressor_tags = sklearn.utils.RegressorTags()
        return tags


def score_given(told: Given, rows: Rows, metric: str, truth: Values | None = None) -> float | None:
    """Return a scorer's score of what was told of some rows; None where the scorer fails or asks for more.

    Parameters
    ----------
    told : the predictions.
    rows : that they are of.
    metric : name of a scorer of scikit-learn.
    truth : what they are held against; None for the target of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from algorithms.contract import Batch, Column, Shape
    >>> from algorithms.summaries.sample import Sample
    >>> shape = Shape((Column("x", "x"),), ("y",))
    >>> batch = Batch(np.eye(2), 1, priority=np.arange(2, dtype=np.uint64))
    >>> rows = Sample(size=2).update(Sample(size=2).init(shape), batch)
    >>> score_given(Given({"predict": lambda: np.ones(2)}, "regressor"), rows, "neg_mean_absolute_error")
    -0.5
    """
    try:
        return score_by(metric, told, rows, truth, () if told.classes is None else told.classes.tolist())
    except (AttributeError, TypeError, ValueError):
        return None
