"""Transformed targets in searches of scikit-learn's kind: scores are those of its fits."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from drop_in import ALPHAS, EXACT, FRAME, SCALED, X, Y, outcome
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, ElasticNet, Lasso, Ridge
from sklearn.model_selection import GridSearchCV, RepeatedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

import hpo

WEIGHT = np.random.default_rng(1).exponential(size=len(X)) + 0.01
LOGS = {"func": np.log1p, "inverse_func": np.expm1}
COLUMNS = make_column_transformer(
    (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "bmi"]), (OneHotEncoder(handle_unknown="ignore"), ["town"])
)  # fmt: skip


def around(regressor, **options):
    return TransformedTargetRegressor(regressor, **(options or LOGS))


INNER = {f"regressor__{name}": values for name, values in ALPHAS.items()}
GRIDS = {
    "logarithms": (around(Ridge()), INNER, {}),
    "logarithms of columns in any unit": (around(Ridge()), INNER, {"X": SCALED}),
    "none": (TransformedTargetRegressor(Ridge()), INNER, {}),
    "least squares by default": (TransformedTargetRegressor(**LOGS), {"check_inverse": [True, False]}, {}),
    "standardized": (around(Ridge(), transformer=StandardScaler()), INNER, {"scoring": "neg_max_error"}),
    "powers": (around(Lasso(**EXACT), transformer=PowerTransformer()), {"regressor__alpha": [0.01, 0.1]}, {}),
    "quantiles": (
        around(BayesianRidge(), transformer=QuantileTransformer(n_quantiles=20, output_distribution="normal", random_state=0)),
        {"regressor__lambda_1": [1e-6, 1.0]}, {},
    ),
    "several transformers": (
        around(PLSRegression(), transformer=None),
        {"transformer": [StandardScaler(), PowerTransformer()], "regressor__n_components": [1, 3]},
        {"cv": RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)},
    ),
    "several scores": (
        around(ElasticNet(**EXACT)), {"regressor__alpha": [0.001, 0.01]},
        {"scoring": {"a": "r2", "b": "neg_mean_absolute_percentage_error"}, "refit": "b"},
    ),
    "scaled before": (make_pipeline(StandardScaler(), around(Ridge())), {f"transformedtargetregressor__{k}": v for k, v in INNER.items()}, {}),
    "scaled and selected inside": (
        around(make_pipeline(SimpleImputer(), StandardScaler(), SelectKBest(f_regression), Ridge())),
        {"regressor__ridge__alpha": [0.1, 10.0], "regressor__selectkbest__k": [2, 5]}, {"X": np.where(X > 0.1, np.nan, X)},
    ),
    "fitted inside": (
        around(make_pipeline(PolynomialFeatures(include_bias=False), StandardScaler(), Ridge())),
        {"regressor__ridge__alpha": [1.0, 10.0]}, {"X": X[:, :4]},
    ),
    "columns of any kind inside": (around(make_pipeline(COLUMNS, Ridge())), {"regressor__ridge__alpha": [1.0, 10.0]}, {"X": FRAME}),
    "weights": (around(Ridge()), INNER, {"sample_weight": WEIGHT}),
    "weights before": (
        make_pipeline(StandardScaler(), around(Ridge())), {"transformedtargetregressor__regressor__alpha": [0.1, 10.0]},
        {"transformedtargetregressor__sample_weight": WEIGHT},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRIDS)
def test_results_are_those_of_grid_search_cv_of_transformed_targets(name):
    estimator, grid, options = GRIDS[name]
    options = {"cv": 3, **options}
    rows = options.pop("X", X)
    params = {key: options.pop(key) for key in list(options) if key.endswith("sample_weight")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = GridSearchCV(estimator, grid, **options).fit(rows, Y, **params)
    ours = hpo.StateGridSearchCV(estimator, grid, fallback="error", **options).fit(rows, Y, **params)
    assert ours.accelerated_.answered == len(theirs.cv_results_["params"])
    for key, value in theirs.cv_results_.items():
        if key.startswith(("split", "mean_test", "std_test", "rank")):
            np.testing.assert_allclose(ours.cv_results_[key], value, rtol=1e-8, atol=1e-9, err_msg=key)
    assert str(ours.best_params_) == str(theirs.best_params_)
    np.testing.assert_array_equal(ours.predict(rows), theirs.predict(rows))


def test_targets_are_transformed_once_for_each_split(monkeypatch):
    fits = []
    fit = PowerTransformer.fit
    monkeypatch.setattr(PowerTransformer, "fit", lambda self, *a, **k: fits.append(1) or fit(self, *a, **k))
    search = hpo.StateGridSearchCV(around(Ridge(), transformer=PowerTransformer()), INNER, cv=3, fallback="error").fit(X, Y)
    assert len(fits) == 3 + 2  # the candidate that is compared with a fit, and the winner
    assert (search.accelerated_.prepared, search.accelerated_.rows_read) == (3, 2 * len(X))


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (around(DecisionTreeRegressor(random_state=0)), "no algorithm stands for DecisionTreeRegressor"),
        (around(around(Ridge())), "no algorithm stands for what is in the TransformedTargetRegressor"),
        (around(PCA()), "no algorithm stands for what is in the TransformedTargetRegressor"),
        (around(Ridge(), func=np.log1p), "ValueError in a step before the model: When 'func' is provided, 'inverse_func'"),
        (around(Ridge(), func=lambda y: np.log(y - 100.0), inverse_func=np.exp), "ValueError in a step before the model: Input contains NaN"),
        (around(Ridge(), func=lambda y: np.c_[y, y], inverse_func=lambda y: y[:, :1]), "the transformed target is not a column"),
        (around(Ridge(), transformer=FunctionTransformer(lambda y: 0.0 * y), check_inverse=False), "target 'y' is 0"),
        (around(Ridge(), func=np.log1p, inverse_func=lambda z: np.full_like(z, np.nan), check_inverse=False), "ValueError: Input contains NaN"),
    ],
    ids=["tree", "twice", "components", "half", "gaps", "two", "constant", "undefined"],
)  # fmt: skip
def test_transformed_targets_that_states_do_not_answer_are_fitted(estimator, why):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=f"fallback='error': .*{why}"):
            hpo.StateGridSearchCV(estimator, {}, cv=3, fallback="error").fit(X, Y)
        ours = hpo.StateGridSearchCV(clone(estimator), {}, cv=3)
        ours._is_small, ours._pays = lambda *_: False, lambda *_, **__: True
        wanted = outcome(GridSearchCV(estimator, {}, cv=3), X, Y)
        found = outcome(ours, X, Y)
    scores = [str(one) if isinstance(one, str) else list(one["mean_test_score"]) for one in (found, wanted)]
    np.testing.assert_array_equal(*scores)
    assert ours.accelerated_.answered == 0 and ours.accelerated_.refitted == 1
