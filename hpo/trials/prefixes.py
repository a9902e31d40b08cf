"""Scores along a prefix axis: one fit a fold answers every value of it.

An axis that is solved is no parameter of the sampler's: it proposes the others, and a trial takes the best value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from optuna.distributions import BaseDistribution

from algorithms.contract import Algorithm, Held, Prefixed, State
from algorithms.errors import AlgorithmError, Imprecise, Unscorable
from hpo.process.threads import threads_for
from hpo.question.prefix_values import Solved, values_of
from hpo.question.scoring import scores as scores_of
from hpo.states.evaluate import Scores, together, usable
from hpo.trials.settings import Setting

Curve = Mapping[float, Scores]
"""The scores by the value of the axis, the smallest model first; only those that every fold has."""


def curve(
    algorithm: Algorithm,
    prefixed: Prefixed,
    folds: Sequence[tuple[State, Held]],
    values: Sequence[float],
    names: Sequence[str],
    overlap: float = 0.0,
) -> Curve:
    """Return the scores at every value, from one fit a fold.

    Parameters
    ----------
    algorithm, prefixed : the same, with the last value set.
    folds : training states, and what is held out of each.
    values : of the axis, that of the largest model last.
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
            f"scoring={names[0]!r} is finite in every fold for no value of {prefixed.axis} from {min(values)} to "
            f"{max(values)}; use fewer folds"
        )
    return kept


def best_of(found: Curve) -> float:
    """Return the value of the best mean over folds; of equals the first, which makes the smallest model.

    Examples
    --------
    >>> best_of({10: Scores((0.5,)), 20: Scores((0.7,)), 30: Scores((0.7,))})
    20
    """
    return max(found, key=lambda value: found[value].mean)


@dataclass
class Prefixes:
    """The curves of a study's settings, each computed once.

    Attributes
    ----------
    distributions : of the study's parameters.
    solves : whether a trial takes the best value of its axis.
    solved : by algorithm, the axis that is not proposed for this reason.
    saved : fits that the axis saved: those of the values that one fit answered.
    """

    distributions: Mapping[str, BaseDistribution]
    solves: bool = True
    solved: Mapping[str, Solved] = field(default_factory=dict)
    saved: int = 0
    _known: dict[tuple[str, tuple[tuple[str, object], ...]], Curve] = field(default_factory=dict, repr=False)
    _failed: dict[tuple[str, tuple[tuple[str, object], ...]], AlgorithmError] = field(
        default_factory=dict, repr=False
    )

    def values(self, name: str, prefixed: Prefixed | None) -> tuple[float, ...]:
        """Return the values of an algorithm's axis that are scored; none where it has none, or one value."""
        if prefixed is None:
            return ()
        return values_of(self.distributions.get(f"{name}.{prefixed.axis}"), falling=prefixed.falling)

    def begun(self, setting: Setting) -> Setting:
        """Return a setting with the value of an axis that is fitted, where none is proposed."""
        name, values = setting
        axis = self.solved.get(name)
        return setting if axis is None or axis.name in values else (name, {**values, axis.name: axis.values[-1]})

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that are not proposed."""
        return frozenset(f"{name}.{axis.name}" for name, axis in self.solved.items())

    def known(self, setting: Setting, axis: str) -> Curve | None:
        """Return the curve of a setting, whatever its value of the axis; None where there is none yet."""
        return self._known.get(_beside(setting, axis))

    def fail(self, setting: Setting, axis: str, error: AlgorithmError) -> None:
        """Keep why a setting has no curve; what lacks digits may have one later."""
        if not isinstance(error, Imprecise):
            self._failed[_beside(setting, axis)] = error

    def check(self, setting: Setting, axis: str) -> None:
        """Raise again what a setting failed with; it is not fitted a second time."""
        if (error := self._failed.get(_beside(setting, axis))) is not None:
            raise error

    def keep(self, setting: Setting, axis: str, found: Curve, folds: int) -> None:
        """Keep the curve of a setting."""
        self._known[_beside(setting, axis)] = found
        self.saved += (len(found) - 1) * folds


def _beside(setting: Setting, axis: str) -> tuple[str, tuple[tuple[str, object], ...]]:
    name, values = setting
    return name, tuple(sorted((key, value) for key, value in values.items() if key != axis))
