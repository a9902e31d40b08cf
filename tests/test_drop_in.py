"""Searches of scikit-learn's kind: what is not answered is said, and fitted as before."""

from __future__ import annotations

import itertools
import pickle
import re
import tempfile
import warnings
from importlib import import_module

import numpy as np
import optuna
import pandas as pd
import pytest
from drop_in import ALPHAS, CLASSES, FRAME, SCALED, X, Y, outcome
from scipy.sparse import csr_array
from scipy.stats import loguniform, randint
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.exceptions import FitFailedWarning
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    GammaRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    cross_val_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import check_estimator

import hpo
from algorithms import registry
from algorithms.fields import fields_of
from hpo.errors import DataError

SEEDS = {"random_state"}


def test_missing_values_are_filled_as_by_the_imputer():
    gaps = SCALED.copy()
    gaps[np.random.default_rng(0).random(gaps.shape) < 0.1] = np.nan
    pipeline = make_pipeline(SimpleImputer(), StandardScaler(), Ridge())
    grid = {"ridge__alpha": [0.1, 10.0]}
    theirs = GridSearchCV(pipeline, grid).fit(gaps, Y)
    ours = hpo.StateGridSearchCV(pipeline, grid, fallback="error").fit(gaps, Y)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-8
    )
    with pytest.raises(ValueError, match="values are missing, and no step fills them"):
        hpo.StateGridSearchCV(Ridge(), ALPHAS, fallback="error").fit(gaps, Y)


def test_steps_before_are_fitted_once_for_each_split(monkeypatch):
    fits = []
    fit = PolynomialFeatures.fit
    monkeypatch.setattr(
        PolynomialFeatures, "fit", lambda self, *a, **k: fits.append(self.degree) or fit(self, *a, **k)
    )
    pipeline = make_pipeline(PolynomialFeatures(include_bias=False), StandardScaler(), Ridge())
    grid = {"ridge__alpha": np.logspace(-1, 3, 20), "polynomialfeatures__degree": np.arange(1, 3)}
    search = hpo.StateGridSearchCV(pipeline, grid, cv=3, fallback="error").fit(X, Y)
    assert (search.accelerated_.answered, search.accelerated_.prepared) == (40, 6)
    assert len(fits) == 6 + 2 + 1  # what one candidate of each kind is compared with, and the winner
    assert search.accelerated_.rows_read == 6 * len(X)
    steered = hpo.StateSearchCV(
        pipeline, {"ridge__alpha": loguniform(0.1, 10.0)}, n_trials=8, cv=3, fallback="error"
    )
    assert steered.fit(X, Y).accelerated_.prepared == 3


@pytest.mark.parametrize(
    "columns",
    [pd.Index(["age", "bmi"]), np.array(["age", "bmi"], object), slice(1, 3), make_column_selector("age|bmi")],
    ids=lambda columns: type(columns).__name__,
)
def test_steps_of_columns_that_candidates_have_copies_of_are_fitted_once_for_each_split(columns):
    pipeline = make_pipeline(make_column_transformer((StandardScaler(), columns)), Ridge())
    search = hpo.StateGridSearchCV(pipeline, {"ridge__alpha": [0.1, 1.0, 10.0]}, cv=3, fallback="error")
    table = pd.DataFrame(X[:, :3], columns=["sex", "age", "bmi"])
    assert search.fit(table, Y).accelerated_.prepared == 3


def test_a_step_that_fails_fails_as_in_scikit_learn():
    towns = FRAME.assign(town=["Rome", *["Bern"] * 440, "Oslo"])
    pipeline = make_pipeline(make_column_transformer((OneHotEncoder(), ["town", "sex"])), Ridge())
    search = hpo.StateGridSearchCV(pipeline, {"ridge__alpha": [1.0]}, cv=KFold(3))
    with pytest.raises(ValueError, match="ValueError in a step before the model: Found unknown categories"):
        clone(search).set_params(fallback="error").fit(towns, Y)
    search._is_small, search._pays = lambda *_: False, lambda *_, **__: True
    theirs = GridSearchCV(pipeline, {"ridge__alpha": [1.0]}, cv=KFold(3))
    assert str(outcome(search, towns, Y)["mean_test_score"]) == str(
        outcome(theirs, towns, Y)["mean_test_score"]
    )


