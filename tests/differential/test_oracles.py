"""Where nothing is badly conditioned, every oracle is scikit-learn's own pipeline on the raw rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from differential import classifiers, rows
from differential.compare import Regression
from differential.extended import Undefined, factor, least_squares
from differential.oracles import LINES
from differential.settings import Example
from differential.tables import Col, Spec, table

TIGHT = {"tol": 1e-14, "max_iter": 100_000}
MODELS = {
    "ols": (LinearRegression(), {}),
    "ridge": (Ridge(3.0), {"alpha": 3.0}),
    "lasso": (Lasso(0.05, **TIGHT), {"alpha": 0.05}),
    "elastic_net": (ElasticNet(0.05, l1_ratio=0.5, **TIGHT), {"alpha": 0.05, "l1_ratio": 0.5}),
    "pls": (PLSRegression(2, scale=False), {"n_components": 2}),
    "pcr": (make_pipeline(PCA(3, svd_solver="full"), LinearRegression()), {"n_components": 3}),
    "bayesian_ridge": (
        BayesianRidge(),
        {"alpha_1": 1e-6, "alpha_2": 1e-6, "lambda_1": 1e-6, "lambda_2": 1e-6, "tol": 1e-3},
    ),
}
GAUSSIANS = {
    "lda": (LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2), {"shrinkage": 0.2}),
    "qda": (QuadraticDiscriminantAnalysis(reg_param=0.1), {"reg_param": 0.1}),
    "gaussian_nb": (GaussianNB(var_smoothing=1e-3), {"var_smoothing": 1e-3}),
}
PREPARED = {
    "standardize": True,
    "impute": "mean",
    "min_frequency": 0.0,
    "select": None,
    "fit_intercept": True,
}
COLUMNS = (
    Col(missing=0.1), Col("even", "int16", offset=5.0), Col("few", "Float32"), Col("text"), Col("category", missing=0.1),
    Col("boolean"), Col("heavy", "float32", offset=1.0),
)  # fmt: skip


def asked(algorithm, target="number", **setting):
    spec = Spec(seed=3, rows=200, cols=COLUMNS, target=target, weights="whole", offset=3.0)
    return Example(spec, algorithm, tuple(sorted({**PREPARED, **setting}.items())), "parts", "r2")


def pipeline(t, model, setting):
    """scikit-learn's own, over columns in the order of the oracle's."""
    imputer = {
        "mean": SimpleImputer(), "zero": SimpleImputer(strategy="constant", fill_value=0.0),
        "indicator": SimpleImputer(add_indicator=True),
    }[setting["impute"]]  # fmt: skip
    levels = OneHotEncoder(
        sparse_output=False,
        handle_unknown="infrequent_if_exist",
        min_frequency=setting["min_frequency"] or None,
    )
    texts = [f for f, c in zip(t.features, COLUMNS, strict=True) if c.kind in ("text", "category")]
    numbers = [f for f in t.features if f not in texts]
    steps = [make_column_transformer((imputer, numbers), (levels, texts))]
    steps += [StandardScaler()] if setting["standardize"] else []
    steps += [SelectKBest(f_regression, k=setting["select"])] if setting["select"] else []
    return make_pipeline(*steps, clone(model))


def plain(t):
    """Rows as scikit-learn takes them, each as often as it weighs."""
    texts = {f for f, c in zip(t.features, COLUMNS, strict=True) if c.kind in ("text", "category")}
    frame = pd.DataFrame({
        f: t.frame[f].astype(object) if f in texts else t.frame[f].astype("Float64").to_numpy(float, na_value=np.nan)
        for f in t.features
    })  # fmt: skip
    fresh = pd.DataFrame({
        f: t.fresh[f].astype(object) if f in texts else t.fresh[f].astype("Float64").to_numpy(float, na_value=np.nan)
        for f in t.features
    })  # fmt: skip
    many = np.repeat(np.arange(len(frame)), t.weight.astype(int))
    return frame.iloc[many].reset_index(drop=True), t.frame["y"].to_numpy()[many], fresh


VARIANTS = [
    {},
    {"standardize": False},
    {"impute": "zero"},
    {"impute": "indicator"},
    {"min_frequency": 0.1},
    {"select": 4},
]


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("algorithm", LINES)
def test_a_line_is_scikit_learns(algorithm, variant):
    model, setting = MODELS[algorithm]
    example = asked(algorithm, **{**setting, **variant})
    t = table(example.spec)
    X, y, fresh = plain(t)
    twin = pipeline(t, model, example.values).fit(X, y.astype(float))
    line, made, _ = Regression().fitted(example, t, np.arange(example.spec.rows), [t.fresh])
    np.testing.assert_allclose(
        (line.residual_free(made, 1) + line.centre).astype(float),
        np.ravel(twin.predict(fresh)),
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("algorithm", GAUSSIANS)
@pytest.mark.parametrize("variant", [{}, {"min_frequency": 0.1}], ids=str)
def test_a_density_is_scikit_learns(algorithm, variant):
    model, setting = GAUSSIANS[algorithm]
    setting = {"standardize": algorithm != "gaussian_nb", **setting, **variant}
    example = asked(algorithm, "class", **setting)
    t = table(example.spec)
    X, y, fresh = plain(t)
    twin = pipeline(t, model, example.values).fit(X, y.astype(str))
    answered = classifiers.oracle_of(algorithm).answers(example, t, np.arange(example.spec.rows), [t.fresh])[0]
    np.testing.assert_allclose(answered.probability, twin.predict_proba(fresh), rtol=1e-8, atol=1e-10)


def test_least_squares_is_of_least_norm_where_columns_are_collinear():
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(8, 12)), rng.normal(size=8)
    expected = np.linalg.lstsq(A, b, rcond=None)[0]
    np.testing.assert_allclose(least_squares(A, b)[0].astype(float), expected, rtol=1e-9)


def test_a_rank_that_rounding_decides_is_undefined():
    A = np.eye(4, 2)
    A[:, 1] = A[:, 0]
    A[1, 1] = 1e-13
    with pytest.raises(Undefined, match="rank"):
        factor(A, np.ones(4))


def test_rows_are_encoded_once_for_each_frame():
    example = asked("ridge", alpha=1.0)
    t = table(example.spec)
    made = rows.designed(example, t, np.arange(100), [t.fresh])
    assert len(made.rows) == 2
    assert made.rows[0].shape[1] == made.rows[1].shape[1] == len(made.mean)
