"""Predictions that are already known, as an estimator that any scorer of scikit-learn can judge.

scikit-learn is slow to import, so nothing imports this module before there is something to score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from algorithms.arrays import Values
from algorithms.lazily import sklearn


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
