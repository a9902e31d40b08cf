"""Selection on small hand-made scores: ties, margins, folds without a score, and which plans have a nested estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

import numpy as np
import pytest

from algorithms.contract import Algorithm, Batch, Column, Held, Shape, Tags
from algorithms.laws import same
from algorithms.models.ols import OLS
from algorithms.models.pca import PCA
from algorithms.models.ridge import Ridge
from algorithms.summaries.moments import Moments
from hpo.data.cells import FoldPlan, Split, kfold_plan
from hpo.states.evaluate import Scores, evaluate, score_pairs, usable
from hpo.states.fold_states import fold_states
from hpo.trials.curves import learning_curve, validation_curve
from hpo.trials.selection import Candidate, best, nested, simplest


@dataclass(frozen=True)
class Known(Algorithm):
    """An algorithm whose complexity, score and convergence are given."""

    size: float = 1.0
    gain: float = 0.0
    stuck: tuple[int, ...] = ()
    summary: Moments = Moments()
    settled: bool = True

    tags: ClassVar[Tags] = Tags(task="regression")

    def solve(self, state):
        return self if state.rows not in self.stuck else Stuck(self)

    def converged(self, solution):
        return solution.settled

    def estimator(self, solution):
        raise NotImplementedError

    def complexity(self, solution):
        return self.size

    def score(self, solution, held_out, metric):
        return self.gain


@dataclass(frozen=True)
class Stuck:
    known: Known
    settled: bool = False


def states(k=3, rows=20, seed=0):
    rng = np.random.default_rng(seed)
    shape, moments = Shape((Column("x", "x"), Column("z", "z")), ("y",)), Moments()
    cells = []
    for i in range(k):
        x = rng.normal(size=(rows + i, 2))
        y = x[:, 0] + rng.normal(size=rows + i)
        cells.append(moments.update(moments.init(shape), Batch(np.column_stack([x, y]), d=2)))
    return fold_states(moments, cells, kfold_plan(k))


def candidate(number, folds, size=1.0, of=None):
    return Candidate(number, Known(size), of or states(), Scores(tuple(folds)))


def test_of_equal_scores_the_first_is_best():
    a, b = candidate(3, [1.0, 2.0, 3.0]), candidate(7, [2.0, 2.0, 2.0])
    assert best([b, a]).number == best([a, b]).number == 3


def test_simplest_takes_what_is_within_one_standard_error_and_nothing_beyond():
    shared = states()
    winner = candidate(0, [1.0, 2.0, 3.0], size=9.0, of=shared)  # 2 ± 0.577
    inside = candidate(1, [1.5, 1.5, 1.5], size=4.0, of=shared)
    outside = candidate(2, [1.4, 1.4, 1.4], size=1.0, of=shared)
    assert simplest([winner, inside, outside]).number == 1
    assert simplest([winner, outside]).number == 0
    better = candidate(5, [1.6, 1.6, 1.6], size=4.0, of=shared)
    assert simplest([winner, inside, better]).number == 5


def test_a_single_fold_has_no_margin():
    shared = states(2)
    pair = [candidate(0, [1.0], 9.0, shared), candidate(1, [0.999], 1.0, shared)]
    assert simplest(pair).number == 0
    assert math.isnan(pair[0].scores.se)


def test_one_solver_that_did_not_converge_is_enough_to_say_so():
    found = states()
    rows = [state.rows for state in found.train]
    assert score_pairs(Known(), found.train, found.held_out, "r2").converged
    assert not score_pairs(Known(stuck=(rows[1],)), found.train, found.held_out, "r2").converged


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_fold_without_a_finite_score_makes_the_setting_unusable(value):
    assert usable(Scores((1.0, 2.0)))
    assert not usable(Scores((1.0, value)))


def test_two_folds_have_neither_a_nested_estimate_nor_a_learning_curve():
    two = states(2)
    only = Candidate(0, Ridge(), two, evaluate(Ridge(), two, "r2"))
    assert nested([only], "r2") is None
    assert learning_curve(only, "r2") is None


def test_the_nested_estimate_scores_each_outer_fold_by_what_the_inner_folds_chose():
    """Twin: the winner of the inner folds, by plain merges of the cells."""
    found = states(4, rows=12, seed=3)
    algorithms = [Ridge(alpha=a, standardize=False) for a in (1e-3, 3.0, 300.0)]
    candidates = [Candidate(i, a, found, evaluate(a, found, "r2")) for i, a in enumerate(algorithms)]
    outer = []
    for out in range(4):
        means = []
        for c in candidates:
            inner = []
            for test in set(range(4)) - {out}:
                train = found.merged([i for i in range(4) if i not in (out, test)])
                inner.append(float(c.algorithm.score(c.algorithm.solve(train), Held(found.cells[test]), "r2")))
            means.append(np.mean(inner))
        outer.append(candidates[int(np.argmax(means))].scores.folds[out])
    estimate = nested(candidates, "r2")
    assert estimate.mean == pytest.approx(np.mean(outer), rel=1e-12)
    assert estimate.se == pytest.approx(np.std(outer, ddof=1) / 2.0, rel=1e-12)


def test_candidates_of_two_summaries_share_a_nested_estimate():
    def estimate(first, second):
        pairs = [(Ridge(alpha=1e-3), first), (Ridge(alpha=300.0), second), (Ridge(alpha=3.0), first)]
        return nested([Candidate(i, a, s, evaluate(a, s, "r2")) for i, (a, s) in enumerate(pairs)], "r2")

    assert estimate(states(3, seed=1), states(3, seed=1)) == estimate(*[states(3, seed=1)] * 2)


def test_a_validation_curve_moves_one_hyperparameter_and_holds_the_others():
    found, asked = states(), []

    def build(values):
        asked.append(dict(values))
        return Ridge(**values), found

    curve = validation_curve(build, {"alpha": 2.0, "standardize": False}, "alpha", [0.1, 10.0], "r2")
    assert asked == [{"alpha": 0.1, "standardize": False}, {"alpha": 10.0, "standardize": False}]
    assert curve.x == (0.1, 10.0)
    assert curve.mean[1] == pytest.approx(evaluate(Ridge(alpha=10.0, standardize=False), found, "r2").mean)


def test_a_curve_leaves_out_values_without_a_score():
    def build(values):
        return Known(gain=math.nan if values["alpha"] == 1.0 else values["alpha"]), states()

    assert validation_curve(build, {}, "alpha", [0.5, 1.0, 2.0], "r2").x == (0.5, 2.0)


def test_states_that_define_no_model_are_left_out_of_curves_and_never_chosen():
    """Folds of one row: PCA needs two to know a variance, and says so for every shorter training set."""
    shape, moments = Shape((Column("x", "x"), Column("z", "z")), ()), Moments()
    rows = np.random.default_rng(0).normal(size=(4, 2))
    cells = [moments.update(moments.init(shape), Batch(row[None, :], d=2)) for row in rows]
    found = fold_states(moments, cells, kfold_plan(4))
    only = Candidate(0, PCA(n_components=1), found, evaluate(PCA(n_components=1), found, "log_likelihood"))
    assert learning_curve(only, "log_likelihood").x == (3.0,)
    three = fold_states(moments, cells[:3], kfold_plan(3))
    pair = Candidate(0, PCA(n_components=2), three, Scores((1.0, 2.0, 3.0)))
    assert nested([pair], "log_likelihood").mean == 2.0


def test_what_several_splits_begin_with_is_merged_once(monkeypatch):
    """Splits in time train on a prefix each, and know one of their tests' past: 5 cells, 4 merges."""
    found, many = states(5, rows=10), []
    merge = Moments.merge
    plan = FoldPlan(5, tuple(Split(tuple(range(k)), (k,)) for k in (2, 3, 4)))
    monkeypatch.setattr(Moments, "merge", lambda self, a, b: many.append(1) or merge(self, a, b))
    made = fold_states(Moments(), found.cells, plan)
    assert len(many) == 4
    for state, split in zip((*made.train, made.whole), ((0, 1), (0, 1, 2), (0, 1, 2, 3), range(5)), strict=True):
        same("merged", Moments(), state, reduce(Moments().merge, [found.cells[c] for c in split]), tolerance=0.0)


def test_the_learning_curve_never_trains_on_what_it_tests_on():
    found = states(4, rows=10)
    curve = learning_curve(Candidate(0, OLS(), found, evaluate(OLS(), found, "r2")), "r2")
    first = [found.cells[(i + 1) % 4] for i in range(4)]
    expected = score_pairs(OLS(), first, found.held_out, "r2")
    assert curve.mean[0] == pytest.approx(expected.mean, rel=1e-12)
    assert curve.x == pytest.approx([(10 + 11 + 12 + 13) * m / 4 for m in (1, 2, 3)])
