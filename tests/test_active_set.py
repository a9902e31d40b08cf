"""A descent that asks for the optimum ends there, whatever the columns repeat."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from algorithms.contract import Batch, Column, Shape
from algorithms.models.elastic_net import ElasticNet
from algorithms.models.lasso import Lasso
from algorithms.solvers import active_factor, active_set
from algorithms.solvers.active_set import finish


def problem(*, root=False, copies=0.0, q=6, n=80, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, q))
    X[:, 1] = X[:, 0] + copies * rng.normal(size=n)
    y = X @ np.array([1.0, 1.0, -2.0, 0.0, 0.0, 0.5][:q]) + rng.normal(size=n)
    rows = np.linalg.qr(np.column_stack([X, y]), mode="r") if root else None
    return SimpleNamespace(gram=X.T @ X, xy=X.T @ y, root=rows)


def conditions(made, p, l1, l2):
    """Return the largest violation of the conditions of an optimum."""
    slope = p.xy - p.gram @ made - l2 * made
    return np.max(
        np.where(made != 0.0, np.abs(slope - l1 * np.sign(made)), np.maximum(np.abs(slope) - l1, 0.0))
    )


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("copies", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize(("l1", "l2"), [(5.0, 0.0), (30.0, 0.0), (5.0, 20.0), (0.0, 20.0), (1e4, 0.0)])
def test_it_finds_the_optimum_from_a_poor_start(root, copies, l1, l2):
    p = problem(root=root, copies=copies)
    made = finish(p, np.full(6, 0.1), l1, l2, lambda w, _: np.full(6, 1e-9), positive=False)
    assert made is not None
    assert conditions(made.coef, p, l1, l2) < 1e-6


@pytest.mark.parametrize("root", [False, True])
def test_a_column_that_repeats_another_leaves_and_that_is_reported(root):
    p = problem(root=root, copies=0.0)
    made = finish(p, np.full(6, 0.1), 5.0, 0.0, lambda w, _: np.full(6, 1e-9), positive=False)
    assert made is not None and not made.alone
    assert np.count_nonzero(made.coef[:2]) == 1
    assert conditions(made.coef, p, 5.0, 0.0) < 1e-6


def test_a_sum_of_active_columns_takes_their_place():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[:, 2] = X[:, 0] + X[:, 1]
    y = X @ np.array([2.0, 1.0, 0.0])
    p = SimpleNamespace(gram=X.T @ X, xy=X.T @ y, root=None)
    made = finish(p, np.array([2.0, 1.0, 0.0]), 0.1, 0.0, lambda w, _: np.full(3, 1e-9), positive=False)
    assert made is not None and made.coef[1] == 0.0 and made.coef[2] > 0.9


def test_signs_are_held_where_coefficients_must_be_positive():
    p = problem(copies=1.0)
    made = finish(p, np.full(6, 0.1), 5.0, 0.0, lambda w, _: np.full(6, 1e-9), positive=True)
    assert made is not None and (made.coef >= 0.0).all() and made.coef[2] == 0.0


def state_of(X, y):
    shape = Shape(tuple(Column(f"x{j}", f"x{j}") for j in range(X.shape[1])), ("y",))
    summary = Lasso().summary
    return summary.update(summary.init(shape), Batch(np.column_stack([X, y]), d=X.shape[1]))


def test_a_tight_tolerance_ends_at_the_optimum_and_a_loose_one_where_the_descent_does():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 4))
    X[:, 1] = (X[:, 0] + 1e-4 * rng.normal(size=200)).astype(np.float32)
    state = state_of(X, X @ np.array([1.0, 1.0, 0.0, 2.0]) + rng.normal(size=200))
    made = ElasticNet(alpha=1e-3, tol=1e-10).solve(state)
    assert made.converged and made.extra["dual_gap"] == 0.0
    assert "solved" not in ElasticNet(alpha=0.1).solve(state).extra


def test_a_descent_without_enough_steps_is_finished():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(100, 5)) @ rng.normal(size=(5, 5))
    state = state_of(X, X @ np.ones(5) + rng.normal(size=100))
    assert Lasso(alpha=1e-4, max_iter=2).solve(state).converged


def far_start(*, l2, q=60, n=300, seed=4):
    """Return a problem of rows and a start of which half the columns leave and a few join."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, q)) + rng.normal(size=(n, 1))
    y = X[:, : q // 3] @ rng.normal(size=q // 3) + rng.normal(size=n)
    rows = np.linalg.qr(np.column_stack([X, y]), mode="r")
    start = rng.choice([-1.0, 1.0], q) * (np.arange(q) >= 5)
    return SimpleNamespace(gram=X.T @ X, xy=X.T @ y, root=rows), start, 20.0, l2


@pytest.fixture
def decomposed(monkeypatch):
    """How many columns each decomposition had."""
    found, real = [], active_set.factor_of

    def factor(problem, on, l2):
        found.append(len(on))
        return real(problem, on, l2)

    monkeypatch.setattr(active_set, "factor_of", factor)
    return found


def finished(problem, start, l1, l2):
    return finish(problem, start, l1, l2, lambda w, _: np.full(len(w), 1e-9), positive=False)


@pytest.mark.parametrize("l2", [0.0, 30.0])
def test_columns_that_leave_and_join_change_a_factor_and_two_are_made(l2, decomposed):
    case = far_start(l2=l2)
    made = finished(*case)
    before, after = case[1] != 0.0, made.coef != 0.0
    assert np.count_nonzero(before & ~after) >= 20 and np.count_nonzero(after & ~before) >= 2
    assert len(decomposed) == 2 and decomposed[1] == np.count_nonzero(after)
    assert conditions(made.coef, *(case[0], *case[2:])) < 1e-9


@pytest.mark.parametrize("l2", [0.0, 30.0])
def test_the_last_columns_are_solved_for_by_a_factor_of_their_own(l2, monkeypatch):
    case = far_start(l2=l2)
    made = finished(*case)
    monkeypatch.setattr(active_factor.Factor, "without", lambda self, place: None)
    monkeypatch.setattr(active_factor.Factor, "joined", lambda self, problem, column, l2: None)
    same = finished(*case)
    assert made.coef.tolist() == same.coef.tolist()
    slope = np.arange(60.0)
    assert made.apply(slope).tolist() == same.apply(slope).tolist()
    assert (made.alone, made.resolved) == (same.alone, same.resolved)


@pytest.mark.parametrize("wrong", [0.5, np.nan])
def test_a_changed_factor_that_is_wrong_changes_no_answer(wrong, monkeypatch):
    case = far_start(l2=30.0)
    expected, real = finished(*case), active_factor.Factor.without

    def without(self, place):
        made = real(self, place)
        return made and replace(made, U=made.U * (1.0 + wrong * np.arange(len(made.U))))

    monkeypatch.setattr(active_factor.Factor, "without", without)
    assert finished(*case).coef.tolist() == expected.coef.tolist()


def test_a_column_that_the_active_ones_make_up_is_decided_by_a_factor_made_anew(decomposed):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[:, 2] = X[:, 0] + X[:, 1]
    y = X @ np.array([2.0, 1.0, 0.0])
    rows = np.linalg.qr(np.column_stack([X, y]), mode="r")
    p = SimpleNamespace(gram=X.T @ X, xy=X.T @ y, root=rows)
    made = finish(p, np.array([2.0, 1.0, 0.0]), 0.1, 0.0, lambda w, _: np.full(3, 1e-9), positive=False)
    assert made is not None and made.coef[1] == 0.0 and made.coef[2] > 0.9
    assert 3 in decomposed
