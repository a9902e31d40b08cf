"""Poisson regression, from one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from algorithms.contract import Tags
from algorithms.families.deviance import DevianceRegression
from algorithms.families.generalized import AS_LONG, GeneralizedSolution
from algorithms.lazily import sklearn
from algorithms.summaries.families import PoissonCurvature
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.linear_model import PoissonRegressor


@dataclass(frozen=True, kw_only=True)
class Poisson(DevianceRegression):
    """Poisson regression: parameters are those of ``sklearn.linear_model.PoissonRegressor``.

    Exact for few rows, which the state keeps; for many approximate: one step from a pilot on a sample.

    Examples
    --------
    >>> Poisson(alpha=0.1).fit_intercept
    True
    """

    summary: PoissonCurvature = PoissonCurvature()

    tags: ClassVar[Tags] = DevianceRegression.tags.but(
        equivalent=Equivalent("sklearn.linear_model.PoissonRegressor", unanswered=AS_LONG)
    )

    def unfitted(self, solution: GeneralizedSolution) -> PoissonRegressor:
        """Return scikit-learn's estimator, not fitted."""
        return sklearn.linear_model.PoissonRegressor(alpha=self.alpha, fit_intercept=self.fit_intercept)
