"""What a summary, or the rows, rule out is refused before the trials; what is capped is as good as the cap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

import hpo
from algorithms import fields, registry
from hpo.errors import SearchError
from hpo.question.given import resolve

X, y = (part[:120] for part in load_diabetes(return_X_y=True))
X = X[:, :6]
LABELS = (y > np.median(y)).astype(int)
AGAIN = "a pass field: another value reads the data once more"


def tune(data, algorithm, search, **more):
    asked = {"algorithm": algorithm, "search": search, "folds": 3, "trials": 6, "store": None, **more}
    return hpo.tune(data, **asked)


def errors_of(result):
    return {t.user_attrs["error"] for t in result.optuna_study.trials if "error" in t.user_attrs}


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"kmeans.n_clusters": 500}, "search['kmeans.n_clusters']=500: n_clusters=500: more than k_max=200"),
        ({"kmeans.n_clusters": [3, 500]}, "search['kmeans.n_clusters']=[3, 500]: n_clusters=500: more than k_max=200"),
        ({"kmeans.n_clusters": hpo.Int(2, 201)}, "search['kmeans.n_clusters']=2 to 201: n_clusters=201: more than k_max"),
        ({"kmeans.n_clusters": 9, "kmeans.k_max": 8}, "set k_max to at least 9 (" + AGAIN),
        ({"kmeans.n_clusters": 9, "kmeans.k_max": [5, 8]}, "more than k_max=8"),
        ({"gaussian_mixture.n_components": 201}, "n_components=201: more than k_max=200"),
        ({"knn_classifier.n_neighbors": 5000}, "n_neighbors=5000: more than size=4096, the rows that the sample keeps"),
        ({"knn_regressor.n_neighbors": [5, 30], "knn_regressor.size": 20}, "set size to at least 30 (" + AGAIN),
        ({"linear.alpha": 3e-3}, "alpha=0.003: the pack has 1e-06, 0.0001, 0.01; give it others with alphas= (" + AGAIN),
        ({"linear.loss": "hinge", "linear.losses": ["log_loss", "squared_hinge"]}, "loss='hinge': the pack has log_loss, squared_hinge"),
        ({"linear_regressor.eta0": [None, 7.0]}, "eta0=7.0: the pack has"),
        ({"kmeans.k_max": 30_000}, "search['kmeans.k_max']=30000: k_max=30000: must be from 1 to size=20,000"),
        ({"kmeans.size": [100, 400], "kmeans.k_max": [50, 200]}, "'kmeans' does not go together: k_max=200"),
        ({"linear.eta0": 0.1, "linear.average": True}, "'linear' does not go together: eta0=0.1 with average=True"),
    ],
)  # fmt: skip
def test_what_the_summary_rules_out_is_refused_before_anything_is_read(search, words):
    name = next(iter(search)).split(".")[0]
    with pytest.raises(SearchError) as refused:
        resolve([name], search)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "search",
    [
        {"kmeans.n_clusters": 500, "kmeans.k_max": 500},
        {"kmeans.n_clusters": [2, 300], "kmeans.k_max": [50, 300]},
        {"kmeans.k_max": 5},
        {"kmeans.k_max": 5, "kmeans.init": "random"},
        {"kmeans.size": 100, "kmeans.k_max": 50},
        {"kmeans.size": 100, "kmeans.k_max": [20, 50]},
        {"knn_classifier.n_neighbors": 5000, "knn_classifier.size": 6000},
        {"linear.alpha": 3e-3, "linear.alphas": ["1e-3", "3e-3"]},
        {"linear.losses": "log_loss"},
        {"linear.threshold": "f1", "linear.loss": "hinge"},
    ],
)
def test_what_goes_together_is_taken(search):
    resolve([next(iter(search)).split(".")[0]], search)


@pytest.mark.parametrize("name", registry.names())
def test_defaults_are_within_the_limits(name):
    algorithm = registry.get(name)
    made = algorithm()
    for field in fields.fields_of(algorithm):
        made.check_field(field)


def test_a_search_of_clusters_ends_at_the_largest_k_max():
    assert tune(X, "kmeans", {"kmeans.k_max": 5}).run.tuner.space.distributions["kmeans.n_clusters"].high == 5
    several = tune(X, "kmeans", {"kmeans.k_max": [2, 5]}, trials=20, sampler="grid")
    assert several.run.tuner.space.distributions["kmeans.n_clusters"].high == 5
    scored = {tuple(t.params.values()) for t in several.optuna_study.trials if t.values}
    assert scored == {(2, 2), (5, 2), (5, 3), (5, 4), (5, 5)}
    assert all("more than k_max=2" in error for error in errors_of(several))


@pytest.mark.parametrize(
    ("data", "name", "search", "words"),
    [
        (X, "kmeans", {"kmeans.n_clusters": 100}, "=100: n_clusters=100 needs as many distinct rows"),
        (np.repeat(X[:9], 9, axis=0), "kmeans", {"kmeans.n_clusters": [3, 10]}, "and there are 9; use fewer clusters"),
        (X, "gaussian_mixture", {"gaussian_mixture.n_components": hpo.Int(1, 110)}, "=1 to 110: n_components=110 needs"),
        ((X, LABELS), "knn_classifier", {"knn_classifier.n_neighbors": hpo.Int(1, 119)}, "n_neighbors=119 needs as many rows"),
        ((X, y), "knn_regressor", {"knn_regressor.n_neighbors": [5, 119]}, "use fewer neighbours, a larger sample (size) or"),
        ((X, LABELS), "knn_classifier", {"knn_classifier.n_neighbors": 119, "knn_classifier.threshold": "f1"}, "=119 needs"),
    ],
)  # fmt: skip
def test_what_the_rows_rule_out_is_refused_and_the_states_are_kept(data, name, search, words, tmp_path):
    with pytest.raises(SearchError) as refused:
        tune(data, name, search, store=tmp_path)
    assert words in str(refused.value)
    again = tune(data, name, {key: 2 for key in search if not key.endswith("threshold")}, store=tmp_path)
    assert (again.cost.rows_read, errors_of(again)) == (0, set())


@pytest.mark.parametrize(
    ("name", "field", "more", "as_good_as"),
    [("pca", "n_components", 50, 6), ("pcr", "n_components", 50, 6), ("pls", "n_components", 50, 6),
     ("sketched_pca", "n_components", 50, 6), ("ridge", "select", 50, None), ("isolation_forest", "max_samples", 5000, 120)],
)  # fmt: skip
def test_more_than_there_is_means_all_of_it(name, field, more, as_good_as):
    task = registry.get(name).tags.task
    data = {"decomposition": X, "regression": (X, y), "outlier_detection": (X, LABELS)}[task]
    studies = [tune(data, name, {f"{name}.{field}": k}, sampler="random") for k in (more, as_good_as)]
    scores = [study.optuna_study.trials[0].user_attrs["fold_scores"] for study in studies]
    assert scores[0] == pytest.approx(scores[1], rel=1e-12)
    assert len(scores[0]) == 3


def test_each_pass_adds_its_own_to_the_ranges():
    wider = tune((X, y), "pcr", {"pcr.kernel": ["none", "fourier"], "pcr.kernel_components": 40})
    assert wider.run.tuner.space.distributions["pcr.n_components"].high == 40
    packs = tune(load_iris(return_X_y=True), "linear", {"linear.losses": ["hinge", "log_loss"]})
    assert packs.run.tuner.space.distributions["linear.loss"].choices == ("hinge", "log_loss")


def test_settings_that_do_not_go_together_fail_alone():
    search = {"linear.average": [True, False], "linear.eta0": [None, 1.0], "linear.loss": "hinge"}
    result = tune(load_breast_cancer(return_X_y=True), "linear", search, trials=36, sampler="grid")
    failed = [t.params for t in result.optuna_study.trials if t.values is None]
    assert {(p["linear.average"], p["linear.eta0"]) for p in failed} == {(True, 1.0)}
    assert all("average=True: choose one step size" in error for error in errors_of(result))
