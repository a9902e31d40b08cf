"""Linear models of each next value on past ones and covariates, from the moments of windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.contract import Tags
from algorithms.covariates import Covariates
from algorithms.errors import InvalidField
from algorithms.families.forecast import Forecast
from algorithms.families.forecasters import Forecaster, last_season, past_of
from algorithms.families.window_products import Products, Solved, Together, standardised
from algorithms.memo import MEMO
from algorithms.ranges import Choice, Integer, Legal, Log, Range, Uniform
from algorithms.summaries.windows import WindowsState

LAST, MEAN, SEASON, NONE, FIRST = "last", "mean", "season", "none", "first"
RIDGE, ELASTIC_NET, PCR = "ridge", "elastic_net", "pcr"
OWN, ALL = "own", "all"


@dataclass(frozen=True, kw_only=True)
class LinearForecaster(Forecaster):
    """Linear regression of each next value on past values: one model of all series, a direct one for each step.

    Every hyperparameter here is free: it is a linear map of windows, of which one eigendecomposition answers for
    all penalties. What windows are (context, horizon, season, scale, what they have of covariates) needs a pass.

    Parameters
    ----------
    alpha : the penalty.
    penalty : ``"ridge"`` (½α‖w‖² beside half the squared error), ``"elastic_net"`` (αρ‖w‖₁ + ½α(1 - ρ)‖w‖²), or
        ``"pcr"``: least squares on the first principal components of the features, without a penalty.
    l1_ratio : ρ, of an elastic net.
    n_components : of ``"pcr"``; None for all of the rank.
    lags : the last past values that are features; None for all of the window.
    seasonal_lags : further features: the values that lie 1, 2, … seasons before the last one.
    period : steps of a season; None for that of the windows.
    anchor : what is subtracted from features and targets, so that a large penalty forecasts it: the last value, the
        mean of the last season (of all lags where a season is one step), the last value of the same season, or
        nothing.
    difference : features are values (``"none"``), or differences over one step or over a season.
    fit_intercept : whether windows are centred: a forecast then drifts by a part of the window's scale.
    futr_exog : what a step looks at of covariates known in advance: their values at its ``"own"`` time, at
        ``"all"`` next steps, or ``"none"`` of these.
    exog_lags : the last past values of covariates that are features; None for those that windows have, 0 for none.
    stat_exog : whether what does not change in a series is a feature.

    Covariates, and random features of windows that have these, are divided by their deviations over all windows, so
    that the penalty does not depend on their units.

    Examples
    --------
    >>> from algorithms.contract import Batch, Shape
    >>> from algorithms.summaries.windows import Windows
    >>> model = LinearForecaster(summary=Windows(context=3, horizon=2), alpha=1e-9)
    >>> steps, y = np.arange(30.0), np.sin(np.arange(30.0))
    >>> rows = Batch(y[:, None], d=0, clock=steps, series=np.zeros(30, np.uint64))
    >>> state = model.summary.update(model.summary.init(Shape((), ("y",))), rows)
    >>> past = model.summary.ends(state).rows()
    >>> model.solve(state)(past).round(4).tolist(), np.sin([30.0, 31.0]).round(4).tolist()
    ([[-0.988, -0.404]], [-0.988, -0.404])
    """

    alpha: Annotated[float, Legal(gt=0), Log(1e-3, 1e4)] = 1.0
    penalty: Annotated[
        str, Legal(RIDGE, ELASTIC_NET, PCR), Choice(RIDGE, ELASTIC_NET, PCR, searched=False)
    ] = RIDGE
    l1_ratio: Annotated[float, Legal(ge=0, le=1), Uniform(0.0, 1.0, searched=False)] = 0.5
    n_components: Annotated[int | None, Legal(ge=1), Integer(1, None, searched=False)] = None
    lags: Annotated[int | None, Legal(ge=1), Integer(1, None)] = None
    seasonal_lags: Annotated[int, Legal(ge=0), Integer(0, 4, searched=False)] = 0
    period: Annotated[int | None, Legal(ge=1), Integer(1, None, searched=False)] = None
    anchor: Annotated[str, Legal(LAST, MEAN, SEASON, NONE), Choice(LAST, MEAN, SEASON, NONE)] = MEAN
    difference: Annotated[str, Legal(NONE, FIRST, SEASON), Choice(NONE, FIRST, SEASON, searched=False)] = NONE
    fit_intercept: Annotated[bool, Choice(True, False, searched=False)] = True
    futr_exog: Annotated[str, Legal(OWN, ALL, NONE), Choice(OWN, ALL, NONE)] = OWN
    exog_lags: Annotated[int | None, Legal(ge=0), Integer(0, None)] = None
    stat_exog: Annotated[bool, Choice(True, False)] = True

    tags: ClassVar[Tags] = Forecaster.tags.but(auto=1)

    def solve(self, state: WindowsState) -> Forecast:
        """Return the coefficients of every step."""
        self.check(state)
        self.check_fields()
        key = (
            self.kept, self.length, self.seasonal_lags, self.anchor, self.difference, self.fit_intercept,
            self.futr_exog, self.exog_kept(state.covariates), self.stat_exog,
        )  # fmt: skip
        found = MEMO.get(state, key, lambda: self._products(state))
        coef, intercept = np.zeros((self.ahead, state.shape.d)), np.zeros(self.ahead)
        trained = []
        for each in found.parts:
            if each.steps.start >= self.ahead:
                break
            part = each.until(self.ahead)
            solved = self._solved(part)
            mean = part.mean if self.fit_intercept else np.zeros(len(part.mean))
            steps, weights = part.steps, np.concatenate([one.weights for one in solved])
            coef[steps] = part.targets + weights @ part.rows
            if self.fit_intercept:
                intercept[steps] = part.target_mean - weights @ mean
            trained += [one.trained(part, mean) for one in solved]
        return Forecast(coef, intercept, self.summary, state.covariates, tuple(trained), state.moments)

    def _solved(self, part: Products) -> list[Solved]:
        if self.penalty == RIDGE:
            return [part.ridge(self.alpha)]
        if self.penalty == PCR:
            return [part.leading(self.n_components)]
        return part.elastic_net(self.alpha, self.l1_ratio)

    @property
    def kept(self) -> int:
        """How many of the last past values are features."""
        return self.summary.context if self.lags is None else self.lags

    @property
    def length(self) -> int:
        """The steps of a season."""
        return self.summary.season if self.period is None else self.period

    def exog_kept(self, covariates: Covariates) -> int:
        """Return how many of the last past values of covariates are features."""
        return covariates.lags if self.exog_lags is None else min(self.exog_lags, covariates.lags)

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
        if name == "exog_lags" and self.exog_lags is not None and self.exog_lags > self.summary.exog_lags:
            raise InvalidField(
                f"exog_lags={self.exog_lags}: windows have {self.summary.exog_lags} past values of covariates; "
                "give fewer, or a larger exog_context"
            )

    def bounds(self, state: WindowsState) -> Mapping[str, Range | None]:
        """Return as many lags as windows have, and penalties below the mean eigenvalue of the past."""
        context, covariates = self.summary.context, state.covariates
        usual = float(state.moments.squares[:context].mean())
        found: dict[str, Range | None] = {
            "lags": Integer(1, context), "n_components": Integer(1, state.shape.d), "futr_exog": None,
            "exog_lags": None, "stat_exog": None,
        }  # fmt: skip
        if usual > 0.0:
            found["alpha"] = Log(usual * 1e-6, usual)
        if len(covariates.ahead):
            found["futr_exog"] = Choice(OWN, ALL, NONE)
        if len(covariates.before) and covariates.lags:
            found["exog_lags"] = Integer(0, covariates.lags)
        if len(covariates.still):
            found["stat_exog"] = Choice(True, False)
        return found

    def _products(self, state: WindowsState) -> Together:
        """Return the products of each group of steps that have features in common."""
        targets, context, d = self.anchors()[1], self.summary.context, state.shape.d
        targets[:, -1] -= 1.0
        past, moments = past_of(self.features()), state.moments
        goal = np.zeros((len(targets), d))
        goal[:, :context] = past_of(targets)
        parts = []
        for steps, places in self._beside(state.covariates):
            own = standardised(moments, context + places)
            rows = np.zeros((len(past) + len(own), d))
            rows[: len(past), :context], rows[len(past) :] = past, own
            parts.append(Products.of(moments, steps, rows, goal[steps], center=self.fit_intercept))
        return Together(tuple(parts))

    def _beside(self, covariates: Covariates) -> list[tuple[slice, Places]]:
        """Return groups of steps and the covariates that they look at, by their places among these."""
        every, h = [covariates.past_places(self.exog_kept(covariates))], self.summary.horizon
        every += [covariates.width + np.arange(self.summary.components)]
        every += [covariates.static_places()] if self.stat_exog else []
        if self.futr_exog == OWN and len(covariates.ahead):
            steps = range(h)
            return [(slice(i, i + 1), np.concatenate([*every, covariates.next_places(i)])) for i in steps]
        every += [covariates.next_places()] if self.futr_exog == ALL else []
        return [(slice(0, h), np.concatenate(every))]
