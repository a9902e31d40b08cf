"""Scores along a prefix axis: one fit a fold answers every value of it.

The sampler proposes no value of an axis that is solved, only the others, and a trial takes the best value.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
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


@dataclass
class EarlyStopping:
    """When models stop growing: once so many rounds have not raised the mean score over the folds.

    Attributes
    ----------
    rounds : None for never.
    saved : rounds that were not grown, over all folds and settings.

    Examples
    --------
    >>> EarlyStopping(20).over({10: 0.5, 20: 0.7, 30: 0.6}), EarlyStopping(20).over({10: 0.5, 20: 0.4, 30: 0.5})
    (False, True)
    """

    rounds: int | None = None
    saved: int = 0

    def over(self, means: Mapping[float, float]) -> bool:
        """Return whether the best mean is so many rounds before the last; NaN is never the best."""
        finite = {value: mean for value, mean in means.items() if math.isfinite(mean)}
        if self.rounds is None or not finite:
            return False
        return max(means) - max(finite, key=lambda value: finite[value]) >= self.rounds


@dataclass
class Rungs:
    """Where somebody is asked, while models grow, whether this setting is worth continuing with.

    Attributes
    ----------
    values : of the axis.
    goes_on : is given a value and the scores of the best one so far.
    stopped : whether it was not.
    """

    values: Sequence[float]
    goes_on: Callable[[float, Scores], bool]
    stopped: bool = False

    def over(self, found: Curve) -> bool:
        """Return whether models stop growing after the last value; only if that has scores."""
        value, known = max(found), {key: scores for key, scores in found.items() if usable(scores)}
        if value in self.values and known:
            self.stopped = not self.goes_on(value, known[best_of(known)])
        return self.stopped


def curve(
    algorithm: Algorithm,
    prefixed: Prefixed,
    folds: Sequence[tuple[State, Held]],
    values: Sequence[float],
    names: Sequence[str],
    overlap: float = 0.0,
    stopping: EarlyStopping | None = None,
    rungs: Rungs | None = None,
) -> Curve:
    """Return the scores at every value, from one fit a fold; with early stopping, of those before it.

    Parameters
    ----------
    algorithm, prefixed : the same, with the last value set.
    folds : training states, and what is held out of each.
    values : of the axis, that of the largest model last.
    names : the score, and further ones.
    overlap : test rows by training rows, where splits test the same rows.
    stopping : when all folds stop growing; where one value falls as models grow, they never do.
    rungs : where somebody else may stop them.

    Raises
    ------
    Unscorable
        No value has a finite score in every fold.
    """
    with threads_for([train for train, _ in folds]):
        if (stopping is None or stopping.rounds is None or prefixed.falling) and rungs is None:
            found = _whole(algorithm, prefixed, folds, values, names, overlap)
        else:
            stopping = EarlyStopping() if stopping is None else stopping
            found = _stopped(algorithm, prefixed, folds, values, names, overlap, stopping, rungs)
    kept = {value: scores for value, scores in found.items() if usable(scores)}
    if not kept:
        raise Unscorable(
            f"scoring={names[0]!r} is finite in every fold for no value of {prefixed.axis} from {min(values)} to "
            f"{max(values)}; use fewer folds"
        )
    return kept


def _whole(
    algorithm: Algorithm, prefixed: Prefixed, folds: Sequence[tuple[State, Held]], values: Sequence[float],
    names: Sequence[str], overlap: float,
) -> Curve:  # fmt: skip
    """Return the scores at every value, one fold after another."""
    each = []
    for train, held in folds:
        whole = algorithm.solve(train)
        settled = algorithm.converged(whole)
        parts = prefixed.along(whole, values, held)
        each.append([(tuple(scores_of(algorithm, part, held, names)), settled) for part in parts])
    scored = zip(values, zip(*each, strict=True), strict=True)
    return {value: together(one, names, overlap) for value, one in scored}


def _stopped(
    algorithm: Algorithm, prefixed: Prefixed, folds: Sequence[tuple[State, Held]], values: Sequence[float],
    names: Sequence[str], overlap: float, stopping: EarlyStopping, rungs: Rungs | None,
) -> Curve:  # fmt: skip
    """Return the scores at the values before growing stops: all folds grow together, since their mean decides."""
    found: dict[float, Scores] = {}
    with contextlib.ExitStack() as growing:
        begun = [contextlib.closing(prefixed.growing(train, values, held)) for train, held in folds]
        each = [growing.enter_context(one) for one in begun]
        for value in values:
            parts = [(next(one), held) for one, (_, held) in zip(each, folds, strict=True)]
            scored = [
                (tuple(scores_of(algorithm, part, held, names)), algorithm.converged(part)) for part, held in parts
            ]
            found[value] = together(scored, names, overlap)
            ends = rungs is not None and rungs.over(found)
            if ends or stopping.over({known: scores.mean for known, scores in found.items()}):
                break
    if all(prefixed.grows(train) for train, _ in folds):
        stopping.saved += int(values[-1] - value) * len(folds)
    return found


def best_of(found: Curve, *, one_std_err: bool = False) -> float:
    """Return the value of the best mean over folds; of equals the first, which makes the smallest model.

    Parameters
    ----------
    found : the scores, the smallest model first.
    one_std_err : whether the smallest model whose mean is within one standard error of the best is taken (Breiman,
        Friedman, Olshen and Stone 1984, section 3.4.3).

    Examples
    --------
    >>> best_of({10: Scores((0.5,)), 20: Scores((0.7,)), 30: Scores((0.7,))})
    20
    >>> scores = {10: Scores((0.2, 0.3)), 20: Scores((0.5, 0.6)), 30: Scores((0.5, 0.7))}
    >>> best_of(scores), best_of(scores, one_std_err=True)
    (30, 20)
    """
    best = max(found, key=lambda value: found[value].mean)
    error = found[best].se if one_std_err else 0.0
    least = found[best].mean - (error if math.isfinite(error) else 0.0)
    return next(value for value, scores in found.items() if scores.mean >= least)


@dataclass
class Prefixes:
    """The curves of a study's settings, each computed once.

    Attributes
    ----------
    distributions : of the study's parameters.
    solves : whether a trial takes the best value of its axis.
    solved : by algorithm, the axis that is not proposed for this reason.
    stopping : when models stop growing.
    one_std_err : whether the smallest model within one standard error of the best is taken.
    saved : fits that the axis saved: those of the values that one fit answered.
    """

    distributions: Mapping[str, BaseDistribution]
    solves: bool = True
    solved: Mapping[str, Solved] = field(default_factory=dict)
    stopping: EarlyStopping = field(default_factory=EarlyStopping)
    one_std_err: bool = False
    saved: int = 0
    _known: dict[tuple[str, tuple[tuple[str, object], ...]], Curve] = field(default_factory=dict, repr=False)
    _failed: dict[tuple[str, tuple[tuple[str, object], ...]], AlgorithmError] = field(
        default_factory=dict, repr=False
    )

    def best(self, found: Curve) -> float:
        """Return the value of an axis that a trial takes."""
        return best_of(found, one_std_err=self.one_std_err)

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

    def keep(self, setting: Setting, axis: str, found: Curve, folds: int, *, whole: bool = True) -> None:
        """Keep the curve of a setting, if it is whole, and count the fits that it saved."""
        if whole:
            self._known[_beside(setting, axis)] = found
        self.saved += (len(found) - 1) * folds


def _beside(setting: Setting, axis: str) -> tuple[str, tuple[tuple[str, object], ...]]:
    name, values = setting
    return name, tuple(sorted((key, value) for key, value in values.items() if key != axis))
