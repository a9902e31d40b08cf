"""Clusters of rows in any order, whatever the pilot saw of them: as low as full runs of scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler
from test_twins_clusters import batch_of, built, cost, shape_of, uneven

import hpo
from algorithms import laws
from algorithms.contract import Batch
from algorithms.summaries.coreset import Coreset

ROWS, K, FILES, SIZE = 12_000, 30, 12, 3_000
COLUMNS = list("abcd")


def clusters(n=ROWS, k=K, seed=0):
    """Clusters of about the same size, far from each other, and the number of each row's."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    return rng.normal(size=(k, 4))[labels] * 20.0 + rng.normal(size=(n, 4)) * 0.5, labels


def in_order(order):
    X, labels = clusters()
    if order == "shuffled":
        return X
    if order == "grouped":
        return X[np.argsort(labels, kind="stable")]
    if order == "far at the end":
        last = labels == labels[np.argmax(X[:, 0])]
        X[last] += 300.0
        return np.concatenate([X[~last], X[last]])
    if order == "scales":
        return X[np.argsort(X[:, 1])] * [1e-3, 1.0, 1.0, 50.0]
    if order == "duplicates":
        X = np.round(X[np.argsort(X[:, 0])] / 4.0)
        return np.concatenate([np.tile(X[:1], (ROWS // 3, 1)), X[ROWS // 3 :]])
    X = X[np.argsort(X[:, 0])]
    return X[::-1] if order == "reversed" else X


ORDERS = ("shuffled", "sorted", "reversed", "grouped", "far at the end", "scales", "duplicates")


def written(folder, X):
    folder.mkdir(exist_ok=True)
    for i, part in enumerate(np.array_split(X, FILES)):
        pd.DataFrame(part, columns=COLUMNS).to_parquet(folder / f"{i:02d}.parquet", index=False)
    return folder


@pytest.fixture
def blind(monkeypatch):
    """A pilot that sees a fifth of the sample: the rows with the smallest first number."""
    real = Coreset.learn

    def learn(self, shape, sample):
        if sample.n == SIZE:  # learned again, from the rows kept
            return real(self, shape, sample)
        some = np.argsort(sample.values[:, 0], kind="stable")[: sample.n // 5]
        return real(self, shape, Batch(np.asfortranarray(sample.values[some]), sample.d))

    monkeypatch.setattr(Coreset, "learn", learn)


def tuned(data, store=None, algorithm="kmeans", **search):
    fields = {"standardize": False, "size": SIZE, "k_max": K, **search}
    return hpo.tune(
        str(data), algorithm=algorithm, search={f"{algorithm}.{k}": v for k, v in fields.items()}, trials=1, folds=3,
        scoring="neg_inertia" if algorithm == "kmeans" else "log_likelihood", store=store, progress=False,
    )  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_inertia_is_that_of_full_runs_though_the_pilot_was_blind(order, blind, tmp_path):
    X = in_order(order)
    standardize = order == "scales"
    result = tuned(written(tmp_path / "data", X), n_clusters=K, standardize=standardize)
    Z = StandardScaler().fit_transform(X) if standardize else X
    best = min(KMeans(K, n_init=1, random_state=s).fit(Z).inertia_ for s in range(3))
    true = -float(result.best_model.score(pd.DataFrame(X, columns=COLUMNS)))
    assert true <= 1.015 * best
    inertia = -np.array(result.best.scores.folds)
    assert abs(inertia.mean() - true / ROWS) < 0.06 * true / ROWS


@pytest.mark.parametrize("order", ["sorted", "grouped"])
def test_inertia_is_that_of_full_runs_with_the_pilot_as_it_is(order, tmp_path):
    X = in_order(order)
    best = min(KMeans(K, n_init=1, random_state=s).fit(X).inertia_ for s in range(3))
    model = tuned(written(tmp_path / "data", X), n_clusters=K).best_model
    assert -model.score(pd.DataFrame(X, columns=COLUMNS)) <= 1.015 * best


def test_a_mixture_is_as_likely_as_a_full_run(blind, tmp_path):
    X = in_order("sorted")
    model = tuned(
        written(tmp_path / "data", X), algorithm="gaussian_mixture", n_components=K, covariance_type="diag"
    ).best_model
    best = max(GaussianMixture(K, covariance_type="diag", random_state=s).fit(X).score(X) for s in range(3))
    parameters = 8 * K + K - 1
    assert model.score(pd.DataFrame(X, columns=COLUMNS)) >= best - parameters / (2 * SIZE)


def test_a_blind_pilot_is_made_again_once_announced_and_remembered(blind, tmp_path):
    data = written(tmp_path / "data", in_order("sorted"))
    first = tuned(data, tmp_path / "store", n_clusters=K)
    [why] = first.record.read_again
    assert "the sample that the importances of rows were learned from misses a part of the data" in why
    assert first.cost.rows_read == 2 * ROWS
    assert first.record.unsuited == ()
    second = tuned(data, tmp_path / "store", n_clusters=K // 2)
    assert second.cost.rows_read == 0


def test_a_pilot_that_saw_rows_from_everywhere_is_not_made_again(tmp_path):
    result = tuned(written(tmp_path / "data", in_order("shuffled")), n_clusters=K)
    assert result.record.read_again == ()
    assert result.cost.rows_read == ROWS


@pytest.mark.parametrize("shape", ["normal", "heavy tails", "few distinct", "fewer distinct", "uneven"])
@pytest.mark.parametrize("size", [200, 2_000])
def test_rows_like_those_of_the_pilot_do_not_crowd_the_others_out(shape, size):
    rng = np.random.default_rng(1)
    X = {
        "normal": rng.normal(size=(20_000, 3)),
        "heavy tails": rng.standard_t(3, size=(20_000, 3)),
        "few distinct": rng.integers(0, 4, (20_000, 3)).astype(float),
        "fewer distinct": rng.integers(0, 4, (20_000, 1)).astype(float) * [1.0, 0.3],
        "uneven": uneven(),
    }[shape]
    summary = Coreset(size=size, k_max=20)
    summary = summary.knowing(summary.learn(shape_of(X), batch_of(X[::4])))
    assert summary.failed(laws.lift(summary, shape_of(X), batch_of(X))) is None


def test_sums_over_the_coreset_of_a_blind_pilot_are_unbiased_and_keep_the_known_rows():
    X, m = uneven(8_000), 400
    X = X[np.argsort(X[:, 0])]
    w = np.random.default_rng(5).uniform(0.5, 2.0, len(X))
    summary = Coreset(size=m, k_max=20)
    summary = summary.knowing(summary.learn(shape_of(X), batch_of(X[:300])))
    centres = KMeans(8, n_init=1, random_state=0).fit(X).cluster_centers_
    known, found = slice(0, 800), []
    for seed in range(200):
        state = laws.lift(summary, shape_of(X), batch_of(X, w, seed))
        among = state.X[:, 0] <= X[799, 0]
        stood = state.sample_weight
        found.append((cost(state.X, stood, centres), stood.sum(), stood[among].sum(), among.sum()))
    sums = np.array(found)
    true = [cost(X, w, centres), w.sum(), w[known].sum()]
    error = sums[:, :3].std(axis=0) / np.sqrt(len(sums))
    assert np.all(np.abs(sums[:, :3].mean(axis=0) - true) < 4.0 * error)
    assert state.crowding > 2.0
    assert sums[:, 3].mean() > 0.9 * m / 4 * 800 / len(X), "a quarter of the places is a uniform sample"
    assert summary.failed(state) is not None


def test_the_coreset_of_a_smaller_size_is_among_the_rows_kept_of_a_blind_pilot_too():
    X = uneven(4_000)
    X = X[np.argsort(X[:, 0])]
    known = Coreset(k_max=10).learn(shape_of(X), batch_of(X[:400]))
    large, small = (
        laws.lift(Coreset(size=m, k_max=10).knowing(known), shape_of(X), batch_of(X)) for m in (500, 60)
    )
    kept, weight = large.first(60)
    np.testing.assert_array_equal(large.X[kept], small.X)
    np.testing.assert_allclose(weight, small.sample_weight)


def test_a_path_is_held_against_other_starts_of_many_centres_too():
    X = uneven(3_000, seed=3)
    state = laws.lift(
        (s := Coreset(size=3_000, k_max=130)).knowing(s.learn(shape_of(X), batch_of(X))), shape_of(X), batch_of(X)
    )  # fmt: skip
    for k in (45, 90, 128):
        ours = built("kmeans", {"n_clusters": k, "size": 3_000, "k_max": 130}).solve(state).fitted.inertia_
        others = [KMeans(k, n_init=1, random_state=s).fit(X).inertia_ for s in range(3)]
        assert ours <= 1.01 * min(others)
