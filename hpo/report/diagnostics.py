"""How the best setting behaves on held-out rows, or what it is made of, by what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algorithms.contract import fitted
from algorithms.errors import AlgorithmError
from algorithms.tasks import CLASS, TASKS
from hpo.process.threads import threads_for
from hpo.report.held_out import answers
from hpo.report.of_classes import confusion, ranked
from hpo.report.of_components import components
from hpo.report.of_errors import errors_by_fold
from hpo.report.of_groups import clusters
from hpo.report.of_numbers import regressed
from hpo.report.of_outliers import outliers
from hpo.trials.accuracy import scored_rows
from studies.report.diagnosed import Diagnostics

if TYPE_CHECKING:
    from hpo.findings.result import Result
    from hpo.trials.selection import Candidate

HINT = (
    "There are no charts of held-out rows: the scores of this study are exact without rows, so none were kept. For "
    "charts, add a score that is computed on rows: scoring={scoring}. The next run then reads the data again and "
    "keeps up to 4,096 rows per fold."
)


def diagnostics(result: Result) -> Diagnostics | None:
    """Return what is drawn of the best setting; None where there is nothing, or its models fail on the rows."""
    candidate, task = result.best, TASKS[result.best.algorithm.tags.task]
    try:
        if task.name == "decomposition":
            found = components(result.model_of(encoded=True))
            return None if found is None else Diagnostics(components=found)
        if task.name == "clustering":
            return _groups(result, candidate)
        if task.one_class:
            kept = outliers(candidate)
            return None if kept is None else _with_rows(candidate, Diagnostics(outliers=kept))
        return _predicted(result, candidate) if task.answers else None
    except (AlgorithmError, AttributeError, TypeError, ValueError):
        return None


def _groups(result: Result, candidate: Candidate) -> Diagnostics | None:
    sample = candidate.states.sample
    rows = candidate.states.whole.representatives if sample is None else sample.whole
    if rows is None:
        return Diagnostics(hint=HINT.format(scoring=[result.metric, "silhouette"]))
    with threads_for([candidate.states.whole]):
        found = clusters(fitted(candidate.algorithm, candidate.states.whole), rows)
    return None if found is None else Diagnostics(rows.n, rows.rows, clusters=found)


def _predicted(result: Result, candidate: Candidate) -> Diagnostics | None:
    found, labels = answers(candidate), candidate.states.whole.shape.classes
    if found is None:
        extra = "neg_brier_score" if labels else "neg_mean_absolute_error"
        return Diagnostics(hint=HINT.format(scoring=[result.metric, extra]), folds=errors_by_fold(candidate))
    if TASKS[candidate.algorithm.tags.task].target != CLASS:
        made = Diagnostics(regressed=regressed(found))
    elif len(labels) == 2 and found.scored.shape[1]:
        made = Diagnostics(ranked=ranked(found, (labels[0], labels[1])))
    else:
        made = Diagnostics(confusion=confusion(found, tuple(labels)))
    return _with_rows(candidate, made)


def _with_rows(candidate: Candidate, made: Diagnostics) -> Diagnostics:
    rows, of = scored_rows(candidate.states) or (0, 0)
    return Diagnostics(rows, of, made.ranked, made.confusion, made.regressed, outliers=made.outliers)
