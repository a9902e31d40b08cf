"""What a notebook shows of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpo.findings.leaderboard import leaderboard
from hpo.findings.noted import fold_words, rows_in_words, without_score
from hpo.trials.accuracy import accuracy_of
from studies.counting import counted
from studies.report.card import card
from studies.report.text import number_text

if TYPE_CHECKING:
    from hpo.findings.result import Result


def card_of(result: Result) -> str:
    """Return the best score, its setting, what was read, and the best of each algorithm, as HTML."""
    trials = counted(len(result.optuna_study.get_trials(deepcopy=False)), "trial")
    title = f"{result.record.name or 'unnamed'}: {trials}"
    if why := without_score(result.run):
        return card(title, ["no score yet", why])
    best = result.best
    errors = accuracy_of(best, result.metric, result.metric).brief(result.best_value)
    score = f"{result.metric} {number_text(result.best_value, 6)} ± {number_text(best.scores.se, 2)}, {errors}"
    setting = ", ".join(f"{key}={value}" for key, value in result.best_params.items())
    cost = f"{rows_in_words(result.cost)}, {fold_words(result.run)}"
    head = "algorithm", result.metric, "standard error", "trials"
    rows = [
        (one.algorithm, number_text(one.score, 6), number_text(one.se, 2), str(one.trials))
        for one in leaderboard(result)
    ]
    return card(title, [score, setting, cost], head, rows)
