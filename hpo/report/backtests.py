"""What a report of series shows: the splits, errors by step of the horizon, and some forecasts beside what came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array
from algorithms.contract import fitted, steps_of
from algorithms.errors import AlgorithmError
from studies.report.data import Backtest, Backtests, Curve, Fan

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from hpo.data.calendar import Calendar
    from hpo.data.hashing import Words
    from hpo.findings.result import Result
    from hpo.trials.selection import Candidate

LOW, HIGH = 0.1, 0.9
"""Quantiles of the interval of 8 in 10."""

STEPS = "neg_root_mean_squared_error"
"""The score that errors by step are shown as."""


@dataclass(frozen=True, eq=False)
class _Judged:
    """The series of a split whose next values are known.

    Attributes
    ----------
    model : of what lies before.
    codes, steps : of the series, and the first step that is forecast.
    rows : what models forecast by.
    past, actual, mean : what was known, came, and was forecast, shapes (n, L), (n, h) and (n, h).
    """

    model: BaseEstimator
    codes: Words
    steps: NDArray[np.int64]
    rows: Array
    past: Array
    actual: Array
    mean: Array

    @property
    def errors(self) -> Array:
        """Errors in units of the scale of each series, shape (n, h); those of series without one left out."""
        scale = np.asarray(self.model.scale(self.rows))
        has = scale > 0.0
        return np.asarray((self.actual - self.mean)[has] / scale[has, None])


def backtests(result: Result) -> Backtests | None:
    """Return what a study of series shows besides; None for any other. No data is read."""
    calendar = result.run.evidence.pilot.calendar
    if calendar is None:
        return None
    candidate = result.best
    try:
        judged = [_judged(candidate, number) for number in range(len(candidate.states.plan.splits))]
    except AlgorithmError:
        return None
    found = [one for one in judged if one is not None and len(one.errors)]
    if len(found) < len(judged) or not found:
        return None
    scores = candidate.scores.folds
    splits = [_split(calendar, one, score) for one, score in zip(found, scores, strict=True)]
    return Backtests(splits, _by_step(found), _fans(calendar, found[-1]))


def _judged(candidate: Candidate, number: int) -> _Judged | None:
    """Return the forecasts of a split from its border, of series that continue there; None without a border."""
    states = candidate.states
    split, summary = states.plan.splits[number], states.summary
    before = summary.ends(states.merged(split.known))
    after = summary.ends(states.merged([*split.known, *split.test]))
    if before is None or after is None or set(split.known) & set(range(min(split.test), states.plan.n_cells)):
        return None
    model = steps_of(fitted(candidate.algorithm, states.train[number]))[-1][1]
    _, here, there = np.intersect1d(before.series, after.series, return_indices=True)
    ahead = np.asarray(model.predict(before.rows()[:1])).shape[1]
    h = min(ahead, after.past.shape[1])
    if model.ahead(ahead) > h:  # values of covariates that are known in advance are not kept so far
        return None
    far = before.steps[here] + h == after.steps[there]
    far &= np.isfinite(after.past[there][:, -h:]).all(axis=1)
    if not far.any():
        return None
    here, there = here[far], there[far]
    nexts = np.zeros((len(here), before.covariates.horizon, after.beside.shape[2]))
    nexts[:, :h] = after.beside[there][:, -h:]
    known = replace(
        before, series=before.series[here], steps=before.steps[here], past=before.past[here],
        beside=before.beside[here],
    )  # fmt: skip
    rows, actual = known.rows(nexts), after.past[there][:, -h:]
    mean = np.asarray(model.predict(rows))[:, :h]
    return _Judged(model, known.series, before.steps[here], rows, known.past, actual, mean)


def _split(calendar: Calendar, one: _Judged, score: float) -> Backtest:
    first, label = int(one.steps.max()), calendar.order.frequency.label
    return Backtest(label(first), label(first + one.mean.shape[1] - 1), len(one.codes), score)


def _by_step(found: Sequence[_Judged]) -> Curve:
    each = np.array([-np.sqrt(np.mean(one.errors**2, axis=0)) for one in found])
    error = each.std(axis=0, ddof=1) / math.sqrt(len(each)) if len(each) > 1 else np.zeros(each.shape[1])
    steps: list[object] = list(range(1, each.shape[1] + 1))
    return Curve("step", steps, each.mean(axis=0).tolist(), [float(one) for one in error], metric=STEPS)


def _fans(calendar: Calendar, one: _Judged) -> list[Fan]:
    """Return the worst, the median and the best series of a split, by their scaled errors."""
    scale = np.asarray(one.model.scale(one.rows))
    places = np.flatnonzero(scale > 0.0)
    order = places[np.argsort(-np.mean(one.errors**2, axis=1), kind="stable")]
    ranks = {"worst": order[0], "median": order[len(order) // 2], "best": order[-1]}
    if len(order) < len(ranks):
        ranks = {"the series": order[0]} if len(order) == 1 else {"worst": order[0], "best": order[-1]}
    chosen = np.array([*ranks.values()])
    spread = np.asarray(one.model.quantiles(one.rows[chosen], (LOW, HIGH)))[:, : one.mean.shape[1]]
    names, label = calendar.names_of(one.codes[chosen]), calendar.order.frequency.label
    return [
        Fan(
            ", ".join(map(str, name)) or calendar.order.time, rank, label(int(one.steps[i]) - 1),
            one.past[i].tolist(), one.actual[i].tolist(), one.mean[i].tolist(),
            spread[j, :, 0].tolist(), spread[j, :, 1].tolist(),
        )
        for j, (name, (rank, i)) in enumerate(zip(names, ranks.items(), strict=True))
    ]  # fmt: skip
