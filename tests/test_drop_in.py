"""Searches of scikit-learn's kind: the same results as scikit-learn's own, and what is not answered said."""

from __future__ import annotations

import pickle
import re
from importlib import import_module

import numpy as np
import optuna
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.stats import loguniform, randint
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import load_diabetes, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import check_estimator

import hpo
from algorithms import registry
from algorithms.fields import fields_of
from hpo.errors import DataError

X, Y = load_diabetes(return_X_y=True)
SCALED = X * np.logspace(-3, 5, X.shape[1]) + np.linspace(0.0, 1e6, X.shape[1])
CLASSES = np.array(["low", "middle", "high"])[np.digitize(Y, [100.0, 180.0])]
ALPHAS = {"alpha": [0.01, 0.1, 1.0, 100.0]}
EXACT = {"tol": 1e-13, "max_iter": 200_000}

GRIDS = {
    "ridge": (Ridge(), ALPHAS, {}),
    "ridge, columns in any unit": (Ridge(), ALPHAS, {"X": SCALED}),
    "ridge, single precision": (Ridge(), ALPHAS, {"X": X.astype(np.float32).astype(np.float64)}),
    "ridge, random splits": (Ridge(), ALPHAS, {"cv": ShuffleSplit(3, random_state=0)}),
    "ridge, repeated": (Ridge(), ALPHAS, {"cv": RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)}),
    "ridge, in time": (Ridge(), ALPHAS, {"cv": TimeSeriesSplit(3)}),
    "ridge, given splits": (Ridge(), ALPHAS, {"cv": list(KFold(4, shuffle=True, random_state=1).split(X))}),
    "least squares, positive": (
        LinearRegression(),
        {"positive": [True, False]},
        {"scoring": "neg_mean_squared_error"},
    ),
    "ridge, several scores": (
        make_pipeline(StandardScaler(), Ridge()),
        {"ridge__alpha": [1.0, 50.0], "standardscaler": [StandardScaler(), "passthrough"]},
        {"scoring": ["r2", "neg_root_mean_squared_error", "neg_mean_absolute_error"], "refit": "r2"},
    ),
    "ridge, named scores": (Ridge(), ALPHAS, {"scoring": {"a": "r2", "b": "neg_max_error"}, "refit": "a"}),
    "ridge, selected": (
        make_pipeline(SelectKBest(f_regression), Ridge()),
        {"selectkbest__k": [2, 5, "all"], "ridge__alpha": [1.0, 10.0]},
        {},
    ),
    "two grids": (Ridge(), [ALPHAS, {"fit_intercept": [False], "alpha": [2.0]}], {}),
    "lasso": (Lasso(**EXACT), {"alpha": [0.01, 0.1, 1.0]}, {}),
    "elastic net": (ElasticNet(**EXACT), {"alpha": [0.1, 1.0], "l1_ratio": [0.2, 0.9]}, {}),
    "least squares": (LinearRegression(), {"fit_intercept": [True, False]}, {"cv": 3}),
    "bayesian ridge": (BayesianRidge(), {"lambda_1": [1e-6, 1.0]}, {}),
    "pls": (PLSRegression(), {"n_components": [1, 2, 5], "scale": [True, False]}, {}),
    "gaussian nb": (GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, {"y": CLASSES}),
    "lda": (LinearDiscriminantAnalysis(), {"solver": ["svd", "lsqr"]}, {"y": CLASSES}),
    "lda, shrunk": (
        LinearDiscriminantAnalysis(solver="lsqr"),
        {"shrinkage": [None, 0.1, 0.5]},
        {"y": CLASSES, "scoring": "neg_log_loss"},
    ),
    "qda": (QuadraticDiscriminantAnalysis(), {"reg_param": [0.05, 0.1]}, {"y": CLASSES}),
}


for kind in (MultinomialNB, BernoulliNB, ComplementNB):
    counts = np.floor(100.0 * (X - X.min(axis=0))) * (X > 0.0)
    grid = {"alpha": [0.1, 1.0], **({"binarize": [0.0, 3.0]} if kind is BernoulliNB else {})}
    options = {"y": CLASSES, "scoring": "neg_log_loss"}
    GRIDS[kind.__name__] = (kind(), grid, {"X": counts, **options})
    GRIDS[f"{kind.__name__}, sparse"] = (kind(), grid, {"X": csr_array(counts), **options})


