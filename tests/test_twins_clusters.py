"""k-means and mixtures of a coreset against scikit-learn's, and the coreset against all rows."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from twins_clusters import TWINS

import hpo
from algorithms import fields, laws, registry
from algorithms.contract import Batch, Column, Held, Shape, fitted
from algorithms.errors import AlgorithmError, InvalidField, NotEnoughRows, TooLarge, Unscorable
from algorithms.solvers.centres import plus_plus
from algorithms.summaries.coreset import Coreset
from algorithms.summaries.sample import Sample
from hpo.errors import DataError, SearchError, TuneError
from hpo.findings.noted import algorithm_of

CASES = [(name, i) for name, (settings, _) in TWINS.items() for i in range(len(settings))]
KMEANS = [(name, i) for name, i in CASES if name == "kmeans"]
MIXTURES = [(name, i) for name, i in CASES if name == "gaussian_mixture"]
DATA = {"iris": load_iris, "wine": load_wine, "digits": load_digits}


def rows_of(name):
    """Real rows, without the columns of digits that are the same in every row."""
    X = DATA[name](return_X_y=True)[0].astype(float)
    return X[:, X.std(axis=0) > 0.0]


def shape_of(X):
    return Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1])), dtype=str(X.dtype))


def batch_of(X, weight=None, seed=0):
    priority = np.random.default_rng(seed).integers(0, 2**64 - 1, len(X), dtype=np.uint64)
    return Batch(np.asfortranarray(X), X.shape[1], weight, priority=priority)


def state_of(X, weight=None, seed=0, known_of=None, **options):
    summary = Coreset(**options)
    known = summary.learn(shape_of(X), batch_of(X if known_of is None else known_of))
    return laws.lift(summary.knowing(known), shape_of(X), batch_of(X, weight, seed))


def sample_of(X, weight=None):
    return laws.lift(Sample(), shape_of(X), batch_of(X, weight))


def built(name, params, **more):
    return fields.build(registry.get(name), {"standardize": False, **params, **more})


def twin_of(algorithm, solution, X):
    """scikit-learn's KMeans on these rows, from where ours began."""
    model = algorithm.estimator(solution)["model"]
    return KMeans(algorithm.n_clusters, init=model.init, n_init=1)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "index"), KMEANS, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_kmeans_of_all_rows_is_weighted_kmeans_from_the_same_centres(name, index, data, weighted):
    rng = np.random.default_rng(3)
    X = rows_of(data) + 1e-3 * rng.normal(
        size=rows_of(data).shape
    )  # rounded rows are as far from two centres
    w = rng.uniform(0.2, 5.0, len(X)) if weighted else None
    algorithm, state = built(name, TWINS[name][0][index]), state_of(X, w)
    solution = algorithm.solve(state)
    model = algorithm.estimator(solution)["model"]
    twin = twin_of(algorithm, solution, X).fit(X, sample_weight=w)
    np.testing.assert_allclose(model.cluster_centers_, twin.cluster_centers_, rtol=1e-9, atol=1e-9)
    assert model.inertia_ == pytest.approx(twin.inertia_, rel=1e-9)
    assert model.n_iter_ == twin.n_iter_
    np.testing.assert_array_equal(model.predict(X), twin.labels_)
    np.testing.assert_array_equal(fitted(algorithm, state).predict(X), twin.labels_)
    np.testing.assert_array_equal(model.labels_, model.predict(state.X))


