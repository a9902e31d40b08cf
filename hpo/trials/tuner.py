"""The loop: ask Optuna for a setting, answer it from the states, tell; the data is never touched."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from algorithms.contract import Algorithm, Summary
from algorithms.errors import AlgorithmError, Imprecise
from hpo.errors import SearchError
from hpo.question.search import Searched
from hpo.states.evaluate import FoldStates, Scores, check_usable, evaluate
from hpo.trials.fidelity import Fidelity
from hpo.trials.notes import distinct, note_of, recorded
from hpo.trials.pareto import Front
from hpo.trials.selection import Candidate, best
from studies.record.study_record import TrialNote
from studies.sampling.samplers import Proposer
from studies.sampling.space import ALGORITHM

if TYPE_CHECKING:
    from optuna import Study

    from hpo.states.contexts import Evidence

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
    also : further scores that every trial keeps, told by the same models.
    goals : how many of the scores are optimised, ``metric`` first.
    fits : models fitted so far; a duplicate needs none.
    refine : asked for states of more digits where a score lacks them; None where there can be none.
    fidelity : how trials climb from parts of a sample to the whole; None: each is scored on the whole.
    """

    searched: Mapping[str, Searched]
    states: Mapping[Summary[Any], FoldStates]
    contexts: Mapping[Summary[Any], str]
    space: Mapping[str, BaseDistribution]
    metric: str
    study: Study
    also: tuple[str, ...] = ()
    goals: int = 1
    fits: int = 0
    fidelity: Fidelity | None = None
    refine: Callable[[Summary[Any]], Evidence | None] | None = None
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
        began, front = time.monotonic(), Front()
        for known in self.study.get_trials(deepcopy=False):
            front.add(known)
        for _ in range(len(self.study.get_trials(deepcopy=False)), budget.trials):
            if stop.is_set():
                return "interrupted"
            if budget.timeout is not None and time.monotonic() - began >= budget.timeout:
                return "timeout"
            if budget.patience is not None and front.since >= budget.patience:
                return "patience"
            trial = self.one()
            finished(trial)
            front.add(trial)
        return "trials"

    def one(self) -> FrozenTrial:
        """Ask for one trial, answer it, and tell; all at once where the sampler and the pruner allow."""
        sampler = self.study.sampler
        if self.fidelity is None and isinstance(sampler, Proposer):
            return self._propose(sampler)
        trial = self.study.ask()
        setting = self._suggest(trial)
        return self.answer(trial, setting)

    def answer(self, trial: Trial, setting: Setting) -> FrozenTrial:
        """Score a setting from the states, or from the record if it was scored before, and tell the study."""
        scores, note = self._answered(trial.number, setting, functools.partial(self._tried, trial, setting))
        for name, value in note.encode().items():
            trial.set_user_attr(name, value)
        if scores is None:
            early = TrialNote.of(trial.user_attrs).stopped_early
            return self.study.tell(trial, state=TrialState.PRUNED if early else TrialState.FAIL)
        return self.study.tell(trial, self._values(scores))

    def take_over(self, trial: FrozenTrial, study: str) -> FrozenTrial:
        """Add another study's trial to this one, scored anew from these states."""
        setting = self.setting(trial)
        scores, error = self.attempt(setting)
        states = self.contexts[self.searched[setting[0]].summary(setting[1])]
        note = note_of(scores, warm_start=study, rows_read=0, states=states, error=error)
        added = self._add(trial.params, scores, note)
        self._answers.setdefault(_key(setting), (added.number, scores))
        return added

    def _propose(self, sampler: Proposer) -> FrozenTrial:
        """Answer the next proposal and add it to the study as a finished trial.

        The trial is the same as by ask and tell, for a third of their time: it is stored once, not once for
        each parameter and attribute.
        """
        began, number = datetime.now(), len(self.study.get_trials(deepcopy=False))
        proposed = sampler.propose(self.study, number)
        params = {key: proposed[key] for key in self.space if key in proposed}
        setting = self._split(params)
        scores, note = self._answered(number, setting, functools.partial(self.attempt, setting))
        return self._add(params, scores, note, began)

    def _add(
        self,
        params: Mapping[str, Any],
        scores: Scores | None,
        note: TrialNote,
        began: datetime | None = None,
    ) -> FrozenTrial:
        """Add a finished trial to the study."""
        added = create_trial(
            state=TrialState.COMPLETE if scores else TrialState.FAIL,
            values=self._values(scores) if scores else None,
            params=dict(params),
            distributions={k: self.space[k] for k in params},
            user_attrs=note.encode(),
        )
        added.datetime_start = began or added.datetime_start
        self.study.add_trial(added)
        return self.study.get_trials(deepcopy=False)[-1]

    def _answered(
        self, number: int, setting: Setting, attempt: Callable[[], tuple[Scores | None, str | None]]
    ) -> tuple[Scores | None, TrialNote]:
        """Return the scores of a setting, from the record if it was scored before, and what its trial notes."""
        began, key = time.perf_counter(), _key(setting)
        known = self._answers.get(key)
        scores, error = (known[1], None) if known else attempt()
        if known is None:
            self._answers[key] = number, scores
        summary = self.searched[setting[0]].summary(setting[1])
        return scores, note_of(
            scores, states=self.contexts[summary], seconds=round(time.perf_counter() - began, 6), rows_read=0,
            error=error, converged=scores is None or scores.converged,
            duplicate_of=known[0] if known else None, fidelity=self._reached(known[0]) if known else None,
        )  # fmt: skip

    def attempt(self, setting: Setting) -> tuple[Scores | None, str | None]:
        """Return the fold scores of a setting, or None and why it has none."""
        try:
            return self.score(setting), None
        except AlgorithmError as error:
            return None, str(error)

    def _tried(self, trial: Trial, setting: Setting) -> tuple[Scores | None, str | None]:
        """Return as :meth:`attempt`, by way of the rungs where there are any."""
        return self.attempt(setting) if self.fidelity is None else self.fidelity.attempt(self, trial, setting)

    def _reached(self, number: int) -> float | None:
        """Return the share of the sample that a trial came to, for one that repeats it."""
        return TrialNote.of(self.study.get_trials(deepcopy=False)[number].user_attrs).fidelity

    def score(self, setting: Setting) -> Scores:
        """Return the fold scores of a setting, from states of more digits where they need them.

        Raises
        ------
        Unscorable
            A fold has no finite score, or none that is known to enough digits.
        """
        try:
            return self._score(setting)
        except Imprecise as error:
            if not self._refined(self.build(*setting)[0].summary, error):
                raise
        return self._score(setting)

    def settle(self) -> None:
        """Get states of more digits where the best model needs them, though its scores did not."""
        candidates = self.candidates() if self.goals == 1 else []
        if not candidates or self.refine is None:
            return
        winner = best(candidates)
        algorithm = winner.algorithm
        if algorithm.summary.finer(None) is None:
            return
        with contextlib.suppress(AlgorithmError):  # raised again when the model is asked for
            try:
                algorithm.estimator(algorithm.solve(winner.states.whole))
            except Imprecise as error:
                self._refined(algorithm.summary, error)

    def _refined(self, summary: Any, why: Imprecise) -> bool:
        """Return whether there are states of more digits now."""
        found = self.refine(summary) if why.finer and self.refine is not None else None
        if found is None:
            return False
        self.states, self.contexts = found.states, found.contexts
        return True

    def _score(self, setting: Setting) -> Scores:
        algorithm, states = self.build(*setting)
        self.fits += len(states.train)
        scores = evaluate(algorithm, states, self.metric, self.also)
        for name in (self.metric, *self.also[: self.goals - 1]):
            check_usable(scores.also.get(name, scores), name, states)
        return scores

    def _values(self, scores: Scores) -> list[float]:
        """Return the values of the objectives."""
        return [scores.mean, *(scores.also[name].mean for name in self.also[: self.goals - 1])]

    def candidates(self) -> list[Candidate]:
        """Return every distinct setting that has a score."""
        trials = [(t, recorded(t)) for t in distinct(self.study)]
        return [self.candidate(trial, scores) for trial, scores in trials if scores is not None]

    def candidate(self, trial: FrozenTrial, scores: Scores) -> Candidate:
        """Return what a trial tried, with its scores."""
        algorithm, states = self.build(*self.setting(trial))
        return Candidate(trial.number, algorithm, states, scores)

    def build(self, name: str, values: Mapping[str, Any]) -> tuple[Algorithm[Any, Any], FoldStates]:
        """Return the algorithm of a setting and the states of its summary."""
        algorithm = self.searched[name].build(values)
        return algorithm, self.states[algorithm.summary].for_algorithm(algorithm)

    def setting(self, trial: FrozenTrial) -> Setting:
        """Return the setting that a trial tried."""
        return self._split(trial.params)

    def _split(self, params: Mapping[str, Any]) -> Setting:
        name = str(params.get(ALGORITHM) or next(iter(self.searched)))
        prefix = f"{name}."
        return name, {k.removeprefix(prefix): v for k, v in params.items() if k.startswith(prefix)}

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


def _key(setting: Setting) -> Any:
    name, values = setting
    return name, tuple(sorted(values.items()))
