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
from algorithms.summaries.sample import Sample
from algorithms.summaries.scoring_sample import ScoringSample
from algorithms.tasks import CLASS, TASKS, Task
from hpo.errors import TuneError
from hpo.question.half_life import aged_alike
from studies.spec.habits import our_score
from studies.spec.messages import nearest
from studies.spec.values import ALL

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from hpo.question.search import Searched


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
    """Return several scores of one solution on what was held out; it is dressed once for all of them.

    The first is raised over as by :func:`score`; one of the others that cannot be computed is NaN.
    """
    found = {metrics[0]: _told(algorithm, solution, held, metrics[0])}
    found |= {m: _or_nan(functools.partial(_told, algorithm, solution, held, m)) for m in metrics[1:]}
    left = [m for m in metrics if found[m] is None]
    if left and held.rows is not None:
        told = _scores_of_rows(algorithm.estimator(solution), held.rows, left, needed=metrics[0])
        found |= {m: Score(value) for m, value in told.items()}
    return [found[m] or Score(math.nan) for m in metrics]


def score(algorithm: Algorithm, solution: object, held: Held, metric: str) -> float:
    """Return the score of a solution on what was held out.

    Raises
    ------
    Unscorable
        If the metric does not fit the model or the held-out rows.
    """
    return scores(algorithm, solution, held, [metric])[0].value


def _told(algorithm: Algorithm, solution: object, held: Held, metric: str) -> Score | None:
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


def resolve_scoring(
    asked: str | Sequence[str] | None,
    searched: Sequence[Searched],
    scoring_rows: int,
    refit: str | bool | None = None,
    *,
    labelled: bool = True,
) -> Scoring:
    """Return how to score: exactly where every algorithm can, else on a sample of held-out rows.

    Parameters
    ----------
    asked : name of the metric, or names of several; None for the one that users of the task expect.
    searched : the algorithms.
    scoring_rows : rows of each fold that are kept for scoring.
    refit : which of several is optimised, None and ``"all"`` for the first; False for all of them together.
    labelled : whether a target is named.

    Raises
    ------
    TuneError
        If no algorithm of the study knows a metric, or the algorithms do different tasks.
    """
    names = [asked] if asked is None or isinstance(asked, str) else list(asked)
    refit = None if refit == ALL else refit
    if isinstance(refit, str) and refit not in names:
        raise TuneError(
            f"refit={refit!r} names none of the scores {[n for n in names if n]}; give one of them, False "
            "to optimise all, or 'all' to fit the best model again to all rows"
        )
    several = refit is False and len(names) > 1
    if refit is False and not several:
        raise TuneError(f"refit=False optimises several scores together, and scoring={asked!r} names one")
    task = TASKS[one_task(searched)]
    task = task if labelled else task.without_target()
    found = [_resolved(name, searched, task) for name in names]
    if isinstance(refit, str):
        found.sort(key=lambda pair: pair[0] != refit)
    exact = frozenset(name for name, known in found if known)
    needless = len(exact) == len(found) and not any(one.has_threshold for one in searched)
    sample = None if needless else aged_alike(_sample(searched, scoring_rows, task), searched)
    return Scoring(tuple(name for name, _ in found), len(found) if several else 1, exact, sample)


def _sample(searched: Sequence[Searched], size: int, task: Task) -> Summary:
    """Return the summary of the held-out rows that scores are computed on."""
    summaries = [summary for one in searched for summary in one.summaries()]
    own = summaries[0].sampling(size, summaries)
    if own is not None:
        return own
    if not task.target:
        return Sample(size=size)
    return ScoringSample(size=size, lookalikes=task.target == CLASS and not task.one_class)


def _resolved(asked: str | None, searched: Sequence[Searched], task: Task) -> tuple[str, bool]:
    """Return a metric's name, and whether it is exact for every algorithm."""
    own = in_common(searched)
    if task.unlabelled and not task.target:
        _check_unlabelled(asked, searched, task.unlabelled)
    if asked is None:
        asked = _expected(searched) or task.scoring or next(iter(own), "")
    if all(asked in one.metrics for one in searched):
        return asked, True
    own = own if task.target or not task.unlabelled else [task.unlabelled]
    legal = [*own, *(_scorers() if task.answers else ())]
    if asked not in legal:
        shown = f"one of the algorithms' own ({', '.join(own[:12])})" if own else ""
        give = " or ".join(filter(None, [shown, "a scikit-learn scorer" if task.answers else ""]))
        meant = our_score(str(asked))
        hint = f"; did you mean {meant!r}?" if meant in legal else nearest(asked, legal)
        names = ", ".join(s.name for s in searched)
        raise TuneError(
            f"scoring={asked!r} is no score of {names}{hint}{' Give' if hint.endswith('?') else '; give'} {give}"
        )
    return asked, False


def one_task(searched: Sequence[Searched]) -> str:
    """Return the task of a study's algorithms; TuneError where they do different ones."""
    tasks = {s.algorithm.tags.task: s.name for s in searched}
    if len(tasks) > 1:
        pairs = ", ".join(f"{name!r} does {task}" for task, name in tasks.items())
        raise TuneError(f"the algorithms of one study must do the same: {pairs}; tune them in two studies")
    return next(iter(tasks))


def _check_unlabelled(asked: str | None, searched: Sequence[Searched], known: str) -> None:
    """Refuse, where no target is named, other scores than the one that needs none, and algorithms that lack it."""
    lacking = [one.name for one in searched if known not in one.own_metrics]
    if lacking:
        raise TuneError(
            f"{', '.join(lacking)} cannot be scored without a target, and none is named; name it with target="
        )
    if asked != known and asked in (*in_common(searched), *_scorers()):
        raise TuneError(
            f"scoring={asked!r} needs a target, and none is named; name it with target=, or leave scoring out, for "
            f"{known}"
        )


def by_target(searched: Sequence[Searched]) -> bool:
    """Return whether models are scored in another way where no target is named."""
    return TASKS[one_task(searched)].unlabelled is not None


def _expected(searched: Sequence[Searched]) -> str | None:
    """Return the first default score of an algorithm that all the others know too."""
    named = [s.algorithm.tags.default_score for s in searched if s.algorithm.tags.default_score]
    return next((m for m in named if all(m in s.own_metrics for s in searched)), None)


def in_common(searched: Sequence[Searched]) -> list[str]:
    """Return the metrics that every algorithm computes by itself, those that are exact for all first."""
    told = [m for m in searched[0].own_metrics if all(m in s.own_metrics for s in searched)]
    exact = [m for m in searched[0].metrics if all(m in s.metrics for s in searched)]
    return list(dict.fromkeys([*exact, *told]))


def _scorers() -> list[str]:
    return list(sklearn.metrics.get_scorer_names())
