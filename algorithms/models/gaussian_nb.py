"""Gaussian naive Bayes, exact from the moments of each class."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Mask, Places
from algorithms.contract import Algorithm, Array, Held, Rows, Score, Tags
from algorithms.families.classes import check_priors, given, need_every_class, priors_of
from algorithms.families.decided import Functions, asks_labels, mapped, score_of_labels
from algorithms.families.design import CARE
from algorithms.families.pipeline import pipeline
from algorithms.families.rounding import sure
from algorithms.families.whitened import ROUNDING, settled_again
from algorithms.lazily import sklearn
from algorithms.memo import MEMO
from algorithms.preparing.column_map import ColumnMap, gaps_of
from algorithms.preparing.column_maps import column_map
from algorithms.preparing.preprocess import Impute
from algorithms.preparing.within import places_of
from algorithms.ranges import Choice, Legal, Log
from algorithms.summaries.by_class import ClassesState
from algorithms.summaries.classes import Classes, of_every_class
from algorithms.summaries.moments import check_finite
from algorithms.summaries.precise import EPS
from algorithms.summaries.sample import labels
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, eq=False)
class NaiveSolution:
    """Means and variances of each class.

    Attributes
    ----------
    state : of the training rows.
    columns : the map to the model's columns.
    means, variances : shape (C, q); variances include ``epsilon``.
    priors : shape (C,).
    epsilon : what was added to the variances.
    moved, spread : shape (C, q), how far rounding may have moved means and variances.
    by_class : what every smoothing has in common.
    """

    state: ClassesState
    columns: ColumnMap
    means: Array
    variances: Array
    priors: Array
    epsilon: float
    moved: Array
    spread: Array
    by_class: _ByClass

    @property
    def sure(self) -> bool:
        """Whether rounding is next to that of a variance, as of columns whose parts do not cancel.

        A row that is z deviations away makes z² times as much of it.
        """
        return bool(np.all(self.spread + self.moved**2 <= SURE * self.variances))

    @property
    def varies(self) -> Mask:
        """Which columns vary in any class, shape (q,)."""
        return np.asarray((self.variances > self.epsilon).any(axis=0))

    def shaken(self, draw: int) -> NaiveSolution | None:
        """Return means and variances that are off by as much as rounding may have made them; None for no spread."""
        rng = np.random.default_rng(draw)
        means, variances = (
            x + rng.choice([-1.0, 1.0], x.shape) * off
            for x, off in ((self.means, self.moved), (self.variances, self.spread))
        )
        return replace(self, means=means, variances=variances) if (variances > 0.0).all() else None


SURE = 1e-13
"""Largest share of a variance that rounding may be for scores of rows to have no bound."""

HELP = "raise var_smoothing, or give the missing values of columns far from zero values of their own"


@dataclass(frozen=True, kw_only=True)
class GaussianNB(Algorithm[ClassesState, NaiveSolution]):
    """Gaussian naive Bayes over the encoded columns.

    Exact: parameters, attributes and predictions are those of ``sklearn.naive_bayes.GaussianNB``. The score
    ``log_likelihood`` is the mean of log p(x, y) of held-out rows.

    Parameters
    ----------
    var_smoothing : share of the largest variance that is added to all.
    priors : None for the shares of the classes; ``"uniform"``; or text such as ``"late=0.2, on time=0.8"``.
    impute : a missing number becomes the mean (``"mean"``), ``"zero"``, or the mean and an ``"indicator"``.

    Examples
    --------
    >>> GaussianNB(var_smoothing=1e-3).priors is None
    True
    """

    var_smoothing: Annotated[float, Legal(ge=0), Log(1e-12, 1.0)] = 1e-9
    priors: Annotated[str | None, Choice(None, "uniform", searched=False)] = None
    impute: Impute = "mean"
    summary: Classes = Classes("diagonal")

    tags: ClassVar[Tags] = Tags(
        task="classification",
        exact=("log_likelihood",),
        auto=3,
        needs_every_class=True,
        on_request=("impute",),
        equivalent=Equivalent("sklearn.naive_bayes.GaussianNB", only={"priors": (None,)}),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_priors(self.priors)

    def solve(self, state: ClassesState) -> NaiveSolution:
        """Return means and variances; raises NotEnoughRows where a class has no row."""
        self.check(state)
        made = MEMO.get(state, ("naive", self.impute), lambda: _ByClass.of(state, self.impute))
        epsilon = self.var_smoothing * made.largest
        spread = made.spread + self.var_smoothing * made.off
        priors = priors_of(state.weights, self.priors, state.shape)
        variances = made.variances + epsilon
        return NaiveSolution(
            state, made.columns, made.means, variances, priors, epsilon, made.moved, spread, made
        )

    def estimator(self, solution: NaiveSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``GaussianNB``."""
        state = solution.state
        model = sklearn.naive_bayes.GaussianNB(
            priors=given(self.priors, solution.priors), var_smoothing=self.var_smoothing
        )
        model.classes_, model.class_count_ = labels(state.shape), state.weights.copy()
        model.class_prior_, model.epsilon_ = solution.priors, solution.epsilon
        model.theta_, model.var_ = solution.means + solution.columns.origin, solution.variances.copy()
        return pipeline(solution.columns, state.shape.d, None, model)

    def score(self, solution: NaiveSolution, held: Held[ClassesState], metric: str) -> Score | float | None:
        """Return the mean of log p(x, y) of the held-out rows, or a score of rows that rounding may change.

        Raises
        ------
        Imprecise
            Rounding leaves too few digits of it.
        """
        if (rows := held.rows_for(metric)) is not None:
            if not solution.sure:
                return settled_again(self, solution, solution.shaken, rows, metric, HELP)
            if not asks_labels(metric, rows) or not (solution.variances > 0.0).all():
                return None
            return score_of_labels(metric, rows, _functions(solution, rows))
        held_out = held.state_for(metric)
        if held_out is None or metric not in self.exact:
            return None
        if not (solution.variances > 0.0).all():
            return -math.inf
        w, (means, variances, moved, spread) = (
            held_out.weights, _by_class(held_out, solution.columns, solution.varies)
        )
        apart, off, var = np.abs(means - solution.means), moved + solution.moved, solution.variances
        away = variances + apart**2
        logs = w[:, None] * (np.log(2.0 * math.pi * var) + away / var)
        lost = (solution.spread * (1.0 + away / var) + spread + (2.0 * apart + off) * off) / var
        value = float((w @ np.log(solution.priors) - 0.5 * logs.sum()) / held_out.weight)
        bound = 0.5 * float((w @ lost).sum() / held_out.weight) + ROUNDING * abs(value)
        return sure(metric, Score(value, bound), max(1.0, abs(value)), HELP)

    def complexity(self, solution: NaiveSolution) -> float:
        """Return the number of means, variances and priors."""
        return float(2 * solution.means.size + len(solution.priors) - 1)

    def check(self, state: ClassesState) -> None:
        """Refuse squares without a finite sum, priors of other classes than there are, and a class without rows."""
        check_finite(state)
        check_priors(self.priors, state.shape)
        need_every_class("GaussianNB", state.shape, state.class_rows)


