"""The algorithms of one study side by side: the best setting of each."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from hpo.findings.scored import leaders
from hpo.process.threads import one_thread
from hpo.states.evaluate import Scores
from hpo.trials import selection
from hpo.trials.accuracy import accuracy_of

if TYPE_CHECKING:
    from hpo.findings.result import Result


@dataclass(frozen=True)
class Leader:
    """An algorithm's best setting among those that were tried.

    Attributes
    ----------
    algorithm : its name.
    score, se : mean fold score by the first objective, and the standard error of that mean.
    within_one_se : whether the score is within one standard error of the best of all algorithms.
    complexity : effective degrees of freedom on every row.
    trials, failed, pruned : how many trials it had, how many of them failed, and how many were stopped early.
    trial : number of the best one.
    params : its setting.
    metrics : the other scores by name.
    score_bound : how far the score may be from the true one by rounding or approximation; None if not known.
    accuracy : which errors the score carries beside the standard error, in words.
    """

    algorithm: str
    score: float
    se: float
    within_one_se: bool
    complexity: float
    trials: int
    failed: int
    pruned: int
    trial: int
    params: dict[str, object]
    metrics: dict[str, Scores]
    score_bound: float | None = None
    accuracy: str = ""

    def flat(self) -> dict[str, object]:
        """Return the fields, with a pair of columns for each of the other scores."""
        found = {name: value for name, value in self.__dict__.items() if name != "metrics"}
        for name, scores in self.metrics.items():
            found |= {f"mean_{name}": scores.mean, f"std_error_{name}": scores.se}
        return found


@one_thread()
def leaderboard(result: Result) -> list[Leader]:
    """Return one row for each algorithm that has a score, the best first."""
    leading = leaders(result)
    best = selection.best(list(leading.values()))
    least = best.scores.mean - (0.0 if math.isnan(best.scores.se) else best.scores.se)
    tried: dict[str, Counter[TrialState]] = {}
    for trial in result.optuna_study.get_trials(deepcopy=False):
        if trial.params or not result.run.tuner.space.distributions:
            tried.setdefault(result.run.tuner.space.tried(trial)[0], Counter())[trial.state] += 1
    rows = [
        Leader(
            name, c.scores.mean, c.scores.se, c.scores.mean >= least, selection.complexity(c),
            tried[name].total(), tried[name][TrialState.FAIL], tried[name][TrialState.PRUNED], c.number,
            result.params_of(c), dict(c.scores.also), c.scores.bound,
            accuracy_of(c, result.metric, result.metric).brief(c.scores.mean),
        )
        for name, c in leading.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row.score, row.trial))