@pytest.mark.parametrize(
    ("name", "index"), [case for case in KMEANS if TWINS["kmeans"][0][case[1]]["n_clusters"] > 1]
)
def test_scores_of_held_out_rows_are_scikit_learns(name, index):
    X, held = rows_of("wine")[::2], rows_of("wine")[1::2]
    algorithm = built(name, TWINS[name][0][index])
    solution = algorithm.solve(state_of(X))
    model, state, rows = algorithm.estimator(solution), state_of(held, known_of=X), sample_of(held)
    labels = model.predict(held)
    assert algorithm.score(solution, Held(state), "neg_inertia") == pytest.approx(model.score(held) / len(held))
    expected = {
        "neg_davies_bouldin": -davies_bouldin_score(held, labels),
        "calinski_harabasz": calinski_harabasz_score(held, labels),
        "silhouette": silhouette_score(held, labels),
    }
    for metric, score in expected.items():
        assert algorithm.score(solution, Held(None, rows), metric) == pytest.approx(score, rel=1e-9)
    for metric in algorithm.exact[1:]:
        assert algorithm.score(solution, Held(state), metric) == pytest.approx(expected[metric], rel=1e-9)
    assert algorithm.score(solution, Held(state), "silhouette") is None
    assert algorithm.score(solution, Held(None, rows), "accuracy") is None


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "index"), MIXTURES, ids=str)
def test_mixtures_of_all_rows_are_scikit_learns_from_the_same_start(name, index, data):
    params, X = TWINS[name][0][index], rows_of(data)
    more = {"reg_covar": 1e-2 if data == "digits" else 1e-6}
    algorithm = built(name, params, **more)
    solution, state = algorithm.solve(state_of(X)), state_of(X)
    start, mean = solution.start, solution.space.mean
    twin = GaussianMixture(
        **params,
        **more,
        weights_init=start.weights,
        means_init=start.means + mean,
        precisions_init=start.precisions,
    ).fit(X)
    model = algorithm.estimator(solution)["model"]
    for name_ in (
        "weights_",
        "means_",
        "covariances_",
        "precisions_",
        "precisions_cholesky_",
        "lower_bounds_",
    ):
        np.testing.assert_allclose(
            getattr(model, name_), getattr(twin, name_), rtol=1e-6, atol=1e-7, err_msg=name_
        )
    assert (model.n_iter_, model.converged_) == (twin.n_iter_, twin.converged_)
    assert algorithm.complexity(solution) == twin._n_parameters()
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    assert algorithm.score(solution, Held(state), "log_likelihood") == pytest.approx(twin.score(X), rel=1e-9)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_integer_weights_are_repeated_rows_of_a_mixture(kind):
    X = rows_of("iris")
    w = np.random.default_rng(0).integers(1, 4, len(X))
    params = {"n_components": 3, "covariance_type": kind}
    once = fitted(built("gaussian_mixture", params), state_of(X, w.astype(float)))["model"]
    start = built("gaussian_mixture", params).solve(state_of(X, w.astype(float)))
    twin = GaussianMixture(
        **params, weights_init=start.start.weights, means_init=start.start.means + start.space.mean,
        precisions_init=start.start.precisions,
    ).fit(np.repeat(X, w, axis=0))  # fmt: skip
    np.testing.assert_allclose(once.means_, twin.means_, rtol=1e-6)
    np.testing.assert_allclose(once.covariances_, twin.covariances_, rtol=1e-6)
    assert once.lower_bound_ == pytest.approx(twin.lower_bound_, rel=1e-9)


def test_weights_only_count_relative_to_each_other_in_how_far_clusters_are_apart():
    X, w = rows_of("wine"), np.random.default_rng(0).uniform(0.5, 2.0, 178)
    algorithm = built("kmeans", {"n_clusters": 3})
    solution = algorithm.solve(state_of(X))
    for metric in ("silhouette", "neg_davies_bouldin", "calinski_harabasz"):
        one, ten = (algorithm.score(solution, Held(None, sample_of(X, f * w)), metric) for f in (1.0, 10.0))
        plain = algorithm.score(solution, Held(None, sample_of(X)), metric)
        assert one == pytest.approx(ten, rel=1e-9)
        assert one != pytest.approx(plain, rel=1e-4)