@dataclass(frozen=True, eq=False)
class _ByClass:
    """What every smoothing of a state has in common.

    Attributes
    ----------
    columns : the map to the model's columns.
    means, variances, moved, spread : as in :class:`NaiveSolution`, before anything is added.
    largest, off : the largest variance of all rows, and how far rounding may have moved it.
    """

    columns: ColumnMap
    means: Array
    variances: Array
    moved: Array
    spread: Array
    largest: float
    off: float

    @classmethod
    def of(cls, state: ClassesState, impute: Impute) -> _ByClass:
        """Return it for a state."""
        columns = column_map(state, impute, 0.0)
        whole, off = _of_all(state, columns)
        return cls(columns, *_by_class(state, columns), float(whole.max(initial=0.0)), _of_largest(whole, off))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 4 * self.means.nbytes + self.columns.nbytes


def _functions(solution: NaiveSolution, rows: Rows) -> Functions:
    """Return log p(x, y) of rows by each class: their squares are the same for every smoothing."""
    made, variances = solution.by_class, solution.variances
    squares = MEMO.get(rows, ("squares", made), lambda: (mapped(rows, made.columns) - made.means[:, None]) ** 2)
    away = 0.5 * np.stack([of @ each for of, each in zip(squares, 1.0 / variances, strict=True)])
    own = np.log(solution.priors) - 0.5 * np.sum(np.log(2.0 * math.pi * variances), axis=1)
    return Functions(own[:, None] - away, np.max(away + np.abs(own)[:, None], axis=0))


