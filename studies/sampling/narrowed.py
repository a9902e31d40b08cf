"""A sampler of a whole space that proposes what is left of it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler

from studies.sampling.proposer import ByNumber
from studies.sampling.space import split

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, TrialState


class Narrowed(BaseSampler):
    """Asks a sampler, whatever it is, and draws another choice for each one that is not left.

    What the sampler learned until now stays: it continues in the space that it knows.

    Attributes
    ----------
    inner : the sampler that is asked.
    left : what is left of the space, by parameter.
    """

    def __init__(self, inner: BaseSampler, left: Mapping[str, BaseDistribution]) -> None:
        self.inner = inner
        self.left = left

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the space that the sampler knows."""
        return self.inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the sampler's setting, its choices among those that are left."""
        asked = self.inner.sample_relative(study, trial, search_space)
        return {name: self._one_left(trial, name, value) for name, value in asked.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the sampler's value of one parameter, if it is left."""
        value = self.inner.sample_independent(study, trial, param_name, param_distribution)
        return self._one_left(trial, param_name, value)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass it on."""
        self.inner.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass it on."""
        self.inner.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Pass it on."""
        self.inner.reseed_rng()

    def _one_left(self, trial: FrozenTrial, name: str, value: object) -> object:
        """Return the value, or one of the choices that are left in its place: the same in every run."""
        d = self.left.get(name)
        if not isinstance(d, CategoricalDistribution) or value in d.choices:
            return value
        return d.choices[np.random.default_rng([trial.number, *name.encode()]).integers(len(d.choices))]


def narrowed(sampler: BaseSampler, left: Mapping[str, BaseDistribution]) -> BaseSampler:
    """Return a sampler that proposes what is left alone: its own of that part of the space, if it has one.

    Examples
    --------
    >>> from optuna.samplers import RandomSampler
    >>> type(narrowed(RandomSampler(), {"a": CategoricalDistribution((1, 3))})).__name__
    'Narrowed'
    """
    inner = sampler.inner if isinstance(sampler, Narrowed) else sampler
    made = inner.within(split(left)) if isinstance(inner, ByNumber) else None
    return Narrowed(inner, left) if made is None else made
