"""Curves of a result: the score along a hyperparameter, along the number of rows, and what is beyond."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from optuna.distributions import FloatDistribution, IntDistribution

from hpo.errors import TuneError
from hpo.findings.extrapolation import Extrapolation, best_there_is, extrapolate, nested_scores
from hpo.findings.noted import algorithm_of
from hpo.findings.scored import leaders, searched
from hpo.process.once import once
from hpo.states.evaluate import Scores
from hpo.trials import curves as fold_curves
from hpo.trials import selection
from hpo.trials.curves import Curve
from hpo.trials.grids import grid_of
from hpo.trials.selection import Estimate
from studies.record.trial_note import TrialNote
from studies.sampling.numbered import trial_of

if TYPE_CHECKING:
    from hpo.findings.result import Result

ROWS = "rows learned from"


@once
def nested_score(result: Result) -> Estimate | None:
    """Return the nested cross-validation estimate of the tuned model's score; None for plans that allow none."""
    return None if result.record.several else selection.nested(result.candidates, result.metric)


def learning_curve(result: Result) -> Curve | None:
    """Return the best setting's score against the number of training rows.

    From merges of fewer folds; for models that are fitted to a sample, from its nested parts.
    """
    if result.record.several:
        return None
    if found := _by_size(result):
        sizes, scores = zip(*found, strict=True)
        return Curve(sizes, tuple(s.mean for s in scores), tuple(s.se for s in scores), ROWS, result.metric)
    curve = fold_curves.learning_curve(result.best, result.metric)
    return None if curve is None else replace(curve, name=ROWS, metric=result.metric)


@once
def _by_size(result: Result) -> list[tuple[float, Scores]]:
    return nested_scores(result.best, result.metric)


def extrapolated(result: Result, rows: int | None = None) -> Extrapolation | None:
    """Return the best setting's score had it been fitted to all rows, by a power law, with its uncertainty.

    None for models that are fitted to all rows already, and for samples that are too small.

    Parameters
    ----------
    result : of a study.
    rows : training rows; None for every row of the data.
    """
    if result.record.several:
        return None
    found, all_rows = _by_size(result), result.best.states.whole.rows
    most = best_there_is(result.metric, found)
    return extrapolate(found, rows or all_rows, most, result.record.spec.get("seed", 0))


def noted_curve(result: Result, key: str) -> Curve | None:
    """Return the scores that the best trial of an algorithm noted along its prefix axis; None of another parameter.

    Parameters
    ----------
    result : of a study.
    key : ``"algorithm.parameter"``.
    """
    name, _, parameter = key.partition(".")
    leader = leaders(result).get(name)
    prefixed = None if leader is None else leader.algorithm.prefixed
    if leader is None or prefixed is None or prefixed.axis != parameter:
        return None
    found = TrialNote.of(trial_of(result.optuna_study, leader.number).user_attrs).prefixes
    if not found:
        return None
    x, mean, se = zip(*found, strict=True)
    return Curve(x, mean, tuple(math.nan if one is None else one for one in se))


def validation_curve(result: Result, parameter: str, points: int = 25, metric: str | None = None) -> Curve:
    """Return the score along one hyperparameter, the others as in its algorithm's best setting.

    Parameters
    ----------
    result : of a study.
    parameter : ``"algorithm.parameter"``, or a parameter of the best algorithm alone.
    points : how many values of a continuous range; along a prefix axis those that the best trial noted.
    metric : a score computed from the algorithm's states; None for the study's.
    """
    tuner, known = result.run.tuner, searched(result)
    first = algorithm_of(result.run, selection.best(result.candidates))
    key = parameter if parameter in tuner.space.distributions else f"{first}.{parameter}"
    if key not in known:
        raise TuneError(f"{parameter!r} was not searched; this study searched {', '.join(known) or 'none'}")
    name, _, short = key.partition(".")
    leader = trial_of(result.optuna_study, leaders(result)[name].number)
    from_states, exact = metric not in (None, result.metric), tuner.scorer.searched[name].metrics
    axis = known[key]
    log = isinstance(axis, FloatDistribution | IntDistribution) and axis.log
    if not from_states and (noted := noted_curve(result, key)) is not None:
        return replace(noted, name=key, metric=result.metric, log=log)
    if from_states and metric not in exact:
        raise TuneError(f"metric={metric!r} cannot be computed from the states of {name!r} ({', '.join(exact)})")
    curve = fold_curves.validation_curve(
        functools.partial(tuner.scorer.build, name), tuner.space.tried(leader)[1], short,
        grid_of(known[key], points), metric or result.metric, from_states=from_states,
    )  # fmt: skip
    return replace(curve, name=key, metric=metric or result.metric, log=log)
