"""Starts of k-means side by side: what they draw and where they settle is what scikit-learn's do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import scale

import hpo
from algorithms.solvers.centres import DENSE, members, summed
from algorithms.solvers.restarts import best_start, few, plus_plus, settled


def rows(n, q, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, q)) + 3.0 * rng.integers(0, 4, size=(n, 1)), rng.uniform(0.5, 2.0, n)


@pytest.mark.parametrize(("n", "q", "k"), [(40, 1, 2), (150, 4, 7), (120, 30, 12)])
def test_each_start_settles_where_lloyds_steps_of_scikit_learn_do(n, q, k):
    Z, w = rows(n, q)
    drawn = plus_plus(Z, w, k, 5, np.random.default_rng(1))
    C, inertia = settled(Z, w, Z[drawn], rounds=300)
    for places, own, total in zip(drawn, C, inertia, strict=True):
        theirs = KMeans(k, init=Z[places], n_init=1, tol=0.0, max_iter=300).fit(Z, sample_weight=w)
        np.testing.assert_allclose(own, theirs.cluster_centers_, rtol=1e-9, atol=1e-9)
        assert total == pytest.approx(theirs.inertia_, rel=1e-9)


def test_a_centre_without_rows_stays():
    Z = np.array([[0.0], [1.0]])
    C, inertia = settled(Z, np.ones(2), np.array([[[0.5], [70.0]]]))
    assert (C.ravel().tolist(), inertia.tolist()) == ([0.5, 70.0], [0.5])


def test_rows_are_drawn_as_well_as_by_scikit_learn():
    Z, w = rows(150, 3)

    def left(places):
        apart = ((Z[:, None] - Z[places]) ** 2).sum(axis=2).min(axis=1)
        return float(w @ apart)

    ours = [left(places) for places in plus_plus(Z, w, 5, 150, np.random.default_rng(0))]
    theirs = [left(kmeans_plusplus(Z, 5, sample_weight=w, random_state=seed)[1]) for seed in range(150)]
    error = np.hypot(np.std(ours), np.std(theirs)) / np.sqrt(150)
    assert abs(np.mean(ours) - np.mean(theirs)) < 3.0 * error


def test_rows_that_are_all_the_same_can_be_drawn():
    assert best_start(np.ones((6, 2)), np.ones(6), 3, 2, seed=0).tolist() == [[1.0, 1.0]] * 3


@pytest.mark.parametrize("k", [3, 40])
def test_sums_over_clusters_are_those_of_a_sparse_matrix(k):
    Z, w = rows(300, 5)
    labels = np.random.default_rng(2).integers(0, k, len(Z))
    assert len(Z) * k <= DENSE
    np.testing.assert_allclose(summed(labels, w, Z, k), members(labels, w, k) @ Z, rtol=1e-12)


@pytest.mark.parametrize("load", [load_iris, load_wine])
@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_few_rows_are_clustered_no_worse_than_by_ten_starts(load, k):
    X = scale(load().data)
    assert few(len(X), k, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = hpo.tune(X, algorithm="kmeans", search={"kmeans.n_clusters": [k]}, trials=1, folds=3, progress=False)
    theirs = KMeans(k, n_init=10, random_state=0).fit(X).inertia_
    assert -KMeans(k, init=found.best_model[-1].cluster_centers_, n_init=1, max_iter=1).fit(X).score(X) <= 1.01 * theirs


def test_a_study_of_few_rows_runs_scikit_learns_k_means_once_a_fit(monkeypatch):
    X = scale(load_iris().data)
    fitted, fit = [], KMeans.fit

    def counting(self, *arguments, **options):
        fitted.append(self.n_clusters)
        return fit(self, *arguments, **options)

    monkeypatch.setattr(KMeans, "fit", counting)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hpo.tune(X, algorithm="kmeans", search={"kmeans.n_clusters": hpo.Int(2, 5)}, trials=4, folds=3, progress=False)
    assert [fitted.count(k) for k in (2, 3, 4, 5)] == [3] * 4
