"""Scores: exact from a held-out state, or by scikit-learn's scorers on a sample of held-out rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from algorithms.base import Summary
from algorithms.errors import Unscorable
from algorithms.summaries.sample import Sample, SampleState
from algorithms.tasks import TASKS
from hpo.errors import TuneError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from hpo.search import Searched


@dataclass(frozen=True)
class Scoring:
    """How a study is scored.

    Attributes
    ----------
    metric : name of the score; greater is better.
    sample : the summary whose held-out rows it is computed on; None where held-out states tell it exactly.
    """

    metric: str
    sample: Summary[Any] | None


@dataclass(frozen=True, eq=False)
class Held:
    """What a split holds out: the state of an algorithm's summary and, where scores need them, rows.

    Attributes
    ----------
    state : of the algorithm's summary.
    rows : the sample of the same rows; None where scores are exact.
    """

    state: Any
    rows: SampleState | None = None


def score(algorithm: Any, solution: Any, held: Held, metric: str) -> float:
    """Return the score of a solution on what was held out.

    Raises
    ------
    Unscorable
        If the metric does not fit the model or the held-out rows.
    """
    if held.rows is None:
        return float(algorithm.score(solution, held.state, metric))
    quick = getattr(algorithm, "score_rows", None)
    found = quick(solution, held.rows, metric) if quick else None
    if found is None:
        found = score_of_rows(algorithm.estimator(solution), held.rows, metric)
    return float(found)


def score_of_rows(model: BaseEstimator, rows: SampleState, metric: str) -> float:
    """Return scikit-learn's score of a fitted model over the encoded columns on sampled rows.

    Raises
    ------
    Unscorable
        As :func:`score`.
    """
    from sklearn.metrics import get_scorer

    weights = {"sample_weight": rows.sample_weight} if rows.weighted else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(get_scorer(metric)(model, rows.X, rows.y, **weights))
    except (AttributeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise Unscorable(f"scoring={metric!r} cannot be told of held-out rows: {reason}") from error


def resolve_scoring(asked: str | None, searched: Sequence[Searched], scoring_rows: int) -> Scoring:
    """Return how to score: exactly where every algorithm can, else on a sample of held-out rows.

    Parameters
    ----------
    asked : name of the metric; None for the one that users of the task expect.
    searched : the algorithms.
    scoring_rows : rows of each fold that are kept for scoring.

    Raises
    ------
    TuneError
        If no algorithm of the study knows the metric, or the algorithms do different tasks.
    """
    task = TASKS[one_task(searched)]
    kinds = [s.algorithm for s in searched]
    exact = [m for m in kinds[0].metrics if all(m in k.metrics for k in kinds)]
    if asked is None:
        asked = _expected(kinds) or task.scoring or next(iter([*exact, *_sampled(kinds)]), "")
    if asked in exact:
        return Scoring(asked, None)
    own = list(dict.fromkeys([*exact, *_sampled(kinds)]))
    legal = [*own, *(_scorers() if task.target else ())]
    if asked not in legal:
        from studies.located import nearest

        shown = ", ".join(own[:12])
        more = f" ({shown})" if shown else ""
        raise TuneError(
            f"scoring={asked!r} is no score of {', '.join(s.name for s in searched)}{nearest(asked, legal)}. "
            f"Give one of the algorithms' own{more}{' or a scikit-learn scorer' if task.target else ''}"
        )
    return Scoring(asked, Sample(size=scoring_rows))


def one_task(searched: Sequence[Searched]) -> str:
    """Return the task of a study's algorithms; TuneError where they do different ones."""
    tasks = {s.algorithm.task: s.name for s in searched}
    if len(tasks) > 1:
        pairs = ", ".join(f"{name!r} does {task}" for task, name in tasks.items())
        raise TuneError(f"the algorithms of one study must do the same: {pairs}; tune them in two studies")
    return str(next(iter(tasks)))


def _expected(kinds: Sequence[Any]) -> str | None:
    """Return the first ``default_metric`` of an algorithm that all the others know too."""
    named = [k.default_metric for k in kinds if hasattr(k, "default_metric")]
    return next((m for m in named if all(m in _own(k) for k in kinds)), None)


def _sampled(kinds: Sequence[Any]) -> list[str]:
    """Return the metrics that every algorithm answers from sampled rows by itself, exact ones included."""
    return [m for m in _own(kinds[0]) if all(m in _own(k) for k in kinds)]


def _own(kind: Any) -> tuple[str, ...]:
    return (*getattr(kind, "sampled_metrics", ()), *kind.metrics)


def _scorers() -> list[str]:
    from sklearn.metrics import get_scorer_names

    return list(get_scorer_names())
