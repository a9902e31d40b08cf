"""Targets that are transformed for a model, whose predictions are transformed back."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Self, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from algorithms.arrays import Values
from hpo.drop_in.counterparts import Unanswered


class KeepsTarget(RegressorMixin, BaseEstimator):
    """A regressor that keeps the target that it is given, and learns nothing."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Keep the target."""
        self.y_ = np.asarray(y)
        return self

    def predict(self, X: ArrayLike) -> Values:
        """Raise: it learned nothing."""
        raise NotFittedError("it keeps the target that it is given, and learns nothing")


@dataclass(frozen=True)
class Transformed:
    """What one split is scored on where its target is transformed for the model.

    Attributes
    ----------
    around : the fitted ``TransformedTargetRegressor``, without a model in it.
    X, y : the rows to test on, and their target as it is.
    weights : of these rows; None where all count alike.
    """

    around: BaseEstimator
    X: ArrayLike
    y: Values
    weights: Values | None

    def of(self, model: BaseEstimator) -> BaseEstimator:
        """Return it around a fitted model of the transformed target."""
        made = copy(self.around)
        made.regressor_ = model
        return made


def around_of(estimator: BaseEstimator) -> BaseEstimator | None:
    """Return what transforms the target of an estimator, without a model in it; None where nothing does.

    Examples
    --------
    >>> around_of(TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1)).func
    <ufunc 'log1p'>
    """
    if type(estimator) is not TransformedTargetRegressor:
        return None
    return clone(estimator).set_params(regressor=KeepsTarget())


def inside_of(estimator: BaseEstimator) -> BaseEstimator:
    """Return the model that a ``TransformedTargetRegressor`` is around."""
    return LinearRegression() if estimator.regressor is None else estimator.regressor


def transformed(around: BaseEstimator, X: ArrayLike, y: ArrayLike) -> tuple[BaseEstimator, Values]:
    """Return what transforms a target, fitted to some rows, and their target as the model is given it.

    Raises
    ------
    Unanswered
        That is not one column of numbers without gaps.
    """
    made = clone(around).fit(X, y)
    mapped = cast(Values, made.regressor_.y_)
    if mapped.ndim != 1 or mapped.dtype.kind not in "fiub" or not np.isfinite(mapped).all():
        raise Unanswered("the transformed target is not a column of numbers without gaps")
    return made, mapped
