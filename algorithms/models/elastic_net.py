"""Elastic net: coordinate descent on the Gram matrix of the design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

import numpy as np

from algorithms.base import Array
from algorithms.design import Design
from algorithms.models._regression import LinearSolution, Regression, check_descent, decades
from algorithms.ranges import Choice, Log, Range, Uniform
from algorithms.solvers.coordinate_descent import Descent, check_penalty, elastic_net, of_rows
from algorithms.solvers.penalised import Solved, on_active, penalised
from algorithms.solvers.spectrum import decompose, degrees_of_freedom
from algorithms.summaries.moments import MomentsState

if TYPE_CHECKING:
    from sklearn.linear_model import ElasticNet as SkElasticNet


E = TypeVar("E", bound=Any)


@dataclass(frozen=True, kw_only=True)
class ElasticNet(Regression):
    """Least squares with an L1 and an L2 penalty: argmin ‖y - Xw‖²/2n + αρ‖w‖₁ + ½α(1 - ρ)‖w‖².

    Exact to the solver's tolerance. Parameters are those of ``sklearn.linear_model.ElasticNet``
    (ρ is ``l1_ratio``) and the preprocessing of :class:`~algorithms.models._regression.Regression`.

    Examples
    --------
    >>> ElasticNet(alpha=0.1).l1_ratio
    0.5
    """

    alpha: Annotated[float, Log(1e-6, 1e3)] = 1.0
    l1_ratio: Annotated[float, Uniform(0.0, 1.0)] = 0.5
    positive: Annotated[bool, Choice(False, True, searched=False)] = False
    tol: float = 1e-4
    max_iter: int = 1000

    auto: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_penalty(self.alpha, self.l1_ratio)
        check_descent(self.tol, self.max_iter)

    def coefficients(self, design: Design) -> tuple[Array, Mapping[str, Any]]:
        """Return the coefficients, the iterations and the dual gap of coordinate descent."""
        w = design.weight
        how = Descent(self.tol, self.max_iter, self.positive)
        gram = np.ascontiguousarray(design.gram / w)
        start = None if self.positive else self._without_l1(design, gram)
        if design.root is None:
            coef, n_iter, gap = elastic_net(
                gram, design.xy / w, design.yy / w, self.alpha, self.l1_ratio, how, start
            )
        else:
            coef, n_iter, gap = of_rows(design.root / np.sqrt(w), self.alpha, self.l1_ratio, how, start)
        return coef, {"n_iter": n_iter, "dual_gap": gap, "converged": gap <= self.tol * design.yy / w}

    def _without_l1(self, design: Design, gram: Array) -> Array | None:
        """Return the ridge solution, from which coordinate descent starts; None where zeros are better.

        On flights (224 columns, collinear one-hot levels) descent from zero needed 400 to 40,000 sweeps where
        the penalty is weak, and 0 to 250 from here.
        """
        w, l1, l2 = design.weight, self.alpha * self.l1_ratio, self.alpha * (1.0 - self.l1_ratio)
        found = penalised(design.spectrum, l2 * w + 1e-9 * w)
        coef = found.coef
        objective = 0.5 * float(coef @ (gram @ coef)) - float(design.xy @ coef) / w
        objective += l1 * float(np.abs(coef).sum()) + 0.5 * l2 * float(coef @ coef)
        return coef if found.certain and objective < 0.0 else None

    def solved(self, solution: LinearSolution) -> Solved:
        """Return (G + λ₂)⁻¹ over the active columns."""
        design = solution.design
        return on_active(design, solution.coef, self.alpha * (1.0 - self.l1_ratio) * design.weight)

    def degrees(self, solution: LinearSolution) -> float:
        """Return tr X(XᵀX + λ₂I)⁻¹Xᵀ over the active columns (Zou, Hastie & Tibshirani 2007)."""
        active = np.flatnonzero(solution.coef)
        design = solution.design
        spectrum = decompose(design.gram[np.ix_(active, active)], design.xy[active])
        return degrees_of_freedom(spectrum.values, self.alpha * (1.0 - self.l1_ratio) * design.weight)

    def bounds(self, state: MomentsState) -> Mapping[str, Range | None]:
        """Return α up to where every coefficient is zero (for ρ = ½, in decades)."""
        design = type(self)(select=self.select, fit_intercept=self.fit_intercept).design(state)
        top = float(np.max(np.abs(design.xy), initial=0.0)) / max(design.weight, 1.0)
        if top <= 0.0:
            return super().bounds(state)
        return {**super().bounds(state), "alpha": Log(*decades(1e-5 * top, 2.0 * top))}

    def model(self, solution: LinearSolution) -> SkElasticNet:
        """Return the fitted ``sklearn.linear_model.ElasticNet``."""
        from sklearn.linear_model import ElasticNet as SkElasticNet

        model = SkElasticNet(
            alpha=self.alpha, l1_ratio=self.l1_ratio, fit_intercept=self.fit_intercept,
            positive=self.positive, tol=self.tol, max_iter=self.max_iter,
        )  # fmt: skip
        return fitted(model, solution)


def fitted(model: E, solution: LinearSolution) -> E:
    """Return the coordinate-descent estimator with its documented attributes set."""
    model.coef_, model.intercept_ = solution.coef.copy(), solution.intercept
    model.n_iter_, model.dual_gap_ = solution.extra["n_iter"], solution.extra["dual_gap"]
    return model
