"""Linear discriminant analysis, exact from the moments of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.base import Array
from algorithms.models._classes import given, need_every_class, priors_of
from algorithms.models._discriminant import Discriminant, Groups, gaussian_log_density
from algorithms.models._regression import at_least
from algorithms.ranges import Uniform
from algorithms.summaries.classes import ClassesState
from algorithms.summaries.sample import labels

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, eq=False)
class LinearDiscriminantSolution:
    """One covariance for all classes.

    Attributes
    ----------
    groups : the classes.
    covariance : shape (q, q), shrunk.
    priors : shape (C,).
    coef, intercept : of each class's linear function, shapes (C, q) and (C,).
    """

    groups: Groups
    covariance: Array
    priors: Array
    coef: Array
    intercept: Array


@dataclass(frozen=True, kw_only=True)
class LDA(Discriminant):
    """Linear discriminant analysis with shrinkage.

    Exact: that of ``sklearn.discriminant_analysis.LinearDiscriminantAnalysis(solver="lsqr")``. The score
    ``log_likelihood`` is the mean of log p(x, y) of held-out rows. ``shrinkage="auto"`` needs fourth moments,
    which the state does not keep; the shrinkage is searched instead.

    Parameters
    ----------
    shrinkage : share of the mean variance in the covariance, from 0 to 1.

    Examples
    --------
    >>> LDA(shrinkage=0.1).priors is None
    True
    """

    shrinkage: Annotated[float, Uniform(0.0, 1.0)] = 0.0

    auto: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("shrinkage", self.shrinkage, 0.0)
        at_least("1 - shrinkage", 1.0 - self.shrinkage, 0.0)

    def solve(self, state: ClassesState) -> LinearDiscriminantSolution:
        """Return the linear functions; raises NotEnoughRows where a class has no row."""
        need_every_class("LDA", state.shape, state.weights)
        groups, priors = self.groups(state), priors_of(state.weights, self.priors)
        full = np.einsum("c,cij->ij", priors / state.weights, groups.scatters)
        q = max(1, len(full))
        covariance = (1.0 - self.shrinkage) * full
        covariance.flat[:: q + 1] += self.shrinkage * np.trace(full) / q
        coef = np.linalg.lstsq(covariance, groups.means.T, rcond=None)[0].T
        intercept = -0.5 * np.sum(groups.means * coef, axis=1) + np.log(priors)
        return LinearDiscriminantSolution(groups, covariance, priors, coef, intercept)

    def estimator(self, solution: LinearDiscriminantSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``LinearDiscriminantAnalysis``."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        groups, c = solution.groups, len(solution.priors)
        model = LinearDiscriminantAnalysis(
            solver="lsqr", shrinkage=self.shrinkage, priors=given(self.priors, c)
        )
        model.classes_, model.priors_ = labels(groups.state.shape), solution.priors
        model.means_, model.covariance_ = groups.means.copy(), solution.covariance.copy()
        model.xbar_ = solution.priors @ groups.means
        coef, intercept = solution.coef, solution.intercept
        if c == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        model.coef_, model.intercept_, model._max_components = coef.copy(), intercept.copy(), c - 1
        return self.dressed(groups, model)

    def finalize(self, state: ClassesState) -> BaseEstimator:
        """Return the fitted scikit-learn estimator of the state's rows."""
        return self.estimator(self.solve(state))

    def score(
        self, solution: LinearDiscriminantSolution, held_out: ClassesState, metric: str
    ) -> float | None:
        """Return the mean of log p(x, y) of the held-out rows; -∞ where the covariance is singular."""
        if metric != "log_likelihood" or not held_out.rows:
            return None
        values, vectors = np.linalg.eigh(solution.covariance)
        if values[0] <= 1e-12 * max(values[-1], 0.0):
            return float("-inf")
        half, c = (vectors / np.sqrt(values)).T, len(solution.priors)
        logdets = np.full(c, float(np.log(values).sum()))
        logs = gaussian_log_density(solution.groups, held_out, solution.groups.means, [half] * c, logdets)
        joint = np.asarray(logs) + held_out.weights * np.log(solution.priors)
        return float(np.sum(joint)) / held_out.weight

    def complexity(self, solution: LinearDiscriminantSolution) -> float:
        """Return the number of means, the unshrunk part of the covariance's numbers, and the priors."""
        c, q = solution.coef.shape
        return float(c * q + (1.0 - self.shrinkage) * q * (q + 1) / 2.0 + c - 1.0)
