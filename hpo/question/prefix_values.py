"""Which values of a prefix axis one fit answers, and which axes a trial takes the best value of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, BruteForceSampler, GridSampler

from algorithms.errors import AlgorithmError
from hpo.question.search import Searched

MOST = 20
"""Values of a range that are scored; a list is scored at each."""


def values_of(distribution: BaseDistribution | None) -> tuple[int, ...]:
    """Return the values of a prefix axis that are scored, in ascending order; none where it is not searched.

    Examples
    --------
    >>> values_of(IntDistribution(50, 1000))[:3], values_of(CategoricalDistribution([100, 10]))
    ((50, 100, 150), (10, 100))
    >>> values_of(IntDistribution(1, 3)), values_of(IntDistribution(5, 5))
    ((1, 2, 3), ())
    """
    found: set[int] = set()
    match distribution:
        case IntDistribution(low=low, high=high, step=step, log=log):
            spaced = np.geomspace(low, high, MOST) if log else np.linspace(low, high, MOST)
            found = {low + step * round((value - low) / step) for value in spaced.tolist()}
        case CategoricalDistribution(choices=choices):
            whole = [value for value in choices if isinstance(value, int) and not isinstance(value, bool)]
            found = set(whole) if len(whole) == len(choices) else set()
    return tuple(sorted(found)) if len(found) > 1 and min(found) > 0 else ()


def solved_axes(
    searched: Mapping[str, Searched], distributions: Mapping[str, BaseDistribution]
) -> Mapping[str, tuple[str, int]]:
    """Return the axes that each trial takes the best value of: by algorithm, their names and largest values.

    Those of algorithms that have it whatever else is searched: where one choice makes a model that does not hold
    the smaller ones, values are proposed.

    Parameters
    ----------
    searched : the algorithms by name.
    distributions : of the study's parameters.
    """
    found = {}
    for name, one in searched.items():
        prefix = f"{name}."
        tried = {k.removeprefix(prefix): _ends(d) for k, d in distributions.items() if k.startswith(prefix)}
        first = {k: values[0] for k, values in tried.items()}
        each = [first, *({**first, k: v} for k, values in tried.items() for v in values[1:])]
        axes = {_axis_of(one, values) for values in each}
        axis = axes.pop()
        scored = values_of(distributions.get(f"{prefix}{axis}"))
        if not axes and scored:
            found[name] = str(axis), scored[-1]
    return found


def _axis_of(one: Searched, values: Mapping[str, object]) -> str | None:
    """Return the prefix axis of a setting; None where it has none, or is no legal one."""
    try:
        prefixed = one.build(values).prefixed
    except AlgorithmError:
        return None
    return None if prefixed is None else prefixed.axis


def _ends(distribution: BaseDistribution) -> Sequence[object]:
    match distribution:
        case IntDistribution(low=low, high=high) | FloatDistribution(low=low, high=high):
            return (low, high)
        case CategoricalDistribution(choices=choices):
            return choices
    return ()


def every_value(sampler: str | BaseSampler) -> bool:
    """Return whether a sampler is a grid, which keeps every value of an axis as a trial of its own."""
    return sampler == "grid" or isinstance(sampler, (GridSampler, BruteForceSampler))


def answered(searched: Sequence[Searched]) -> dict[str, int]:
    """Return how many values of each solved axis one fit answers, by parameter: what a plan can say beforehand."""
    space = {f"{one.name}.{k}": d for one in searched for k, d in one.distributions({}).items()}
    axes = solved_axes({one.name: one for one in searched}, space)
    return {key: len(values_of(space[key])) for key in (f"{name}.{axis}" for name, (axis, _) in axes.items())}
