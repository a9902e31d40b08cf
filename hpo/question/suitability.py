"""Scorers that cannot judge a study's target, refused before anything is read for the pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algorithms.batches import Label
from algorithms.lazily import sklearn
from algorithms.scoring.suitability import unsuited
from algorithms.tasks import CLASS, TASKS, Task
from hpo.data.schema import BOOLEAN, CATEGORICAL, NUMERIC, Field
from hpo.errors import TuneError
from hpo.question.scores_asked import in_common, one_task
from hpo.question.scoring import Scoring

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.question.search import Searched

Labels = tuple[Label, ...]

GUESSES: dict[str, Sequence[Labels]] = {
    CATEGORICAL: (("text", "words"), ("text", "words", "writing")),
    BOOLEAN: ((False, True),),
    NUMERIC: ((1, 2), (1, 2, 3)),
}
"""Labels that a column of a kind may hold, where they are unknown before reading."""

MOST_NAMED = 6
"""Scorers that a message names at most."""


def check_scoring(
    scoring: Scoring, searched: Sequence[Searched], dataset: Dataset, labels: Sequence[Label] = ()
) -> None:
    """Refuse a scorer that can judge no model of the study's task on its target.

    Parameters
    ----------
    scoring, searched, dataset : of the study.
    labels : of a target that is a class; none where they are not known yet: then a scorer is refused that suits
        neither two classes nor more.

    Raises
    ------
    TuneError
        Names the scorer, the target, why, and what to use.
    """
    task = TASKS[one_task(searched)]
    if task.target is None or not dataset.targets:
        return
    judged = _Judged(task, dataset.schema[dataset.targets[0]], tuple(labels))
    own = in_common(searched)
    for metric in scoring.metrics:
        if metric not in own and (reason := judged.reason(metric)):
            raise TuneError(
                f"scoring={metric!r} does not suit {judged}: {reason}; {judged.advice(metric, own)}"
            )


@dataclass(frozen=True)
class _Judged:
    """What a scorer has to judge.

    Attributes
    ----------
    task : of the models.
    field : the target's.
    labels : the target's, where they are known.
    """

    task: Task
    field: Field
    labels: Labels

    def __str__(self) -> str:
        if self.task.target != CLASS:
            what = "a number"
        elif self.task.one_class:
            what = "one class against the others"
        elif self.labels:
            more = ", …" if len(self.labels) > 3 else ""
            what = f"{len(self.labels):,} classes: {', '.join(map(repr, self.labels[:3]))}{more}"
        else:
            what = "classes of text" if self.field.kind == CATEGORICAL else f"classes of {self.field.dtype}"
        return f"the {self.task.name} of {self.field.name!r} ({what})"

    def reason(self, metric: str) -> str | None:
        """Return why a scorer does not suit it, whatever the labels may be; None where it may."""
        guesses = GUESSES[self.field.kind] if self.task.target == CLASS else [()]
        reasons = [
            unsuited(metric, self.task, labels) for labels in ([self.labels] if self.labels else guesses)
        ]
        return reasons[0] if all(reasons) else None

    def advice(self, metric: str, own: Sequence[str]) -> str:
        """Return what to use instead: scorers of the same family that suit it; without any, others."""
        found = [name for name in _family(metric) if name != metric and self.reason(name) is None]
        if found:
            return f"use {_either(found)}"
        known = list(dict.fromkeys([*filter(None, [self.task.scoring]), *own]))[:MOST_NAMED]
        others = [t.name for t in TASKS.values() if self._may_be(t) and not unsuited(metric, t, (1, 2))]
        task = f", or tune a {others[0]}" if others else ""
        return f"use {', '.join(known)} or another scikit-learn scorer of a {self.task.target}{task}"

    def _may_be(self, task: Task) -> bool:
        """Return whether the target may as well be one of a task of another kind."""
        return self.field.kind == NUMERIC and task.target not in (None, self.task.target)


def _family(metric: str) -> list[str]:
    """Return scorers of the same name but for what is added to it.

    Examples
    --------
    >>> _family("f1_samples")
    ['f1', 'f1_macro', 'f1_micro', 'f1_samples', 'f1_weighted']
    """
    names = sklearn.metrics.get_scorer_names()
    wider = any(name.startswith(f"{metric}_") for name in names)
    stem = metric if wider else metric.rpartition("_")[0]
    return [name for name in names if name == stem or (stem and name.startswith(f"{stem}_"))]


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
