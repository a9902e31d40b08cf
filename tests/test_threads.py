"""Small fits have one thread of BLAS and OpenMP, large ones all of OpenMP's, and both have afterwards what they had."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_info, threadpool_limits

import hpo
from algorithms.families.conventions import hold_back
from algorithms.families.grown import in_turn
from algorithms.models.logistic import Logistic
from algorithms.models.ridge import Ridge as Ours
from algorithms.summaries import curvature
from hpo.process import threads


def pools(api):
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == api]


class Watched(Ridge):
    """A model that notes the threads that it may use."""

    seen: ClassVar[list[tuple[str, int]]] = []

    def fit(self, X, y):
        self.seen.extend((api, n) for api in ("blas", "openmp") for n in pools(api))
        return super().fit(X, y)


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    Watched.seen.clear()
    with threadpool_limits(2):
        yield


def tuned(rows, tmp_path):
    X = np.random.default_rng(0).normal(size=(rows, 3))
    return hpo.tune(
        (X, X[:, 0]), algorithm=Watched(), search={"Watched.alpha": [1.0]}, trials=1, folds=2, progress=False,
        store=tmp_path,
    )  # fmt: skip


@pytest.mark.usefixtures("two_threads")
def test_small_fits_have_one_thread(tmp_path):
    tuned(60, tmp_path).best_model.predict(np.zeros((1, 3)))
    assert len(Watched.seen) > 3
    assert {n for _, n in Watched.seen} == {1}
    assert {*pools("blas"), *pools("openmp")} == {2}


@pytest.mark.usefixtures("two_threads")
def test_fits_to_many_rows_have_all_of_openmp(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "BIG", 60)
    tuned(60, tmp_path)
    assert set(Watched.seen) == {("blas", 1), ("openmp", 2)}
    assert {*pools("blas"), *pools("openmp")} == {2}


class Noted(Logistic):
    """Logistic regression that notes where it is solved, with how many threads of BLAS and what becomes of overflow."""

    seen: ClassVar[list[tuple[bool, int, str]]] = []

    def solve(self, state):
        main = threading.current_thread() is threading.main_thread()
        self.seen.append((main, max(pools("blas")), np.geterr()["over"]))
        return super().solve(state)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("big", "in_threads", "beside"), [(60, True, True), (60, False, False), (10**9, True, False)])
def test_folds_of_large_states_are_fitted_beside_one_another(big, in_threads, beside, monkeypatch, tmp_path):
    monkeypatch.setattr(curvature, "LARGE", 0)  # states are the rows
    monkeypatch.setattr(curvature.Curvature, "_rows_of_hessian", lambda summary, shape: 10_000)
    monkeypatch.setattr(threads, "BIG", big)
    monkeypatch.setattr(Noted, "tags", Noted.tags.but(in_threads=in_threads))
    Noted.seen.clear()
    X = np.random.default_rng(0).normal(size=(60, 4))
    y = X[:, 0] + 2.0 * X[::-1, 1] > 0.0

    def folds(algorithm):
        found = hpo.tune((X, y), algorithm=algorithm, trials=1, folds=3, progress=False, store=tmp_path)
        return found.best.scores.folds

    with np.errstate(over="raise"):
        found = folds(Noted())
    assert [main for main, *_ in Noted.seen[:3]] == [not beside] * 3
    assert {seen[1:] for seen in Noted.seen} == {(1, "raise")}
    assert found == folds(Logistic())


class NotedRidge(Ours):
    """Ridge regression that notes where it is solved."""

    seen: ClassVar[list[bool]] = []

    def solve(self, state):
        self.seen.append(threading.current_thread() is threading.main_thread())
        if not self.seen[-1]:
            warnings.simplefilter("error")  # as if a thread left what another one began
            warnings.simplefilter("ignore")
        return super().solve(state)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("big", "huge", "beside"), [(9, 1000, True), (9, 8, False), (1000, 10**6, False)])
def test_so_are_folds_of_many_columns_but_where_a_matrix_of_them_is_huge(big, huge, beside, monkeypatch, tmp_path):
    monkeypatch.setattr(threads, "BIG", big)
    monkeypatch.setattr(threads, "HUGE", huge)
    NotedRidge.seen.clear()
    X = np.random.default_rng(0).normal(size=(60, 4))
    ask, said = {"trials": 1, "folds": 3, "progress": False, "store": tmp_path}, list(warnings.filters)
    found, alone = (hpo.tune((X, X[:, 0] + X[::-1, 1]), algorithm=each, **ask) for each in (NotedRidge(), Ours()))
    assert NotedRidge.seen[:3] == [not beside] * 3
    assert found.best.scores.folds == alone.best.scores.folds
    assert warnings.filters == said


def test_threads_that_overlap_share_one_limit_of_blas(monkeypatch):
    held = []

    class Pools:
        @contextmanager
        def limit(self, limits):
            held.append(limits)
            yield
            held.remove(limits)

    monkeypatch.setattr(threads, "_pools", lambda api: Pools())
    shared, inside, leave = threads.Shared(), threading.Event(), threading.Event()

    def first():
        with shared.hold():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=first)
    other.start()
    assert inside.wait(10)
    with shared.hold():
        leave.set()
        other.join()
        assert held == [1]
    assert held == []


@pytest.mark.parametrize("asked", [1, 2])
def test_a_fit_that_waits_in_a_thread_of_its_own_has_as_many_as_who_asks(asked, two_threads):
    with threadpool_limits(asked, user_api="openmp"):
        [seen] = in_turn(lambda tell: tell(pools("openmp")))
    assert seen and set(seen) == {asked}


def test_lightgbm_has_the_threads_of_openmp_unless_it_is_told_how_many():
    lightgbm = pytest.importorskip("lightgbm")
    for given, held in (({}, 0), ({"n_jobs": 2}, 2), ({"num_threads": 3}, None), ({"n_jobs": -1}, -1)):
        made = lightgbm.LGBMRegressor(**given)
        hold_back(made)
        assert made.n_jobs == held
        assert made.get_params().get("num_threads") == given.get("num_threads")