@pytest.mark.parametrize("held", [1 << 30, 0])
def test_tables_that_steps_make_are_kept_while_there_is_room(held, monkeypatch):
    monkeypatch.setattr("hpo.drop_in.answers.HELD", held)
    steered = hpo.StateSearchCV(
        make_pipeline(PolynomialFeatures(include_bias=False), Ridge()), {"polynomialfeatures__degree": randint(1, 3)},
        n_trials=6, cv=2, random_state=0, fallback="error",
    )  # fmt: skip
    accelerated = steered.fit(X[:, :3], Y).accelerated_
    degrees = [one["polynomialfeatures__degree"] for one in steered.cv_results_["params"]]
    changes = 1 + sum(before != after for before, after in itertools.pairwise(degrees))
    assert changes > 2 and accelerated.prepared == 2 * (2 if held else changes)
    assert accelerated.rows_read == 4 * len(X)  # what was read is in the store when its tables are made again


def test_tables_that_do_not_fit_in_memory_are_not_made(monkeypatch):
    monkeypatch.setattr("hpo.drop_in.prepared.available_memory", lambda: 4e5)
    pipeline = make_pipeline(PolynomialFeatures(), Ridge())
    with pytest.raises(
        ValueError, match=r"fallback='error': what the steps before the model make takes 0\.0 GB"
    ):
        hpo.StateGridSearchCV(pipeline, {"ridge__alpha": [1.0]}, fallback="error").fit(X, Y)


def test_single_precision_is_left_to_scikit_learn():
    with pytest.raises(ValueError, match=r"computes in float32; X\.astype\(float\) is answered"):
        hpo.StateGridSearchCV(Ridge(), ALPHAS, fallback="error").fit(X.astype(np.float32), Y)


def test_columns_that_the_scaler_takes_for_constants_are_left_to_it():
    rows = np.c_[X, 1e8 + 1e-7 * np.random.default_rng(0).normal(size=len(X))]
    pipeline, alphas = make_pipeline(StandardScaler(), Ridge()), [0.1, 10.0]
    for grid in ({"ridge__alpha": alphas}, {"ridge__alpha": alphas, "standardscaler": ["passthrough", StandardScaler()]}):
        theirs = GridSearchCV(pipeline, grid).fit(rows, Y)
        with pytest.raises(ValueError, match=f"column {X.shape[1]} varies by so little"):
            hpo.StateGridSearchCV(pipeline, grid, fallback="error").fit(rows, Y)
        ours = hpo.StateGridSearchCV(pipeline, grid).fit(rows, Y)
        np.testing.assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-8)


def test_sparse_tables_are_answered_by_naive_bayes_alone():
    with pytest.raises(ValueError, match="fallback='error': X is sparse"):
        hpo.StateGridSearchCV(Ridge(), ALPHAS, fallback="error").fit(csr_array(X), Y)


def test_rows_are_read_once_and_two_models_are_fitted(monkeypatch):
    fits = []
    fit = Ridge.fit
    monkeypatch.setattr(Ridge, "fit", lambda self, *a, **k: fits.append(1) or fit(self, *a, **k))
    search = hpo.StateGridSearchCV(Ridge(), {"alpha": np.logspace(-3, 3, 50)}, fallback="error").fit(X, Y)
    assert len(fits) == 2 and search.accelerated_.rows_read == len(X)


@pytest.mark.parametrize(
    ("search", "why"),
    [
        (
            hpo.StateGridSearchCV(DecisionTreeRegressor(), {"max_depth": [1]}),
            "no algorithm stands for DecisionTreeR",
        ),
        (
            hpo.StateGridSearchCV(Ridge(solver="sag"), ALPHAS),
            r"Ridge\(solver='sag'\) is not answered from states",
        ),
        (
            hpo.StateGridSearchCV(Ridge(positive=True), ALPHAS),
            r"Ridge\(positive=True\) is not answered from states",
        ),
        (hpo.StateGridSearchCV(Ridge(), {"alpha": [-1.0]}), "alpha=-1.0: must be at least 0"),
        (hpo.StateGridSearchCV(Ridge(), ALPHAS, return_train_score=True), "return_train_score=True"),
        (
            hpo.StateGridSearchCV(Ridge(), ALPHAS, scoring=lambda e, X, y: 0.0),
            "scoring is not a name of a score",
        ),
    ],
)
def test_what_no_state_answers_is_fitted_as_ever_or_said(search, why):
    with pytest.raises(ValueError, match="fallback='error': .*" + why):
        clone(search).set_params(fallback="error").fit(X, Y)
    if "at least 0" in why:
        return
    search._is_small = lambda *_: False
    search.fit(X, Y)
    assert re.search(why, next(iter(search.accelerated_.reasons)))
    assert search.accelerated_.answered == 0 and search.accelerated_.refitted == len(
        search.cv_results_["params"]
    )


