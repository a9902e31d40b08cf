"""Scores: exact from a held-out state, or by scikit-learn's scorers on a sample of held-out rows."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algorithms.contract import Algorithm, Held, Rows, Score, Summary, as_score
from algorithms.errors import AlgorithmError, Imprecise, Unscorable
from algorithms.lazily import sklearn
from algorithms.scoring.blocks import asked_of
from algorithms.scoring.scorers import SHARELESS, score_by, scorer_of

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator



@dataclass(frozen=True)
class Scoring:
    """How a study is scored.

    Attributes
    ----------
    metrics : names of the scores, those that are optimised first; greater is better.
    goals : how many of them are optimised; more than one look for a Pareto front.
    exact : those that are computed exactly from held-out states, for every algorithm of the study.
    sample : the summary whose held-out rows the others are computed on; None where there are none.

    Examples
    --------
    >>> Scoring(("r2",), 1, frozenset({"r2"}), None).metric
    'r2'
    """

    metrics: tuple[str, ...]
    goals: int
    exact: frozenset[str]
    sample: Summary | None

    @property
    def metric(self) -> str:
        """The score that is optimised, the first of several."""
        return self.metrics[0]

    @property
    def also(self) -> tuple[str, ...]:
        """The other scores."""
        return self.metrics[1:]


def scores(
    algorithm: Algorithm, solution: object, held: Held, metrics: Sequence[str]
) -> list[Score]:
    """Return several scores of one solution on what was held out; its estimator is built once for all of them.

    The first is raised over as by :func:`score`; one of the others that cannot be computed is NaN.
    """
    found = {metrics[0]: _own_score(algorithm, solution, held, metrics[0])}
    found |= {m: _or_nan(functools.partial(_own_score, algorithm, solution, held, m)) for m in metrics[1:]}
    left = [m for m in metrics if found[m] is None]
    if left and held.rows is not None:
        by_rows = _scores_of_rows(algorithm.estimator(solution), held.rows, left, needed=metrics[0])
        found |= {m: Score(value) for m, value in by_rows.items()}
    return [found[m] or Score(math.nan) for m in metrics]


def score(algorithm: Algorithm, solution: object, held: Held, metric: str) -> float:
    """Return the score of a solution on what was held out.

    Raises
    ------
    Unscorable
        If the metric does not fit the model or the held-out rows.
    """
    return scores(algorithm, solution, held, [metric])[0].value


def _own_score(algorithm: Algorithm, solution: object, held: Held, metric: str) -> Score | None:
    """Return the score that the algorithm computes by itself; None where a scorer must."""
    found = as_score(algorithm.score(solution, held, metric))
    if found is None and held.rows_for(metric) is None:
        raise Unscorable(f"scoring={metric!r} cannot be computed from the held-out rows of a fold; use fewer folds")
    return found


def _scores_of_rows(
    model: BaseEstimator, rows: Rows, metrics: Sequence[str], needed: str
) -> dict[str, float]:
    """Return scikit-learn's scores of one model; it predicts once for all that ask the same of it."""
    weights = {"sample_weight": rows.sample_weight} if rows.weighted else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scorers = {m: scorer_of(m, rows.shape.classes) for m in metrics if m not in SHARELESS}
            scorer = sklearn.metrics.check_scoring(model, scoring=scorers, raise_exc=False)
            made = scorer(asked_of(model, rows), rows.X, rows.y, **weights)
    except (AttributeError, TypeError, ValueError):
        made = {}
    # what failed is asked again by itself: for its reason, or for a score without the others' failure
    return {
        m: float(made[m]) if isinstance(made.get(m), float) else _alone(model, rows, m, needed)
        for m in metrics
    }


def _alone(model: BaseEstimator, rows: Rows, metric: str, needed: str) -> float:
    try:
        return score_of_rows(model, rows, metric)
    except AlgorithmError:
        if metric == needed:
            raise
        return math.nan


def _or_nan(score: Callable[[], Score | None]) -> Score | None:
    try:
        return score()
    except Imprecise as error:
        if error.finer:
            raise
        return Score(math.nan)
    except AlgorithmError:
        return Score(math.nan)


def score_of_rows(model: BaseEstimator, rows: Rows, metric: str) -> float:
    """Return scikit-learn's score of a fitted model over the encoded columns on sampled rows.

    Raises
    ------
    Unscorable
        As :func:`score`.
    """
    try:
        return score_by(metric, model, rows, classes=rows.shape.classes)
    except (AttributeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise Unscorable(f"scoring={metric!r} cannot be computed on held-out rows: {reason}") from error
