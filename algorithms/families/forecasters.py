"""Models that forecast: every next value is a linear map of a window's past ones.

Notation as in :mod:`algorithms.families.forecast`. Scores of held-out windows follow from their moments: residuals
are [-C, 1] of (z, e, d) less b.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import Algorithm, Held, Rows, Score, Tags
from algorithms.errors import InvalidField, NotEnoughRows
from algorithms.families.forecast import Forecast, squared_errors
from algorithms.families.forecast_scores import NAMES, RMSSE, JudgedMaps, check_windows, score
from algorithms.families.paths import PathForecast
from algorithms.families.rounding import NATURAL, sure
from algorithms.memo import MEMO
from algorithms.ranges import Integer, Legal
from algorithms.summaries.moments import MomentsState, check_finite
from algorithms.summaries.window_sample import WindowSampleState
from algorithms.summaries.windows import DIFFERENCES, Windows, WindowsState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

R2 = "r2"

@dataclass(frozen=True, kw_only=True)
class Forecaster(Algorithm[WindowsState, Forecast]):
    """A model whose forecasts are linear maps of past values.

    Parameters
    ----------
    summary : the windows that it is made of.
    steps : how many steps are forecast; None for the horizon of the windows.
    """

    summary: Windows = Windows()
    steps: Annotated[int | None, Legal(ge=1), Integer(1, None, searched=False)] = None

    tags: ClassVar[Tags] = Tags(task="forecasting", exact=(RMSSE, R2), sampled=NAMES, default_score=RMSSE)

    @property
    def exact(self) -> tuple[str, ...]:
        """R², and RMSSE where windows are divided by the deviation of their differences."""
        return self.tags.exact if self.summary.scale == DIFFERENCES else (R2,)

    @property
    def ahead(self) -> int:
        """How many steps are forecast."""
        return self.summary.horizon if self.steps is None else self.steps

    def check_field(self, name: str, state: WindowsState | None = None) -> None:
        """Refuse more steps than windows have next values."""
        if name == "steps" and self.ahead > self.summary.horizon:
            raise InvalidField(
                f"steps={self.steps}: windows have {self.summary.horizon} next values; give fewer, or a larger "
                "horizon"
            )

    def check_fields(self) -> None:
        """Refuse what windows rule out, of every free field."""
        for each in fields(self):
            self.check_field(each.name)

    def check_within(self, name: str, asked: int | None) -> None:
        """Refuse a number of past values that windows do not have."""
        if asked is not None and asked > self.summary.context:
            raise InvalidField(
                f"{name}={asked}: windows have {self.summary.context} past values; give fewer, or a larger context"
            )

    def check(self, state: WindowsState) -> None:
        """Refuse no windows, and values whose squares have no finite sum."""
        check_finite(state.moments)
        if state.moments.rows < 2:
            width = self.summary.context + self.summary.horizon
            level, advice = "", "series must be longer, or context and horizon smaller"
            if state.level:
                level = f"; {state.level:,} more are level, or repeat their season exactly, and have no scale"
                advice += ", or search scale='mean', and score by 'neg_smape'"
            raise NotEnoughRows(
                f"{type(self).__name__} needs at least 2 windows of {width} steps without a gap, and has "
                f"{state.moments.rows}{level}: {advice}"
            )

    def estimator(self, solution: Forecast) -> BaseEstimator:
        """Return a fitted model whose ``predict`` takes windows of past values, shape (n, L)."""
        return estimator_of(solution)

    def complexity(self, solution: Forecast) -> float:
        """Return the effective number of free weights of a step."""
        return solution.degrees

    def score(self, solution: Forecast, held: Held[WindowsState], metric: str) -> Score | None:
        """Return minus the root of the mean squared scaled error of all steps, or R² of these together.

        Other scores are computed on sampled windows.

        Raises
        ------
        Imprecise
            Rounding leaves too few digits of it.
        """
        if (rows := held.rows_for(metric)) is not None:
            return self._sampled(solution, rows, metric)
        held_out = held.state_for(metric)
        if metric not in self.exact or held_out is None or not held_out.moments.rows:
            return None
        moments = held_out.moments
        error, moved = squared_errors(solution, moments)
        if metric == R2:
            whole = spread_of_levels(moments, self.summary.context, len(solution.coef))
            return _r2(float(error.sum()), moved, whole)
        count = moments.weight * len(solution.coef)
        root, off = math.sqrt(float(error.sum()) / count), math.sqrt(moved / count)
        bound = min(off, 0.5 * off**2 / root) if root > 0.0 else off
        return sure(metric, Score(-root, bound), root + math.sqrt(NATURAL), "raise alpha")


    def _sampled(self, solution: Forecast, rows: Rows, metric: str) -> Score | None:
        if metric not in NAMES or not isinstance(rows, WindowSampleState):
            return None
        check_windows(rows)
        judged = MEMO.get(solution, rows, lambda: JudgedMaps.of(solution, rows, self.summary.season))
        return score(metric, judged)


@dataclass(frozen=True, kw_only=True)
class Baseline(Forecaster):
    """A forecaster that nothing is solved for."""

    @abstractmethod
    def rows(self) -> Array:
        """Return the map of past values to forecasts, shape (h, L)."""

    def solve(self, state: WindowsState) -> Forecast:
        """Return the map, and no intercept."""
        self.check(state)
        self.check_fields()
        made = self.rows()
        made[:, -1] -= 1.0
        coef = np.zeros((self.ahead, state.shape.d))
        coef[:, : self.summary.context] = past_of(made)
        return Forecast(coef, np.zeros(self.ahead), self.summary, state.covariates, moments=state.moments)


@dataclass(frozen=True, kw_only=True)
class OfLags(Baseline):
    """A baseline of the last past values.

    Parameters
    ----------
    lags : how many past values; None for those of the windows.
    """

    lags: Annotated[int | None, Legal(ge=1), Integer(1, None, searched=False)] = None

    @property
    def kept(self) -> int:
        """How many past values."""
        return self.summary.context if self.lags is None else self.lags

    def check_field(self, name: str, state: WindowsState | None = None) -> None:
        """Refuse more past values than windows have."""
        super().check_field(name, state)
        if name == "lags":
            self.check_within("lags", self.lags)


def estimator_of(solution: Forecast | PathForecast) -> BaseEstimator:
    """Return the fitted model of a solution."""
    from algorithms.families.fitted_forecasts import fitted_forecast  # noqa: PLC0415 -- loads scikit-learn

    return fitted_forecast(solution)


def _r2(error: float, moved: float, whole: float) -> Score:
    found = Score(1.0 - error / whole, moved / whole) if whole > 0.0 else Score(float(error == 0.0))
    return sure(R2, found, max(1.0, abs(1.0 - found.value)), "raise alpha")


def spread_of_levels(moments: MomentsState, context: int, h: int) -> float:
    """Return the squared deviations of the next h values, each from its own mean, in units of the scale."""
    d = moments.shape.d
    maps = np.zeros((h, d + h))
    maps[:, context - 1] = 1.0
    maps[:, d:] = np.eye(h)
    return float(np.sum((maps @ moments.scatter[: d + h, : d + h]) * maps))


def past_of(rows: Array) -> Array:
    """Return maps of z that are given as maps of x, shape (q, L), of weights whose sum is whole: x_j is z_j + z_L.

    What does not change with the level of a series takes exactly nothing of it, which may be large.

    Examples
    --------
    >>> past_of(np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])).tolist()
    [[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    made = rows.copy()
    made[:, -1] = np.rint(rows.sum(axis=1))
    return made


def last_season(context: int, season: int, steps: int) -> Array:
    """Return the map of x to the value of the same season before each next step, shape (h, L).

    Examples
    --------
    >>> last_season(3, 2, 3).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    made = np.zeros((steps, context))
    made[np.arange(steps), context - season + np.arange(steps) % season] = 1.0
    return made
