"""Principal component analysis of wide data, from a sketch in memory linear in the columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Places
from algorithms.contract import Algorithm, Array, Held, Score, Tags
from algorithms.errors import Imprecise, InvalidField, NotEnoughRows
from algorithms.families.components import METRICS, SecondMoments, fitted, score, signed
from algorithms.families.design import CARE, deviations
from algorithms.families.pipeline import fitted_scaler, pipeline
from algorithms.families.rounding import DIGITS
from algorithms.learned import Learned
from algorithms.memo import MEMO
from algorithms.preparing.column_map import ColumnMap
from algorithms.preparing.column_maps import column_map
from algorithms.ranges import Choice, Integer, Legal, Range
from algorithms.solvers.nystrom import EPS, factor
from algorithms.summaries.sketch import Sketch, SketchState, check_sums

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, eq=False)
class Axes:
    """The principal axes of a sketch, in the columns of the model.

    Attributes
    ----------
    columns : T, of encoded columns to the q of the model; gaps are filled with means of the sketch's own rows.
    mean, scale : shape (q,); what the model's columns are centred by and divided by.
    variance : shape (q,), exact.
    values : shape (r,), eigenvalues of the scatter, descending.
    vectors : shape (q, r).
    total : trace of the scatter, exact.
    floor : what rounding in the pass may add to an eigenvalue.
    weight, rows : W and the number of rows.
    """

    columns: ColumnMap
    mean: Array
    scale: Array
    variance: Array
    values: Array
    vectors: Array
    total: float
    floor: float
    weight: float
    rows: int

    @property
    def q(self) -> int:
        """Number of columns."""
        return len(self.mean)

    @property
    def divisor(self) -> float:
        """What a scatter is divided by: W(1 - 1/n)."""
        return self.weight * (1.0 - 1.0 / self.rows) if self.rows > 1 else 1.0

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.vectors.nbytes + 4 * self.mean.nbytes + self.columns.nbytes

    def turned(self, known: Learned, within: Places) -> Array:
        """Return the axes in the scaled encoded columns of a sketch, shape (k, r)."""
        across = self.columns.matrix[within] @ (self.vectors / self.scale[:, None])
        return np.asarray(across) * known["scale"][within, None]


@dataclass(frozen=True, eq=False)
class SketchedPCASolution:
    """The leading components of a sketch.

    Attributes
    ----------
    axes : all that the sketch has.
    state : the sketch.
    k : number of components.
    variance : shape (k,), along the components.
    noise : mean of the eigenvalues left out (``noise_variance_``); their sum is exact.
    """

    axes: Axes
    state: SketchState
    k: int
    variance: Array
    noise: float

    def check_rounding(self) -> None:
        """Refuse a likelihood that divides by variances which rounding in the pass may have made.

        Raises
        ------
        Imprecise
            Says how small the least of them is.
        """
        needed = [each for each in (*self.variance.tolist(), self.noise) if each > 0.0]
        least, floor = min(needed, default=math.inf), self.axes.floor / self.axes.divisor
        if not floor <= DIGITS * least:
            raise Imprecise(
                f"a likelihood that divides by a variance of {least:.2g} is not known, where rounding of far "
                f"larger ones in the pass makes {floor:.2g}: look for columns that are in another unit in some "
                "rows, tune 'pca', or use scoring='explained_variance'",
                finer=False,
            )


@dataclass(frozen=True, kw_only=True)
class SketchedPCA(Algorithm[SketchState, SketchedPCASolution]):
    """Principal component analysis of thousands of columns, in O(size × columns) memory.

    Approximate: components are those of the Nyström approximation of the covariance, which is never above
    it; the total variance and every column's are exact. What held-out rows vary along a component is estimated
    by their own sketch, so that both scores are lower bounds of the model's. Of more ``n_components`` than there
    are columns or rows, as many as these are kept; more than the sketch has directions (``size``) are refused.

    Examples
    --------
    >>> SketchedPCA(n_components=3).summary.size
    100
    """

    n_components: Annotated[int | None, Legal(ge=1), Integer(1, None)] = None
    whiten: Annotated[bool, Choice(False, True, searched=False)] = False
    summary: Sketch = Sketch()

    tags: ClassVar[Tags] = Tags(task="decomposition", exact=METRICS)

    def solve(self, state: SketchState) -> SketchedPCASolution:
        """Return the components; raises InvalidField for more than the sketch has directions."""
        self.check(state)
        self.check_field("n_components", state)
        return self._solution(state, self.n_components)

    def _solution(self, state: SketchState, n_components: int | None) -> SketchedPCASolution:
        axes = self.axes(state)
        most = min(axes.q, axes.rows)
        k = min(len(axes.values), len(axes.values) if n_components is None else n_components, most)
        variance = axes.values[:k] / axes.divisor
        rest = max(axes.total / axes.divisor - float(variance.sum()), 0.0)
        return SketchedPCASolution(axes, state, k, variance, rest / (most - k) if k < most else 0.0)

    def axes(self, state: SketchState) -> Axes:
        """Return the state's principal axes (kept for the state)."""
        impute = self.summary.impute
        return MEMO.get(state, ("axes", impute), lambda: _axes(state, column_map(state, impute, 0.0)))

    def estimator(self, solution: SketchedPCASolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``PCA``."""
        axes, state, columns = solution.axes, solution.state, solution.axes.columns
        standardize = bool(state.learned["standardize"])
        scaler, mean = None, np.zeros(axes.q) if standardize else axes.mean + columns.origin
        if standardize:
            scaler = fitted_scaler(axes.mean + columns.origin, axes.scale, axes.variance, axes.rows)
        model = fitted(
            signed(axes.vectors[:, : solution.k].T), mean,
            solution.variance, total=axes.total / axes.divisor, noise=solution.noise, rows=axes.rows,
            singular=np.sqrt(axes.values[: solution.k]), whiten=self.whiten, solver="randomized",
        )  # fmt: skip
        return pipeline(columns, state.shape.d, scaler, model)

    def score(self, solution: SketchedPCASolution, held: Held[SketchState], metric: str) -> Score | None:
        """Return the score of the held-out rows, at least, and how much more it may be (see the class)."""
        held_out = held.state_for(metric)
        if held_out is None:
            return None
        axes = solution.axes
        seen = MEMO.get(held_out, (axes, "second"), lambda: _seen(axes, held_out))
        value = score(metric, seen.second, solution.variance, solution.noise, axes.q)
        if value is None:
            return None
        if metric == METRICS[0]:
            solution.check_rounding()
        return Score(value, _bound(metric, solution, seen) + CARE * EPS * abs(value))

    def naive_score(self, state: SketchState, held: Held[SketchState], metric: str) -> Score | None:
        """Return the score of no component: the mean, and one variance in all directions."""
        self.check(state)
        return self.score(self._solution(state, 0), held, metric)

    def complexity(self, solution: SketchedPCASolution) -> float:
        """Return the number of components."""
        return float(solution.k)

    def bounds(self, state: SketchState) -> Mapping[str, Range | None]:
        """Return components up to what the sketch resolves, and fewer than the rank where it knows that."""
        axes = self.axes(state)
        found = len(axes.values)
        most = found - 1 if found < state.product.shape[1] else found
        return {"n_components": Integer(1, max(1, min(most, axes.q - 1, axes.rows - 1)))}

    def check(self, state: SketchState) -> None:
        """Refuse fewer than two rows, and values without a finite sum."""
        check_sums(state)
        if state.rows < 2:
            raise NotEnoughRows(
                f"sketched_pca needs at least 2 rows to know a variance, and has {state.rows}"
            )

    def check_field(self, name: str, state: SketchState | None = None) -> None:
        """Refuse more components than the sketch has directions, where the columns are more than these."""
        if name != "n_components" or self.n_components is None or state is None:
            return
        q, s = state.product.shape
        if self.n_components > s and q > s:
            raise InvalidField(
                f"n_components={self.n_components}: more than size={s}, the directions that the sketch keeps; set "
                f"size to at least {self.n_components} (a pass field: another value reads the data once more)"
            )


def _axes(state: SketchState, columns: ColumnMap) -> Axes:
    spread, scale = state.scatter / state.weight, np.ones(len(columns.names))
    mean, variance = columns.mean(state.mean), columns.spread(state.mean, spread)
    if state.learned["standardize"]:
        scale = deviations(variance, mean, state.weight)
    values, vectors = _mapped(state, columns, scale)
    total = state.weight * float((variance / scale**2).sum())
    of_pass = np.sqrt((columns.matrix**2).T @ state.learned["scale"] ** 2)
    largest = float(np.max(of_pass / scale, initial=0.0)) ** 2
    floor = CARE * EPS * float(np.linalg.norm(state.product)) * largest
    return Axes(columns, mean, scale, variance, values, vectors, total, floor, state.weight, state.rows)


def _mapped(state: SketchState, columns: ColumnMap, scale: Array) -> tuple[Array, Array]:
    """Return eigenvalues and vectors of T'ST, in columns that are divided by their exact scales.

    S is the sketch's, in columns divided by what a sample says of their scales: UΛU'.
    """
    vectors, values = factor(state.directions, state.product)
    root = (vectors * np.sqrt(values)) * state.learned["scale"][state.within, None]
    made = np.asarray(columns.matrix[state.within].T @ root) / scale[:, None]
    rotated, roots, _ = np.linalg.svd(made, full_matrices=False)
    some = roots > (roots[0] * math.sqrt(EPS) if len(roots) else 0.0)
    return roots[some] ** 2, rotated[:, some]


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a sketch tells of held-out rows.

    Attributes
    ----------
    second : what they vary along each axis, by their own sketch: at most what they do.
    more : shape (r,), how much more that may be.
    """

    second: SecondMoments
    more: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.second.nbytes + self.more.nbytes


def _seen(axes: Axes, held_out: SketchState) -> _Seen:
    """Return what the held-out rows vary along each axis u, and how much more it may be.

    The sketch has all that S does to its directions Ω, so that what it lacks, E, has EΩ = 0. Hence with T's own
    columns uᵀTᵀETu = vᵀEv ≤ ‖v‖² tr E for the part v of Tu that no direction makes up, and tr E is known exactly.
    """
    known, within, weight = held_out.learned, held_out.within, held_out.weight
    directions, turned = held_out.directions, axes.turned(known, within)
    vectors, values = factor(directions, held_out.product)
    away = (axes.columns.mean(held_out.mean) - axes.mean) / axes.scale
    along = ((turned.T @ vectors) ** 2) @ values / weight + (axes.vectors.T @ away) ** 2
    spread = axes.columns.spread(held_out.mean, held_out.scatter / weight)
    whole = float((spread / axes.scale**2).sum()) + float(away @ away)
    apart = turned - directions @ np.linalg.lstsq(directions, turned, rcond=None)[0]
    lacking = max(0.0, float((held_out.scatter / known["scale"] ** 2).sum() - values.sum())) / weight
    return _Seen(SecondMoments(along, whole), np.sum(apart**2, axis=0) * lacking)


def _bound(metric: str, solution: SketchedPCASolution, seen: _Seen) -> float:
    """Return how far a score of the held-out rows may be from what their sketch tells of them."""
    k = solution.k
    if metric == "explained_variance":
        return float(seen.more[:k].sum() / seen.second.total) if seen.second.total > 0.0 else 0.0
    if solution.variance.min(initial=np.inf) <= 0.0:
        return 0.0
    inside = 1.0 / solution.variance
    outside = 1.0 / solution.noise if solution.noise > 0.0 else 0.0
    return 0.5 * float(np.sum(seen.more[:k] * np.abs(inside - outside)))

