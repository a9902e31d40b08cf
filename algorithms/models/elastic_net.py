"""Elastic net: coordinate descent on the Gram matrix of the design."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

import numpy as np

from algorithms.contract import Array, Tags
from algorithms.families.design import Design, View
from algorithms.families.regression import Found, LinearSolution, Regression, decades
from algorithms.families.residuals import Residuals
from algorithms.lazily import sklearn
from algorithms.memo import MEMO
from algorithms.ranges import Choice, Legal, Log, Range, Uniform
from algorithms.solvers.active_factor import Apart
from algorithms.solvers.active_set import finish
from algorithms.solvers.coordinate_descent import Descent, elastic_net, of_rows
from algorithms.solvers.penalised import Solved, on_active, penalised
from algorithms.solvers.spectrum import decompose, degrees_of_freedom
from algorithms.summaries.moments import MomentsState
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.linear_model import ElasticNet as SkElasticNet


E = TypeVar("E", bound="BaseEstimator")

TIGHT = 1e-8
"""A tolerance up to this one asks for the optimum; a larger one for what scikit-learn's descent ends with."""

NEAR = 1e-6
"""Tolerance of a descent whose end is only where the optimum is sought."""


IGNORED = ("copy_X", "precompute", "random_state", "selection", "warm_start")
"""Parameters of scikit-learn's coordinate descent that change no optimum."""


@dataclass(frozen=True, kw_only=True)
class ElasticNet(Regression):
    """Least squares with an L1 and an L2 penalty: argmin ‖y - Xw‖²/2n + αρ‖w‖₁ + ½α(1 - ρ)‖w‖².

    Exact to the solver's tolerance. Parameters are those of ``sklearn.linear_model.ElasticNet``
    (ρ is ``l1_ratio``) and the preprocessing of :class:`~algorithms.families.regression.Regression`.

    Examples
    --------
    >>> ElasticNet(alpha=0.1).l1_ratio
    0.5
    """

    alpha: Annotated[float, Legal(gt=0, hint="without a penalty use 'ols'"), Log(1e-6, 1e3)] = 1.0
    l1_ratio: Annotated[float, Legal(ge=0, le=1), Uniform(0.0, 1.0)] = 0.5
    positive: Annotated[bool, Choice(False, True, searched=False)] = False
    tol: Annotated[float, Legal(ge=0)] = 1e-4
    max_iter: Annotated[int, Legal(ge=1)] = 1000

    tags: ClassVar[Tags] = Regression.tags.but(
        auto=2, equivalent=Equivalent("sklearn.linear_model.ElasticNet", ignored=IGNORED, weighted=True)
    )
    definite: ClassVar[bool] = True

    def coefficients(self, design: Design) -> tuple[Array, Found]:
        """Return the coefficients, the iterations and the dual gap of coordinate descent.

        It begins at zero, as scikit-learn's does, and so ends where that ends. Where it does not converge, or the
        tolerance asks for the optimum, its active columns and signs are taken for what they are: the optimum
        solves a linear system on them. Only where that fails it begins again at the ridge solution, if that is
        lower than zero.
        """
        if self.tol <= TIGHT:
            made = self._finished(design, self._descend(design, None, NEAR))
            if made is not None:
                return made
        tolerance = self.tol * design.yy / design.weight
        found = self._descend(design, None, self.tol)
        if found[2] > tolerance:
            made = self._finished(design, found)
            if made is not None and made[1]["solved"].certain:
                return made
        if found[2] > tolerance and not self.positive:
            start = self._without_l1(design)
            other = found if start is None else self._descend(design, start, self.tol)
            found = min(found, other, key=lambda made: made[2])
        coef, n_iter, gap = found
        about: Found = {"n_iter": n_iter, "dual_gap": gap, "converged": gap <= tolerance}
        return coef, {**about, "missed": True} if self.tol <= TIGHT else about

    def _finished(
        self, design: Design, found: tuple[Array, int, float]
    ) -> tuple[Array, Found] | None:
        """Return the optimum that a descent came near to; None where it was not near enough."""
        l1, l2 = (self.alpha * share * design.weight for share in (self.l1_ratio, 1.0 - self.l1_ratio))

        def noise(coef: Array, apart: Apart | None) -> Array:
            sizes, reach = design.sizes, design.reach + float(design.sizes @ np.abs(coef))
            if apart is None:
                return np.asarray(design.rounding * sizes * reach)
            own = apart.left * (sizes + sizes[apart.on] @ apart.made)
            return np.asarray(design.rounding * (apart.beyond * reach + own))

        made = finish(design, found[0], l1, l2, noise, positive=self.positive)
        if made is None:
            return None
        certain = self.tol > TIGHT or made.alone or (made.resolved and design.root is not None)
        solved = Solved(made.coef, made.apply, certain, wide=made.wide)
        return made.coef, {"n_iter": found[1], "dual_gap": 0.0, "converged": True, "solved": solved}

    def _descend(self, design: Design, start: Array | None, tol: float) -> tuple[Array, int, float]:
        w = design.weight
        how = Descent(tol, self.max_iter, self.positive)
        if design.root is not None:
            return of_rows(design.root / np.sqrt(w), self.alpha, self.l1_ratio, how, start)
        gram = MEMO.get(design, "mean", lambda: np.ascontiguousarray(design.gram / w))
        return elastic_net(gram, design.xy / w, design.yy / w, self.alpha, self.l1_ratio, how, start)

    def _without_l1(self, design: Design) -> Array | None:
        """Return the ridge solution; None where zeros are better, or rounding decides it."""
        w, l1, l2 = design.weight, self.alpha * self.l1_ratio, self.alpha * (1.0 - self.l1_ratio)
        found = penalised(design.spectrum, l2 * w + 1e-9 * w)
        coef = found.coef
        objective = 0.5 * float(coef @ (design.gram @ coef)) - float(design.xy @ coef)
        objective += l1 * w * float(np.abs(coef).sum()) + 0.5 * l2 * w * float(coef @ coef)
        return coef if found.certain and objective < 0.0 else None

    def solved(self, solution: LinearSolution) -> Solved:
        """Return (G + λ₂)⁻¹ over the active columns; where these are collinear, of least norm.

        It is not certain where the optimum was asked for and not found.
        """
        design = solution.design
        if "solved" in solution.extra:
            return solution.extra["solved"]
        made = on_active(design, solution.coef, self.alpha * (1.0 - self.l1_ratio) * design.weight)
        return replace(made, certain="missed" not in solution.extra)

    def moved(self, solution: LinearSolution, view: View, found: Residuals, *, spread_only: bool) -> float:
        """Return how far rounding moved the score: without limit where the optimum is asked for and not known."""
        known = solution.extra.get("solved")
        if "missed" in solution.extra or (known is not None and not known.certain):
            return math.inf
        return super().moved(solution, view, found, spread_only=spread_only)

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
        model = sklearn.linear_model.ElasticNet(
            alpha=self.alpha, l1_ratio=self.l1_ratio, fit_intercept=self.fit_intercept,
            positive=self.positive, tol=self.tol, max_iter=self.max_iter,
        )  # fmt: skip
        return fitted(model, solution)


def fitted(model: E, solution: LinearSolution) -> E:
    """Return the coordinate-descent estimator with its documented attributes set."""
    model.coef_, model.intercept_ = solution.coef.copy(), solution.intercept
    model.n_iter_, model.dual_gap_ = solution.extra["n_iter"], solution.extra["dual_gap"]
    return model
