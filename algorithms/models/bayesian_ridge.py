"""Bayesian ridge regression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import Array, Tags
from algorithms.errors import Imprecise
from algorithms.families.design import Design, View
from algorithms.families.regression import Found, LinearSolution, Regression
from algorithms.families.residuals import Residuals
from algorithms.families.rounding import PROMISED
from algorithms.lazily import sklearn
from algorithms.ranges import Legal, Log
from algorithms.solvers.evidence import Priors, maximise
from algorithms.summaries.precise import AUTO
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.linear_model import BayesianRidge as SkBayesianRidge


DOUBTFUL = 8.0
"""Roundings of what a squared error is the difference of, up to which it says nothing of the noise."""


@dataclass(frozen=True, kw_only=True)
class BayesianRidge(Regression):
    """Ridge whose penalty is the one of largest evidence.

    Exact. Parameters are those of ``sklearn.linear_model.BayesianRidge`` and the preprocessing of
    :class:`~algorithms.families.regression.Regression`.

    Examples
    --------
    >>> BayesianRidge().max_iter
    300
    """

    alpha_1: Annotated[float, Legal(ge=0), Log(1e-8, 1e2)] = 1e-6
    alpha_2: Annotated[float, Legal(ge=0), Log(1e-8, 1e2)] = 1e-6
    lambda_1: Annotated[float, Legal(ge=0), Log(1e-8, 1e2)] = 1e-6
    lambda_2: Annotated[float, Legal(ge=0), Log(1e-8, 1e2)] = 1e-6
    alpha_init: Annotated[float | None, Legal(ge=0)] = None
    lambda_init: Annotated[float | None, Legal(ge=0)] = None
    tol: Annotated[float, Legal(ge=0)] = 1e-3
    max_iter: Annotated[int, Legal(ge=1)] = 300

    tags: ClassVar[Tags] = Regression.tags.but(
        equivalent=Equivalent(
            "sklearn.linear_model.BayesianRidge", ignored=("compute_score", "copy_X", "verbose"), weighted=True
        )
    )

    def coefficients(self, design: Design) -> tuple[Array, Found]:
        """Return the posterior mean at the maximum of the evidence."""
        priors = Priors(
            self.alpha_1, self.alpha_2, self.lambda_1, self.lambda_2,
            self.alpha_init, self.lambda_init, self.tol, self.max_iter,
        )  # fmt: skip
        variance = design.varied / design.weight
        most = design.rows - design.preprocess.center
        found = maximise(design.graded, most, design.yy, variance, design.weight, priors)
        return found.coef, {"evidence": found}

    def moved(self, solution: LinearSolution, view: View, found: Residuals, *, spread_only: bool) -> float:
        """Return how far rounding moved the score: without limit where the squared error itself is rounding."""
        if self._doubtful(solution):
            return math.inf
        return super().moved(solution, view, found, spread_only=spread_only)

    def _doubtful(self, solution: LinearSolution) -> bool:
        """Return whether rounding decides the solution, or how many directions the rows have, or the noise.

        The noise is learned of a squared error, which may be rounding beside what the prior says.
        """
        design, sse = solution.design, solution.extra["evidence"].sse
        if self._open(solution):
            return True
        reach = float(design.sizes @ np.abs(solution.coef)) + math.sqrt(max(design.yy, 0.0))
        away = DOUBTFUL * design.rounding * reach
        noise = away * reach if design.root is None else away * (2.0 * math.sqrt(sse) + away)
        return noise > sse + 2.0 * self.alpha_2

    def _open(self, solution: LinearSolution) -> bool:
        """Return whether rounding decides the solution, or how many directions the rows have."""
        evidence = solution.extra["evidence"]
        rest = solution.design.weight - evidence.gamma + 2.0 * self.alpha_1
        least = min(evidence.gamma + 2.0 * self.lambda_1, rest)
        return not evidence.certain or bool(evidence.open > PROMISED * least)

    def _check_digits(self, solution: LinearSolution) -> None:
        """Raise Imprecise where rounding moves the model and a root has more digits, or decides the model."""
        super()._check_digits(solution)
        if self._open(solution):
            raise Imprecise(
                "the model of all rows is unknown by rounding: the columns are too nearly collinear, or of too "
                "unlike scales; standardize them, or leave out columns that repeat others",
                finer=self.summary.precision == AUTO and solution.design.root is None,
            )

    def degrees(self, solution: LinearSolution) -> float:
        """Return γ, the number of well-determined directions."""
        return solution.extra["evidence"].gamma

    def model(self, solution: LinearSolution) -> SkBayesianRidge:
        """Return the fitted ``sklearn.linear_model.BayesianRidge``; ``predict(return_std=True)`` works."""
        found, s = solution.extra["evidence"], solution.design.graded
        model = sklearn.linear_model.BayesianRidge(
            alpha_1=self.alpha_1, alpha_2=self.alpha_2, lambda_1=self.lambda_1, lambda_2=self.lambda_2,
            alpha_init=self.alpha_init, lambda_init=self.lambda_init, tol=self.tol,
            max_iter=self.max_iter, fit_intercept=self.fit_intercept,
        )  # fmt: skip
        model.coef_, model.intercept_ = solution.coef.copy(), solution.intercept
        model.alpha_, model.lambda_, model.n_iter_ = found.alpha, found.lambda_, found.n_iter
        model.sigma_ = (s.vectors / (found.alpha * s.values + found.lambda_)) @ s.vectors.T
        center = solution.design.preprocess.center
        model.X_offset_ = solution.design.offset.copy() if center else np.zeros(solution.design.q)
        model.X_scale_ = np.ones(solution.design.q)
        return model
