"""What a notebook shows of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpo.findings.leaderboard import leaderboard
from hpo.findings.noted import algorithm_of, fold_words, rows_in_words, without_score
from hpo.trials.accuracy import accuracy_of
from studies.counting import counted
from studies.report.card import card
from studies.report.text import Metric, metric_of, number_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpo.findings.result import Result


def card_of(result: Result) -> str:
    """Return the best score, its setting, what was read, and the best of each algorithm, as HTML."""
    trials = counted(len(result.optuna_study.get_trials(deepcopy=False)), "trial")
    title = f"{result.record.name or 'unnamed'}: {trials}"
    if why := without_score(result.run):
        return card(title, ["no score yet", why])
    cost = f"{rows_in_words(result.cost)}, {fold_words(result.run)}"
    if result.record.several:
        return card(title, [_front(result), cost], *_front_rows(result))
    best = result.best
    errors = accuracy_of(best, result.metric, result.metric).brief(result.best_value)
    metric = metric_of(result.metric)
    score = f"{metric.short} {_shown(metric, result.best_value)} ± {number_text(best.scores.se, 2)}, {errors}"
    setting = ", ".join(f"{key}={value}" for key, value in result.best_params.items())
    head = "algorithm", metric.label, "standard error", "trials"
    rows = [
        (one.algorithm, _shown(metric, one.score), number_text(one.se, 2), str(one.trials))
        for one in leaderboard(result)
    ]
    return card(title, [score, setting, cost], head, rows)


def _shown(metric: Metric, score: float) -> str:
    """Return a score with the sign that people give it: errors are positive."""
    return number_text(metric.shown(score), 6)


def _front(result: Result) -> str:
    names = ", ".join(metric_of(name).short for name in result.record.objectives)
    return f"{counted(len(result.pareto), 'setting')} on the Pareto front of {names}: choose one of result.pareto"


def _front_rows(result: Result) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the columns and rows of the settings that no other beats in every objective."""
    first, *others = (metric_of(name) for name in result.record.objectives)
    names = result.record.objectives[1:]
    rows = [
        (
            str(one.number), algorithm_of(result.run, one), _shown(first, one.scores.mean),
            *(_shown(m, one.scores.also[name].mean) for m, name in zip(others, names, strict=True)),
        )
        for one in result.pareto
    ]  # fmt: skip
    return ("trial", "algorithm", first.label, *(m.label for m in others)), rows


def draw(result: Result, ax: Axes) -> None:
    """Draw the score of each trial by its algorithm, and the best so far; the better half fills most of the height.

    Scores have the sign and the name of the report. Worse ones are drawn at that end of the axis, as triangles. Of
    several objectives it is the first.
    """
    metric = metric_of(result.metric)
    tried = sorted(result.candidates, key=lambda one: one.number)
    numbers, means = np.array([one.number for one in tried]), np.array([one.scores.mean for one in tried])
    names = np.array([algorithm_of(result.run, one) for one in tried])
    low = 2.0 * np.median(means) - means.max()
    drawn, below = np.maximum(means, low), means < low
    for k, name in enumerate(dict.fromkeys(names.tolist())):
        mine, color = names == name, f"C{k}"
        for part, mark, legend in ((mine & ~below, "o", name), (mine & below, "v^"[metric.sign < 0], None)):
            ax.plot(numbers[part], metric.sign * drawn[part], mark, color=color, markersize=4, label=legend)
    best = metric.sign * np.maximum.accumulate(drawn)
    ax.step(numbers, best, where="post", color="0.4", label="best so far")
    ax.set_xlabel("trial")
    ax.set_ylabel(metric.label)
    ax.legend()
