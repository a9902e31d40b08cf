"""The settings of a result that have a score: by trial and by algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.distributions import BaseDistribution

from hpo.errors import TuneError
from hpo.findings.noted import algorithm_of
from hpo.process.once import once
from hpo.trials import selection, tuner
from hpo.trials.notes import recorded
from hpo.trials.selection import Candidate
from studies.counting import counted

if TYPE_CHECKING:
    from hpo.findings.result import Result


def candidate_of(result: Result, number: int) -> Candidate:
    """Return the candidate of that trial.

    Raises
    ------
    TuneError
        The trial does not exist, or has no score.
    """
    trials = result.optuna_study.get_trials(deepcopy=False)
    scores = recorded(trials[number]) if 0 <= number < len(trials) else None
    if scores is None:
        raise TuneError(f"trial {number} has no score; this study has {counted(len(trials), 'trial')}, from 0")
    return tuner.candidate_of(result.run.tuner, trials[number], scores)


@once
def leaders(result: Result) -> dict[str, Candidate]:
    """Return the best candidate of each algorithm that has a score."""
    trials, groups = result.optuna_study.get_trials(deepcopy=False), dict[str, list[Candidate]]()
    for candidate in result.candidates:
        groups.setdefault(result.run.tuner.space.tried(trials[candidate.number])[0], []).append(candidate)
    return {name: selection.best(group) for name, group in groups.items()}


def searched(result: Result) -> dict[str, BaseDistribution]:
    """Return what was searched of every algorithm that has a score, the best algorithm's first."""
    first = algorithm_of(result.run, selection.best(result.candidates))
    order = sorted(leaders(result), key=lambda name: name != first)
    space = result.run.tuner.space.distributions
    found = {k: d for name in order for k, d in space.items() if k.startswith(f"{name}.")}
    return {k: d for k, d in found.items() if not d.single()}
