"""Scores along a prefix axis: one fit a fold, of the largest value, answers every smaller one.

An axis that is solved is no parameter of the sampler's: it proposes the others, and a trial takes the best value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from algorithms.contract import Algorithm, Held, Prefixed, State
from algorithms.errors import AlgorithmError, Unscorable
from hpo.process.threads import threads_for
from hpo.question.scoring import scores as scores_of
from hpo.question.search import Searched
from hpo.states.evaluate import Scores, together, usable
from hpo.trials.settings import Setting

MOST = 20
"""Values of a range that are scored; a list is scored at each."""

Curve = Mapping[int, Scores]
"""The scores by the value of the axis, in ascending order; only those that every fold has."""


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


def curve(
    algorithm: Algorithm,
    prefixed: Prefixed,
    folds: Sequence[tuple[State, Held]],
    values: Sequence[int],
    names: Sequence[str],
    overlap: float = 0.0,
) -> Curve:
    """Return the scores at every value, from one fit a fold.

    Parameters
    ----------
    algorithm, prefixed : the same, with the largest value set.
    folds : training states, and what is held out of each.
    values : of the axis, the largest last.
    names : the score, and further ones.
    overlap : test rows by training rows, where splits test the same rows.

    Raises
    ------
    Unscorable
        No value has a finite score in every fold.
    """
    each = []
    with threads_for([train for train, _ in folds]):
        for train, held in folds:
            whole = algorithm.solve(train)
            settled = algorithm.converged(whole)
            parts = prefixed.along(whole, values, held)
            each.append([(tuple(scores_of(algorithm, part, held, names)), settled) for part in parts])
    found = {
        value: together(one, names, overlap) for value, one in zip(values, zip(*each, strict=True), strict=True)
    }
    kept = {value: scores for value, scores in found.items() if usable(scores)}
    if not kept:
        raise Unscorable(
            f"scoring={names[0]!r} is finite in every fold for no value of {prefixed.axis} from {values[0]} to "
            f"{values[-1]}; use fewer folds"
        )
    return kept


def best_of(found: Curve) -> int:
    """Return the value of the best mean over folds; of equals the smallest.

    Examples
    --------
    >>> best_of({10: Scores((0.5,)), 20: Scores((0.7,)), 30: Scores((0.7,))})
    20
    """
    return max(found, key=lambda value: (found[value].mean, -value))


@dataclass
class Prefixes:
    """The curves of a study's settings, each computed once.

    Attributes
    ----------
    distributions : of the study's parameters.
    solves : whether a trial takes the best value of its axis.
    solved : by algorithm, the axis that is not proposed for this reason, and its largest value.
    saved : fits that the axis saved: those of the values that one fit answered.
    """

    distributions: Mapping[str, BaseDistribution]
    solves: bool = True
    solved: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    saved: int = 0
    _known: dict[tuple[str, tuple[tuple[str, object], ...]], Curve] = field(default_factory=dict, repr=False)

    def values(self, name: str, prefixed: Prefixed | None) -> tuple[int, ...]:
        """Return the values of an algorithm's axis that are scored; none where it has none, or one value."""
        return () if prefixed is None else values_of(self.distributions.get(f"{name}.{prefixed.axis}"))

    def begun(self, setting: Setting) -> Setting:
        """Return a setting with the largest value of an axis that is not proposed, where it has none yet."""
        name, values = setting
        axis, largest = self.solved.get(name, ("", 0))
        return setting if not axis or axis in values else (name, {**values, axis: largest})

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that are not proposed."""
        return frozenset(f"{name}.{axis}" for name, (axis, _) in self.solved.items())

    def known(self, setting: Setting, axis: str) -> Curve | None:
        """Return the curve of a setting, whatever its value of the axis; None where there is none yet."""
        return self._known.get(_beside(setting, axis))

    def keep(self, setting: Setting, axis: str, found: Curve, folds: int) -> None:
        """Keep the curve of a setting."""
        self._known[_beside(setting, axis)] = found
        self.saved += (len(found) - 1) * folds


def _beside(setting: Setting, axis: str) -> tuple[str, tuple[tuple[str, object], ...]]:
    name, values = setting
    return name, tuple(sorted((key, value) for key, value in values.items() if key != axis))
