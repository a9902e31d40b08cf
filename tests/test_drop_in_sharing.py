"""Numbers of neighbours are answered from one search for each split, where scikit-learn's fits say the same."""

from __future__ import annotations

import numpy as np
import pytest
from drop_in import CLASSES, SCALED, X, Y, outcome
from scipy.sparse import csr_array
from scipy.stats import randint
from sklearn.base import is_classifier
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit, TimeSeriesSplit
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo

KS, WEIGHTS = [1, 2, 5, 12, 40], ["uniform", "distance"]
INTEGERS = np.random.default_rng(0).integers(0, 3, (200, 4)).astype(float)
DOUBLED = np.vstack([X[:150], X[:150] + np.r_[1e-3, np.zeros(9)], X[:50]])
SEVERAL = ["accuracy", "neg_log_loss", "roc_auc_ovr"]
PLACES = ["brute", "kd_tree", "ball_tree", "auto"]


def same(ours, theirs, exactly):
    for name, scores in theirs.items():
        if "_test_" in name and not name.startswith("rank"):
            np.testing.assert_allclose(ours[name], scores, rtol=0 if exactly else 1e-9, atol=0 if exactly else 1e-12)


def held(estimator, grid, rows, target, answered=None, groups=None, **options):
    """Hold a search to scikit-learn's, and return how it was answered."""
    ours = hpo.StateGridSearchCV(estimator, grid, **options).fit(rows, target, groups=groups)
    theirs = GridSearchCV(estimator, grid, **options).fit(rows, target, groups=groups)
    counted = options.get("scoring", "accuracy") in ("accuracy", "f1_macro")
    same(ours.cv_results_, theirs.cv_results_, is_classifier(estimator) and counted)
    assert ours.best_params_ == theirs.best_params_
    counts = ours.accelerated_
    assert counts.answered + counts.refitted == len(theirs.cv_results_["params"])
    if answered is not None:
        assert counts.answered == answered, counts
    return counts


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("algorithm", PLACES)
@pytest.mark.parametrize("kind", [KNeighborsClassifier, KNeighborsRegressor])
def test_one_search_answers_every_number_of_neighbours(kind, algorithm, p):
    target = CLASSES if kind is KNeighborsClassifier else Y
    grid = {"n_neighbors": KS, "weights": WEIGHTS}
    held(kind(algorithm=algorithm, p=p), grid, X, target, answered=10, cv=3)


@pytest.mark.parametrize("algorithm", PLACES)
@pytest.mark.parametrize("rows", [INTEGERS, DOUBLED], ids=["integers", "duplicates"])
@pytest.mark.parametrize("kind", [KNeighborsClassifier, KNeighborsRegressor])
def test_rows_that_are_equally_far_are_left_to_fits(kind, rows, algorithm):
    n = len(rows)
    target = (CLASSES if kind is KNeighborsClassifier else Y)[np.arange(n) % len(Y)]
    pipeline = make_pipeline(StandardScaler(), kind(algorithm=algorithm))
    axis = kind.__name__.lower()
    grid = {f"{axis}__n_neighbors": KS, f"{axis}__weights": WEIGHTS}
    counts = held(pipeline, grid, rows, target, cv=KFold(3, shuffle=True, random_state=0))
    assert counts.refitted, counts
    assert any("equally far" in why for why in counts.reasons)


@pytest.mark.parametrize(
    "scoring", ["neg_log_loss", "f1_macro", SEVERAL, {"one": "accuracy", "two": "roc_auc_ovo"}], ids=str
)
def test_scores_of_labels_and_of_probabilities_are_scikit_learns(scoring):
    refit = {"refit": next(iter(scoring))} if not isinstance(scoring, str) else {}
    pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier())
    grid = {"kneighborsclassifier__n_neighbors": [20, 3, 31], "kneighborsclassifier__weights": WEIGHTS}
    held(pipeline, grid, SCALED, CLASSES, answered=6, cv=3, scoring=scoring, **refit)


@pytest.mark.parametrize("cv", [TimeSeriesSplit(3), ShuffleSplit(3, random_state=0), GroupKFold(3)], ids=repr)
def test_any_splitter_and_other_parameters_beside_the_axis(cv):
    grid = {"n_neighbors": [3, 9], "metric": ["euclidean", "manhattan", "cosine"], "weights": WEIGHTS}
    groups = np.arange(len(Y)) % 7 if isinstance(cv, GroupKFold) else None
    held(KNeighborsRegressor(), grid, X, Y, answered=12, cv=cv, groups=groups)


def test_what_one_search_does_not_hold_is_fitted_and_fails_as_ever():
    search = hpo.StateGridSearchCV(KNeighborsRegressor(), {"n_neighbors": [2, 5, 0, 400, "many"]}, cv=3)
    theirs = GridSearchCV(KNeighborsRegressor(), {"n_neighbors": [2, 5, 0, 400, "many"]}, cv=3)
    same(outcome(search, X, Y), outcome(theirs, X, Y), exactly=False)
    assert np.isnan(search.cv_results_["mean_test_score"][2:]).all()
    far = held(KNeighborsRegressor(), {"n_neighbors": [2, 5], "metric": ["canberra"]}, X, Y, answered=0, cv=3)
    assert "canberra" in next(iter(far.reasons))


@pytest.mark.parametrize(
    ("rows", "answered"), [(csr_array(X), 4), (X.astype(np.float32), 0), ((X * 1e3).astype(int), None)],
    ids=["sparse", "single", "int"],
)  # fmt: skip
def test_other_tables(rows, answered):
    held(KNeighborsRegressor(), {"n_neighbors": [2, 5], "weights": WEIGHTS}, rows, Y, answered=answered, cv=3)


def test_a_search_counts_a_query_for_each_split_and_says_why_else(monkeypatch):
    asked = []
    query = KNeighborsRegressor.kneighbors

    def counted(self, *args, **options):
        asked.append(self)
        return query(self, *args, **options)

    monkeypatch.setattr(KNeighborsRegressor, "kneighbors", counted)
    grid = {"n_neighbors": list(range(1, 31)), "weights": WEIGHTS}
    search = hpo.StateGridSearchCV(KNeighborsRegressor(), grid, cv=3, fallback="error").fit(X, Y)
    assert (search.accelerated_.answered, len(asked)) == (60, 3)
    with pytest.raises(ValueError, match="the next one is equally far"):
        hpo.StateGridSearchCV(KNeighborsRegressor(), grid, cv=3, fallback="error").fit(INTEGERS, Y[:200])


def test_optuna_proposes_numbers_of_neighbours_too():
    space = {"n_neighbors": randint(1, 60)}
    search = hpo.StateSearchCV(KNeighborsRegressor(), space, n_trials=12, cv=3, random_state=0).fit(X, Y)
    assert search.accelerated_.answered == 12
    grid = {"n_neighbors": [one["n_neighbors"] for one in search.cv_results_["params"]]}
    theirs = GridSearchCV(KNeighborsRegressor(), grid, cv=3).fit(X, Y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-9)
