"""The loop: propose a setting, score it from the states, record it; the data is never touched."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial

from algorithms.brief import briefly
from hpo.errors import ChoiceWarning
from hpo.states.evaluate import Scores
from hpo.trials.book import Book
from hpo.trials.fidelity import Fidelity
from hpo.trials.hopeless import Hopeless, exclusion_text
from hpo.trials.notes import note_of, noted
from hpo.trials.pareto import Front
from hpo.trials.scorer import Scorer
from hpo.trials.selection import Candidate
from hpo.trials.settings import Proposal, Setting, Space, with_note
from studies.record.trial_note import TrialNote
from studies.sampling.narrowed import narrowed
from studies.sampling.samplers import Rest
from studies.sampling.stopping import stopping

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler

    from hpo.trials.population import Population


PAUSE = 0.05
"""Seconds between looks at what other processes do."""


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


@briefly
@dataclass
class Tuner:
    """A study over states.

    Attributes
    ----------
    scorer : answers settings from the states.
    space : what is searched.
    study : Optuna's, in memory.
    fidelity : how trials climb from parts of a sample to the whole; None: each is scored on the whole.
    population : which trial continues from which; None: each begins for itself.
    book : the record of what was tried.
    front : the best values of the trials until now.
    """

    scorer: Scorer
    space: Space
    study: Study
    fidelity: Fidelity | None = None
    population: Population | None = None
    book: Book = field(init=False)
    front: Front = field(init=False, default_factory=Front)

    def __post_init__(self) -> None:
        self.book = Book(self.study, self.space)

    @cached_property
    def hopeless(self) -> Hopeless:
        """What always failed, and is proposed no more."""
        found = Hopeless(self.space.distributions)
        for one in noted(self.study):
            if one.trial.state.is_finished() and not one.note.repeated:
                found.add(one.trial.params, one.note.error)
        return found

    def run(
        self,
        budget: Budget,
        finished: Callable[[FrozenTrial], None],
        stop: Event,
        turns: Iterable[int | None] | None = None,
    ) -> str:
        """Run trials until the budget is used up; return why it stopped.

        Parameters
        ----------
        budget : trials already in the study count.
        finished : called with every finished trial.
        stop : set to stop before the next trial.
        turns : numbers of trials that no other process runs, None for a pause; by default all that the budget
            leaves.

        Returns
        -------
        str
            ``"trials"``, ``"exhausted"``, ``"timeout"``, ``"patience"`` or ``"interrupted"``.
        """
        self.propose_by(self.study.sampler)
        began = time.monotonic()
        self.front = front = Front()
        for known in self.study.get_trials(deepcopy=False):
            front.add(known)
        numbers = range(self.book.trials, budget.trials) if turns is None else turns
        with stopping(self.study) as ended:
            for turn in numbers:
                if (why := self._over(budget, time.monotonic() - began, stop, ended)) is not None:
                    return why
                if turn is None:
                    stop.wait(PAUSE)
                    continue
                trial = self.one(turn)
                finished(trial)
                front.add(trial)
        return "trials"

    def _over(self, budget: Budget, seconds: float, stop: Event, ended: Event) -> str | None:
        """Return why no further trial begins; None where one does."""
        if stop.is_set():
            return "interrupted"
        if budget.timeout is not None and seconds >= budget.timeout:
            return "timeout"
        if budget.patience is not None and self.front.since >= budget.patience:
            return "patience"
        sampler = self.study.sampler
        if ended.is_set() or (isinstance(sampler, Rest) and sampler.exhausted(self.study)):
            return "exhausted"
        return None

    def adopt(self, trial: FrozenTrial) -> FrozenTrial:
        """Take in a trial that another process ran."""
        added = self.book.adopt(trial)
        self.front.add(added)
        if added.params and not (note := TrialNote.of(added.user_attrs)).repeated:
            self._learn_from(added.params, note.error)
        return added

    def one(self, turn: int | None = None) -> FrozenTrial:
        """Propose a setting, score it, and record it."""
        number = self.book.trials
        turn = number if turn is None else turn
        proposal = self.space.propose(self.study, number, turn, at_once=self.fidelity is None)
        if self.population is not None:
            proposal = self.population.propose(self.scorer, self.space, self.study, proposal, turn)
        proposal, scores, note = self._scored(proposal)
        return self.book.finish(proposal, self.scorer.values(scores), note)

    def take_over(self, trial: FrozenTrial, study: str) -> FrozenTrial:
        """Add another study's trial to this one, scored anew from these states."""
        setting = self.setting(trial)
        with self.scorer.trial():
            scores, error = self.scorer.attempt(setting)
        note = note_of(
            scores,
            TrialNote(warm_start=study, rows_read=0, states=self.scorer.context(setting), error=error),
        )
        added = self.book.add(trial.params, self.scorer.values(scores), note)
        self.book.remember(setting, added.number, scores)
        return added

    def _scored(self, proposal: Proposal) -> tuple[Proposal, Scores | None, TrialNote]:
        """Return the scores of a setting, from the record if it was scored before, and what its trial notes.

        A trial takes the best value of a prefix axis that is solved, whatever was proposed.
        """
        began = time.perf_counter()
        climbs = self.fidelity is not None and proposal.trial is not None
        name, values = self.space.setting(proposal.params)
        asked = setting = self.scorer.solved((name, with_note(values, proposal.note)), fits=not climbs)
        known = self.book.known(setting)
        before = self.book.note(known[0]) if known else TrialNote()
        if known:
            scores, error = known[1], before.error
        else:
            setting, scores, error = self._tried(proposal, setting)
        if scores is None:
            self.book.remember(asked, proposal.number, scores)
        self.book.remember(setting, proposal.number, scores)
        taken = {f"{setting[0]}.{key}": value for key, value in setting[1].items()}
        params = {**proposal.params, **{k: v for k, v in taken.items() if k in self.space.distributions}}
        proposal = replace(proposal, params=params)
        if not known:
            self._learn_from(proposal.params, error)
        beside = replace(
            proposal.note, states=self.scorer.context(setting), rows_read=0, error=error,
            seconds=round(time.perf_counter() - began, 6), converged=scores is None or scores.converged,
            duplicate_of=known[0] if known else None, fidelity=before.fidelity,
            prefixes=() if known or scores is None else self._curve(setting),
        )  # fmt: skip
        return proposal, scores, note_of(scores, beside)

    def _curve(self, setting: Setting) -> tuple[tuple[float, float, float | None], ...]:
        """Return the values of a setting's prefix axis, the mean scores there, and their standard errors."""
        found = sorted((self.scorer.curve(setting) or {}).items())
        return tuple((value, one.mean, one.se if math.isfinite(one.se) else None) for value, one in found)

    def _tried(
        self, proposal: Proposal, setting: Setting
    ) -> tuple[Setting, Scores | None, str | None]:
        """Return the scores of a new setting or why it has none, by way of the rungs where there are any."""
        with self.scorer.trial():
            if self.fidelity is None or proposal.trial is None:
                return setting, *self.scorer.attempt(setting)
            return self.fidelity.attempt(self.scorer, proposal.trial, setting)

    def _learn_from(self, params: Mapping[str, object], error: str | None) -> None:
        """Leave out what turns out to fail always, and warn of it once."""
        new = self.hopeless.add(params, error)
        for choice in new:
            warnings.warn(exclusion_text(choice, self.hopeless.found[choice]), ChoiceWarning, stacklevel=2)
        if new:
            self.propose_by(self.study.sampler)

    def propose_by(self, sampler: BaseSampler) -> None:
        """Let a sampler propose settings, without what always failed."""
        left = {k: d for k, d in self.hopeless.left().items() if k not in self.space.solved}
        self.study.sampler = narrowed(sampler, left) if self.hopeless.found else sampler

    def candidates(self) -> list[Candidate]:
        """Return every distinct setting that has a score."""
        return [self.candidate(trial, scores) for trial, scores in self.book.scored()]

    def candidate(self, trial: FrozenTrial, scores: Scores) -> Candidate:
        """Return what a trial tried, with its scores."""
        algorithm, states = self.scorer.build(*self.setting(trial))
        return Candidate(trial.number, algorithm, states, scores)

    def setting(self, trial: FrozenTrial) -> Setting:
        """Return the setting that a trial tried."""
        return self.space.tried(trial)
