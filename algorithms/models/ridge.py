"""Ridge regression: one eigendecomposition per design, O(q²) for every penalty after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from algorithms.contract import Array, Tags
from algorithms.families.design import Design
from algorithms.families.regression import Found, LinearSolution, Regression, decades
from algorithms.lazily import sklearn
from algorithms.ranges import Choice, Legal, Log, Range
from algorithms.solvers.nonnegative import nonnegative_ridge
from algorithms.solvers.penalised import Solved, on_active, penalised
from algorithms.solvers.spectrum import degrees_of_freedom
from algorithms.summaries.moments import MomentsState
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.linear_model import Ridge as SkRidge


@dataclass(frozen=True, kw_only=True)
class Ridge(Regression):
    """Least squares with an L2 penalty: argmin ‖y - Xw‖² + α‖w‖².

    Exact. Parameters are those of ``sklearn.linear_model.Ridge`` and the preprocessing of
    :class:`~algorithms.families.regression.Regression`.

    Examples
    --------
    >>> from algorithms.contract import Batch, Column, Shape
    >>> import numpy as np
    >>> algorithm = Ridge(alpha=1.0, standardize=False)
    >>> state = algorithm.summary.init(Shape((Column("x", "x"),), ("y",)))
    >>> state = algorithm.summary.update(state, Batch(np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]), d=1))
    >>> algorithm.estimator(algorithm.solve(state))["model"].coef_.round(3).tolist()
    [1.333]
    """

    alpha: Annotated[float, Legal(ge=0), Log(1e-4, 1e6)] = 1.0
    positive: Annotated[bool, Choice(False, True, searched=False)] = False

    tags: ClassVar[Tags] = Regression.tags.but(
        auto=1, equivalent=Equivalent(
            "sklearn.linear_model.Ridge", ignored=("copy_X", "max_iter", "tol", "random_state"),
            only={"solver": ("auto", "svd", "cholesky"), "positive": (False,)}, weighted=True,
        ),
    )  # fmt: skip
    definite: ClassVar[bool] = True

    def coefficients(self, design: Design) -> tuple[Array, Found]:
        """Return V(Λ + α)⁻¹Vᵀb, or the same from columns of one scale where their own are too unlike."""
        if self.positive:
            return nonnegative_ridge(design, self.alpha), {}
        solved = penalised(design.spectrum, self.alpha)
        return solved.coef, {"solved": solved}

    def solved(self, solution: LinearSolution) -> Solved:
        """Return (G + α)⁻¹, over the positive coefficients where signs are held."""
        if self.positive:
            return on_active(solution.design, solution.coef, self.alpha)
        return solution.extra["solved"]

    def degrees(self, solution: LinearSolution) -> float:
        """Return Σ λ/(λ + α)."""
        return degrees_of_freedom(solution.design.spectrum.values, self.alpha)

    def bounds(self, state: MomentsState) -> Mapping[str, Range | None]:
        """Return α from far below the least eigenvalue that matters to ten times the largest."""
        top = Ridge(select=self.select, fit_intercept=self.fit_intercept).design(state).spectrum.values
        if not len(top) or top[0] <= 0.0:
            return super().bounds(state)
        return {**super().bounds(state), "alpha": Log(*decades(1e-7 * top[0], 10.0 * top[0]))}

    def model(self, solution: LinearSolution) -> SkRidge:
        """Return the fitted ``sklearn.linear_model.Ridge``."""
        model = sklearn.linear_model.Ridge(
            alpha=self.alpha, fit_intercept=self.fit_intercept, positive=self.positive
        )
        model.coef_, model.intercept_ = solution.coef.copy(), solution.intercept
        model.n_iter_, model.solver_ = None, "lbfgs" if self.positive else "cholesky"
        return model
