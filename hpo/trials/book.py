"""The record of a study in memory: what every setting scored, and its trials."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from algorithms.brief import briefly
from hpo.states.evaluate import Scores
from hpo.trials.notes import noted, recorded
from hpo.trials.pareto import Front
from hpo.trials.settings import Proposal, Setting, Space
from studies.record.trial_note import TrialNote
from studies.sampling.numbered import hand_over, trial_of, trials_from

if TYPE_CHECKING:
    from optuna.study import Study


@briefly
@dataclass
class Book:
    """What has been tried.

    Attributes
    ----------
    study : Optuna's, in memory; trials that it holds are known.
    space : what it searches.
    """

    study: Study
    space: Space
    _trials: int = 0

    @cached_property
    def _answers(self) -> dict[Hashable, tuple[int, Scores | None]]:
        """The first trial of each setting, and its scores."""
        answers: dict[Hashable, tuple[int, Scores | None]] = {}
        for one in noted(self.study):
            if one.trial.state.is_finished() and one.trial.params:
                key = _key(self.space.tried(one.trial))
                answers.setdefault(key, (one.trial.number, one.scores))
        return answers

    @cached_property
    def front(self) -> Front:
        """The scores of the trials until now that no other beats."""
        front = Front()
        for trial in self.study.get_trials(deepcopy=False):
            front.add(trial)
        return front

    @property
    def trials(self) -> int:
        """Number of trials of the study, whatever their state."""
        self._trials += len(trials_from(self.study, self._trials))
        return self._trials

    def adopt(self, trial: FrozenTrial) -> FrozenTrial:
        """Add a finished trial of another process, by the next number."""
        added = self._handed_over(trial)
        if added.params:
            self.remember(self.space.tried(added), added.number, recorded(added))
        return added

    def known(self, setting: Setting) -> tuple[int, Scores | None] | None:
        """Return the trial that tried a setting and its scores; None for a new one."""
        return self._answers.get(_key(setting))

    def remember(self, setting: Setting, number: int, scores: Scores | None) -> None:
        """Keep what a setting scored; of equal ones the first."""
        self._answers.setdefault(_key(setting), (number, scores))

    def note(self, number: int) -> TrialNote:
        """Return what a trial noted."""
        return TrialNote.of(trial_of(self.study, number).user_attrs)

    def scored(self) -> list[tuple[FrozenTrial, Scores]]:
        """Return every distinct setting that has a score, by its first trial."""
        found = (one for one in noted(self.study) if one.scores is not None and not one.note.repeated)
        return [(one.trial, one.scores) for one in found if one.scores is not None]

    def finish(self, proposal: Proposal, values: list[float] | None, note: TrialNote) -> FrozenTrial:
        """Record the outcome of a proposal; ``values`` of the objectives are None where it has no score."""
        trial = proposal.trial
        if trial is None:
            return self.add(proposal.params, values, note, proposal.began)
        self._solve(trial, proposal.params)
        for name, value in note.encode().items():
            trial.set_user_attr(name, value)
        early = TrialNote.of(trial.user_attrs).stopped_early
        without = TrialState.PRUNED if early else TrialState.FAIL
        front = self.front
        front.add(ended := self.study.tell(trial, values, without if values is None else None))
        return ended

    def _handed_over(self, trial: FrozenTrial) -> FrozenTrial:
        front = self.front
        hand_over(self.study, trial)
        front.add(added := trial_of(self.study, self.trials - 1))
        return added

    def _solve(self, trial: Trial, params: Mapping[str, object]) -> None:
        """Give a trial those parameters that the sampler did not propose, or not so."""
        had = trial.params
        for name, value in params.items():
            if name not in had or had[name] != value:
                d = self.space.distributions[name]
                trial.storage.set_trial_param(trial._trial_id, name, d.to_internal_repr(value), d)

    def add(
        self,
        params: Mapping[str, object],
        values: list[float] | None,
        note: TrialNote,
        began: datetime | None = None,
    ) -> FrozenTrial:
        """Add a finished trial."""
        added = create_trial(
            state=TrialState.FAIL if values is None else TrialState.COMPLETE,
            values=values,
            params=dict(params),
            distributions={k: self.space.distributions[k] for k in params},
            user_attrs=note.encode(),
        )
        added.datetime_start = began or added.datetime_start
        return self._handed_over(added)


def _key(setting: Setting) -> Hashable:
    name, values = setting
    return name, tuple(sorted(values.items()))
