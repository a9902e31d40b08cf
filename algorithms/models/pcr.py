"""Principal-component regression: least squares on the leading eigenvectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import numpy as np

from algorithms.contract import Array
from algorithms.families.design import Design, View
from algorithms.families.regression import Found, LinearSolution, Regression
from algorithms.families.residuals import Residuals
from algorithms.lazily import sklearn
from algorithms.models.pca import components, fitted_pca
from algorithms.ranges import Integer, Legal, Range
from algorithms.solvers.spectrum import decided, kept
from algorithms.summaries.moments import MomentsState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


TOL = 1e-6
"""``LinearRegression``'s: components of less spread, beside the first one's, count as none."""


@dataclass(frozen=True, kw_only=True)
class PCR(Regression):
    """Least squares on the first ``n_components`` principal components.

    Exact. The same as ``make_pipeline(PCA(n_components), LinearRegression())``, and the preprocessing of
    :class:`~algorithms.families.regression.Regression`. None, or more than the rank, means
    every component of the rank: as ``LinearRegression`` counts it, those whose spread is above a millionth of the
    first one's.

    Examples
    --------
    >>> PCR(n_components=2).n_components
    2
    """

    n_components: Annotated[int | None, Legal(ge=1), Integer(1, None)] = None
    fit_intercept: bool = field(default=True, init=False)

    def coefficients(self, design: Design) -> tuple[Array, Found]:
        """Return V_k Λ_k⁻¹ V_kᵀ b."""
        k = self._kept(design)
        return _on_leading(design, k), {"components": k}

    def again(self, solution: LinearSolution, design: Design) -> Array:
        """Return the coefficients of another problem by as many components."""
        return _on_leading(design, solution.extra["components"])

    def degrees(self, solution: LinearSolution) -> float:
        """Return the number of components."""
        return float(solution.extra["components"])

    def bounds(self, state: MomentsState) -> Mapping[str, Range | None]:
        """Return components up to the rank."""
        rank = max(1, _rank(self.design(state)))
        return {**super().bounds(state), "n_components": Integer(1, rank)}

    def moved(self, solution: LinearSolution, view: View, found: Residuals, *, spread_only: bool) -> float:
        """Return how far rounding moved the score: without limit where it decides the rank."""
        k = solution.extra["components"]
        cut_by_rank = k < min(self.n_components or solution.design.q, solution.design.q)
        if cut_by_rank and not decided(solution.design.graded, TOL):
            return math.inf
        return super().moved(solution, view, found, spread_only=spread_only)

    def model(self, solution: LinearSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` of ``PCA`` and ``LinearRegression``."""
        design, k = solution.design, max(1, solution.extra["components"])
        pca = fitted_pca(design, k, whiten=False)
        line = sklearn.linear_model.LinearRegression()
        line.coef_ = components(design.graded, k) @ solution.coef
        line.intercept_ = solution.design.y_mean
        line.n_features_in_, line.rank_ = k, k
        line.singular_ = design.graded.values[:k] ** 0.5
        return sklearn.pipeline.Pipeline([("pca", pca), ("regression", line)])

    def _kept(self, design: Design) -> int:
        rank = _rank(design)
        return rank if self.n_components is None else min(self.n_components, rank)


def _rank(design: Design) -> int:
    return int(np.count_nonzero(kept(design.graded, TOL)))


def _on_leading(design: Design, k: int) -> Array:
    s = design.graded
    return np.asarray(s.vectors[:, :k] @ (s.projected[:k] / s.values[:k]))
