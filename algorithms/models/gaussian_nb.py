"""Gaussian naive Bayes, exact from the moments of each class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.base import Array
from algorithms.column_map import ColumnMap, picked, seen
from algorithms.models._classes import check_priors, given, need_every_class, priors_of
from algorithms.models._pipeline import pipeline
from algorithms.models._regression import at_least
from algorithms.ranges import Choice, Log, Range
from algorithms.summaries.classes import Classes, ClassesState
from algorithms.summaries.moments import check_finite
from algorithms.summaries.sample import labels

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, eq=False)
class NaiveSolution:
    """Means and variances of each class.

    Attributes
    ----------
    state : of the training rows.
    columns : the encoded columns that are anywhere other than zero.
    means, variances : shape (C, q); variances include ``epsilon``.
    priors : shape (C,).
    epsilon : what was added to the variances.
    """

    state: ClassesState
    columns: ColumnMap
    means: Array
    variances: Array
    priors: Array
    epsilon: float


@dataclass(frozen=True, kw_only=True)
class GaussianNB:
    """Gaussian naive Bayes over the encoded columns; a missing number is zero and has its indicator.

    Exact: parameters, attributes and predictions are those of ``sklearn.naive_bayes.GaussianNB``. The score
    ``log_likelihood`` is the mean of log p(x, y) of held-out rows.

    Parameters
    ----------
    var_smoothing : share of the largest variance that is added to all.
    priors : None for the shares of the classes; ``"uniform"``; or text such as ``"late=0.2, on time=0.8"``.

    Examples
    --------
    >>> GaussianNB(var_smoothing=1e-3).priors is None
    True
    """

    var_smoothing: Annotated[float, Log(1e-12, 1.0)] = 1e-9
    priors: Annotated[str | None, Choice(None, "uniform", searched=False)] = None
    summary: Classes = Classes("diagonal")

    task: ClassVar[str] = "classification"
    auto: ClassVar[int] = 3
    metrics: ClassVar[tuple[str, ...]] = ("log_likelihood",)

    def __post_init__(self) -> None:
        at_least("var_smoothing", self.var_smoothing, 0.0)
        check_priors(self.priors)

    def solve(self, state: ClassesState) -> NaiveSolution:
        """Return means and variances; raises NotEnoughRows where a class has no row."""
        self.check(state)
        pick = seen(state.mean, state.scatter)
        scatters = (
            state.scatters if state.scatters.ndim == 2 else np.diagonal(state.scatters, axis1=1, axis2=2)
        )
        epsilon = self.var_smoothing * float((state.scatter / state.weight).max(initial=0.0))
        variances = scatters[:, pick] / state.weights[:, None] + epsilon
        columns = picked(state.shape, pick)
        priors = priors_of(state.weights, self.priors, state.shape)
        return NaiveSolution(state, columns, state.means[:, pick], variances, priors, epsilon)

    def estimator(self, solution: NaiveSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``GaussianNB``."""
        from sklearn.naive_bayes import GaussianNB as SkGaussianNB

        state = solution.state
        model = SkGaussianNB(priors=given(self.priors, solution.priors), var_smoothing=self.var_smoothing)
        model.classes_, model.class_count_ = labels(state.shape), state.weights.copy()
        model.class_prior_, model.epsilon_ = solution.priors, solution.epsilon
        model.theta_, model.var_ = solution.means.copy(), solution.variances.copy()
        return pipeline(solution.columns, state.shape.d, None, model)

    def finalize(self, state: ClassesState) -> BaseEstimator:
        """Return the fitted scikit-learn estimator of the state's rows."""
        return self.estimator(self.solve(state))

    def score(self, solution: NaiveSolution, held_out: ClassesState, metric: str) -> float | None:
        """Return the mean of log p(x, y) of the held-out rows."""
        if metric != "log_likelihood" or not held_out.rows:
            return None
        if not (solution.variances > 0.0).all():
            return -math.inf
        pick = solution.columns.pick
        w, squares = held_out.weights, held_out.scatters
        squares = squares if squares.ndim == 2 else np.diagonal(squares, axis1=1, axis2=2)
        away = squares[:, pick] + w[:, None] * (held_out.means[:, pick] - solution.means) ** 2
        logs = w[:, None] * np.log(2.0 * math.pi * solution.variances) + away / solution.variances
        return float((w @ np.log(solution.priors) - 0.5 * logs.sum()) / held_out.weight)

    def complexity(self, solution: NaiveSolution) -> float:
        """Return the number of means, variances and priors."""
        return float(2 * solution.means.size + len(solution.priors) - 1)

    def bounds(self, state: ClassesState) -> Mapping[str, Range | None]:
        """Return nothing: every range is legal for every state."""
        return {}

    def class_rows(self, state: ClassesState) -> Array:
        """Return the weight of each class."""
        return state.weights

    def check(self, state: ClassesState) -> None:
        """Refuse squares without a finite sum, priors of other classes than there are, and a class without rows."""
        check_finite(state)
        check_priors(self.priors, state.shape)
        need_every_class("GaussianNB", state.shape, self.class_rows(state))
