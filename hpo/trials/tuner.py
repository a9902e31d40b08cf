"""The loop: propose a setting, score it from the states, record it; the data is never touched."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial

from algorithms.brief import briefly
from hpo.states.evaluate import Scores
from hpo.trials.book import Book
from hpo.trials.fidelity import Fidelity
from hpo.trials.hopeless import Hopeless
from hpo.trials.notes import note_of, noted
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


@dataclass(frozen=True)
class Scored:
    """A setting and its scores, not yet recorded.

    Attributes
    ----------
    proposal : the setting, as its trial shows it.
    scores : None where it has none.
    note : what its trial notes.
    settings : that these scores answer, if they are proposed again.
    """

    proposal: Proposal
    scores: Scores | None
    note: TrialNote
    settings: tuple[Setting, ...]


@briefly
@dataclass
class Tuner:
    """A study over states: it proposes settings, scores them, and records their trials.

    What is answered from it are functions: :func:`run_trials`, :func:`candidates_of`.

    Attributes
    ----------
    scorer : answers settings from the states.
    space : what is searched; ``space.tried(trial)`` is the setting of a trial.
    study : Optuna's, in memory.
    fidelity : how trials climb from parts of a sample to the whole; None: each is scored on the whole.
    population : which trial continues from which; None: each begins for itself.
    book : the record of what was tried.
    """

    scorer: Scorer
    space: Space
    study: Study
    fidelity: Fidelity | None = None
    population: Population | None = None
    book: Book = field(init=False)
    _narrowed: tuple[BaseSampler | None, int] = None, 0

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

    def propose(self, turn: int | None = None) -> Proposal:
        """Return the next setting to try, without what always failed.

        Parameters
        ----------
        turn : its number among the trials of all processes; by default the number of trials until now.
        """
        self._leave_out()
        number = self.book.trials
        turn = number if turn is None else turn
        proposal = self.space.propose(self.study, number, turn, at_once=self.fidelity is None)
        if self.population is None:
            return proposal
        return self.population.propose(self.scorer, self.space, self.study, proposal, turn)

    def score(self, proposal: Proposal) -> Scored:
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
        taken = {f"{setting[0]}.{key}": value for key, value in setting[1].items()}
        params = {**proposal.params, **{k: v for k, v in taken.items() if k in self.space.distributions}}
        beside = replace(
            proposal.note, states=self.scorer.context(setting), rows_read=0, error=error,
            seconds=round(time.perf_counter() - began, 6), converged=scores is None or scores.converged,
            duplicate_of=known[0] if known else None, fidelity=before.fidelity,
            prefixes=() if known or scores is None else self._curve(setting),
        )  # fmt: skip
        answered = (setting,) if scores is not None else (asked, setting)
        return Scored(replace(proposal, params=params), scores, note_of(scores, beside), answered)

    def record(self, scored: Scored) -> FrozenTrial:
        """Add the trial of a setting to the study, and learn from it what always fails."""
        hopeless, proposal, note = self.hopeless, scored.proposal, scored.note
        for setting in scored.settings:
            self.book.remember(setting, proposal.number, scored.scores)
        if not note.repeated:
            hopeless.learn(proposal.params, note.error)
        return self.book.finish(proposal, self.scorer.values(scored.scores), note)

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

    def _leave_out(self) -> None:
        """Let the study's sampler propose nothing that always failed."""
        study, found = self.study, self.hopeless.found
        if found and self._narrowed != (study.sampler, len(found)):
            left = {k: d for k, d in self.hopeless.left().items() if k not in self.space.solved}
            study.sampler = narrowed(study.sampler, left)
            self._narrowed = study.sampler, len(found)


def run_trials(
    tuner: Tuner,
    budget: Budget,
    finished: Callable[[FrozenTrial], None],
    stop: Event,
    turns: Iterable[int | None] | None = None,
) -> str:
    """Run trials until the budget is used up; return why they stopped.

    Parameters
    ----------
    tuner : proposes, scores and records.
    budget : trials already in the study count.
    finished : called with every finished trial.
    stop : set to stop before the next trial.
    turns : numbers of trials that no other process runs, None for a pause; by default all that the budget leaves.

    Returns
    -------
    str
        ``"trials"``, ``"exhausted"``, ``"timeout"``, ``"patience"`` or ``"interrupted"``.
    """
    began = time.monotonic()
    numbers = range(tuner.book.trials, budget.trials) if turns is None else turns
    with stopping(tuner.study) as ended:
        for turn in numbers:
            if (why := _over(tuner, budget, time.monotonic() - began, stop, ended)) is not None:
                return why
            if turn is None:
                stop.wait(PAUSE)
                continue
            finished(tuner.record(tuner.score(tuner.propose(turn))))
    return "trials"


def _over(tuner: Tuner, budget: Budget, seconds: float, stop: Event, ended: Event) -> str | None:
    """Return why no further trial begins; None where one does."""
    if stop.is_set():
        return "interrupted"
    if budget.timeout is not None and seconds >= budget.timeout:
        return "timeout"
    if budget.patience is not None and tuner.book.front.since >= budget.patience:
        return "patience"
    sampler = tuner.study.sampler
    if ended.is_set() or (isinstance(sampler, Rest) and sampler.exhausted(tuner.study)):
        return "exhausted"
    return None


def adopt(tuner: Tuner, trial: FrozenTrial) -> FrozenTrial:
    """Take a trial that another process ran into the study, and learn from it what always fails."""
    hopeless, added = tuner.hopeless, tuner.book.adopt(trial)
    if added.params and not (note := TrialNote.of(added.user_attrs)).repeated:
        hopeless.learn(added.params, note.error)
    return added


def take_over(tuner: Tuner, trial: FrozenTrial, study: str) -> FrozenTrial:
    """Add another study's trial to this one, scored anew from these states."""
    setting, scorer = tuner.space.tried(trial), tuner.scorer
    with scorer.trial():
        scores, error = scorer.attempt(setting)
    note = TrialNote(warm_start=study, rows_read=0, states=scorer.context(setting), error=error)
    added = tuner.book.add(trial.params, scorer.values(scores), note_of(scores, note))
    tuner.book.remember(setting, added.number, scores)
    return added


def candidate_of(tuner: Tuner, trial: FrozenTrial, scores: Scores) -> Candidate:
    """Return what a trial tried, with its scores."""
    algorithm, states = tuner.scorer.build(*tuner.space.tried(trial))
    return Candidate(trial.number, algorithm, states, scores)


def candidates_of(tuner: Tuner) -> list[Candidate]:
    """Return every distinct setting that has a score."""
    return [candidate_of(tuner, trial, scores) for trial, scores in tuner.book.scored()]