def _of_largest(values: Array, off: Array) -> float:
    """Return how far the largest of some values may be off where each may be off by so much."""
    if not len(values):
        return 0.0
    most = int(values.argmax())
    return float(max(off[most], (values + off).max() - values[most]))


def _by_class(
    state: ClassesState, columns: ColumnMap, as_is: Mask | None = None
) -> tuple[Array, Array, Array, Array]:
    """Return means and variances of each class in the columns of a map, and what rounding may have moved either by.

    Of shape (C, q); zeros without rows. Variances that are rounding alone are zero, unless of columns ``as_is``.
    """
    each = np.where(state.weights > 0.0, state.weights, 1.0)[:, None]
    pairs = list(zip(state.means, state.class_squares / each, strict=True))
    variances = np.stack([columns.spread(m, v, as_is) for m, v in pairs])
    spread = CARE * state.rounding * np.stack([columns.rounded(m, v) for m, v in pairs])
    means = np.stack([columns.mean(m) for m in state.means])
    moved = EPS * np.stack([np.abs(columns.matrix).T @ np.abs(m) for m in state.means])
    if (at := _Filled.of(state, columns)) is not None:
        k, weights = at.columns, np.where(state.weights > 0.0, state.weights, 1.0)
        means[:, k], variances[:, k], moved[:, k], spread[:, k] = at.moments(at.stated, weights[:, None])
        means[state.weights == 0.0] = variances[state.weights == 0.0] = moved[state.weights == 0.0] = 0.0
    spread = spread * ((variances > 0.0) if as_is is None else (variances > 0.0) | as_is)
    return means, variances, moved, spread


def _of_all(state: ClassesState, columns: ColumnMap) -> tuple[Array, Array]:
    """Return the variance of each column over all rows, and how far rounding may have moved it."""
    mean, variance = state.mean, state.squares / state.weight
    whole = columns.spread(mean, variance)
    off = CARE * state.rounding * columns.rounded(mean, variance) * (whole > 0.0)
    if (at := _Filled.of(state, columns)) is not None:
        k = at.columns
        _, whole[k], _, off[k] = at.moments(of_every_class(at.stated), np.array(state.weight))
    return whole, off


@dataclass(frozen=True, eq=False)
class _Filled:
    """The columns whose gaps are filled, and the moments of the rows that have a number.

    By these a class's variance is a sum of squares. What moments of all rows say of it, with the gaps at the
    origin, cancels where the values are far from there.

    Attributes
    ----------
    columns : shape (k,), places in the model.
    fill : shape (k,), what stands in the gaps.
    stated : shape (3, C, k), weight, mean and sum of squares of the rows that have a number.
    rounding : of the state's products.
    """

    columns: Places
    fill: Array
    stated: Array
    rounding: float

    @classmethod
    def of(cls, state: ClassesState, columns: ColumnMap) -> _Filled | None:
        """Return those of a map; None where it fills nothing, or the state knows no such moments."""
        gaps = gaps_of(state.shape.columns)
        k, indicators = columns.gapped(gaps)
        if not len(k) or not state.stated.size:
            return None
        place = places_of(gaps.indicators, state.shape.d)[indicators]
        fill = np.asarray(columns.matrix.tocsc()[indicators, k]).ravel()
        return cls(k, fill, state.stated[:, :, place], state.rounding)

    def moments(self, stated: Array, weight: Array) -> tuple[Array, Array, Array, Array]:
        """Return means and variances of rows of a weight, and how far rounding may have moved either."""
        known, mean, squares = stated
        share = np.clip(known / weight, 0.0, 1.0)
        off = 2.0 * EPS * (np.abs(mean) + np.abs(self.fill)) * (share < 1.0)
        apart = np.where(known > 0.0, self.fill - mean, 0.0)
        apart, missing = np.where(np.abs(apart) <= off, 0.0, apart), 1.0 - share
        means = np.where(known > 0.0, mean + missing * apart, self.fill)
        moved = 2.0 * EPS * (share * np.abs(mean) + missing * np.abs(self.fill))
        variances = squares / weight + share * missing * apart**2
        spread = CARE * self.rounding * variances + share * missing * (2.0 * np.abs(apart) + off) * off
        return means, variances, moved, spread
