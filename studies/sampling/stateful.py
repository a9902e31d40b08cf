"""Samplers that keep a state of their own, one for each algorithm: CMA-ES, Gaussian processes, NSGA-II."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, RandomSampler
from optuna.trial import TrialState, create_trial

from studies.quiet import quiet
from studies.sampling.proposer import ByNumber
from studies.sampling.space import Params, Space

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial


POPULATION = 20
"""Settings of one generation of NSGA-II: small, since a study has hundreds of trials, not thousands."""


class PerAlgorithm(ByNumber):
    """One inner study for each algorithm, taking turns; each knows an unconditional space only.

    Trials that were recorded before are added to the inner studies first. A Gaussian process learns from
    them; CMA-ES begins a new population.
    """

    def __init__(self, space: Space, seed: int, name: str) -> None:
        super().__init__(space, seed)
        self._inner = [_inner(name, seed + i) for i in range(len(space.branches))]
        self._studies: list[Study] = []
        self._asked: dict[int, Trial] = {}

    def within(self, space: Space) -> None:
        """Return None: its state is of the whole space."""

    def setting(self, study: Study, trial: FrozenTrial) -> Params:
        """Return the parameters of a trial."""
        if not self._studies:
            self._begin(study, trial.number)
        i = trial.number % len(self.space.branches)
        asked = self._studies[i].ask(self.space.branches[i].free)
        self._asked[trial.number] = asked
        return self.space.branches[i].fixed | asked.params

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass the trial's value on to the inner study."""
        asked = self._asked.pop(trial.number, None)
        if asked is None:
            return
        inner = self._studies[trial.number % len(self._studies)]
        if state != TrialState.COMPLETE or not values:
            inner.tell(asked, None, TrialState.FAIL)
        elif all(trial.params.get(name) == value for name, value in asked.params.items()):
            inner.tell(asked, list(values))
        else:  # another setting was tried in its place
            noted = inner.tell(asked, None, TrialState.FAIL).system_attrs
            self._repeat(trial, list(values), noted)

    def _begin(self, study: Study, before: int) -> None:
        with quiet():
            self._studies = [optuna.create_study(sampler=s, directions=study.directions) for s in self._inner]
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))[:before]:
            self._repeat(trial, trial.values, {})

    def _repeat(self, trial: FrozenTrial, values: list[float], noted: Mapping[str, Any]) -> None:
        """Add a trial to the study of its algorithm, with what that one's sampler noted of it."""
        for inner, branch in zip(self._studies, self.space.branches, strict=True):
            if branch.units(trial.params) is not None:
                params = {name: trial.params[name] for name in branch.free}
                added = create_trial(
                    params=params, distributions=branch.free, values=values, system_attrs=dict(noted)
                )
                inner.add_trial(added)


def _inner(name: str, seed: int) -> BaseSampler:
    seed %= 2**32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "nsga2":
            return NSGAIISampler(seed=seed, population_size=POPULATION)
        if name == "gp":
            return GPSampler(seed=seed, deterministic_objective=True)
        return CmaEsSampler(
            seed=seed, independent_sampler=RandomSampler(seed=seed), warn_independent_sampling=False
        )
