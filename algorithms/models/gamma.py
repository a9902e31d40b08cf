"""Gamma regression, from one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from algorithms.contract import Tags
from algorithms.families.deviance import DevianceRegression
from algorithms.families.generalized import AS_LONG, GeneralizedSolution
from algorithms.lazily import sklearn
from algorithms.summaries.families import GammaCurvature
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.linear_model import GammaRegressor


@dataclass(frozen=True, kw_only=True)
class Gamma(DevianceRegression):
    """Gamma regression: parameters are those of ``sklearn.linear_model.GammaRegressor``.

    Exact for few rows, which the state keeps; for many approximate: one step from a pilot on a sample.

    Examples
    --------
    >>> Gamma(alpha=0.1).fit_intercept
    True
    """

    summary: GammaCurvature = GammaCurvature()

    tags: ClassVar[Tags] = DevianceRegression.tags.but(
        equivalent=Equivalent("sklearn.linear_model.GammaRegressor", unanswered=AS_LONG)
    )

    def unfitted(self, solution: GeneralizedSolution) -> GammaRegressor:
        """Return scikit-learn's estimator, not fitted."""
        return sklearn.linear_model.GammaRegressor(alpha=self.alpha, fit_intercept=self.fit_intercept)
