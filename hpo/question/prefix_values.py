"""Which values of a prefix axis one fit answers, and which axes a trial takes the best value of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, BruteForceSampler, GridSampler

from algorithms.errors import AlgorithmError
from hpo.question.search import Searched, ends_of

MOST = 20
"""Values of a range that are scored; a list is scored at each."""


@dataclass(frozen=True)
class Axis:
    """A prefix axis: its hyperparameter, and whether the smallest value answers the larger ones."""

    name: str
    falling: bool


@dataclass(frozen=True)
class Solved:
    """An axis that trials solve: its hyperparameter, and the values that are scored, the last of them fitted."""

    name: str
    values: tuple[float, ...]

    @property
    def grows(self) -> bool:
        """Whether models grow along it, such as by trees; else one that is grown is cut back."""
        return self.values[0] < self.values[-1]


def values_of(distribution: BaseDistribution | None, *, falling: bool = False) -> tuple[float, ...]:
    """Return the values of a prefix axis that are scored, the last of them fitted; none where it is not searched.

    Parameters
    ----------
    distribution : of the parameter.
    falling : whether the smallest value answers the larger ones, which may be fractions and zero.

    Examples
    --------
    >>> values_of(IntDistribution(50, 1000))[:3], values_of(CategoricalDistribution([100, 10]))
    ((50, 100, 150), (10, 100))
    >>> values_of(IntDistribution(1, 3)), values_of(IntDistribution(5, 5))
    ((1, 2, 3), ())
    >>> values_of(CategoricalDistribution([0.0, 0.1]), falling=True)
    (0.1, 0.0)
    """
    found: set[float] = set()
    match distribution:
        case IntDistribution(low=low, high=high, step=step, log=log):
            found = {low + step * round((value - low) / step) for value in _spaced(low, high, log=log)}
        case FloatDistribution(low=least, high=most, step=each, log=log) if falling:
            found = set(_spaced(least, most, log=log))
            if each is not None:
                found = {least + each * round((value - least) / each) for value in found}
        case CategoricalDistribution(choices=choices):
            kinds = (int, float) if falling else (int,)
            numbers = [value for value in choices if isinstance(value, kinds) and not isinstance(value, bool)]
            found = set(numbers) if len(numbers) == len(choices) else set()
    legal = len(found) > 1 and min(found) >= (0 if falling else 1)
    return tuple(sorted(found, reverse=falling)) if legal else ()


def _spaced(low: float, high: float, *, log: bool) -> list[float]:
    found: list[float] = (np.geomspace if log else np.linspace)(low, high, MOST).tolist()
    return [low, *found[1:-1], high]


def solved_axes(
    searched: Mapping[str, Searched], distributions: Mapping[str, BaseDistribution]
) -> Mapping[str, Solved]:
    """Return the axes that each trial takes the best value of, by algorithm.

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
        tried = {k.removeprefix(prefix): ends_of(d) for k, d in distributions.items() if k.startswith(prefix)}
        first = {k: values[0] for k, values in tried.items()}
        each = [first, *({**first, k: v} for k, values in tried.items() for v in values[1:])]
        axes = {_axis_of(one, values) for values in each}
        axis = axes.pop()
        scored = values_of(distributions.get(f"{prefix}{axis.name}"), falling=axis.falling) if axis else ()
        if axis and not axes and scored:
            found[name] = Solved(axis.name, scored)
    return found


def _axis_of(one: Searched, values: Mapping[str, object]) -> Axis | None:
    """Return the prefix axis of a setting; None where it has none, or is no legal one."""
    try:
        prefixed = one.build(values).prefixed
    except AlgorithmError:
        return None
    return None if prefixed is None else Axis(prefixed.axis, prefixed.falling)


def every_value(sampler: str | BaseSampler) -> bool:
    """Return whether a sampler is a grid, which keeps every value of an axis as a trial of its own."""
    return sampler == "grid" or isinstance(sampler, (GridSampler, BruteForceSampler))


def axes_of(searched: Sequence[Searched]) -> dict[str, Solved]:
    """Return the solved axes by parameter: what can be said before there is data."""
    space = {f"{one.name}.{k}": d for one in searched for k, d in one.distributions({}).items()}
    axes = solved_axes({one.name: one for one in searched}, space)
    return {f"{name}.{axis.name}": axis for name, axis in axes.items()}


def answered(searched: Sequence[Searched]) -> dict[str, int]:
    """Return how many values of each solved axis one fit answers, by parameter."""
    return {name: len(axis.values) for name, axis in axes_of(searched).items()}
