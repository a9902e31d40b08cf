"""Trials from states: training states by merging all folds but one, scores from the fold left out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from algorithms.contract import Algorithm, Held, Score, State
from algorithms.errors import Imprecise, Unscorable
from hpo.process.parallel import side_by_side
from hpo.process.threads import one_thread, threads_for, threads_of
from hpo.question.scoring import scores
from hpo.states.fold_sizes import without_class
from hpo.states.fold_states import FoldStates
from studies.record.standard_error import standard_error

Fold = tuple[tuple[Score, ...], bool]
"""The scores of one fold, and whether its solver reached its tolerance."""


@dataclass(frozen=True)
class Scores:
    """Fold scores of one setting, greater is better, and whether every solver reached its tolerance.

    Attributes
    ----------
    folds : one score for each split.
    converged : whether every solver reached its tolerance.
    also : the scores by the study's other metrics, by name; those that cannot be computed are NaN.
    bounds : how far each fold's score may be from the true one, by rounding or approximation; () if none is known.
    overlap : test rows by training rows, where splits test the same rows; 0 where each row is tested once at most.

    Examples
    --------
    >>> scores = Scores((1.0, 2.0, 3.0))
    >>> scores.mean, round(scores.se, 6), scores.bound
    (2.0, 0.57735, None)
    >>> round(Scores((1.0, 2.0, 3.0), overlap=0.25).se, 6)
    0.763763
    """

    folds: tuple[float, ...]
    converged: bool = True
    also: Mapping[str, Scores] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()
    overlap: float = 0.0

    @classmethod
    def of(cls, folds: Sequence[Score], overlap: float = 0.0) -> Scores:
        """Return the scores of the folds with their bounds, where any has one."""
        bounds = tuple(score.bound for score in folds)
        values = tuple(score.value for score in folds)
        return cls(values, bounds=bounds if any(bounds) else (), overlap=overlap)

    @property
    def bound(self) -> float | None:
        """How far the mean may be from the true one; None if no bound is known."""
        return math.fsum(self.bounds) / len(self.bounds) if self.bounds else None

    @cached_property
    def mean(self) -> float:
        """Mean of the fold scores."""
        return math.fsum(self.folds) / len(self.folds)

    @property
    def se(self) -> float:
        """Standard error of the mean; NaN for one fold."""
        found = standard_error(self.folds, self.overlap)
        return math.nan if found is None else found


def evaluate(
    algorithm: Algorithm, states: FoldStates, metric: str, also: Sequence[str] = ()
) -> Scores:
    """Return the fold scores of one setting; reads no data.

    Parameters
    ----------
    algorithm : hyperparameters set.
    states : of the algorithm's summary.
    metric : name of the score.
    also : names of further scores, of the same models.
    """
    return score_pairs(algorithm, states.train, states.held_out, metric, also, overlap=states.overlap)


def score_pairs(
    algorithm: Algorithm,
    train: Sequence[State],
    held_out: Sequence[Held],
    metric: str,
    also: Sequence[str] = (),
    *,
    overlap: float = 0.0,
) -> Scores:
    """Return one score for each pair of a training state and what was held out; one model serves all metrics."""
    names, pairs = (metric, *also), list(zip(train, held_out, strict=True))
    threads = threads_of(train) if algorithm.tags.in_threads else 1
    if threads > 1:
        return together(_beside(algorithm, pairs, names, threads), names, overlap)
    with threads_for(train):
        found = [fold_scores(algorithm, *pair, names) for pair in pairs]
    return together(found, names, overlap)


def _beside(
    algorithm: Algorithm, pairs: Sequence[tuple[State, Held]], names: Sequence[str], threads: int
) -> list[Fold]:
    """Return the scores of folds that are fitted in threads, each with what holds here, but warnings.

    Python has one list of what to warn of for all threads: one that leaves a part where nothing is to be said, as
    scikit-learn's descents are called, would end that of another.
    """
    made = ((copy_context(), pair) for pair in pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(side_by_side(lambda one: one[0].run(_alone, algorithm, *one[1], names), made, threads))


def _alone(algorithm: Algorithm, train: State, held: Held, names: Sequence[str]) -> Fold:
    """Return the scores of one fold, in a thread of its own that has one of BLAS and OpenMP."""
    with one_thread():
        return fold_scores(algorithm, train, held, names)


def fold_scores(
    algorithm: Algorithm, train: State, held: Held, names: Sequence[str]
) -> Fold:
    """Return the scores of a model of one training state, and whether its solver reached its tolerance."""
    solution = algorithm.solve(train)
    return tuple(scores(algorithm, solution, held, names)), algorithm.converged(solution)


def together(found: Sequence[Fold], names: Sequence[str], overlap: float) -> Scores:
    """Return what :func:`fold_scores` gave for each fold as one."""
    each, converged = zip(*found, strict=True)
    first, *others = (Scores.of(folds, overlap) for folds in zip(*each, strict=True))
    return replace(first, converged=all(converged), also=dict(zip(names[1:], others, strict=True)))


def usable(scores: Scores) -> bool:
    """Return whether every fold has a finite score."""
    return bool(np.all(np.isfinite(scores.folds)))


def check_usable(scores: Scores, metric: str, states: FoldStates | None = None) -> None:
    """Raise Unscorable where a fold has no finite score; of ``states`` it says which class a fold lacks.

    Examples
    --------
    >>> check_usable(Scores((1.0, math.nan)), "r2")
    Traceback (most recent call last):
    algorithms.errors.Unscorable: scoring='r2' is not finite in 1 of 2 folds; look for columns that are constant ...
    """
    if not usable(scores):
        broken = np.count_nonzero(~np.isfinite(scores.folds))
        why = without_class(states) if states is not None else ""
        raise Unscorable(
            f"scoring={metric!r} is not finite in {broken} of {len(scores.folds)} folds; "
            + (why or "look for columns that are constant in a fold's rows, or use fewer folds")
        )


@contextmanager
def naming_lacking_class(states: FoldStates) -> Iterator[None]:
    """Say of a score that cannot be computed which class a fold lacks: scikit-learn's reason may be that."""
    try:
        yield
    except Imprecise:
        raise
    except Unscorable as error:
        why = without_class(states)
        if not why or "fewer folds" in str(error):  # it says what to do by itself
            raise
        raise Unscorable(f"{error}; {why}") from error
