"""Trials from states: training states by merging all folds but one, scores from the fold left out."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from algorithms.contract import Algorithm, Held, Score, Summary
from algorithms.errors import Unscorable
from algorithms.families.calibrated import Cells, CellsSummary
from hpo.data.cells import FoldPlan
from hpo.errors import TuneError
from hpo.question.scoring import scores
from hpo.states.fold_sizes import without_class
from studies.record.standard_error import standard_error


@dataclass(frozen=True, eq=False)
class FoldStates:
    """The states of one summary that a cross-validation needs.

    Attributes
    ----------
    cells : one state per cell of the plan.
    train, test : one state per split.
    whole : the state of every row.
    plan : which cells a split trains and tests on.
    summary : what made the states, knowing what it learned.
    sample : the states of the sample that scores are computed on; None where all are exact.
    exact : the metrics that states tell exactly.
    plain : the states without their cells beside them; None where these are those.
    """

    cells: tuple[Any, ...]
    train: tuple[Any, ...]
    test: tuple[Any, ...]
    whole: Any
    plan: FoldPlan
    summary: Summary[Any]
    sample: FoldStates | None = None
    exact: frozenset[str] = frozenset()
    plain: FoldStates | None = None

    def merged(self, cells: Sequence[int]) -> Any:
        """Return the state of those cells' rows, merged in the order given."""
        return functools.reduce(self.summary.merge, (self.cells[c] for c in cells))

    def held_cell(self, cell: int) -> Held[Any]:
        """Return what scores are computed on when one cell is held out."""
        return Held(self.cells[cell], None if self.sample is None else self.sample.cells[cell], self.exact)

    @functools.cached_property
    def beside_cells(self) -> FoldStates:
        """The same states, each beside its cells and their sampled rows: what a threshold is chosen on."""
        if self.sample is None:
            raise TuneError("a threshold is chosen on sampled rows, and this study keeps none")
        summary = CellsSummary(self.summary)
        parts = tuple(zip(self.cells, self.sample.cells, strict=True))

        def beside(whole: Any, cells: Sequence[int]) -> Cells:
            return Cells(tuple(parts[c] for c in cells), whole, self.summary.merge)

        splits = self.plan.splits
        return replace(
            self,
            cells=tuple(beside(state, [c]) for c, state in enumerate(self.cells)),
            train=tuple(beside(state, s.train) for state, s in zip(self.train, splits, strict=True)),
            test=tuple(beside(state, s.test) for state, s in zip(self.test, splits, strict=True)),
            whole=beside(self.whole, range(len(self.cells))),
            summary=summary,
            plain=self,
        )

    def anew(self, summary: Summary[Any], cells: Sequence[Any]) -> FoldStates:
        """Return the states of another pass over the same rows, with the same plan and sample."""
        return replace(fold_states(summary, cells, self.plan), sample=self.sample, exact=self.exact)

    def for_algorithm(self, algorithm: Algorithm[Any, Any]) -> FoldStates:
        """Return the states as an algorithm takes them."""
        return self.beside_cells if algorithm.tags.beside_cells else self

    @functools.cached_property
    def overlap(self) -> float:
        """Test rows by training rows, where splits test the same rows; 0 where each row is tested once at most."""
        if not self.plan.repeats:
            return 0.0
        train, test = (sum(state.rows for state in states) for states in (self.train, self.test))
        return float(test / train) if train else 0.0

    @functools.cached_property
    def held_out(self) -> tuple[Held[Any], ...]:
        """What the score of each split is computed on."""
        rows: Sequence[Any] = [None] * len(self.test) if self.sample is None else self.sample.test
        return tuple(Held(state, sample, self.exact) for state, sample in zip(self.test, rows, strict=True))


@dataclass(frozen=True)
class Scores:
    """Fold scores of one setting, greater is better, and whether every solver reached its tolerance.

    Attributes
    ----------
    folds : one score for each split.
    converged : whether every solver reached its tolerance.
    also : the scores by the study's other metrics, by name; those that cannot be told are NaN.
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

    @property
    def mean(self) -> float:
        """Mean of the fold scores."""
        return math.fsum(self.folds) / len(self.folds)

    @property
    def se(self) -> float:
        """Standard error of the mean; NaN for one fold."""
        found = standard_error(self.folds, self.overlap)
        return math.nan if found is None else found


def fold_states(summary: Summary[Any], cells: Sequence[Any], plan: FoldPlan) -> FoldStates:
    """Merge cells into training and test states, never by subtraction.

    When every split leaves out one cell, prefix and suffix merges make all K of them in 3K merges.

    Parameters
    ----------
    summary : its ``merge`` is used.
    cells : one state per cell of the plan.
    plan : the splits.
    """
    cells = tuple(cells)
    made = FoldStates(cells, (), (), None, plan, summary)
    test = tuple(made.merged(split.test) for split in plan.splits)
    if leaves_one_out(plan):
        others, whole = _all_but_one(summary, cells)
        train = tuple(others[split.test[0]] for split in plan.splits)
    else:
        train = tuple(made.merged(split.train) for split in plan.splits)
        whole = made.merged(range(plan.n_cells))
    return FoldStates(cells, train, test, whole, plan, summary)


def leaves_one_out(plan: FoldPlan) -> bool:
    """Return whether each split tests on one cell and trains on all the others."""
    everything = set(range(plan.n_cells))
    return all(len(s.test) == 1 and set(s.train) == everything - set(s.test) for s in plan.splits)


def evaluate(
    algorithm: Algorithm[Any, Any], states: FoldStates, metric: str, also: Sequence[str] = ()
) -> Scores:
    """Return the fold scores of one setting; reads no data.

    Parameters
    ----------
    algorithm : hyperparameters set.
    states : of the algorithm's summary.
    metric : name of the score.
    also : names of further scores, told by the same models.
    """
    return score_pairs(algorithm, states.train, states.held_out, metric, also, overlap=states.overlap)


def score_pairs(
    algorithm: Algorithm[Any, Any],
    train: Sequence[Any],
    held_out: Sequence[Held[Any]],
    metric: str,
    also: Sequence[str] = (),
    *,
    overlap: float = 0.0,
) -> Scores:
    """Return one score for each pair of a training state and what was held out; one model serves all metrics."""
    solutions = [algorithm.solve(state) for state in train]
    names = (metric, *also)
    found = [scores(algorithm, s, held, names) for s, held in zip(solutions, held_out, strict=True)]
    first, *others = (Scores.of(folds, overlap) for folds in zip(*found, strict=True))
    converged = all(map(algorithm.converged, solutions))
    return replace(first, converged=converged, also=dict(zip(also, others, strict=True)))


def _all_but_one(summary: Summary[Any], cells: tuple[Any, ...]) -> tuple[list[Any], Any]:
    """Return the merge of all cells but each, and that of all."""
    prefix = list(_running(summary, cells))
    suffix = list(_running(summary, cells[::-1]))[::-1]
    k = len(cells)
    if k == 1:
        return [None], prefix[0]
    others = [
        suffix[1] if i == 0 else prefix[-2] if i == k - 1 else summary.merge(prefix[i - 1], suffix[i + 1])
        for i in range(k)
    ]
    return others, prefix[-1]


def _running(summary: Summary[Any], cells: Sequence[Any]) -> list[Any]:
    merged = [cells[0]]
    for cell in cells[1:]:
        merged.append(summary.merge(merged[-1], cell))
    return merged


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
