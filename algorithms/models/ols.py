"""Ordinary least squares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from algorithms.base import Array
from algorithms.design import Design
from algorithms.models._regression import LinearSolution, Regression, at_least
from algorithms.ranges import Choice
from algorithms.solvers.nonnegative import nonnegative_ridge
from algorithms.solvers.spectrum import least_squares

if TYPE_CHECKING:
    from sklearn.linear_model import LinearRegression


@dataclass(frozen=True, kw_only=True)
class OLS(Regression):
    """Least squares without a penalty; of least norm where columns are collinear.

    Exact. Parameters are those of ``sklearn.linear_model.LinearRegression`` and the preprocessing of
    :class:`~algorithms.models._regression.Regression`.

    Examples
    --------
    >>> OLS().fit_intercept
    True
    """

    positive: Annotated[bool, Choice(False, True, searched=False)] = False
    tol: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("tol", self.tol, 0.0)

    def coefficients(self, design: Design) -> tuple[Array, Mapping[str, Any]]:
        """Return G⁺b."""
        if self.positive:
            return nonnegative_ridge(design.gram, design.xy, 0.0), {}
        return least_squares(design.spectrum, self.tol), {}

    def degrees(self, solution: LinearSolution) -> float:
        """Return the rank of the columns."""
        return float(solution.design.spectrum.rank)

    def model(self, solution: LinearSolution) -> LinearRegression:
        """Return the fitted ``sklearn.linear_model.LinearRegression``."""
        from sklearn.linear_model import LinearRegression

        model = LinearRegression(fit_intercept=self.fit_intercept, positive=self.positive, tol=self.tol)
        model.coef_, model.intercept_ = solution.coef.copy(), solution.intercept
        if not self.positive:
            model.rank_ = solution.design.spectrum.rank
            model.singular_ = solution.design.spectrum.values**0.5
        return model
