"""What every regression on moments shares: preprocessing, exact scores, and scikit-learn's fitted pipeline."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypedDict

import numpy as np

from algorithms.contract import Algorithm, Array, Held, Score, Tags
from algorithms.errors import DegenerateTarget, Imprecise, NotEnoughRows
from algorithms.families.design import Design, View, design_of
from algorithms.families.pipeline import pipeline_of
from algorithms.families.residuals import (
    SHAKEN,
    Residuals,
    model_moved,
    model_moved_at_most,
    moved_at_most,
    moved_by_scale,
    moved_by_training,
    residuals,
)
from algorithms.families.rounding import NEGLIGIBLE, PROMISED, bounded
from algorithms.lazily import sklearn
from algorithms.preparing.preprocess import Selecting, unused_fields
from algorithms.ranges import Integer, Range
from algorithms.scoring.metrics import SQUARED_ERROR
from algorithms.solvers.evidence import Evidence
from algorithms.solvers.penalised import Solved
from algorithms.summaries.moments import Moments, MomentsState, check_finite
from algorithms.summaries.precise import AUTO

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class Found(TypedDict, total=False):
    """What a solver found besides the coefficients, each where it has it.

    Attributes
    ----------
    solved : how the coefficients answer to a change.
    n_iter, dual_gap : of coordinate descent.
    converged : whether it reached its tolerance.
    missed : whether an optimum that was asked for was not reached.
    components : how many the coefficients are made of.
    evidence : the maximum of the evidence.
    """

    solved: Solved
    n_iter: int
    dual_gap: float
    converged: bool
    missed: bool
    components: int
    evidence: Evidence


@dataclass(frozen=True, eq=False)
class LinearSolution:
    """A linear model in the columns of its design.

    Attributes
    ----------
    design : the problem it solves.
    coef : shape (q,).
    intercept : of those columns.
    extra : what the solver found besides.
    """

    design: Design
    coef: Array
    intercept: float
    extra: Found

    def at_origin(self) -> LinearSolution:
        """Return the same model in columns that have their origins."""
        design = self.design.at_origin()
        if design is self.design:
            return self
        intercept = self.intercept - float(self.design.columns.origin @ self.coef)
        return dataclasses.replace(self, design=design, intercept=intercept)

    @property
    def converged(self) -> bool:
        """Whether an iterative solver reached its tolerance; True for the others."""
        return self.extra.get("converged", True)


@dataclass(frozen=True, kw_only=True)
class Regression(Selecting, Algorithm[MomentsState, LinearSolution]):
    """A regression with a squared error: its fold scores are exact from held-out moments.

    Parameters
    ----------
    standardize, impute, min_frequency, select, fit_intercept : as in
        :class:`~algorithms.preparing.preprocess.Selecting`.
    summary : what the pass keeps.
    """

    summary: Moments = Moments()

    tags: ClassVar[Tags] = Tags(task="regression", exact=tuple(SQUARED_ERROR), in_threads=True)
    definite: ClassVar[bool] = False
    """Whether coefficients answer to a change by the inverse of the products, penalised, over some columns."""

    @property
    def exact(self) -> tuple[str, ...]:
        """Every squared error; none of a transformed target, since scores are of the target as it is."""
        return self.tags.exact if self.summary.target_transform == "none" else ()

    @abstractmethod
    def coefficients(self, design: Design) -> tuple[Array, Found]:
        """Return the coefficients of the design's columns, shape (q,), and what else was found."""

    @abstractmethod
    def model(self, solution: LinearSolution) -> BaseEstimator:
        """Return scikit-learn's fitted estimator over the design's columns."""

    def degrees(self, solution: LinearSolution) -> float:
        """Return the effective degrees of freedom, the intercept apart: non-zero coefficients."""
        return float(np.count_nonzero(solution.coef))

    def design(self, state: MomentsState) -> Design:
        """Return the problem that this preprocessing makes of the state."""
        return design_of(state, self.preprocess)

    def solve(self, state: MomentsState) -> LinearSolution:
        """Return the fitted numbers; raises NotEnoughRows when the state holds fewer than one row."""
        self._need_row(state)
        design = self.design(state)
        coef, extra = self.coefficients(design)
        return LinearSolution(design, coef, design.intercept(coef), extra)

    def estimator(self, solution: LinearSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in scikit-learn's own model.

        Raises
        ------
        Imprecise
            Rounding leaves fewer than eight digits of it, and one more pass keeps more.
        """
        self._check_digits(solution)
        made = pipeline_of(solution.design, self.model(solution.at_origin()))
        if self.summary.target_transform == "none":
            return made

        name, model = made.steps[-1]
        return sklearn.pipeline.Pipeline([*made.steps[:-1], (name, on_log1p(model, solution.design.q))])

    def score(self, solution: LinearSolution, held: Held[MomentsState], metric: str) -> Score | None:
        """Return the exact score of the held-out rows, greater is better; None for a transformed target.

        Raises
        ------
        Imprecise
            Rounding leaves too few digits of it.
        """
        state = held.state_for(metric)
        if state is None or metric not in self.exact:
            return None
        design = solution.design
        view = design.view(state)
        found = residuals(design, view, solution.coef, solution.intercept)
        moved = self.moved(solution, view, found, spread_only=metric == "explained_variance")
        return bounded(metric, found, view, design, moved, self.summary.precision)

    def solved(self, solution: LinearSolution) -> Solved | None:
        """Return how the coefficients answer to a change of the products; None where it takes another fit."""
        return None

    def again(self, solution: LinearSolution, design: Design) -> Array:
        """Return the coefficients of another problem, as this solution was found."""
        return self.coefficients(design)[0]

    def moved(self, solution: LinearSolution, view: View, found: Residuals, *, spread_only: bool) -> float:
        """Return how far rounding of the training moments may have moved Σwr², or Σw(r - r̄)², of held-out rows."""
        if solution.design.blind_to(view):
            return math.inf
        by_scale = moved_by_scale(solution.design, view, solution.coef, found, spread_only=spread_only)
        return by_scale + self._moved_by_products(solution, view, found, spread_only=spread_only)

    def _moved_by_products(
        self, solution: LinearSolution, view: View, found: Residuals, *, spread_only: bool
    ) -> float:
        design = solution.design
        if self.definite:
            slope = found.slope(view, spread_only=spread_only)
            most = moved_at_most(design, found, slope)
            if most <= NEGLIGIBLE * found.spread:
                return most
        solved = self.solved(solution)
        if solved is not None:
            slope = found.slope(view, spread_only=spread_only)
            return moved_by_training(design, solved, solution.coef, found, slope)
        moved = self._moved_with(solution, view, found, design.shaken, spread_only=spread_only)
        if not moved <= NEGLIGIBLE * found.spread:
            more = design.shaken_again
            again = (self._moved_with(solution, view, found, one, spread_only=spread_only) for one in more)
            moved = max(moved, *again)
        return moved

    def _moved_with(
        self, solution: LinearSolution, view: View, found: Residuals, shaken: Design, *, spread_only: bool
    ) -> float:
        """Return how far a score moves if rounding is what made one design another, a few times over."""
        design = solution.design
        with np.errstate(all="ignore"):  # a problem that rounding decides may have no solution when shaken
            coef = self.again(solution, shaken)
            other = residuals(design, view, coef, design.intercept(coef))
            if spread_only:
                moved = abs(other.spread - found.spread)
            else:
                moved = abs(other.total(view.weight) - found.total(view.weight))
        return SHAKEN * moved if math.isfinite(moved) else math.inf

    def converged(self, solution: LinearSolution) -> bool:
        """Return whether an iterative solver reached its tolerance."""
        return solution.converged

    def _check_digits(self, solution: LinearSolution) -> None:
        """Raise Imprecise where rounding moves the model, and a root has more digits."""
        design = solution.design
        if self.summary.precision != AUTO or design.root is not None:
            return
        quick = self.definite and not np.any(design.cancelled) and not design.unscaled.any()
        if quick and model_moved_at_most(design, solution.coef) <= PROMISED:
            return
        moved = self._model_moved(solution)
        if not moved <= PROMISED:
            known = f"known to {moved:.1g}" if math.isfinite(moved) else "unknown"
            raise Imprecise(
                f"the model of all rows is {known} by rounding: the columns are too nearly "
                "collinear, or of too unlike scales; standardize them, or set precision='qr' (the data is read "
                "once more)",
                finer=True,
            )

    def _model_moved(self, solution: LinearSolution) -> float:
        """Return how far rounding moves coefficients and predictions of training rows, beside their sizes."""
        design, solved = solution.design, self.solved(solution)
        if design.cancelled is not None and design.cancelled.any():
            return math.inf
        if solved is not None and not solved.certain:
            return math.inf
        with np.errstate(all="ignore"):
            moved = self._away(solution, design.shaken if solved is None else design.shaken_products)
            if solved is None and not moved <= NEGLIGIBLE:  # directions that mix may move it little in one draw
                moved = max(moved, *(self._away(solution, one) for one in design.shaken_again))
        return max(moved, float(design.unscaled.max(initial=0.0)))

    def _away(self, solution: LinearSolution, shaken: Design) -> float:
        """Return how far the model of another problem is; infinite where that has none."""
        moved = model_moved(solution.design, solution.coef, self.again(solution, shaken) - solution.coef)
        return moved if math.isfinite(moved) else math.inf

    def complexity(self, solution: LinearSolution) -> float:
        """Return the effective degrees of freedom, the intercept included."""
        return self.degrees(solution) + float(self.fit_intercept)

    def bounds(self, state: MomentsState) -> Mapping[str, Range | None]:
        """Return the fields that this state narrows, and None for those without effect on it."""
        select = Integer(1, max(1, self.design(state).q))
        return {"select": select, **unused_fields(state.shape, state.mean)}

    def check(self, state: MomentsState) -> None:
        """Refuse a state without rows, values whose squares have no finite sum, and a target that does not vary."""
        self._need_row(state)
        check_finite(state)
        d, target = state.shape.d, state.shape.targets[0]
        scale = abs(float(state.mean[d])) * np.finfo(np.float64).eps
        if state.rows and state.squares[d] <= state.weight * (4.0 * scale) ** 2:
            raise DegenerateTarget(
                f"target {target!r} is {state.mean[d]:.6g} in all {state.rows:,} rows: there is nothing to "
                "learn; check the target's name and the filter on the rows"
            )

    def _need_row(self, state: MomentsState) -> None:
        if not state.rows:
            raise NotEnoughRows(f"{type(self).__name__} needs at least 1 row, and the state holds none")


def on_log1p(model: BaseEstimator, q: int) -> BaseEstimator:
    """Return a fitted ``TransformedTargetRegressor`` around a model of log(1 + y) over q columns."""
    made: BaseEstimator = sklearn.compose.TransformedTargetRegressor(
        sklearn.dummy.DummyRegressor(), func=np.log1p, inverse_func=np.expm1
    )
    made.fit(np.zeros((2, q)), np.array([0.0, 1.0]))
    made.regressor = made.regressor_ = model
    return made


def decades(low: float, high: float) -> tuple[float, float]:
    """Return the range widened to powers of ten, so that a little more data leaves it as it is.

    Examples
    --------
    >>> decades(0.03, 42.0)
    (0.01, 100.0)
    """
    return float(10.0 ** np.floor(np.log10(low))), float(10.0 ** np.ceil(np.log10(high)))