def test_candidates_of_both_kinds_stand_side_by_side():
    pipeline, grid = (
        make_pipeline(Ridge()),
        {"ridge": [Ridge(2.0), DecisionTreeRegressor(max_depth=2), Lasso(0.1)]},
    )
    rows, target = np.tile(SCALED, (20, 1)), np.tile(Y, 20)
    theirs = GridSearchCV(pipeline, grid, cv=3).fit(rows, target)
    ours = hpo.StateGridSearchCV(pipeline, grid, cv=3)
    ours._is_small, ours._pays = lambda *_: False, lambda *_, **__: True
    ours.fit(rows, target)
    assert (ours.accelerated_.answered, ours.accelerated_.refitted) == (2, 1)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-6
    )
    assert list(ours.cv_results_["rank_test_score"]) == list(theirs.cv_results_["rank_test_score"])


def test_small_searches_are_fitted_as_ever():
    search = hpo.StateGridSearchCV(Ridge(), ALPHAS).fit(*load_iris(return_X_y=True))
    assert search.accelerated_.reasons == {"fits take less time": 4}


def test_rows_that_are_sorted_are_answered_all_the_same():
    rows = np.random.default_rng(0).normal(size=(30_000, 20))
    labels = np.sort(np.where(np.arange(30_000) < 29_900, 0, 1))
    search = hpo.StateGridSearchCV(
        LinearDiscriminantAnalysis(),
        {"solver": ["svd", "lsqr"], "priors": [None] * 40},
        scoring="neg_log_loss",
    )
    assert search.fit(rows, labels).accelerated_.answered == 80


def test_wide_tables_are_left_to_scikit_learn():
    wide = np.random.default_rng(0).normal(size=(60, 4000))
    search = hpo.StateGridSearchCV(Ridge(), {"alpha": np.geomspace(1e-3, 1e3, 50)}).fit(wide, wide[:, 0])
    assert search.accelerated_.reasons == {"fits take less time": 50}


def test_what_is_refused_is_asked_once(monkeypatch):
    asked = []

    def refused(*_, **__):
        asked.append(1)
        raise DataError("no such data")

    monkeypatch.setattr("hpo.drop_in.answers.tune", refused)
    search = hpo.StateGridSearchCV(Ridge(), ALPHAS)
    search._is_small, search._pays = lambda *_: False, lambda *_, **__: True
    assert search.fit(X, Y).accelerated_.reasons == {"no such data": 4} and asked == [1]


def test_it_is_an_estimator_as_grid_search_cv_is():
    search = hpo.StateGridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, fallback="error")
    assert clone(search).get_params()["fallback"] == "error"
    fitted = clone(search).fit(X, CLASSES)
    again = pickle.loads(pickle.dumps(fitted))
    assert again.best_params_ == fitted.best_params_ and list(again.classes_) == ["high", "low", "middle"]
    assert fitted.fit(X[:200], CLASSES[:200]).accelerated_.rows_read == 200
    assert search.__sklearn_tags__().classifier_tags is not None
    assert cross_val_score(search, X, CLASSES, cv=3).shape == (3,)
    assert "StateGridSearchCV" in fitted._repr_html_()
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(10)])
    assert list(clone(search).fit(frame, CLASSES).feature_names_in_) == list(frame.columns)


def test_groups_go_to_the_splitter():
    groups = np.arange(len(X)) % 7
    options = {"cv": GroupKFold(3)}
    theirs = GridSearchCV(Ridge(), ALPHAS, **options).fit(X, Y, groups=groups)
    ours = hpo.StateGridSearchCV(Ridge(), ALPHAS, fallback="error", **options).fit(X, Y, groups=groups)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-8
    )


