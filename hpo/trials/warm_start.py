"""Another study's trials in the terms of this one."""

from __future__ import annotations

from collections.abc import Mapping

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from algorithms.ranges import as_number
from studies.sampling.space import ALGORITHM


def translated(trial: FrozenTrial, space: Mapping[str, BaseDistribution]) -> FrozenTrial | None:
    """Return another study's trial in the terms of this space, or None if it lies outside.

    A study of one algorithm and a study of several differ in the parameter ``"algorithm"`` alone.
    """
    if trial.state is not TrialState.COMPLETE or not trial.params:
        return None
    name = str(trial.params.get(ALGORITHM) or next(iter(trial.params)).partition(".")[0])
    params = {k: v for k, v in trial.params.items() if k != ALGORITHM}
    if ALGORITHM in space:
        params = {ALGORITHM: name, **params}
    if params.keys() != {k for k in space if k == ALGORITHM or k.startswith(f"{name}.")}:
        return None
    if not all(holds(space[k], v) for k, v in params.items()):
        return None
    return create_trial(
        state=trial.state, values=trial.values, params=params, distributions={k: space[k] for k in params}
    )


def holds(distribution: BaseDistribution, value: object) -> bool:
    """Return whether a value lies in a distribution.

    Examples
    --------
    >>> from optuna.distributions import IntDistribution
    >>> holds(IntDistribution(1, 3), 4)
    False
    """
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if isinstance(distribution, (FloatDistribution, IntDistribution)):
        number = None if isinstance(value, bool) else as_number(value)
        return number is not None and distribution.low <= number <= distribution.high
    return False
