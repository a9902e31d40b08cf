"""Candidates that Optuna proposes, of lists and of distributions of Optuna's and SciPy's."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.stats.distributions import rv_frozen

from studies.quiet import quiet
from studies.sampling.samplers import make_sampler
from studies.sampling.stopping import stopping


@runtime_checkable
class Drawn(Protocol):
    """A distribution of SciPy's."""

    def rvs(self, *, random_state: np.random.RandomState) -> object:
        """Return a value."""
        ...

    def support(self) -> tuple[float, float]:
        """Return the ends of its values."""
        ...


Asked: TypeAlias = Mapping[str, Sequence[object] | BaseDistribution | Drawn]
"""What is searched: lists, and distributions, by parameter."""


def are_lists(asked: Asked) -> bool:
    """Return whether there is nothing but lists: a grid.

    Examples
    --------
    >>> are_lists({"alpha": [0.1, 1.0]}), are_lists({"alpha": FloatDistribution(0.1, 1.0)})
    (True, False)
    """
    return not any(isinstance(one, BaseDistribution | Drawn) for one in asked.values())


def as_distribution(asked: Sequence[object] | BaseDistribution | Drawn) -> BaseDistribution | None:
    """Return what Optuna samples; None for a distribution that is drawn from alone.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> as_distribution(loguniform(0.01, 10.0))
    FloatDistribution(high=10.0, log=True, low=0.01, step=None)
    """
    if isinstance(asked, BaseDistribution):
        return asked
    if not isinstance(asked, Drawn):
        return CategoricalDistribution(list(range(len(asked))))
    low, high = asked.support()
    name = asked.dist.name if isinstance(asked, rv_frozen) else ""
    if name in ("loguniform", "reciprocal"):
        return FloatDistribution(float(low), float(high), log=True)
    if name == "uniform":
        return FloatDistribution(float(low), float(high))
    return IntDistribution(int(low), int(high)) if name == "randint" else None


@dataclass
class Proposals:
    """What steers a search.

    Attributes
    ----------
    asked : what is searched.
    sampler : a name of ours, or one of Optuna's.
    seed : of the sampler.
    trials, timeout : after how many candidates, and seconds, a search ends; None for no limit of time.
    study : that candidates are added to; None for a new one.
    callbacks : called with the study and each finished trial.
    """

    asked: Asked
    sampler: str | BaseSampler
    seed: int
    trials: int
    timeout: float | None = None
    study: Study | None = None
    callbacks: tuple[Callable[[Study, FrozenTrial], None], ...] = ()

    def run(self, score: Callable[[Mapping[str, object]], float]) -> Study:
        """Propose candidates one after the other, each with the scores of those before it; returns the study.

        Raises
        ------
        ValueError
            The study minimises, or has several objectives.
        """
        if self.study is not None and self.study.directions != [StudyDirection.MAXIMIZE]:
            raise ValueError(
                f"study={self.study.study_name!r}: its direction is "
                f"{', '.join(one.name.lower() for one in self.study.directions)}, and scores are maximized; "
                "make it with optuna.create_study(direction='maximize')"
            )
        space = {name: made for name, one in self.asked.items() if (made := as_distribution(one)) is not None}
        rng = np.random.RandomState(self.seed)
        ends = math.inf if self.timeout is None else time.monotonic() + self.timeout
        with quiet():
            study = self.study or optuna.create_study(
                direction="maximize",
                sampler=make_sampler(self.sampler, seed=self.seed, space=space, trials=self.trials, goals=1),
            )
            with stopping(study) as ended:
                for _ in range(self.trials):
                    trial = study.ask(space)
                    value = score(self._candidate(trial.params, rng))
                    if math.isfinite(value):
                        study.tell(trial, value)
                    else:
                        study.tell(trial, state=TrialState.FAIL)
                    for call in self.callbacks:
                        call(study, study.get_trials(deepcopy=False)[trial.number])
                    if ended.is_set() or time.monotonic() >= ends:
                        break
        return study

    def _candidate(self, proposed: Mapping[str, object], rng: np.random.RandomState) -> dict[str, object]:
        """Return the values of a candidate: of lists the chosen element, the others drawn where Optuna does not."""
        made: dict[str, object] = {}
        for name, one in self.asked.items():
            if isinstance(one, BaseDistribution) or name not in proposed:
                made[name] = one.rvs(random_state=rng) if isinstance(one, Drawn) else proposed[name]
            else:
                made[name] = proposed[name] if isinstance(one, Drawn) else one[cast(int, proposed[name])]
        return made
