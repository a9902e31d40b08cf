"""Linear discriminant analysis, exact from the moments of each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.base import Array
from algorithms.errors import InvalidField
from algorithms.models._classes import given, need_every_class, priors_of
from algorithms.models._discriminant import Discriminant, Groups, gaussian_log_density
from algorithms.models._regression import at_least
from algorithms.ranges import Choice, Range, Uniform
from algorithms.solvers.directions import Directions, eigen, lsqr, svd
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
    found : each class's linear function, and the directions between them.
    """

    groups: Groups
    covariance: Array
    priors: Array
    found: Directions


@dataclass(frozen=True, kw_only=True)
class LDA(Discriminant):
    """Linear discriminant analysis with shrinkage.

    Exact: that of ``sklearn.discriminant_analysis.LinearDiscriminantAnalysis``. The score
    ``log_likelihood`` is the mean of log p(x, y) of held-out rows. ``shrinkage="auto"`` needs fourth moments,
    which the state does not keep; the shrinkage is searched instead.

    Parameters
    ----------
    shrinkage : share of the mean variance in the covariance, from 0 to 1.
    solver : ``"lsqr"``; ``"eigen"`` and ``"svd"`` also give the model ``transform``, and ``"svd"`` takes no
        shrinkage, as in scikit-learn.

    Examples
    --------
    >>> LDA(shrinkage=0.1).priors is None
    True
    """

    shrinkage: Annotated[float, Uniform(0.0, 1.0)] = 0.0
    solver: Annotated[str, Choice("lsqr", "eigen", "svd", searched=False)] = "lsqr"

    auto: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("shrinkage", self.shrinkage, 0.0)
        at_least("1 - shrinkage", 1.0 - self.shrinkage, 0.0)
        if self.solver not in ("lsqr", "eigen", "svd"):
            raise InvalidField(f"solver={self.solver!r}: must be 'lsqr', 'eigen' or 'svd'")

    def solve(self, state: ClassesState) -> LinearDiscriminantSolution:
        """Return the linear functions.

        Raises
        ------
        NotEnoughRows
            A class has no row.
        InvalidField
            The solver cannot shrink, or the covariance is singular and the solver needs one that is not.
        """
        need_every_class("LDA", state.shape, state.weights)
        groups, priors = self.groups(state), priors_of(state.weights, self.priors)
        full = np.einsum("c,cij->ij", priors / state.weights, groups.scatters)
        covariance = self._shrunk(full)
        if self.solver == "lsqr":
            return LinearDiscriminantSolution(groups, covariance, priors, lsqr(covariance, groups.means, priors))
        alike = groups.scatters.sum(axis=0) / state.weight
        if self.solver == "eigen":
            between = self._shrunk(alike + _between(groups.means, state.weights)) - covariance
            found = self._eigen(covariance, between, groups.means, priors)
            return LinearDiscriminantSolution(groups, covariance, priors, found)
        if self.shrinkage > 0.0:
            raise InvalidField(
                f"shrinkage={self.shrinkage!r}: solver='svd' takes none; use solver='lsqr' or 'eigen'"
            )
        return LinearDiscriminantSolution(groups, alike, priors, svd(alike, groups.means, priors, state.weight))

    def _shrunk(self, covariance: Array) -> Array:
        q = max(1, len(covariance))
        made = (1.0 - self.shrinkage) * covariance
        made.flat[:: q + 1] += self.shrinkage * np.trace(covariance) / q
        return made

    def _eigen(self, covariance: Array, between: Array, means: Array, priors: Array) -> Directions:
        try:
            return eigen(covariance, between, means, priors)
        except np.linalg.LinAlgError:
            raise InvalidField(
                "solver='eigen': the covariance within the classes is singular; use shrinkage above 0, or another "
                "solver"
            ) from None

    def estimator(self, solution: LinearDiscriminantSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``LinearDiscriminantAnalysis``."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        groups, c = solution.groups, len(solution.priors)
        model = LinearDiscriminantAnalysis(
            solver=self.solver, shrinkage=None if self.solver == "svd" else self.shrinkage,
            priors=given(self.priors, c),
        )  # fmt: skip
        model.classes_, model.priors_ = labels(groups.state.shape), solution.priors
        model.means_, model.covariance_ = groups.means.copy(), solution.covariance.copy()
        model.xbar_ = solution.priors @ groups.means
        coef, intercept = solution.found.coef, solution.found.intercept
        if solution.found.scalings is not None:
            model.scalings_, model.explained_variance_ratio_ = solution.found.scalings, solution.found.ratio
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
        c, q = solution.found.coef.shape
        return float(c * q + (1.0 - self.shrinkage) * q * (q + 1) / 2.0 + c - 1.0)

    def bounds(self, state: ClassesState) -> Mapping[str, Range | None]:
        """Return None for the fields without effect on this state: no shrinkage for a solver without."""
        found = dict(super().bounds(state))
        return {**found, "shrinkage": None} if self.solver == "svd" else found


def _between(means: Array, weights: Array) -> Array:
    """Return the covariance of the class means, by the rows of each."""
    share = weights / weights.sum()
    away = means - share @ means
    return np.asarray((away * share[:, None]).T @ away)
