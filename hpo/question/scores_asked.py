"""The scores that a study is asked for, as what its algorithms can be scored by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from algorithms.contract import Summary
from algorithms.lazily import sklearn
from algorithms.summaries.sample import Sample
from algorithms.summaries.scoring_sample import ScoringSample
from algorithms.tasks import CLASS, TASKS, Task
from hpo.errors import TuneError
from hpo.question.half_life import aged_alike
from hpo.question.scoring import Scoring
from studies.spec.habits import our_score
from studies.spec.messages import nearest
from studies.spec.values import ALL

if TYPE_CHECKING:

    from hpo.question.search import Searched


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
            f"scoring={asked!r} is not a score of {names}{hint}{' Give' if hint.endswith('?') else '; give'} {give}"
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
    own = [m for m in searched[0].own_metrics if all(m in s.own_metrics for s in searched)]
    exact = [m for m in searched[0].metrics if all(m in s.metrics for s in searched)]
    return list(dict.fromkeys([*exact, *own]))


def _scorers() -> list[str]:
    return list(sklearn.metrics.get_scorer_names())