def test_refit_may_be_a_function_or_left_out():
    def simplest(results):
        return int(np.argmin(results["param_alpha"].astype(float)))

    search = hpo.StateGridSearchCV(Ridge(), ALPHAS, refit=simplest, fallback="error").fit(X, Y)
    assert search.best_params_ == {"alpha": 0.01} and not hasattr(search, "best_score_")
    search = hpo.StateGridSearchCV(Ridge(), ALPHAS, refit=False, fallback="error").fit(X, Y)
    assert search.best_params_ == {"alpha": 0.01} or search.best_index_ >= 0
    assert not hasattr(search, "best_estimator_")


def test_random_candidates_are_those_of_randomized_search_cv():
    asked = {"alpha": loguniform(1e-3, 1e3), "fit_intercept": [True, False]}
    theirs = RandomizedSearchCV(Ridge(), asked, n_iter=20, random_state=3).fit(X, Y)
    ours = hpo.accelerate(
        RandomizedSearchCV(Ridge(), asked, n_iter=20, random_state=3), fallback="error"
    ).fit(X, Y)
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-8
    )


def test_accelerate_takes_searches_alone():
    same = hpo.accelerate(GridSearchCV(Ridge(), ALPHAS, cv=3))
    assert type(same) is hpo.StateGridSearchCV and same.cv == 3
    with pytest.raises(TypeError, match=r"not Ridge; use hpo\.StateSearchCV"):
        hpo.accelerate(Ridge())


def test_optuna_proposes_of_its_own_distributions_and_scipys():
    study, seen = optuna.create_study(direction="maximize"), []
    asked = {
        "alpha": optuna.distributions.FloatDistribution(1e-4, 10.0, log=True),
        "fit_intercept": [True, False],
    }
    search = hpo.StateSearchCV(
        Ridge(), asked, n_trials=12, random_state=0, fallback="error", study=study, callbacks=[lambda s, t: seen.append(t)]
    ).fit(X, Y)  # fmt: skip
    assert len(study.trials) == len(seen) == len(search.cv_results_["params"]) == 12
    assert study.best_value == pytest.approx(search.best_score_)
    assert search.accelerated_.rows_read == len(X)
    again = hpo.StateSearchCV(
        PLSRegression(), {"n_components": randint(1, 5)}, n_trials=3, random_state=0, fallback="error"
    )
    assert {p["n_components"] for p in again.fit(X, Y).cv_results_["params"]} <= {1, 2, 3, 4}
    trees = hpo.StateSearchCV(
        DecisionTreeRegressor(), {"max_depth": randint(1, 5)}, n_trials=3, random_state=0
    ).fit(X, Y)
    assert trees.accelerated_.refitted == 3 and len(trees.study_.trials) == 3


def test_lists_alone_are_a_grid():
    search = hpo.StateSearchCV(Ridge(), ALPHAS, fallback="error").fit(X, Y)
    assert [p["alpha"] for p in search.cv_results_["params"]] == ALPHAS["alpha"] and not hasattr(
        search, "study_"
    )


def test_a_search_ends_after_its_time():
    asked = {"alpha": loguniform(1e-3, 1e3)}
    search = hpo.StateSearchCV(Ridge(), asked, n_trials=10_000, timeout=0.0, fallback="error").fit(X, Y)
    assert len(search.cv_results_["params"]) < 10_000


def test_a_misspelt_fallback_is_named():
    with pytest.raises(ValueError, match="fallback='refitt': write 'refit' or 'error'"):
        hpo.StateGridSearchCV(Ridge(), ALPHAS, fallback="refitt").fit(X, Y)


