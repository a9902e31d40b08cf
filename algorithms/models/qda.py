"""Quadratic discriminant analysis, exact from the moments of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.base import Array
from algorithms.memo import MEMO
from algorithms.models._classes import given, priors_of
from algorithms.models._discriminant import Discriminant, Groups, gaussian_log_density
from algorithms.models._regression import at_least
from algorithms.ranges import Uniform
from algorithms.summaries.classes import ByClass
from algorithms.summaries.sample import labels

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, eq=False)
class Axes:
    """Eigenvalues and eigenvectors of each class's covariance, shapes (C, q) and (C, q, q)."""

    values: Array
    vectors: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.values.nbytes + self.vectors.nbytes


@dataclass(frozen=True, eq=False)
class QuadraticDiscriminantSolution:
    """A covariance for each class.

    Attributes
    ----------
    groups : the classes.
    axes : of their covariances.
    scalings : shape (C, q), regularised eigenvalues.
    priors : shape (C,).
    """

    groups: Groups
    axes: Axes
    scalings: Array
    priors: Array


@dataclass(frozen=True, kw_only=True)
class QDA(Discriminant):
    """Quadratic discriminant analysis.

    Exact: that of ``sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis``. The score
    ``log_likelihood`` is the mean of log p(x, y) of held-out rows.

    Parameters
    ----------
    reg_param : share of the identity in each covariance, from 0 to 1.

    Examples
    --------
    >>> QDA(reg_param=0.1).standardize
    True
    """

    reg_param: Annotated[float, Uniform(0.0, 1.0)] = 0.0

    least: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("reg_param", self.reg_param, 0.0)
        at_least("1 - reg_param", 1.0 - self.reg_param, 0.0)

    def solve(self, state: ByClass) -> QuadraticDiscriminantSolution:
        """Return the regularised axes; raises NotEnoughRows where a class has fewer than two rows."""
        self.check(state)
        groups = self.groups(state)
        axes = MEMO.get(groups, "axes", lambda: _axes(groups))
        scalings = (1.0 - self.reg_param) * axes.values + self.reg_param
        priors = priors_of(state.weights, self.priors, state.shape)
        return QuadraticDiscriminantSolution(groups, axes, scalings, priors)

    def class_rows(self, state: ByClass) -> Array:
        """Return the number of rows of each class."""
        return state.counts.astype(np.float64)

    def estimator(self, solution: QuadraticDiscriminantSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``QuadraticDiscriminantAnalysis``."""
        from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

        groups, q = solution.groups, solution.scalings.shape[1]
        ranks = np.minimum(groups.state.counts, q)
        kept = (np.arange(q) >= q - ranks[:, None]) & (solution.scalings > 0.0)
        model = QuadraticDiscriminantAnalysis(
            reg_param=self.reg_param, priors=given(self.priors, solution.priors)
        )
        model.classes_, model.priors_ = labels(groups.state.shape), solution.priors
        model.means_ = groups.means + groups.origin
        model.rotations_ = [v[:, k] for v, k in zip(solution.axes.vectors, kept, strict=True)]
        model.scalings_ = [s[k] for s, k in zip(solution.scalings, kept, strict=True)]
        return self.dressed(groups, model)

    def finalize(self, state: ByClass) -> BaseEstimator:
        """Return the fitted scikit-learn estimator of the state's rows."""
        return self.estimator(self.solve(state))

    def score(self, solution: QuadraticDiscriminantSolution, held_out: ByClass, metric: str) -> float | None:
        """Return the mean of log p(x, y) of the held-out rows; -∞ where a covariance is singular."""
        if metric != "log_likelihood" or not held_out.rows:
            return None
        s = solution.scalings
        if (s.min(axis=1) <= 1e-12 * s.max(axis=1)).any():
            return float("-inf")
        halves = [(v / np.sqrt(e)).T for v, e in zip(solution.axes.vectors, s, strict=True)]
        logdets = np.log(s).sum(axis=1)
        logs = gaussian_log_density(solution.groups, held_out, solution.groups.means, halves, logdets)
        joint = np.asarray(logs) + held_out.weights * np.log(solution.priors)
        return float(np.sum(joint)) / held_out.weight

    def complexity(self, solution: QuadraticDiscriminantSolution) -> float:
        """Return the number of means, the unregularised part of the covariances' numbers, and the priors."""
        c, q = solution.scalings.shape
        return float(c * (q + (1.0 - self.reg_param) * q * (q + 1) / 2.0) + c - 1.0)


def _axes(groups: Groups) -> Axes:
    state = groups.state
    values, vectors = np.linalg.eigh(groups.scatters / state.weights[:, None, None])
    return Axes(np.maximum(values, 0.0), vectors)