@pytest.mark.parametrize("name", ["kmeans", "gaussian_mixture"])
def test_standardizing_is_a_standard_scaler_before_the_model(name):
    X = rows_of("wine")
    k = {"kmeans": "n_clusters", "gaussian_mixture": "n_components"}[name]
    model = fitted(built(name, {k: 3, "standardize": True}), state_of(X))
    np.testing.assert_allclose(model["scale"].mean_, X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        model["scale"].transform(X), StandardScaler().fit_transform(X), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_array_equal(model.predict(X), model["model"].predict(StandardScaler().fit_transform(X)))
    assert adjusted_rand_score(model.predict(X), load_wine().target) > 0.85


@pytest.mark.parametrize("k", [2, 5, 10, 40])
def test_the_path_ends_no_higher_than_ten_starts_of_kmeans_plus_plus(k):
    X = rows_of("digits")
    ours = fitted(built("kmeans", {"n_clusters": k}), state_of(X))["model"].inertia_
    theirs = KMeans(k, n_init=10, random_state=0).fit(X).inertia_
    assert ours <= 1.01 * theirs


def test_a_solution_does_not_depend_on_what_was_asked_before():
    X = rows_of("digits")
    alone = built("kmeans", {"n_clusters": 9}).solve(state_of(X)).centres
    state = state_of(X)
    for k in (12, 3, 9, 20):
        built("kmeans", {"n_clusters": k}).solve(state)
    np.testing.assert_array_equal(built("kmeans", {"n_clusters": 9}).solve(state).centres, alone)
    again = built("kmeans", {"n_clusters": 9, "tol": 2e-4}).solve(state).centres
    np.testing.assert_allclose(again, alone, rtol=0.2, atol=0.5)


@pytest.mark.parametrize("init", ["path", "k-means++", "random"])
def test_more_starts_end_no_higher(init):
    state = state_of(rows_of("digits"))
    one, five = (built("kmeans", {"n_clusters": 12, "init": init, "n_init": n}).solve(state) for n in (1, 5))
    assert five.fitted.inertia_ <= one.fitted.inertia_


# The coreset.


def uneven(n=20_000, seed=0):
    """Clusters of very different size and spread."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(25, 0.4))
    labels = rng.choice(25, n, p=share)
    centres, spread = rng.normal(size=(25, 4)) * 6.0, rng.lognormal(0.0, 0.5, 25)
    return centres[labels] + rng.normal(size=(n, 4)) * spread[labels, None]


def cost(X, w, centres):
    nearest = ((X[:, None, :] - centres) ** 2).sum(axis=2).min(axis=1)
    return float(w @ nearest)


def test_sums_over_a_coreset_are_unbiased_and_closer_than_those_of_a_uniform_sample():
    X, m = uneven(), 400
    X[:30] += 50.0
    centres = KMeans(3, n_init=1, random_state=0).fit(X[30:]).cluster_centers_
    w = np.random.default_rng(5).uniform(0.5, 2.0, len(X))
    true, total = cost(X, w, centres), w.sum()
    known = Coreset(size=m, k_max=20).learn(shape_of(X), batch_of(X[::10]))
    ours, weights, uniform = [], [], []
    for seed in range(150):
        state = laws.lift(Coreset(size=m, k_max=20).knowing(known), shape_of(X), batch_of(X, w, seed))
        ours.append(cost(state.X, state.sample_weight, centres))
        weights.append(state.sample_weight.sum())
        some = np.random.default_rng(seed).choice(len(X), m, replace=False)
        uniform.append(cost(X[some], w[some], centres) * len(X) / m)
    for found, expected in ((ours, true), (weights, total)):
        error = np.std(found) / np.sqrt(len(found))
        assert abs(np.mean(found) - expected) < 4.0 * error
    assert np.std(ours) < 0.5 * np.std(uniform)
    assert state.weight == pytest.approx(total)
    np.testing.assert_allclose(state.mean, np.average(X, axis=0, weights=w))
    np.testing.assert_allclose(state.scatter / total, np.average((X - state.mean) ** 2, axis=0, weights=w))


def test_the_first_rows_of_a_coreset_are_a_smaller_one():
    X = uneven(3000)
    known = Coreset(k_max=10).learn(shape_of(X), batch_of(X))
    large, small = (
        laws.lift(Coreset(size=m, k_max=10).knowing(known), shape_of(X), batch_of(X)) for m in (500, 60)
    )
    kept, weight = large.first(60)
    np.testing.assert_array_equal(large.X[kept], small.X)
    np.testing.assert_allclose(weight, small.sample_weight)
    np.testing.assert_array_equal(large.first(500)[1], large.sample_weight)


def test_centres_of_a_coreset_are_nearly_as_good_as_those_of_all_rows():
    X = uneven(60_000)
    state = state_of(X, size=4000, k_max=40)
    for k in (2, 5, 15, 30):
        model = fitted(built("kmeans", {"n_clusters": k, "size": 4000, "k_max": 40}), state)["model"]
        full = min(KMeans(k, n_init=1, random_state=s).fit(X).inertia_ for s in range(3))
        assert -model.score(X) <= 1.02 * full, k


def test_rows_far_from_the_pilot_are_kept():
    X = np.random.default_rng(0).normal(size=(5000, 3))
    X[17] = 1e5
    state = state_of(X, known_of=X[:15], size=50, k_max=5)
    assert 1e5 in state.X
    assert state.sample_weight[np.argmax(state.X[:, 0])] == 1.0


# Studies.


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(3):
        frame = pd.DataFrame(uneven(1500, seed=i).astype(np.float32), columns=list("abcd"))
        frame.to_parquet(folder / f"{i}.parquet", index=False)
    return folder


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_to_start_from_are_those_that_scikit_learn_draws(dtype):
    Z = uneven(700, seed=3).astype(dtype)
    weight = np.random.default_rng(0).uniform(0.2, 3.0, 700).astype(dtype)
    for seed in range(12):
        k = 2 + 3 * seed
        theirs = kmeans_plusplus(Z, k, sample_weight=weight, random_state=np.random.RandomState(seed))[0]
        np.testing.assert_array_equal(plus_plus(Z, weight, k, np.random.RandomState(seed)), theirs)


def test_many_k_of_both_models_read_every_row_once_and_a_second_study_none(files, tmp_path):
    both = ["kmeans", "gaussian_mixture"]
    search = {"kmeans.n_clusters": hpo.Int(2, 40), "gaussian_mixture.n_components": hpo.Int(1, 6)}
    asked = {"search": search, "folds": 3, "store": tmp_path / "store"}
    first = hpo.tune(files, algorithm=both, trials=30, **asked)
    assert first.metric == "silhouette"
    assert first.cost.rows_read == 4500
    assert first.cost.states_built == 3 * 2, "one coreset for both models, and a sample for the silhouettes"
    assert {t.user_attrs["rows_read"] for t in first.optuna_study.trials} == {0}
    assert {algorithm_of(first.run, c) for c in first.candidates} == set(both)
    second = hpo.tune(
        files, algorithm="kmeans", trials=10, scoring="neg_inertia", folds=3, store=tmp_path / "store"
    )
    assert (second.cost.rows_read, second.cost.states_built) == (0, 0)
    other = hpo.tune(files, algorithm="gaussian_mixture", trials=4, folds=3, store=tmp_path / "store")
    assert (other.metric, other.cost.rows_read) == ("log_likelihood", 0)


def test_another_k_max_is_another_pass(files, tmp_path):
    asked = {
        "algorithm": "kmeans",
        "trials": 3,
        "folds": 3,
        "store": tmp_path / "store",
        "scoring": "neg_inertia",
    }
    hpo.tune(files, **asked)
    more = hpo.tune(files, **asked, search={"kmeans.k_max": 20})
    assert more.cost.rows_read == 4500
    assert more.run.tuner.space.distributions["kmeans.n_clusters"].high == 20


@pytest.mark.parametrize("scoring", ["silhouette", "neg_davies_bouldin", "calinski_harabasz"])
def test_fold_scores_are_those_of_refits_scored_by_scikit_learn(scoring):
    X = rows_of("iris")
    cv = list(KFold(3, shuffle=True, random_state=0).split(X))
    search = {"kmeans.n_clusters": 3, "kmeans.standardize": False}
    result = hpo.tune(X, algorithm="kmeans", search=search, folds=cv, trials=1, scoring=scoring, store=None)
    formula = {
        "silhouette": silhouette_score,
        "neg_davies_bouldin": lambda *a: -davies_bouldin_score(*a),
        "calinski_harabasz": calinski_harabasz_score,
    }[scoring]
    fits = [(KMeans(3, n_init=20, random_state=0).fit(X[a]), X[b]) for a, b in cv]
    expected = [formula(held, model.predict(held)) for model, held in fits]
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-9)


def test_silhouettes_find_three_wines_and_likelihoods_three_irises():
    wine = hpo.tune(
        rows_of("wine"),
        algorithm="kmeans",
        search={"kmeans.n_clusters": hpo.Int(2, 10)},
        sampler="grid",
        trials=9,
    )
    assert wine.best_params["kmeans.n_clusters"] == 3
    assert wine.best_model["model"].cluster_centers_.shape == (3, 13)
    labels = wine.predict(rows_of("wine"))["prediction"]
    assert adjusted_rand_score(labels, load_wine().target) > 0.85
    search = {"gaussian_mixture.n_components": hpo.Int(1, 6), "gaussian_mixture.covariance_type": "full"}
    iris = hpo.tune(rows_of("iris"), algorithm="gaussian_mixture", search=search, sampler="grid", trials=6)
    made = iris.predict(rows_of("iris"))
    k = iris.best_params["gaussian_mixture.n_components"]
    assert k in (2, 3)
    assert list(made.columns) == ["prediction", *(f"probability_{i}" for i in range(k))]


def test_inertia_and_likelihood_are_confirmed_on_raw_rows():
    X = rows_of("wine")
    asked = {"trials": 1, "scoring": "neg_inertia", "store": None}
    result = hpo.tune(X, algorithm="kmeans", search={"kmeans.n_clusters": 3}, **asked)
    found = hpo.confirm(result, X)["neg_inertia"]
    assert found == pytest.approx(-result.best_model["model"].inertia_ / len(X))
    with pytest.raises(DataError, match="silhouette"):
        hpo.confirm(result, X, scoring="silhouette")
    search = {"gaussian_mixture.n_components": 2}
    mixture = hpo.tune(X, algorithm="gaussian_mixture", search=search, trials=1, store=None)
    assert hpo.confirm(mixture, X)["log_likelihood"] == pytest.approx(
        mixture.best_model.score(pd.DataFrame(X).add_prefix("x"))
    )


def test_the_report_draws_the_elbow_with_errors_whatever_was_optimised(tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.report.time_budget.FREE", 1e9)  # a busy machine thins no curve here
    result = hpo.tune(
        rows_of("wine"), algorithm="kmeans", search={"kmeans.n_clusters": hpo.Int(2, 9)}, trials=5, store=None
    )
    assert result.metric == "silhouette"
    elbow, scored = hpo.write_report(result, tmp_path / "report.html").validation
    assert (elbow.name, elbow.metric, elbow.x) == ("kmeans.n_clusters", "neg_inertia", list(range(2, 10)))
    assert np.all(np.diff(elbow.mean[:4]) > 0.0)
    assert np.all(np.array(elbow.se) > 0.0)
    assert (scored.name, scored.metric) == ("kmeans.n_clusters", "")
    page = (tmp_path / "report.html").read_text()
    assert "mean inertia ± 1 standard error, lower is better" in page
    assert "mean silhouette ± 1 standard error, higher is better" in page
    with pytest.raises(TuneError, match="metric='r2'"):
        hpo.validation_curve(result, "n_clusters", metric="r2")


def test_categories_and_gaps_reach_the_model_as_numbers(tmp_path):
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 600)
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(600) < 0.2, np.nan, 8.0 * group + rng.normal(size=600)),
            "kind": np.array(["a", "b", "c"])[group],
        }
    )
    search = {"kmeans.n_clusters": 3, "kmeans.impute": "mean"}
    result = hpo.tune(frame, algorithm="kmeans", search=search, trials=1, store=tmp_path)
    model = result.best_model
    assert adjusted_rand_score(result.predict(frame)["prediction"], group) > 0.99
    made = model[:-1].transform(frame)
    np.testing.assert_allclose(made.mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(made.std(axis=0), 1.0, rtol=1e-9)
    np.testing.assert_array_equal(model.predict(frame), model["model"].predict(made))


# Bad input.


def test_more_clusters_than_k_max_is_refused_by_the_name_of_the_pass_field():
    X = rows_of("digits")
    with pytest.raises(InvalidField, match=r"n_clusters=9: more than k_max=5.*set k_max to at least 9"):
        built("kmeans", {"n_clusters": 9, "k_max": 5}).solve(state_of(X, k_max=5))
    search = {"kmeans.n_clusters": 9, "kmeans.k_max": 5}
    with pytest.raises(SearchError, match=r"search\['kmeans.n_clusters'\]=9: n_clusters=9: more than k_max=5"):
        hpo.tune(X, algorithm="kmeans", search=search, trials=1, store=None)


@pytest.mark.parametrize(("name", "k"), [("kmeans", "n_clusters"), ("gaussian_mixture", "n_components")])
def test_more_clusters_than_distinct_rows_are_refused(name, k):
    X = np.repeat(np.arange(4.0), 50)[:, None]
    with pytest.raises(NotEnoughRows, match=re.escape(f"{k}=5 needs as many distinct rows, and there are 4")):
        built(name, {k: 5}).solve(state_of(X))
    model = fitted(built(name, {k: 4}), state_of(X))
    assert len(set(model.predict(X))) == 4


def test_a_fold_with_fewer_rows_than_clusters_is_named():
    X = rows_of("iris")[:20]
    search = {"kmeans.n_clusters": [2, 12]}
    with pytest.raises(SearchError, match=r"\[2, 12\]: n_clusters=12 needs as many distinct rows.*fewer folds"):
        hpo.tune(X, algorithm="kmeans", search=search, folds=2, trials=2, sampler="grid", store=None)


def test_one_cluster_has_no_silhouette():
    X = rows_of("iris")
    algorithm = built("kmeans", {"n_clusters": 1})
    with pytest.raises(Unscorable, match="fall in 1 cluster of 150 rows"):
        algorithm.score(algorithm.solve(state_of(X)), Held(None, sample_of(X)), "silhouette")


def test_rows_of_weight_zero_and_columns_of_one_value_change_nothing():
    X = rows_of("iris")
    frame = pd.DataFrame(X, columns=list("abcd")).assign(same=7.0, w=np.r_[np.ones(100), np.zeros(50)])
    search = {"kmeans.n_clusters": 3}
    asked = {
        "algorithm": "kmeans",
        "search": search,
        "trials": 1,
        "folds": 3,
        "scoring": "neg_inertia",
        "store": None,
    }
    with_zeros = hpo.tune(frame, weight="w", **asked).best_model
    np.testing.assert_allclose(with_zeros["scale"].mean_[:4], X[:100].mean(axis=0))
    assert with_zeros["scale"].scale_[4] == 1.0
    centres = with_zeros["model"].cluster_centers_
    np.testing.assert_allclose(centres[:, 4], 0.0, atol=1e-12)
    assert len(set(with_zeros.predict(frame[:100]))) == 3


def test_values_beyond_squaring_are_refused():
    X = np.array([[1e200], [-1e200], [0.0]])
    with pytest.raises(TooLarge, match="column 'x0'"):
        built("kmeans", {"n_clusters": 2}).solve(state_of(X))


@pytest.mark.parametrize(
    ("name", "params"),
    [("kmeans", {"n_clusters": 0}), ("kmeans", {"init": "best"}), ("kmeans", {"tol": 0.0}), ("kmeans", {"n_init": 0}),
     ("kmeans", {"k_max": 0}), ("kmeans", {"size": 1}), ("gaussian_mixture", {"covariance_type": "round"}),
     ("gaussian_mixture", {"reg_covar": -1.0}), ("gaussian_mixture", {"random_state": -1})],
)  # fmt: skip
def test_values_out_of_bounds_are_named(name, params):
    with pytest.raises(InvalidField, match=next(iter(params))):
        built(name, params)


@pytest.mark.parametrize("name", ["kmeans", "gaussian_mixture"])
def test_few_distinct_rows_that_come_often_are_as_many_clusters(name, tmp_path):
    """Three points, 20 rows of each, four in each fold: their clusters are as far apart as there is."""
    X = np.tile([[0.0, 0.0], [5.0, 5.0], [9.0, 0.0]], (20, 1))
    result = hpo.tune(X, algorithm=name, trials=12, folds=KFold(5), scoring="silhouette", store=tmp_path)
    [key] = [k for k in result.run.tuner.space.distributions if k.endswith(("n_clusters", "n_components"))]
    assert result.run.tuner.space.distributions[key].high == result.best_params[key] == 3
    assert result.best_value == 1.0
    twin = KMeans(3, n_init=1, random_state=0).fit(X)
    assert result.best_value == pytest.approx(silhouette_score(X, twin.labels_))


@pytest.mark.parametrize(
    ("copies", "high"),
    [
        ([1] * 100, 25),
        ([3] * 20, 5),
        ([4] * 20, 20),
        ([30, 30, 4, 1, 1, 1], 3),
        ([50, 1, 1], 2),
        ([10] * 300, 200),
    ],
)
def test_as_many_clusters_are_tried_as_folds_can_tell_apart(copies, high):
    X = np.repeat(np.arange(len(copies)), copies)[:, None] * [1.0, -2.0]
    assert built("kmeans", {}).bounds(state_of(X))["n_clusters"].high == high


def test_a_mixture_that_collapses_says_what_to_do():
    X = np.arange(20.0)[:, None] * [1.0, 2.0]
    with pytest.raises(AlgorithmError, match="larger reg_covar"):
        built("gaussian_mixture", {"n_components": 1, "reg_covar": 0.0}).solve(state_of(X))


def test_a_state_knows_its_size_before_the_pass():
    X = rows_of("wine").astype(np.float32)
    state = state_of(X, size=100, k_max=100)
    assert laws.size(dataclasses.replace(state)) == Coreset(size=100, k_max=100).nbytes(shape_of(X))


@pytest.mark.parametrize("offset", [0.0, 1e5, 1e9])
def test_labels_of_rows_far_from_zero_are_those_of_exact_distances(offset, tmp_path):
    rng = np.random.default_rng(0)
    z = np.round(rng.normal(size=(600, 3)) + 3.0 * rng.integers(0, 4, 600)[:, None], 3)
    frame = pd.DataFrame(z + offset, columns=list("abc"))
    search = {"kmeans.n_clusters": 4, "kmeans.standardize": False}
    model = hpo.tune(
        frame, None, "kmeans", search=search, trials=1, folds=3, store=tmp_path, progress=False
    ).best_model
    labels = model.predict(frame)
    centres = np.stack([z[labels == k].mean(axis=0) for k in range(4)])
    np.testing.assert_array_equal(labels, ((z[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1))
    assert ("scale" in model.named_steps) == (offset > 0.0)
