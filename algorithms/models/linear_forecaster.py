"""Ridge regression of each next value on past ones, from the moments of windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import Tags
from algorithms.errors import InvalidField
from algorithms.families.forecast import Forecast, Trained
from algorithms.families.forecasters import Forecaster, last_season, past_of
from algorithms.memo import MEMO
from algorithms.ranges import Choice, Integer, Legal, Log, Range
from algorithms.summaries.moments import MomentsState
from algorithms.summaries.windows import WindowsState

LAST, MEAN, SEASON, NONE, FIRST = "last", "mean", "season", "none", "first"


@dataclass(frozen=True, eq=False)
class Products:
    """Products of features with themselves and with targets, and the eigenvectors of the former.

    Attributes
    ----------
    rows, targets : maps of z to features (q, L), and of z to what is taken from the next values (H, L).
    mean, target_mean : of the windows, shapes (q,) and (H,).
    cross : Vᵀ times the products with targets, shape (q, H).
    lengths : that targets have at most, shape (H,).
    values, vectors : Λ, not negative, and V.
    sizes : lengths that features have at most, by those of z: what products are rounded to, shape (q,).
    """

    rows: Array
    targets: Array
    mean: Array
    target_mean: Array
    cross: Array
    lengths: Array
    values: Array
    vectors: Array
    sizes: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.vectors.nbytes + self.cross.nbytes + self.rows.nbytes + self.targets.nbytes

    @classmethod
    def of(cls, moments: MomentsState, rows: Array, targets: Array, *, center: bool) -> Products:
        """Return those of some windows; about their means, or about zero."""
        context, p = moments.shape.d, moments.shape.p
        maps = np.zeros((len(rows) + len(targets), p))
        maps[: len(rows), :context] = rows
        maps[len(rows) :, :context] = -targets
        maps[len(rows) :, context:] = np.eye(len(targets))
        mean = maps @ moments.mean
        both = maps @ moments.scatter @ maps.T
        squares = np.diagonal(moments.scatter)
        if not center:
            both += moments.weight * np.multiply.outer(mean, mean)
            squares = squares + moments.weight * moments.mean**2
        q, lengths = len(rows), np.abs(maps) @ np.sqrt(squares)
        values, vectors = np.linalg.eigh(both[:q, :q])
        return cls(
            rows, targets, mean[:q], mean[q:], vectors.T @ both[:q, q:], lengths[q:],
            np.maximum(values, 0.0), vectors, lengths[:q],
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LinearForecaster(Forecaster):
    """Ridge regression of each next value on past values: one model of all series, a direct one for each step.

    Every hyperparameter here is free: it is a linear map of windows, of which one eigendecomposition answers for
    all penalties. What windows are (context, horizon, season, scale) needs a pass.

    Parameters
    ----------
    alpha : the penalty.
    lags : the last past values that are features; None for all of the window.
    seasonal_lags : further features: the values that lie 1, 2, … seasons before the last one.
    period : steps of a season; None for that of the windows.
    anchor : what is subtracted from features and targets, so that a large penalty forecasts it: the last value, the
        mean of the last season (of all lags where a season is one step), the last value of the same season, or
        nothing.
    difference : features are values (``"none"``), or differences over one step or over a season.
    fit_intercept : whether windows are centred: a forecast then drifts by a part of the window's scale.

    Examples
    --------
    >>> from algorithms.contract import Batch, Shape
    >>> from algorithms.summaries.windows import Windows
    >>> model = LinearForecaster(summary=Windows(context=3, horizon=2), alpha=1e-9)
    >>> steps, y = np.arange(30.0), np.sin(np.arange(30.0))
    >>> rows = Batch(y[:, None], d=0, clock=steps, series=np.zeros(30, np.uint64))
    >>> state = model.summary.update(model.summary.init(Shape((), ("y",))), rows)
    >>> _, _, past = model.summary.ends(state)
    >>> model.solve(state)(past).round(4).tolist(), np.sin([30.0, 31.0]).round(4).tolist()
    ([[-0.988, -0.404]], [-0.988, -0.404])
    """

    alpha: Annotated[float, Legal(gt=0), Log(1e-3, 1e4)] = 1.0
    lags: Annotated[int | None, Legal(ge=1), Integer(1, None)] = None
    seasonal_lags: Annotated[int, Legal(ge=0), Integer(0, 4, searched=False)] = 0
    period: Annotated[int | None, Legal(ge=1), Integer(1, None, searched=False)] = None
    anchor: Annotated[str, Legal(LAST, MEAN, SEASON, NONE), Choice(LAST, MEAN, SEASON, NONE)] = MEAN
    difference: Annotated[str, Legal(NONE, FIRST, SEASON), Choice(NONE, FIRST, SEASON, searched=False)] = NONE
    fit_intercept: Annotated[bool, Choice(True, False, searched=False)] = True

    tags: ClassVar[Tags] = Forecaster.tags.but(auto=1)

    def solve(self, state: WindowsState) -> Forecast:
        """Return the coefficients of every step."""
        self.check(state)
        self.check_fields()
        key = (self.kept, self.length, self.seasonal_lags, self.anchor, self.difference, self.fit_intercept)
        found = MEMO.get(state, key, lambda: self._products(state))
        inverse = 1.0 / (found.values + self.alpha)
        weights = (found.vectors @ (found.cross[:, : self.ahead] * inverse[:, None])).T
        mean = found.mean if self.fit_intercept else np.zeros(len(found.mean))
        intercept = found.target_mean[: self.ahead] - weights @ mean if self.fit_intercept else np.zeros(self.ahead)
        reach = np.abs(weights) @ found.sizes + found.lengths[: self.ahead]
        trained = Trained(found.rows, found.vectors, inverse, found.sizes, reach, mean)
        coef = found.targets[: self.ahead] + weights @ found.rows
        return Forecast(coef, intercept, self.summary, float(found.values @ inverse), trained, state.moments)

    @property
    def kept(self) -> int:
        """How many of the last past values are features."""
        return self.summary.context if self.lags is None else self.lags

    @property
    def length(self) -> int:
        """The steps of a season."""
        return self.summary.season if self.period is None else self.period

    def features(self) -> Array:
        """Return the map of x to features, shape (q, L); those that are zero whatever x is left out."""
        context = self.summary.context
        places = {*range(context - self.kept, context)}
        places |= {context - 1 - j * self.length for j in range(1, self.seasonal_lags + 1)}
        every = np.eye(context)
        if self.difference == NONE:
            made = every[sorted(places)] - self.anchors()[0]
        else:
            apart = 1 if self.difference == FIRST else self.length
            later = [j for j in sorted(places) if j >= apart]
            made = every[later] - every[[j - apart for j in later]]
        return made[np.any(made != 0.0, axis=1)]

    def anchors(self) -> tuple[Array, Array]:
        """Return the maps of x to what is taken from features (1, L), and from each next value (H, L)."""
        context, horizon = self.summary.context, self.summary.horizon
        one = np.zeros((1, context))
        if self.anchor == LAST:
            one[0, -1] = 1.0
        elif self.anchor != NONE:
            over = self.length if self.length > 1 or self.anchor == SEASON else self.kept
            one[0, context - over :] = 1.0 / over
        each = last_season(context, self.length, horizon) if self.anchor == SEASON else np.repeat(one, horizon, 0)
        return one, each

    def check_field(self, name: str, state: WindowsState | None = None) -> None:
        """Refuse lags and seasons that reach beyond the past of windows."""
        super().check_field(name, state)
        if name in ("lags", "period"):
            self.check_within(name, self.lags if name == "lags" else self.length)
        if name == "seasonal_lags" and self.seasonal_lags * self.length >= self.summary.context:
            raise InvalidField(
                f"seasonal_lags={self.seasonal_lags}: windows of {self.summary.context} past values have "
                f"{(self.summary.context - 1) // self.length} before the last one, {self.length} steps apart"
            )

    def bounds(self, state: WindowsState) -> Mapping[str, Range | None]:
        """Return as many lags as windows have, and penalties below the mean eigenvalue of the past."""
        usual = float(np.trace(state.moments.scatter[: state.shape.d, : state.shape.d])) / state.shape.d
        found: dict[str, Range | None] = {"lags": Integer(1, self.summary.context)}
        if usual > 0.0:
            found["alpha"] = Log(usual * 1e-6, usual)
        return found

    def _products(self, state: WindowsState) -> Products:
        targets = self.anchors()[1]
        targets[:, -1] -= 1.0
        return Products.of(state.moments, past_of(self.features()), past_of(targets), center=self.fit_intercept)
