"""Settings are tried on a small part of the sample first, and the better third of them on the next.

What is trained in epochs is tried after a part of these instead, on every row: a rung continues from the one below.
So do boosted trees and forests whose number is solved: after a part of the trees.
The m rows of smallest priority of a sample are a sample of size m, so a rung needs no data: it is a prefix of
the states that are there. Which trials continue is decided by Optuna's own pruners: successive halving
(Li, Jamieson, Rostamizadeh et al. 2020, "A System for Massively Parallel Hyperparameter Tuning") and Hyperband
(Li, Jamieson, DeSalvo et al. 2018).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner

from algorithms.chained import EPOCHS
from algorithms.contract import Algorithm, State
from algorithms.errors import AlgorithmError
from hpo.states.evaluate import Scores, usable
from hpo.states.fold_states import FoldStates
from hpo.trials.prefixes import Rungs
from hpo.trials.scorer import Scorer
from hpo.trials.settings import Setting
from studies.record.trial_note import TrialNote

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import Trial


REDUCTION = 3
"""Of the trials at a rung, one in so many continues."""

STEPS = (1, 3, 9)
"""The smaller rungs, in twenty-sevenths of the sample."""

WHOLE = 27

LEAST_ROWS = 60
"""Rows of a training sample below which a rung is left out."""

Rung = tuple[float, tuple[float, ...]]
"""Mean training rows, epochs, or trees, at a rung, and the fold scores there."""

Part = tuple[int, float, tuple[Algorithm, Sequence[State]]]
"""A rung's share in twenty-sevenths, its size, and what is scored there."""


@dataclass
class Fidelity:
    """How trials climb from small samples to the whole.

    Attributes
    ----------
    name : ``"halving"`` or ``"hyperband"``.
    fits : models fitted to parts of a sample so far.

    Examples
    --------
    >>> type(Fidelity("halving").pruner()).__name__
    'SuccessiveHalvingPruner'
    """

    name: str
    fits: int = 0
    _parts: dict[tuple[FoldStates, int], list[State]] = field(default_factory=dict, repr=False)

    def pruner(self) -> BasePruner:
        """Return Optuna's pruner."""
        if self.name == "hyperband":
            return HyperbandPruner(min_resource=1, max_resource=WHOLE, reduction_factor=REDUCTION)
        return SuccessiveHalvingPruner(min_resource=1, reduction_factor=REDUCTION)

    def attempt(
        self, scorer: Scorer, trial: Trial, setting: Setting
    ) -> tuple[Setting, Scores | None, str | None]:
        """Return the fold scores of a setting; None, without a reason, where it was stopped at a rung.

        A setting whose prefix axis is solved comes back with its best value at the last rung.
        """
        reached: list[Rung] = []
        try:
            algorithm, states = scorer.build(*setting)
            rounds = scorer.rounds(setting)
        except AlgorithmError as error:
            return setting, None, str(error)
        if rounds:
            return self._grown(scorer, trial, setting, rounds)
        rungs = self._parts_of(algorithm, states) if algorithm.chained is None else _epochs_of(scorer, setting)
        for step, size, (early, train) in rungs:
            solved, found = self._at(scorer, setting, early, train, states)
            if found is None:
                continue
            reached.append((size, found.folds))
            trial.report(found.mean, step)
            if trial.should_prune():
                _note(trial, step, reached)
                return solved, None, None
        setting = scorer.solved(setting)
        scores, reason = scorer.attempt(setting)
        if scores is not None:
            _note(trial, WHOLE, [*reached, (_size(algorithm, states.train), scores.folds)])
        return setting, scores, reason

    def _grown(
        self, scorer: Scorer, trial: Trial, setting: Setting, rounds: Sequence[float]
    ) -> tuple[Setting, Scores | None, str | None]:
        """Return what :meth:`attempt` does, by rungs of ever more trees on every row, each grown once."""
        reached: list[Rung] = []
        steps = _rounds_at(rounds)

        def goes_on(value: float, scores: Scores) -> bool:
            reached.append((value, scores.folds))
            trial.report(scores.mean, steps[value])
            return not trial.should_prune()

        rungs = Rungs(tuple(steps), goes_on)
        try:
            setting, last = scorer.climbed(setting, rungs)
        except AlgorithmError as error:
            return setting, None, str(error)
        if rungs.stopped:
            _note(trial, steps[reached[-1][0]], reached)
            return setting, None, None
        scores, reason = scorer.attempt(setting)
        if scores is not None:
            _note(trial, WHOLE, [*reached, (last, scores.folds)])
        return setting, scores, reason

    def _parts_of(self, algorithm: Algorithm, states: FoldStates) -> Iterator[Part]:
        """Yield the rungs of an algorithm that is fitted to a sample: parts of it that are large enough."""
        for step in STEPS:
            if train := self._part(states, step):
                yield step, _size(algorithm, train), (algorithm, train)

    def _at(
        self, scorer: Scorer, setting: Setting, early: Algorithm, train: Sequence[State], states: FoldStates
    ) -> tuple[Setting, Scores | None]:
        """Return the scores of a part, None where it has none, and the setting that they are of."""
        self.fits += len(train)
        try:
            solved, found = scorer.part(setting, early, states, train)
        except AlgorithmError:
            return setting, None
        return solved, found if usable(found) else None

    def _part(self, states: FoldStates, step: int) -> list[State]:
        if (states, step) not in self._parts:
            self._parts[states, step] = parts_of(states.train, step / WHOLE)
        return self._parts[states, step]


def parts_of(states: Sequence[State], share: float) -> list[State]:
    """Return a share of every sample; none where a state is not a sample, or the share too small to learn from."""
    samples = [state for state in states if state.nests]
    sizes = [math.ceil(sample.kept_rows * share) for sample in samples]
    if len(samples) < len(states) or min(sizes) < LEAST_ROWS:
        return []
    return [sample.prefix(m) for sample, m in zip(samples, sizes, strict=True)]


def _rounds_at(values: Sequence[float]) -> dict[float, int]:
    """Return the values of an axis that are rungs, with their shares in twenty-sevenths of the last.

    Examples
    --------
    >>> _rounds_at(range(10, 271, 10)), _rounds_at([100, 500])
    ({10: 1, 30: 3, 90: 9}, {100: 3})
    """
    found = {}
    for step in STEPS:
        value = next(value for value in values if value * WHOLE >= step * values[-1])
        if value < values[-1]:
            found[value] = step
    return found


def _epochs_of(scorer: Scorer, setting: Setting) -> Iterator[Part]:
    """Yield the rungs of an algorithm that is trained in epochs: some of these."""
    name, values = setting
    algorithm, states = scorer.build(name, values)
    length = 0 if algorithm.chained is None else algorithm.chained.length
    last = 0
    for step in STEPS:
        epochs = math.ceil(length * step / WHOLE)
        if last < epochs < length:
            early, _ = scorer.build(name, {**values, EPOCHS: epochs})
            yield step, float(epochs), (early, states.train)
        last = epochs


def _size(algorithm: Algorithm, train: Sequence[State]) -> float:
    """Return the epochs, or the mean of the training rows."""
    if algorithm.chained is not None:
        return float(algorithm.chained.length)
    return sum(state.kept_rows if state.nests else state.rows for state in train) / len(train)


def _note(trial: Trial, step: int, reached: Sequence[Rung]) -> None:
    note = TrialNote(fidelity=round(step / WHOLE, 6), rungs=tuple(reached))
    for name, value in note.encode().items():
        trial.set_user_attr(name, value)