@pytest.mark.parametrize(
    ("estimator", "target", "why"),
    [
        (LogisticRegression(), CLASSES, "from the rows that a state keeps, takes longer"),
        (PoissonRegressor(), Y, "stops its descent by tol"),
        (GammaRegressor(), Y, "stops its descent by tol"),
        (TweedieRegressor(), Y, "stops its descent by tol"),
        (KNeighborsClassifier(), CLASSES, "takes any of rows that are equally far"),
        (KNeighborsRegressor(), Y, "takes any of rows that are equally far"),
        (KMeans(), None, "begins at centres drawn of all rows"),
        (GaussianMixture(), None, "begins at centres drawn of all rows"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_estimators_that_states_answer_approximately_say_why_they_are_fitted(estimator, target, why):
    search = hpo.StateGridSearchCV(estimator, {}, cv=3, fallback="error")
    with pytest.raises(ValueError, match=why):
        search.fit(X, target)
    ours = search.set_params(fallback="refit")
    ours._is_small = lambda *_: False
    theirs = GridSearchCV(estimator.set_params(**dict.fromkeys(SEEDS & set(estimator.get_params()), 0)), {}, cv=3)
    theirs.fit(X, target), ours.fit(X, target)
    assert why in next(iter(ours.accelerated_.reasons)) and ours.accelerated_.refitted == 1
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


ANSWERED = [
    name for name in registry.names() if (found := registry.get(name).tags.equivalent) and not found.unanswered
]


@pytest.mark.parametrize("name", ANSWERED)
def test_every_parameter_of_an_equivalent_is_known(name):
    kind = registry.get(name)
    equivalent = kind.tags.equivalent
    module, _, attribute = equivalent.path.rpartition(".")
    asked = set(getattr(import_module(module), attribute)().get_params(deep=False))
    named = {*equivalent.ignored, *equivalent.only, *equivalent.renamed}
    assert named <= asked
    assert {equivalent.renamed.get(p, p) for p in asked - {*equivalent.ignored, *equivalent.only}} <= set(
        fields_of(kind)
    )


def failing(search):
    found = check_estimator(search, on_fail=None, on_skip=None)
    return {one["check_name"] for one in found if one["status"] == "failed"}


def test_checks_of_scikit_learn_fail_nowhere_else():
    grid = {"alpha": [0.1, 1.0]}
    assert failing(hpo.StateGridSearchCV(Ridge(), grid)) <= failing(GridSearchCV(Ridge(), grid))


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (PLSRegression(11), "n_components=11, of rows to train on that have 10"),
        (make_pipeline(SelectKBest(f_regression, k=3), PLSRegression(4)), "n_components=4, of rows to train on that have 3"),
        (LinearDiscriminantAnalysis(n_components=1), r"LinearDiscriminantAnalysis\(n_components=1\) is not answered"),
        (LinearDiscriminantAnalysis(tol=0.1), r"LinearDiscriminantAnalysis\(tol=0.1\) is not answered"),
        (QuadraticDiscriminantAnalysis(tol=0.1), r"QuadraticDiscriminantAnalysis\(tol=0.1\) is not answered"),
        (PCA(11), "n_components=11, of rows to train on that have 10"),
        (PCA(0.9), r"n_components=0.9"),
        (PCA(2, whiten=True), r"PCA\(whiten=True\) is not answered"),
        (make_pipeline(PolynomialFeatures(2), PCA(3)), "which svd_solver='auto' finds at random for 589 rows of 66 columns"),
        (make_pipeline(OneHotEncoder(), PCA(3)), "what the steps before the model make is sparse"),
    ],
)  # fmt: skip
def test_parameters_that_scikit_learn_refuses_or_reads_otherwise_are_not_answered(estimator, why):
    target = Y if "PLS" in str(estimator) else CLASSES
    rows = np.tile(np.round(X[:, :1], 2), (2, 1)) if "OneHot" in str(estimator) else np.tile(X, (2, 1))
    with pytest.raises(ValueError, match=why):
        hpo.StateGridSearchCV(estimator, {}, cv=3, fallback="error").fit(rows, np.tile(target, 2))


@pytest.mark.parametrize("target", [None, Y, np.where(Y > 100.0, np.nan, Y), CLASSES, np.c_[Y, Y]])
def test_components_are_scored_by_their_likelihood_whatever_the_target(target):
    grid = {"pca__n_components": [1, 4, 10]}
    pipeline = make_pipeline(StandardScaler(), PCA())
    theirs = GridSearchCV(pipeline, grid, cv=KFold(3)).fit(X, target)
    ours = hpo.StateGridSearchCV(pipeline, grid, cv=KFold(3), fallback="error").fit(X, target)
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_allclose(ours.cv_results_[key], theirs.cv_results_[key], rtol=1e-10)
    assert ours.best_params_ == theirs.best_params_ and ours.accelerated_.rows_read == len(X)


def test_models_of_other_scores_of_their_own_are_fitted():
    grid = {"ridge": [PCA(2), Ridge(), GaussianNB()]}
    with pytest.raises(ValueError, match="its own score is r2, not log_likelihood"):
        hpo.StateGridSearchCV(make_pipeline(Ridge()), grid, cv=2, fallback="error").fit(X, (Y > 100.0).astype(int))
    with pytest.raises(ValueError, match="r2: is not a score of a model without a target"):
        hpo.StateGridSearchCV(PCA(), {}, scoring="r2", fallback="error").fit(X, Y)
    ours = hpo.StateGridSearchCV(make_pipeline(Ridge()), grid, cv=2)
    ours._is_small, ours._pays = lambda *_: False, lambda *_, **__: True
    target = (Y > 100.0).astype(int)
    theirs = GridSearchCV(make_pipeline(Ridge()), grid, cv=2).fit(X, target)
    found, wanted = (one.fit(X, target).cv_results_["mean_test_score"] for one in (ours, theirs))
    np.testing.assert_allclose(found, wanted, rtol=1e-8)
    assert (ours.accelerated_.answered, ours.accelerated_.refitted) == (1, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_target_with_gaps_fails_as_in_scikit_learn(value):
    target = Y.copy()
    target[::3] = value
    with pytest.raises(ValueError, match="y has values that are missing or infinite"):
        hpo.StateGridSearchCV(Ridge(), ALPHAS, fallback="error").fit(X, target)
    with pytest.raises(ValueError) as theirs:
        GridSearchCV(Ridge(), ALPHAS).fit(X, target)
    with pytest.raises(ValueError) as ours:
        hpo.StateGridSearchCV(Ridge(), ALPHAS).fit(X, target)
    assert str(ours.value).splitlines()[:4] == str(theirs.value).splitlines()[:4]


def test_a_target_that_does_not_vary_is_fitted_as_in_scikit_learn():
    target = np.ones(len(X))
    with pytest.raises(ValueError, match="fallback='error': target 'y' is 1 in all 442 rows"):
        hpo.StateGridSearchCV(Ridge(), ALPHAS, fallback="error").fit(X, target)
    ours = hpo.StateGridSearchCV(Ridge(), ALPHAS)
    ours._is_small, ours._pays = lambda *_: False, lambda *_, **__: True
    found, wanted = outcome(ours, X, target), outcome(GridSearchCV(Ridge(), ALPHAS), X, target)
    np.testing.assert_array_equal(found["mean_test_score"], wanted["mean_test_score"])


def test_an_answer_that_a_fit_denies_is_not_given(monkeypatch):
    score = Ridge.score
    monkeypatch.setattr(Ridge, "score", lambda *a, **k: score(*a, **k) - 0.01)
    with pytest.raises(ValueError, match=r"a fit of it has a r2 of 0\.4\d+, and states say 0\.4"):
        hpo.StateGridSearchCV(Ridge(), ALPHAS, fallback="error").fit(X, Y)


def test_scores_that_scikit_learn_cannot_give_are_not_given():
    target = np.where(Y > 140.0, "yes", "no")
    search = hpo.StateGridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, scoring="f1")
    with pytest.raises(ValueError, match="a fit of it has a f1 of nan"):
        clone(search).set_params(fallback="error").fit(X, target)


def test_rows_that_are_read_again_are_counted_and_nothing_is_left(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 3))
    rows[:, 2] = rows[:, 0] + 1e-5 * rows[:, 2]
    target = rows @ [1.0, 2.0, 3.0] + rng.normal(size=300)
    grid = {"alpha": [1e3, 1e-9]}  # the second one alone needs more digits
    options = {"scoring": "neg_mean_squared_error"}
    search = hpo.StateGridSearchCV(Ridge(solver="svd"), grid, fallback="error", **options).fit(rows, target)
    assert search.accelerated_.answered == 2 and search.accelerated_.rows_read == 600
    assert not list(tmp_path.iterdir())
    theirs = GridSearchCV(Ridge(solver="svd"), grid, **options).fit(rows, target)
    found, wanted = (one.cv_results_["mean_test_score"] for one in (search, theirs))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_fits_that_fail_are_nan_with_a_warning_and_the_rest_goes_on():
    grid = {"ridge": [Ridge(2.0), DecisionTreeRegressor(max_depth=0), DecisionTreeRegressor(max_depth=2)]}
    pipeline = make_pipeline(Ridge())
    search = hpo.StateGridSearchCV(pipeline, grid, cv=3)
    search._is_small, search._pays = lambda *_: False, lambda *_, **__: True
    with (
        pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search.fit(X, Y)
    with pytest.warns(FitFailedWarning), pytest.warns(UserWarning, match="non-finite"):
        theirs = GridSearchCV(pipeline, grid, cv=3).fit(X, Y)
    means = [one.cv_results_["mean_test_score"] for one in (search, theirs)]
    np.testing.assert_allclose(*means, rtol=1e-8)
    assert list(search.cv_results_["rank_test_score"]) == list(theirs.cv_results_["rank_test_score"])


def test_a_trial_that_fails_is_not_the_end_of_a_search():
    asked = {"max_depth": optuna.distributions.IntDistribution(0, 3)}
    search = hpo.StateSearchCV(DecisionTreeRegressor(random_state=0), asked, n_trials=12, random_state=0)
    with pytest.warns((FitFailedWarning, UserWarning)):
        search.fit(X, Y)
    depths = [one["max_depth"] for one in search.cv_results_["params"]]
    assert 0 in depths and len(depths) == 12
    states = {t.params["max_depth"]: t.state.name for t in search.study_.trials}
    assert states[0] == "FAIL" and states[search.best_params_["max_depth"]] == "COMPLETE"


@pytest.mark.parametrize(
    "scoring", [None, ["r2", "neg_max_error"], lambda e, rows, y: -float(np.ptp(e.predict(rows)))]
)
def test_optuna_steers_by_any_score(scoring):
    asked = {"max_depth": randint(1, 5)}
    options = {"refit": "neg_max_error"} if isinstance(scoring, list) else {}
    search = hpo.StateSearchCV(DecisionTreeRegressor(), asked, n_trials=3, scoring=scoring, **options).fit(
        X, Y
    )
    name = "mean_test_neg_max_error" if options else "mean_test_score"
    assert [t.value for t in search.study_.trials] == pytest.approx(list(search.cv_results_[name]))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"n_trials": 0}, "'n_trials' parameter of StateSearchCV must be an int in the range"),
        ({"timeout": -1.0}, "'timeout' parameter of StateSearchCV must be a float in the range"),
        ({"param_distributions": [ALPHAS]}, "'param_distributions' parameter of StateSearchCV must be an instance of"),
        ({"study": optuna.create_study(study_name="errors")}, "study='errors': its direction is minimize, and scores"),
    ],
)  # fmt: skip
def test_parameters_of_a_steered_search_are_checked(options, why):
    asked = {"param_distributions": {"alpha": loguniform(1e-3, 1.0)}, **options}
    with pytest.raises(ValueError, match=why):
        hpo.StateSearchCV(Ridge(), **asked).fit(X, Y)


