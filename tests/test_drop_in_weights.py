"""Weights of rows in searches of scikit-learn's kind: scores are those of its fits, and no weight is forgotten."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from drop_in import ALPHAS, CLASSES, EXACT, FRAME, SCALED, X, Y
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, RepeatedKFold
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import hpo
from algorithms import registry

WEIGHT = np.random.default_rng(1).exponential(size=len(X)) + 0.01
COUNTS = np.floor(100.0 * (X - X.min(axis=0))) * (X > 0.0)
WEIGHED = {
    "ridge": (Ridge(), ALPHAS, X, Y),
    "ols": (LinearRegression(), {"fit_intercept": [True, False], "positive": [True, False]}, X, Y),
    "bayesian_ridge": (BayesianRidge(), {"lambda_1": [1e-6, 1.0]}, X, Y),
    "lasso": (Lasso(**EXACT), {"alpha": [0.01, 1.0]}, X, Y),
    "elastic_net": (ElasticNet(**EXACT), {"alpha": [0.1, 1.0]}, X, Y),
    "multinomial_nb": (MultinomialNB(), {"alpha": [0.1, 1.0]}, COUNTS, CLASSES),
    "bernoulli_nb": (BernoulliNB(binarize=3.0), {"alpha": [0.1, 1.0]}, COUNTS, CLASSES),
    "complement_nb": (ComplementNB(), {"alpha": [0.1, 1.0]}, COUNTS, CLASSES),
}


def same(estimator, grid, rows, target, params, **options):
    """Return our search, whose results are those of GridSearchCV with the same parameters of fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = GridSearchCV(estimator, grid, **options).fit(rows, target, **params)
        plain = GridSearchCV(estimator, grid, **options).fit(rows, target)
        ours = hpo.StateGridSearchCV(estimator, grid, fallback="error", **options).fit(rows, target, **params)
    assert ours.accelerated_.refitted == 0
    for key, value in theirs.cv_results_.items():
        if key.startswith(("split", "mean_test", "std_test")):
            np.testing.assert_allclose(ours.cv_results_[key], value, rtol=1e-8, err_msg=key)
            assert not key.startswith("mean") or not np.allclose(value, plain.cv_results_[key], rtol=1e-6)
    assert ours.best_params_ == theirs.best_params_
    call = "predict_proba" if hasattr(theirs, "predict_proba") else "predict"
    np.testing.assert_array_equal(getattr(ours, call)(rows), getattr(theirs, call)(rows))
    return ours


def test_every_algorithm_that_answers_weighted_rows_is_held_against_fits():
    equivalents = {name: registry.get(name).tags.equivalent for name in registry.names()}
    assert {name for name, one in equivalents.items() if one is not None and one.weighted} == set(WEIGHED)


@pytest.mark.parametrize("name", WEIGHED)
def test_results_are_those_of_grid_search_cv_with_weights(name):
    estimator, grid, rows, target = WEIGHED[name]
    scoring = "neg_log_loss" if target is CLASSES else None
    ours = same(estimator, grid, rows, target, {"sample_weight": WEIGHT}, scoring=scoring, cv=3)
    assert ours.accelerated_.rows_read == 3 * len(rows)


MIXED = make_column_transformer(
    (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "bmi"]), (OneHotEncoder(handle_unknown="ignore"), ["town"])
)  # fmt: skip


@pytest.mark.parametrize(
    ("pipeline", "rows"),
    [
        (make_pipeline(StandardScaler(), Ridge()), SCALED),
        (make_pipeline(SimpleImputer(), StandardScaler(), Ridge()), np.where(X > 0.1, np.nan, X)),
        (make_pipeline(MIXED, Ridge()), FRAME),
    ],
    ids=["scaled", "filled", "columns"],
)
def test_steps_before_a_weighted_model_are_fitted_without_its_weights(pipeline, rows):
    params = {"ridge__sample_weight": WEIGHT}
    ours = same(pipeline, {"ridge__alpha": [0.1, 10.0]}, rows, Y, params, cv=3)
    assert ours.accelerated_.prepared == 3


