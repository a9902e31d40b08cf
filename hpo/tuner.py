"""The loop: ask Optuna for a setting, answer it from the states, tell; the data is never touched."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from algorithms.base import Summary
from algorithms.errors import AlgorithmError
from hpo.errors import SearchError
from hpo.evaluate import FoldStates, Scores, evaluate, usable
from hpo.search import Searched
from studies.space import ALGORITHM

if TYPE_CHECKING:
    from optuna import Study

Setting = tuple[str, Mapping[str, Any]]
"""An algorithm's name and its hyperparameters."""


@dataclass(frozen=True)
class Budget:
    """When to stop: trials in all, seconds, trials without improvement.

    Examples
    --------
    >>> Budget(trials=10).timeout is None
    True
    """

    trials: int
    timeout: float | None = None
    patience: int | None = None


@dataclass
class Tuner:
    """A study over states.

    Attributes
    ----------
    searched : the algorithms by name.
    states : fold states by summary.
    contexts : the key of each summary's states, recorded with the trials.
    space : distribution of every parameter; ``"algorithm"`` decides which of them exist.
    metric : the score, exact from the states.
    study : Optuna's, in memory.
    fits : models fitted so far; a duplicate needs none.
    """

    searched: Mapping[str, Searched]
    states: Mapping[Summary[Any], FoldStates]
    contexts: Mapping[Summary[Any], str]
    space: Mapping[str, BaseDistribution]
    metric: str
    study: Study
    fits: int = 0
    _answers: dict[Any, tuple[int, Scores | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state.is_finished() and trial.params:
                self._answers.setdefault(_key(self.setting(trial)), (trial.number, recorded(trial)))

    def run(self, budget: Budget, finished: Callable[[FrozenTrial], None], stop: Event) -> str:
        """Run trials until the budget is used up; return why it stopped.

        Parameters
        ----------
        budget : trials already in the study count.
        finished : called with every finished trial.
        stop : set to stop before the next trial.

        Returns
        -------
        str
            ``"trials"``, ``"timeout"``, ``"patience"`` or ``"interrupted"``.
        """
        began, best, since = time.monotonic(), *_best_so_far(self.study)
        for _ in range(len(self.study.get_trials(deepcopy=False)), budget.trials):
            if stop.is_set():
                return "interrupted"
            if budget.timeout is not None and time.monotonic() - began >= budget.timeout:
                return "timeout"
            if budget.patience is not None and since >= budget.patience:
                return "patience"
            trial = self.one()
            finished(trial)
            improved = trial.value is not None and trial.value > best
            best, since = (trial.value, 0) if improved and trial.value is not None else (best, since + 1)
        return "trials"

    def one(self) -> FrozenTrial:
        """Ask for one trial, answer it, and tell."""
        trial = self.study.ask()
        setting = self._suggest(trial)
        return self.answer(trial, setting)

    def answer(self, trial: Trial, setting: Setting) -> FrozenTrial:
        """Score a setting from the states, or from the record if it was scored before, and tell the study."""
        began, key = time.perf_counter(), _key(setting)
        known = self._answers.get(key)
        scores, error = (known[1], None) if known else self.attempt(setting)
        if error:
            trial.set_user_attr("error", error)
        if known:
            trial.set_user_attr("duplicate_of", known[0])
        else:
            self._answers[key] = trial.number, scores
        self._note(trial, setting, scores, time.perf_counter() - began)
        if scores is None:
            return self.study.tell(trial, state=TrialState.FAIL)
        return self.study.tell(trial, scores.mean)

    def take_over(self, trial: FrozenTrial, study: str) -> FrozenTrial:
        """Add another study's trial to this one, scored anew from these states."""
        setting = self.setting(trial)
        scores, error = self.attempt(setting)
        number = len(self.study.get_trials(deepcopy=False))
        attributes: dict[str, Any] = {"warm_start": study, "rows_read": 0}
        if error:
            attributes["error"] = error
        if scores is not None:
            attributes |= {"fold_scores": list(scores.folds), "std_error": _finite(scores.se)}
        added = create_trial(
            state=TrialState.COMPLETE if scores else TrialState.FAIL,
            value=scores.mean if scores else None,
            params=dict(trial.params),
            distributions={k: self.space[k] for k in trial.params},
            user_attrs=attributes,
        )
        self.study.add_trial(added)
        self._answers.setdefault(_key(setting), (number, scores))
        return self.study.get_trials(deepcopy=False)[number]

    def attempt(self, setting: Setting) -> tuple[Scores | None, str | None]:
        """Return the fold scores of a setting, or None and why it has none."""
        try:
            return self.score(setting), None
        except AlgorithmError as error:
            return None, str(error)

    def score(self, setting: Setting) -> Scores | None:
        """Return the fold scores of a setting; None when a fold has no finite score."""
        algorithm, states = self.build(*setting)
        self.fits += len(states.train)
        scores = evaluate(algorithm, states, self.metric)
        return scores if usable(scores) else None

    def build(self, name: str, values: Mapping[str, Any]) -> tuple[Any, FoldStates]:
        """Return the algorithm of a setting and the states of its summary."""
        algorithm = self.searched[name].build(values)
        return algorithm, self.states[algorithm.summary]

    def setting(self, trial: FrozenTrial) -> Setting:
        """Return the setting that a trial tried."""
        name = str(trial.params.get(ALGORITHM) or next(iter(self.searched)))
        prefix = f"{name}."
        return name, {k.removeprefix(prefix): v for k, v in trial.params.items() if k.startswith(prefix)}

    def _suggest(self, trial: Trial) -> Setting:
        name = next(iter(self.searched))
        if ALGORITHM in self.space:
            name = str(suggest(trial, ALGORITHM, self.space[ALGORITHM]))
        prefix = f"{name}."
        values = {
            key.removeprefix(prefix): suggest(trial, key, distribution)
            for key, distribution in self.space.items()
            if key.startswith(prefix)
        }
        return name, values

    def _note(self, trial: Trial, setting: Setting, scores: Scores | None, seconds: float) -> None:
        summary = self.searched[setting[0]].build(setting[1]).summary
        trial.set_user_attr("states", self.contexts[summary])
        trial.set_user_attr("seconds", round(seconds, 6))
        trial.set_user_attr("rows_read", 0)
        if scores is not None:
            trial.set_user_attr("fold_scores", list(scores.folds))
            trial.set_user_attr("std_error", _finite(scores.se))
            if not scores.converged:
                trial.set_user_attr("converged", False)


def suggest(trial: Trial, name: str, d: BaseDistribution) -> Any:
    """Return the trial's value of a parameter of that distribution."""
    match d:
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(name, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low_, high=high_, step=step_, log=log_):
            return trial.suggest_float(name, low_, high_, step=step_, log=log_)
    raise SearchError(f"{name}: {d!r} is not one of Optuna's float, int and categorical distributions")


def distinct(study: Study) -> list[FrozenTrial]:
    """Return the finished trials that needed models: every setting once."""
    return [t for t in study.get_trials(deepcopy=False) if "fold_scores" in t.user_attrs and not repeated(t)]


def repeated(trial: FrozenTrial) -> bool:
    """Return whether a trial was answered from an earlier one's record."""
    return "duplicate_of" in trial.user_attrs


def recorded(trial: FrozenTrial) -> Scores | None:
    """Return the fold scores that a trial recorded, or None if it failed."""
    folds = trial.user_attrs.get("fold_scores")
    return Scores(tuple(folds)) if folds and trial.state is TrialState.COMPLETE else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _key(setting: Setting) -> Any:
    name, values = setting
    return name, tuple(sorted(values.items()))


def _best_so_far(study: Study) -> tuple[float, int]:
    best, since = -math.inf, 0
    for trial in study.get_trials(deepcopy=False):
        improved = trial.value is not None and trial.value > best
        best, since = (trial.value, 0) if improved and trial.value is not None else (best, since + 1)
    return best, since
