"""Searches of scikit-learn's kind have the results of scikit-learn's own, on given tables and on drawn ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drop_in import ALPHAS, CLASSES, EXACT, FRAME, SCALED, TEXTS, TOPICS, X, Y, outcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier
from sklearn.compose import make_column_transformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)

import hpo

DUMMIES = pd.get_dummies(
    pd.DataFrame(SCALED, columns=list("abcdefghij")).assign(town=np.tile(["Bern", "Oslo"], len(X) // 2))
)

GRIDS = {
    "ridge": (Ridge(), ALPHAS, {}),
    "ridge, columns in any unit": (Ridge(), ALPHAS, {"X": SCALED}),
    "ridge, single precision": (Ridge(), ALPHAS, {"X": X.astype(np.float32).astype(np.float64)}),
    "ridge, a frame of numbers and booleans": (Ridge(), ALPHAS, {"X": DUMMIES}),
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
    "components alone": (PCA(), {"n_components": [1, 3, None]}, {"y": None}),
    "qda": (QuadraticDiscriminantAnalysis(), {"reg_param": [0.05, 0.1]}, {"y": CLASSES}),
}


MIXED = make_column_transformer(
    (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["age", "bmi"]),
    (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=0.05), ["town", "sex"]),
)
PREPARED = {
    "columns of any kind": (make_pipeline(MIXED, Ridge()), {"ridge__alpha": [0.1, 1.0, 10.0]}, {"X": FRAME}),
    "columns of any kind, as frames": (
        make_pipeline(clone(MIXED).set_params(onehotencoder__sparse_output=False), PLSRegression()).set_output(transform="pandas"),
        {"plsregression__n_components": [1, 2]}, {"X": FRAME},
    ),
    "scaled otherwise": (make_pipeline(MinMaxScaler(), Ridge()), {"ridge__alpha": [0.1, 1.0]}, {}),
    "scaled, not centred": (make_pipeline(StandardScaler(with_mean=False), Ridge()), {"ridge__alpha": [0.1, 1.0]}, {}),
    "filled after scaling": (
        make_pipeline(StandardScaler(), SimpleImputer(strategy="median"), Ridge()), {"ridge__alpha": [0.1]}, {},
    ),
    "selected by another score": (
        make_pipeline(SelectKBest(k=3), Ridge()), {"ridge__alpha": [1.0, 2.0]}, {"y": np.floor(Y)},
    ),
    "powers": (
        make_pipeline(StandardScaler(), PolynomialFeatures(), StandardScaler(), Ridge()),
        {"polynomialfeatures__degree": [1, 2], "ridge__alpha": [1.0, 100.0]}, {},
    ),
    "components": (
        make_pipeline(PCA(), LinearRegression()), {"pca__n_components": [1, 3, 8]}, {"scoring": "neg_mean_absolute_error"},
    ),
    "a function": (
        make_pipeline(FunctionTransformer(lambda rows: rows[:, :4]), QuadraticDiscriminantAnalysis()),
        {"quadraticdiscriminantanalysis__reg_param": [0.1, 0.2]}, {"y": CLASSES},
    ),
    "texts": (
        make_pipeline(TfidfVectorizer(), MultinomialNB()),
        {"tfidfvectorizer__ngram_range": [(1, 1), (1, 2)], "multinomialnb__alpha": [0.1, 1.0]},
        {"X": TEXTS, "y": TOPICS, "scoring": ["neg_log_loss", "accuracy"], "refit": "accuracy"},
    ),
}  # fmt: skip
GRIDS.update(PREPARED)

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
    call = "predict" if hasattr(theirs, "predict") else "transform"
    np.testing.assert_array_equal(getattr(ours, call)(rows), getattr(theirs, call)(rows))
    assert ours.score(rows, target) == theirs.score(rows, target)


KINDS = {
    "ridge": (Ridge(), {"alpha": [0.01, 10.0]}),
    "least squares": (LinearRegression(), {"fit_intercept": [True, False]}),
    "bayesian ridge": (BayesianRidge(), {"lambda_1": [1e-6, 1.0]}),
    "pls": (PLSRegression(1), {"n_components": [1, 2, 5]}),
    "gaussian nb": (GaussianNB(), {"var_smoothing": [1e-9, 0.1]}),
    "lda": (LinearDiscriminantAnalysis(), {"solver": ["svd", "lsqr"]}),
    "qda": (QuadraticDiscriminantAnalysis(reg_param=0.1), {"reg_param": [0.05, 0.5]}),
    "bernoulli nb": (BernoulliNB(), {"alpha": [0.1, 2.0]}),
}
SCORES = {
    "regression": ["r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error", "neg_max_error"],
    "classification": ["accuracy", "neg_log_loss", "balanced_accuracy", "f1", "f1_macro", "roc_auc", "roc_auc_ovr", "precision"],
}  # fmt: skip


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_results_are_those_of_grid_search_cv_on_drawn_tables(data):
    name = data.draw(st.sampled_from(sorted(KINDS)))
    estimator, grid = KINDS[name]
    classes = is_classifier(estimator)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    count, width = data.draw(st.integers(12, 80)), data.draw(st.integers(1, 6))
    rows = rng.normal(size=(count, width)) * data.draw(st.sampled_from([1.0, 1e-3, 1e4]))
    rows += data.draw(st.sampled_from([0.0, 1e3])) * rows.std()
    kind = data.draw(st.sampled_from(["float64", "float32", "int64", "int8", "gaps", "constant", "twins"]))
    if kind in ("int64", "int8", "float32"):
        rows = np.clip(rows, -100, 100).astype(kind)
    elif kind == "gaps":
        rows[rng.random(rows.shape) < 0.1] = np.nan
    elif kind == "constant":
        rows[:, 0] = 3.0
    elif kind == "twins":
        rows[:, -1] = rows[:, 0]
    steps = data.draw(
        st.sampled_from([[], [StandardScaler()], [SimpleImputer()], [SimpleImputer(), StandardScaler()]])
    )
    if steps:
        grid = {f"{type(estimator).__name__.lower()}__{key}": value for key, value in grid.items()}
        estimator = make_pipeline(*steps, estimator)
    signal = np.nan_to_num(rows.astype(float)) @ rng.normal(size=width) + rng.normal(size=count)
    if classes:
        labels = data.draw(st.sampled_from([[0, 1], ["no", "yes"], [0, 1, 2], [1, 5]]))
        edges = np.quantile(signal, np.linspace(0, 1, len(labels) + 1)[1:-1])
        signal = np.array(labels)[np.digitize(signal, edges)]
    scoring = data.draw(st.sampled_from(SCORES["classification" if classes else "regression"]))
    if kind == "gaps" and classes:  # rows at the mean lie on the border between two classes of one size
        scoring = "neg_log_loss"
    cv = data.draw(st.sampled_from([3, KFold(4), TimeSeriesSplit(2), ShuffleSplit(2, random_state=0)]))
    ours = hpo.StateGridSearchCV(estimator, grid, scoring=scoring, cv=cv)
    ours._is_small, ours._pays = lambda *_: False, lambda *_, **__: True
    found = outcome(ours, rows, signal)
    wanted = outcome(GridSearchCV(estimator, grid, scoring=scoring, cv=cv), rows, signal)
    if isinstance(wanted, str) or isinstance(found, str):
        assert found == wanted
        return
    for key, value in wanted.items():
        if key.startswith(("split", "mean_test", "std_test")):
            np.testing.assert_allclose(found[key], value, rtol=1e-7, atol=1e-7, err_msg=key)