def test_weights_count_in_splits_that_overlap_and_in_several_scores():
    options = {"scoring": ["r2", "neg_mean_absolute_error"], "refit": "r2"}
    cv = RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)
    same(Ridge(), ALPHAS, X, Y, {"sample_weight": list(WEIGHT)}, cv=cv, **options)


@pytest.mark.parametrize(("fitted", "scored"), [(True, False), (False, True), (True, True)])
def test_routed_weights_go_where_they_are_asked_for(fitted, scored):
    with config_context(enable_metadata_routing=True):
        ridge = Ridge().set_fit_request(sample_weight=fitted).set_score_request(sample_weight=scored)
        theirs = GridSearchCV(ridge, ALPHAS, cv=3).fit(X, Y, sample_weight=WEIGHT)
        ours = hpo.StateGridSearchCV(ridge, ALPHAS, cv=3, fallback="error").fit(X, Y, sample_weight=WEIGHT)
    for key in ("mean_test_score", "split0_test_score"):
        np.testing.assert_allclose(ours.cv_results_[key], theirs.cv_results_[key], rtol=1e-8)


def test_routed_weights_of_a_pipeline_are_left_to_scikit_learn():
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), Ridge().set_fit_request(sample_weight=True))
        search = hpo.StateGridSearchCV(pipeline.set_params(ridge=clone(pipeline[-1])), {"ridge__alpha": [1.0]}, fallback="error")
        with pytest.raises(ValueError, match="fallback='error': fit routes the parameters sample_weight"):
            search.fit(X, Y, sample_weight=WEIGHT)


@pytest.mark.parametrize(
    ("estimator", "options", "params", "why"),
    [
        (GaussianNB(), {}, {"sample_weight": WEIGHT}, "answers of weighted rows are not those of its fits"),
        (Ridge(), {}, {"sample_weight": np.where(X[:, 0] > 0.0, WEIGHT, 0.0)}, "sample_weight has weights that are not positive"),
        (Ridge(), {}, {"sample_weight": 2.0}, "sample_weight is not a column of numbers"),
        (make_pipeline(StandardScaler(), Ridge()), {}, {"standardscaler__sample_weight": WEIGHT}, "parameters standardscaler__sample_weight"),
        (Ridge(), {"scoring": ["r2", "neg_max_error"], "refit": "r2"}, {"sample_weight": WEIGHT}, "neg_max_error takes no weights"),
    ],
    ids=["bayes", "zeros", "number", "scaler", "scores"],
)  # fmt: skip
def test_weights_that_states_do_not_answer_are_given_to_fits(estimator, options, params, why):
    target = CLASSES if isinstance(estimator, GaussianNB) else Y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=f"fallback='error': .*{why}"):
            hpo.StateGridSearchCV(estimator, {}, fallback="error", **options).fit(X, target, **params)
        theirs = GridSearchCV(estimator, {}, **options).fit(X, target, **params)
        ours = hpo.StateGridSearchCV(estimator, {}, **options)
        ours._is_small, ours._pays = lambda *_: False, lambda *_, **__: True
        ours.fit(X, target, **params)
    key = "mean_test_r2" if options else "mean_test_score"
    np.testing.assert_array_equal(ours.cv_results_[key], theirs.cv_results_[key])
    assert why in next(iter(ours.accelerated_.reasons)) and ours.accelerated_.refitted == 1


def test_an_estimator_that_takes_no_weights_fails_as_in_scikit_learn():
    with pytest.raises((TypeError, ValueError)) as theirs:
        GridSearchCV(PLSRegression(), {}).fit(X, Y, sample_weight=WEIGHT)
    with pytest.raises((TypeError, ValueError)) as ours:
        hpo.StateGridSearchCV(PLSRegression(), {}).fit(X, Y, sample_weight=WEIGHT)
    assert str(ours.value).splitlines()[:4] == str(theirs.value).splitlines()[:4]