def test_verbose_says_what_is_scored(capsys):
    hpo.StateGridSearchCV(Ridge(), ALPHAS, verbose=1, fallback="error").fit(X, Y)
    assert capsys.readouterr().out == "Scoring 4 candidates on 5 folds\n"


def test_splits_of_a_generator_are_used_once():
    search = hpo.StateGridSearchCV(Ridge(), ALPHAS, cv=KFold(3).split(X))
    assert search.fit(X, Y).n_splits_ == 3


def test_errors_have_no_other_error_before_them():
    with pytest.raises(ValueError) as caught:
        hpo.StateGridSearchCV(DecisionTreeRegressor(max_depth=0), {"min_samples_leaf": [1]}).fit(X, Y)
    assert caught.value.__context__ is None


def test_a_first_candidate_that_cannot_be_fitted_decides_nothing_for_the_others(monkeypatch):
    """Two columns are the same: without regularization no class has a covariance that can be inverted."""
    for name in ("COLD", "WARM", "EACH"):  # reading costs nothing, so that it pays where a fit is made at all
        monkeypatch.setattr(f"hpo.drop_in.from_states.{name}", 0.0)
    monkeypatch.setattr("hpo.drop_in.from_states.expected_seconds", lambda *_: 0.0)
    monkeypatch.setattr("hpo.drop_in.from_states.FromStates._is_small", lambda *_: False)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5))
    X, y = np.column_stack([X, X[:, 0]]), (X[:, 1] > 0).astype(int)
    asked = {"param_grid": {"reg_param": [0.0, *np.linspace(0.1, 0.9, 9)]}, "cv": 5}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = hpo.StateGridSearchCV(QuadraticDiscriminantAnalysis(), **asked).fit(X, y)
        theirs = GridSearchCV(QuadraticDiscriminantAnalysis(), **asked).fit(X, y)
    assert ours.accelerated_.answered == 9
    for name in ("mean_test_score", "split3_test_score", "rank_test_score"):
        np.testing.assert_array_equal(ours.cv_results_[name], theirs.cv_results_[name])
