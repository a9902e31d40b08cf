"""Ordinary least squares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import Array, Tags
from algorithms.families.design import Design, View
from algorithms.families.regression import Found, LinearSolution, Regression
from algorithms.families.residuals import Residuals, moved_by_mixing
from algorithms.lazily import sklearn
from algorithms.ranges import Choice, Legal
from algorithms.solvers.nonnegative import nonnegative_ridge
from algorithms.solvers.penalised import Solved, on_active, unpenalised
from algorithms.solvers.spectrum import Spectrum, decided, kept
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.linear_model import LinearRegression


@dataclass(frozen=True, kw_only=True)
class OLS(Regression):
    """Least squares without a penalty; of least norm where columns are collinear.

    Exact. Parameters are those of ``sklearn.linear_model.LinearRegression`` and the preprocessing of
    :class:`~algorithms.families.regression.Regression`.

    Examples
    --------
    >>> OLS().fit_intercept
    True
    """

    positive: Annotated[bool, Choice(False, True, searched=False)] = False
    tol: Annotated[float, Legal(ge=0)] = 1e-6

    tags: ClassVar[Tags] = Regression.tags.but(
        equivalent=Equivalent(
            "sklearn.linear_model.LinearRegression", ignored=("copy_X", "n_jobs"), weighted=True
        )
    )

    def coefficients(self, design: Design) -> tuple[Array, Found]:
        """Return G⁺b."""
        if self.positive:
            return nonnegative_ridge(design, 0.0), {}
        solved = unpenalised(self._spectrum(design), self.tol)
        return solved.coef, {"solved": solved}

    def solved(self, solution: LinearSolution) -> Solved:
        """Return G⁺, over the positive coefficients where signs are held."""
        if self.positive:
            return on_active(solution.design, solution.coef, 0.0)
        return solution.extra["solved"]

    def moved(self, solution: LinearSolution, view: View, found: Residuals, *, spread_only: bool) -> float:
        """Return how far rounding moved the score, that of mixing what is kept with what is dropped included."""
        moved = super().moved(solution, view, found, spread_only=spread_only)
        design = solution.design
        if self.positive or not math.isfinite(moved):
            return moved
        slope, s = found.slope(view, spread_only=spread_only), self._spectrum(design)
        return moved + moved_by_mixing(s, design.sizes, design.rounding, kept(s, self.tol), slope)

    def degrees(self, solution: LinearSolution) -> float:
        """Return the rank of the columns."""
        return float(np.count_nonzero(kept(self._spectrum(solution.design), self.tol)))

    def model(self, solution: LinearSolution) -> LinearRegression:
        """Return the fitted ``sklearn.linear_model.LinearRegression``."""
        model = sklearn.linear_model.LinearRegression(
            fit_intercept=self.fit_intercept, positive=self.positive, tol=self.tol
        )
        model.coef_, model.intercept_ = solution.coef.copy(), solution.intercept
        if not self.positive:
            model.rank_ = int(np.count_nonzero(kept(self._spectrum(solution.design), self.tol)))
            model.singular_ = self._spectrum(solution.design).values ** 0.5
        return model

    def _spectrum(self, design: Design) -> Spectrum:
        """Return the spectrum in which directions are kept or dropped: of a factor of G, if any may be dropped.

        Rounded beside the largest eigenvalue, a small direction that is kept has something of a dropped one.
        """
        s = design.spectrum
        return s if kept(s, self.tol).all() and decided(s, self.tol) else design.graded