@pytest.mark.parametrize("name", GRIDS)
def test_results_are_those_of_grid_search_cv(name):
    estimator, grid, options = GRIDS[name]
    options = dict(options)
    rows, target = options.pop("X", X), options.pop("y", Y)
    theirs = GridSearchCV(estimator, grid, **options).fit(rows, target)
    ours = hpo.StateGridSearchCV(estimator, grid, fallback="error", **options).fit(rows, target)
    assert ours.accelerated_.refitted == 0 and ours.accelerated_.answered == len(theirs.cv_results_["params"])
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for key, value in theirs.cv_results_.items():
        found = ours.cv_results_[key]
        assert type(found) is type(value) and getattr(found, "dtype", None) == getattr(value, "dtype", None)
        if key.startswith(("split", "mean_test", "std_test")):
            np.testing.assert_allclose(found, value, rtol=1e-8, atol=1e-10)
        elif not key.endswith("_time"):
            assert str(found) == str(value)
    assert str(ours.best_params_) == str(theirs.best_params_) and ours.best_index_ == theirs.best_index_
    assert ours.n_splits_ == theirs.n_splits_ and ours.multimetric_ == theirs.multimetric_
    np.testing.assert_array_equal(ours.predict(rows), theirs.predict(rows))
    assert ours.score(rows, target) == theirs.score(rows, target)


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


def test_sparse_tables_are_answered_by_naive_bayes_alone():
    with pytest.raises(ValueError, match="fallback='error': X is sparse"):
        hpo.StateGridSearchCV(Ridge(), ALPHAS, fallback="error").fit(csr_array(X), Y)


def test_rows_are_read_once_and_one_model_is_fitted(monkeypatch):
    fits = []
    fit = Ridge.fit
    monkeypatch.setattr(Ridge, "fit", lambda self, *a, **k: fits.append(1) or fit(self, *a, **k))
    search = hpo.StateGridSearchCV(Ridge(), {"alpha": np.logspace(-3, 3, 50)}, fallback="error").fit(X, Y)
    assert len(fits) == 1 and search.accelerated_.rows_read == len(X)


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
            "scoring is no name of a score",
        ),
        (
            hpo.StateGridSearchCV(make_pipeline(MinMaxScaler(), Ridge()), {"ridge__alpha": [1.0]}),
            "no hyperparameter stands for the step MinMaxScaler",
        ),
        (
            hpo.StateGridSearchCV(
                make_pipeline(StandardScaler(with_mean=False), Ridge()), {"ridge__alpha": [1.0]}
            ),
            r"StandardScaler\(with_mean=False\) is not answered from states",
        ),
        (
            hpo.StateGridSearchCV(
                make_pipeline(StandardScaler(), SimpleImputer(), Ridge()), {"ridge__alpha": [1.0]}
            ),
            "are in another order than here",
        ),
    ],
)
def test_what_no_state_answers_is_fitted_as_ever_or_said(search, why):
    with pytest.raises(ValueError, match="fallback='error': .*" + why):
        clone(search).set_params(fallback="error").fit(X, Y)
    if "at least 0" in why:
        return
    search._is_small = lambda _: False
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
    ours._is_small, ours._pays = lambda _: False, lambda *_: True
    ours.fit(rows, target)
    assert (ours.accelerated_.answered, ours.accelerated_.refitted) == (2, 1)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-6
    )
    assert list(ours.cv_results_["rank_test_score"]) == list(theirs.cv_results_["rank_test_score"])


def test_small_searches_are_fitted_as_ever():
    search = hpo.StateGridSearchCV(Ridge(), ALPHAS).fit(*load_iris(return_X_y=True))
    assert search.accelerated_.reasons == {"fits take less time": 4}


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
    search._is_small, search._pays = lambda _: False, lambda *_: True
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


def test_weights_of_fit_are_not_forgotten():
    weight = np.linspace(0.1, 2.0, len(X))
    theirs = GridSearchCV(Ridge(), ALPHAS).fit(X, Y, sample_weight=weight)
    ours = hpo.StateGridSearchCV(Ridge(), ALPHAS).fit(X, Y, sample_weight=weight)
    assert ours.accelerated_.reasons == {"fit has the parameters sample_weight": 4}
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


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


@pytest.mark.parametrize("name", [name for name in registry.names() if registry.get(name).tags.equivalent])
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
