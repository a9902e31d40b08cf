"""What generalized linear models share: a quadratic in the columns of a design, penalties, and fitted pipelines."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from algorithms.arrays import Matrix
from algorithms.contract import Algorithm, Array, Held, Polishable, Rows, Score, Shape
from algorithms.errors import AlgorithmError, InvalidField, NotEnoughRows
from algorithms.families.corrected import SHAKES, corrected
from algorithms.families.design import CARE, Design
from algorithms.families.far_rows import HELP as FAR_ROWS
from algorithms.families.far_rows import moved_by_rounding, scale_of
from algorithms.families.objective import objective_of, of_every_row
from algorithms.families.pipeline import pipeline_of
from algorithms.families.problem import Problem
from algorithms.families.quadratic import Quadratic, Weights, quadratic_of
from algorithms.families.rounding import sure
from algorithms.families.whole import RowDesign, least, row_design
from algorithms.learned import Learned
from algorithms.memo import MEMO
from algorithms.preparing.preprocess import Selecting, unused_fields
from algorithms.ranges import Integer, Legal, Range
from algorithms.solvers.coordinate_descent import Descent, elastic_net
from algorithms.solvers.placed_rows import PlacedRows
from algorithms.solvers.spectrum import EPS, degrees_of_freedom, ridge
from algorithms.summaries.curvature import Curvature
from algorithms.summaries.curvature_state import CurvatureState
from algorithms.summaries.moments import check_finite

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

MOST_TRIED = 400
"""Unknowns up to which every expansion is tried where the nearest is not known beforehand."""

AS_LONG = "stops its descent by tol; the optimum itself, from the rows that a state keeps, takes longer"
"""Why no search of scikit-learn's is answered by these models."""

EXACTLY, NEARLY = 1e-8, 1e-7
"""Slope of the mean loss at which a search ends: of every row, and of a loss that a sample corrects."""


@dataclass(frozen=True, eq=False)
class GeneralizedSolution:
    """Coefficients of a design's columns.

    Attributes
    ----------
    design : the columns.
    coef : shape (e, q).
    intercept : shape (e,).
    penalty : the ridge part of the penalty, for the degrees of freedom; None where coefficients were dropped.
    converged : whether coordinate descent reached its tolerance.
    state : what it was solved from; None of a quadratic's own minimum.
    near : the quadratic that it was found from; None of a state that is the rows.
    free : the effective degrees of freedom of the coefficients, and
    last : the last step of coefficients and intercepts, longer than what is left of the way, where there is none.
    """

    design: Design | RowDesign
    coef: Array
    intercept: Array
    penalty: float | None
    converged: bool = True
    state: CurvatureState | None = None
    near: Quadratic | None = None
    free: float = 0.0
    last: tuple[Array, Array] | None = None

    @property
    def quadratic(self) -> Quadratic:
        """The quadratic that it was found from."""
        if self.near is None:
            raise AlgorithmError("a model of all rows themselves was found from no quadratic")
        return self.near

    @property
    def in_z(self) -> Array:
        """The coefficients of the standardised encoded columns and a one, shape (e, d + 1)."""
        return self.quadratic.in_z(self.coef, self.intercept)

    def at_origin(self) -> GeneralizedSolution:
        """Return the same model in columns that have their origins."""
        design = self.design
        if design.at_origin() is design:
            return self
        return dataclasses.replace(self, intercept=self.intercept - self.coef @ design.columns.origin)

    def eta(self, x: Matrix) -> Array:
        """Return the linear predictors of encoded rows, which have their origins (not where there is a kernel)."""
        shape = self.design.shape
        return self.eta_held(x - shape.origin if shape.features is None and shape.shifted else x)

    def eta_held(self, x: Matrix) -> Array:
        """Return the linear predictors of rows as states hold them, less their origins, shape (n, e)."""
        return np.asarray(self.etas(x, self.coef[None], self.intercept[None])[0])

    def etas(self, x: Matrix, coefs: Array, intercepts: Array) -> Array:
        """Return the linear predictors of held rows by J models of this design, shape (J, n, e)."""
        design = self.design
        if design.shape.features is not None:
            x = design.shape.features(x)
        scaled = (coefs / design.scale).reshape(-1, coefs.shape[2])
        raw = np.asarray(design.columns.matrix @ scaled.T)
        made = x @ raw + (intercepts.ravel() - scaled @ design.mean)
        return np.asarray(made.reshape(len(made), len(coefs), -1).transpose(1, 0, 2))


