"""Samplers that propose whole settings by the number of the trial."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalChoiceType
from optuna.samplers import BaseSampler

from studies.sampling.space import Params, Space, from_unit

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class ByNumber(BaseSampler):
    """A sampler that proposes whole settings: trial number n of a study gets ``setting(study, n)``.

    Attributes
    ----------
    space : the conditional space.
    seed : with the trial's number, the seed of its random numbers.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self.space = space
        self.seed = seed

    @abstractmethod
    def setting(self, study: Study, trial: FrozenTrial) -> Params:
        """Return the parameters of a trial, the algorithm among them."""

    def rng(self, number: int) -> np.random.Generator:
        """Return the generator of one trial."""
        return np.random.default_rng([self.seed, number])

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the whole space; a trial asks only for what its algorithm has."""
        return self.space.all

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, object]:
        """Return the trial's setting."""
        return self.setting(study, trial)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> CategoricalChoiceType:
        """Return a random value for a parameter that the setting does not have."""
        key = [self.seed, trial.number, *param_name.encode()]
        return from_unit(param_distribution, np.random.default_rng(key).random())

    def within(self, space: Space) -> ByNumber | None:
        """Return the sampler of a part of its space; None where what it learned would be lost."""
        return type(self)(space, self.seed)


class Proposer(ByNumber):
    """A sampler that needs only the number of a trial, not the trial: it can be asked before there is one."""

    @abstractmethod
    def propose(self, study: Study, number: int) -> Params:
        """Return the parameters of the trial of that number, the algorithm among them."""

    def setting(self, study: Study, trial: FrozenTrial) -> Params:
        """Return the parameters of a trial."""
        return self.propose(study, trial.number)
