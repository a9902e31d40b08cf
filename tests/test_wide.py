"""Of wide data each design is decomposed once: what trials share is not made again, however little a cache had held."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

import hpo
from algorithms import memo
from algorithms.models import pls
from hpo.process import threads
from hpo.process.memory import allow_caches

FOLDS = 5


@pytest.fixture
def decompositions(monkeypatch):
    """Count the eigendecompositions of large matrices, by kind."""
    found = Counter()

    def counted(name):
        real = getattr(np.linalg, name)

        def call(a, *args, **options):
            found[name] += len(a) > 100
            return real(a, *args, **options)

        return call

    for name in ("eigh", "eigvalsh", "svd"):
        monkeypatch.setattr(np.linalg, name, counted(name))
    return found


@pytest.mark.parametrize(("algorithm", "eigh", "eigvalsh"), [
    ("ridge", FOLDS + 1, 0), ("elastic_net", 0, FOLDS + 1), ("lasso", 0, FOLDS + 1), ("pca", 2 * (FOLDS + 1), 0),
    ("pcr", 2 * (FOLDS + 1), 0),
])  # fmt: skip
def test_each_design_is_decomposed_once(algorithm, eigh, eigvalsh, decompositions, monkeypatch, tmp_path):
    monkeypatch.setattr(memo, "BUDGET", 1 << 18)  # less than one design
    X = np.random.default_rng(0).normal(size=(1500, 120))
    y = None if algorithm == "pca" else X[:, :5].sum(axis=1) + np.random.default_rng(1).normal(size=1500)
    ask = {"trials": 4, "folds": FOLDS, "progress": False, "search": {f"{algorithm}.standardize": True}}
    assert hpo.tune((X, y), algorithm=algorithm, **ask, store=tmp_path).best_model is not None
    assert decompositions["eigh"] <= eigh
    assert decompositions["eigvalsh"] <= eigvalsh
    assert decompositions["svd"] == 0


def test_components_are_found_once_however_many_are_asked_for(monkeypatch, tmp_path):
    runs, real = [], pls.pls
    monkeypatch.setattr(pls, "pls", lambda gram, xy, k: runs.append(k) or real(gram, xy, k))
    X = np.random.default_rng(0).normal(size=(1500, 120))
    y = X[:, :5].sum(axis=1) + np.random.default_rng(1).normal(size=1500)
    search = {"pls.standardize": True, "pls.n_components": [3, 40, 70, 90, 110, 120]}
    hpo.tune((X, y), algorithm="pls", search=search, trials=6, sampler="grid", folds=FOLDS, progress=False, store=tmp_path)
    assert set(runs) == {pls.MOST}
    assert len(runs) <= 2 * (FOLDS + 1)  # of each state its own products, and those that rounding may have made of them


@pytest.mark.parametrize(("asked", "end", "runs"), [
    (3, 1000, [64]), (64, 1000, [64]), (65, 1000, [64, 256]), (300, 1000, [64, 256, 500]), (900, 1000, [64, 256, 500]),
    (300, 20, [64]), (300, 64, [64, 256]), (300, 100, [64, 256]),
])  # fmt: skip
def test_more_components_are_looked_for_where_the_last_run_did_not_end(asked, end, runs, monkeypatch):
    made = []
    monkeypatch.setattr(pls, "_kept", lambda design, run: made.append(run) or SimpleNamespace(k=min(run, end)))
    found = pls._components(SimpleNamespace(q=500), asked)
    assert made == runs
    assert found.k >= min(asked, end, 500)


def test_caches_hold_a_quarter_of_free_memory_and_no_less_than_their_budget(monkeypatch):
    monkeypatch.setattr(memo.MEMO, "budget", 0)
    monkeypatch.setattr(memo.VIEWS, "budget", 0)
    monkeypatch.setenv("HPO_MEMORY_LIMIT", "16e9")
    allow_caches()
    assert (memo.MEMO.budget, memo.VIEWS.budget) == (3_000_000_000, 1_000_000_000)
    monkeypatch.setenv("HPO_MEMORY_LIMIT", "1e8")
    allow_caches()
    assert (memo.MEMO.budget, memo.VIEWS.budget) == (memo.BUDGET, memo.BUDGET)


def test_a_smaller_allowance_gives_memory_back(monkeypatch):
    class State: ...

    monkeypatch.setattr(memo, "BUDGET", 100)
    cache, states = memo.Memo(10_000), [State() for _ in range(5)]
    for state in states:
        cache.get(state, "x", lambda: np.zeros(100))
    assert cache.nbytes == 4000
    cache.allow(1600)
    assert cache.nbytes == 1600


@pytest.mark.parametrize(("load", "most"), [(0.9, 4), (2.5, 2), (9.0, 1)])
def test_blas_is_given_the_cores_that_are_idle(load, most, monkeypatch):
    monkeypatch.setattr(psutil, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert threads._idle() == most