@dataclass(frozen=True, kw_only=True)
class Generalized(
    Selecting, Polishable[CurvatureState, GeneralizedSolution], Algorithm[CurvatureState, GeneralizedSolution]
):
    """A generalized linear model answered from curvature.

    Parameters
    ----------
    standardize, impute, min_frequency, select, fit_intercept : as in
        :class:`~algorithms.preparing.preprocess.Selecting`; standardize is searched only when asked for.
    tol, max_iter : of coordinate descent, where the penalty has an l1 part.
    """

    tol: Annotated[float, Legal(ge=0)] = 1e-6
    max_iter: Annotated[int, Legal(ge=1)] = 1000

    summary: Curvature

    @abstractmethod
    def penalty(self, weight: float) -> tuple[float, float]:
        """Return (λ₁, λ₂) of λ₁‖c‖₁ + ½λ₂‖c‖², beside the *sum* of the losses over rows of that weight."""

    @abstractmethod
    def model(self, solution: GeneralizedSolution, state_shape: Shape) -> BaseEstimator:
        """Return scikit-learn's fitted estimator over the design's columns."""

    def group_weights(self, state: CurvatureState) -> Weights:
        """Return what each group of rows is weighted by."""
        return (1.0,) * len(state.counts)

    def quadratic(self, state: CurvatureState, k: int | None = None) -> Quadratic:
        """Return the problem that preprocessing and class weights make of expansion k, or of the nearest."""
        weights, how = self.group_weights(state), self.preprocess
        if k is None:
            weight = float(np.sum(state.counts))
            share = np.sqrt(sum(self.penalty(weight)) / weight)
            k = min(self.starts(state), key=lambda k: abs(np.sqrt(state.learned["share"][k]) - share))
        nearest = k
        return MEMO.get(state, (how, weights, nearest), lambda: quadratic_of(state, how, weights, nearest))

    def starts(self, state: CurvatureState) -> list[int]:
        """Return the starts whose classes are weighted most alike."""
        weights, balance = np.array(self.group_weights(state)), state.learned["balance"]
        with np.errstate(divide="ignore"):
            apart = [float(np.ptp(np.log(weights) - np.log(each))) for each in balance]
        return np.flatnonzero(np.array(apart) <= min(apart) + 0.1).tolist()

    def solve(self, state: CurvatureState) -> GeneralizedSolution:
        """Return the fitted numbers.

        Raises
        ------
        NotEnoughRows
            If the state holds no row, or none of some class.
        """
        self.need_rows(state)
        found = self._of_rows(state) if state.of_rows else self._refined(self._rough(state), state)
        # rounding of a slope that is zero would count in rows that lie far from those of the training folds
        return dataclasses.replace(found, coef=np.zeros_like(found.coef)) if self._is_flat(found, state) else found

    def _is_flat(self, found: GeneralizedSolution, state: CurvatureState) -> bool:
        """Return whether the target does not vary, so that its mean alone is the optimum."""
        if state.shape.classes or not self.preprocess.center:
            return False
        if state.of_rows:
            target = state.whole.target[state.whole.weight > 0.0]
            return state.complete and bool(np.ptp(target) == 0.0)
        design = found.quadratic.design
        return design.varied <= design.weight * (CARE * EPS * design.y_mean) ** 2

    def _of_rows(self, state: CurvatureState) -> GeneralizedSolution:
        """Return the optimum on the rows that a state is."""
        self.check_field("l1_ratio", state)
        design, weights, rows = row_design(state, self.preprocess), self.group_weights(state), state.whole
        weight = float(np.array(weights) @ state.counts)
        _, ridge = self.penalty(weight)
        codes = rows.target.astype(np.intp) if state.shape.classes else np.zeros(len(rows), np.intp)
        e, w = self.summary.equations(state.shape), rows.weight * np.array(weights)[codes]
        begin = self.summary.intercepts(rows.target, codes, w, e)
        found, intercept = least(self.summary.about, state, design, weights, ridge, begin)
        free = min(found.free, float(len(rows) * e))
        return GeneralizedSolution(
            design, found.coef, intercept, ridge, found.converged, state, None, free, found.last
        )

    def check_field(self, name: str, state: CurvatureState | None = None) -> None:
        """Refuse an l1 penalty where the state is the rows, whose optimum is found by smooth steps."""
        super().check_field(name, state)
        if name == "l1_ratio" and state is not None and state.of_rows and self.penalty(1.0)[0] > 0.0:
            raise InvalidField(
                f"l1_ratio={self.penalty(1.0)[0] / sum(self.penalty(1.0)):g}: with {state.shape.d:,} encoded "
                f"columns{_classes_in_words(state.shape)} models are fitted to the rows themselves, without an l1 "
                "penalty; leave l1_ratio at 0, or use fewer columns (features=, drop=)"
            )

    def _rough(self, state: CurvatureState) -> GeneralizedSolution:
        """Return the minimum of a quadratic that it is near to the start of."""
        starts = self.starts(state)
        if state.complete or len(starts) == 1 or not self.far(state):
            return self._minimum(self.quadratic(state))
        tried = [self._minimum(self.quadratic(state, k)) for k in starts]
        return min(tried, key=lambda s: self._distance(s, state))

    def _refined(self, rough: GeneralizedSolution, state: CurvatureState) -> GeneralizedSolution:
        """Return the optimum on the rows, all of them or as a sample estimates it, from the quadratic's minimum."""
        q = rough.quadratic
        l1, l2 = self.penalty(q.weight)
        objective = objective_of(self.summary.about, state, q, self.group_weights(state))
        problem = Problem(objective, q, l2, EXACTLY if state.complete else NEARLY, state.complete)
        begun = problem.begun(rough.coef, rough.intercept)
        if l1 == 0.0:
            coef, intercept, converged = problem.smooth(*begun)
        else:
            coef, intercept, converged = problem.sparse(*begun, l1, self.tol, self.max_iter)
        if self.preprocess.center:  # new rows may lie far from a column's one value
            coef = np.where(np.diagonal(q.design.gram) > 0.0, coef, 0.0)
        return GeneralizedSolution(q.design, coef, intercept, rough.penalty, converged, state, q)

    def far(self, state: CurvatureState) -> bool:
        """Return whether the starts' ridge penalty on standardised columns says little of where the optimum is."""
        near = self.standardize and self.select is None and self.penalty(1.0)[0] == 0.0
        return not near and state.learned["start"][0].size <= MOST_TRIED

    def _minimum(self, q: Quadratic) -> GeneralizedSolution:
        l1, l2 = self.penalty(q.weight)
        converged = True
        if l1 > 0.0:
            w = q.weight
            start = ridge(q.spectrum, l2 + 1e-9 * w)
            how = Descent(self.tol, self.max_iter)
            coef, _, gap = elastic_net(
                np.ascontiguousarray(q.gram / w),
                q.xy / w,
                q.size / w,
                (l1 + l2) / w,
                l1 / (l1 + l2),
                how,
                start,
            )
            converged = gap <= self.tol * q.size / w
        else:
            coef = ridge(q.spectrum, l2)
        intercept = q.offset - q.back @ coef
        return GeneralizedSolution(
            q.design, coef.reshape(q.e, -1), intercept, None if l1 else l2, converged, near=q
        )

    def _distance(self, solution: GeneralizedSolution, state: CurvatureState) -> float:
        """Return δᵀHδ of the step δ from its start: the farther, the less the quadratic is to be trusted."""
        k = solution.quadratic.k
        step = (solution.in_z - state.learned["start"][k])[:, state.along].ravel()
        return float(step @ state.curvature(k, self.group_weights(state))[0] @ step)

    def estimator(self, solution: GeneralizedSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in scikit-learn's own model."""
        design = solution.design
        return pipeline_of(design, self.model(solution.at_origin(), design.shape))

    def score(
        self, solution: GeneralizedSolution, held: Held[CurvatureState], metric: str
    ) -> Score | float | None:
        """Return a common score of held-out rows without building an estimator; None for any other.

        Its bound is twice what the score changes, in the quadratic mean, when the model moves as far as the rows
        that were not kept may move it, or as far as the last step to its optimum.
        """
        rows = held.rows_for(metric)
        if rows is None:
            return None
        eta = solution.eta_held(rows.held)
        value = self.score_eta(eta, rows, metric)
        if value is None or solution.state is None:
            return value
        if solution.last is not None:
            step, rise = solution.last
            away = step[None], (rise - step @ _middle(solution))[None]
        elif solution.state.complete:
            if solution.near is None:
                return value
            return self._beside_rounding(value, eta, solution, solution.state, rows, metric)
        else:
            away = self._shaken(solution, solution.state)
        moved = self.score_moves(eta, solution.etas(rows.held, *away), rows, metric)
        return Score(value, 2.0 * float(np.sqrt(np.mean(np.square(moved)))))

    def _beside_rounding(
        self,
        value: float,
        eta: Array,
        solution: GeneralizedSolution,
        state: CurvatureState,
        rows: Rows,
        metric: str,
    ) -> Score | float:
        """Return a score of the optimum on every row, and what rounding makes of rows that lie far from these."""
        design, weight = solution.quadratic.design, solution.quadratic.weight
        objective = of_every_row(self.summary.about, state, design, self.group_weights(state))
        lifted, held = solution.intercept + solution.coef @ objective.middle, rows.held
        if design.shape.features is not None:
            held = design.shape.features(held)
        away = moved_by_rounding(objective, design, solution.coef, lifted, self.penalty(weight)[1], held)
        if away is None:
            return value
        moved = np.abs(self.score_moves(eta, np.stack([away, -away]), rows, metric))
        bound = float(moved.max()) if np.isfinite(moved).all() else np.inf
        return sure(metric, Score(value, bound), scale_of(metric, value, rows.target), FAR_ROWS)

    def score_moves(self, eta: Array, away: Array, rows: Rows, metric: str) -> list[float]:
        """Return how much a score changes with the linear predictors, by each of ``away``, shape (J, n, e)."""
        value, others = (
            self.score_eta(eta, rows, metric),
            [self.score_eta(eta + a, rows, metric) for a in away],
        )
        return [np.nan if value is None or other is None else other - value for other in others]

    @abstractmethod
    def score_eta(self, eta: Array, rows: Rows, metric: str) -> float | None:
        """Return the score of rows with these linear predictors, shape (n, e); None for one that is not common."""

    def _shaken(self, solution: GeneralizedSolution, state: CurvatureState) -> tuple[Array, Array]:
        """Return errors that the coefficients and intercepts may have, shapes (J, e, q) and (J, e)."""
        q = solution.quadratic
        loss = corrected(self.summary.about, state, self.group_weights(state), q.k)
        made = loss.shaken(solution.in_z).T.reshape(SHAKES, q.e, -1) @ q.to[loss.along]
        lift = made[:, :, -1] * self.fit_intercept
        inner = (made[:, :, :-1].reshape(SHAKES, -1) - lift @ q.back) @ q.spectrum.vectors
        coef = (inner / self._curvature(q)) @ q.spectrum.vectors.T
        if solution.penalty is None:
            coef = coef * (solution.coef.ravel() != 0.0)
        return coef.reshape(SHAKES, q.e, -1), lift @ q.inverse - coef @ q.back.T

    def _slope(self, solution: GeneralizedSolution, state: CurvatureState) -> tuple[Array, Array]:
        """Return what the solver left of the gradient, shapes (e, q) and (e,); zero with an l1 penalty."""
        q, (l1, l2) = solution.quadratic, self.penalty(solution.quadratic.weight)
        if l1 > 0.0:
            return np.zeros_like(solution.coef), np.zeros_like(solution.intercept)
        objective = objective_of(self.summary.about, state, q, self.group_weights(state))
        problem = Problem(objective, q, l2, 0.0)
        return problem.at(solution.coef, problem.lifted(solution.coef, solution.intercept))[1:]

    def _curvature(self, q: Quadratic) -> Array:
        return np.maximum(q.spectrum.values + self.penalty(q.weight)[1], 1e-9 * q.weight)

    def converged(self, solution: GeneralizedSolution) -> bool:
        """Return whether coordinate descent reached its tolerance."""
        return solution.converged

    def complexity(self, solution: GeneralizedSolution) -> float:
        """Return the effective degrees of freedom, the intercepts included."""
        free = float(len(solution.coef)) * self.fit_intercept
        if solution.near is None:
            return solution.free + free
        if solution.penalty is None:
            return float(np.count_nonzero(solution.coef)) + free
        return degrees_of_freedom(solution.quadratic.spectrum.values, solution.penalty) + free

    def bounds(self, state: CurvatureState) -> Mapping[str, Range | None]:
        """Return the fields that this state narrows, and None for those without effect on it."""
        return {"select": Integer(1, max(1, state.shape.d)), **unused_fields(state.shape, state.columns.mean)}

    def check(self, state: CurvatureState) -> None:
        """Refuse values whose squares have no finite sum, targets that the family does not have, and no rows."""
        check_finite(state.columns)
        self.need_rows(state)
        self.summary.check_target(np.array([state.lowest]), state.shape.targets[0])

    def need_rows(self, state: CurvatureState) -> None:
        """Raise NotEnoughRows for a state without rows."""
        if not state.rows:
            raise NotEnoughRows(f"{type(self).__name__} needs at least 1 row, and the state holds none")

    def gain(self, solution: GeneralizedSolution, state: CurvatureState) -> float:
        """Return how much another pass, expanded at this solution, is expected to lower a row's mean objective.

        The gradient there is the sum of every row's but for the remainders of Taylor's formula, which sampled rows
        stand for. Its variance V, from the chance that each of them had, is worth ½ tr M of the objective on
        average, M = (Q + λ)^-½ V (Q + λ)^-½, and at most ½ (tr M + 2√(2 tr M²)) in 95 of 100 cases.
        """
        if state.complete:
            return 0.0
        q, (_, l2) = solution.quadratic, self.penalty(solution.quadratic.weight)
        errors = self._errors(solution, state)
        values = q.spectrum.values + l2
        kept = values > 1e-9 * q.weight
        along = (errors @ q.spectrum.vectors)[:, kept] / np.sqrt(values[kept])
        square = along.T @ along
        bound = np.trace(square) + 2.0 * np.sqrt(2.0 * np.sum(square * square))
        return 0.5 * float(bound + self._unfinished(solution, state)) / q.weight

    def _unfinished(self, solution: GeneralizedSolution, state: CurvatureState) -> float:
        """Return twice what the solver left of the objective, gᵀ(Q + λ)⁻¹g."""
        q, (slope, lift) = solution.quadratic, self._slope(solution, state)
        lift = lift * self.fit_intercept
        inner = (slope.ravel() - q.back.T @ lift) @ q.spectrum.vectors
        return float(np.sum(inner**2 / self._curvature(q)) + lift @ q.inverse @ lift)

    def _errors(self, solution: GeneralizedSolution, state: CurvatureState) -> Array:
        """Return what each sampled row adds to the error of the gradient, shape (n, eq): their squares sum to V."""
        q = solution.quadratic
        loss = corrected(self.summary.about, state, self.group_weights(state), q.k)
        mapped = loss.influences(solution.in_z).reshape(-1, q.e, len(loss.along)) @ q.to[loss.along]
        return loss.scattered(mapped[:, :, :-1].reshape(len(mapped), -1) - mapped[:, :, -1] @ q.back)

    def objective(self, solution: GeneralizedSolution, state: CurvatureState) -> float:
        """Return the mean loss of a state's rows and the penalty beside it: exact where the state expands it."""
        weight = self._weight(solution)
        l1, l2 = self.penalty(weight)
        size = l1 * float(np.abs(solution.coef).sum()) + 0.5 * l2 * float(np.sum(solution.coef**2))
        return self.loss(solution, state) + size / weight

    def _weight(self, solution: GeneralizedSolution) -> float:
        """Return the weight of the rows that a solution is of, that of their classes included."""
        if solution.near is not None or solution.state is None:
            return solution.quadratic.weight
        return float(np.array(self.group_weights(solution.state)) @ solution.state.counts)

    def loss(self, solution: GeneralizedSolution, state: CurvatureState) -> float:
        """Return the mean loss of a state's rows, by the expansion that the solution came from."""
        weights = self.group_weights(state)
        if state.of_rows:
            return self._loss_of_rows(solution, state, weights)
        k = min(solution.quadratic.k, len(state.learned["start"]) - 1)
        gained = corrected(self.summary.about, state, weights, k).at(solution.in_z)
        return gained[0] / float(np.array(weights) @ state.counts)

    def _loss_of_rows(
        self, solution: GeneralizedSolution, state: CurvatureState, weights: Weights
    ) -> float:
        design, rows = solution.design, state.whole
        matrix = design.columns.matrix[rows.columns]
        placed = PlacedRows(rows.matrix, matrix, design.mean, design.scale)
        at = self.summary.about(placed.forward(solution.coef, solution.intercept), rows.target)
        codes = rows.target.astype(np.intp) if state.shape.classes else np.zeros(len(rows), np.intp)
        return float(np.average(at.loss, weights=rows.weight * np.array(weights)[codes]))

    def expanded_at(self, solution: GeneralizedSolution, state: CurvatureState) -> Learned:
        """Return what a second pass must know to expand the loss at this solution."""
        weights = np.array([self.group_weights(state)])
        start = {"start": solution.in_z[None], "share": np.ones(1), "balance": weights}
        measured = {name: state.learned[name][:1] for name in ("root", "usual")}
        return Learned({**state.learned.arrays, **start, **measured, "measured": np.zeros(1, np.intp)})


def _middle(solution: GeneralizedSolution) -> Array:
    """Return what the rows of a model are about beyond its own columns, shape (q,)."""
    design = solution.design
    return design.middle if isinstance(design, RowDesign) else np.zeros(design.q)


def _classes_in_words(shape: Shape) -> str:
    return f" and {len(shape.classes):,} classes" if len(shape.classes) > 2 else ""
