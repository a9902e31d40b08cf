"""Numbers as people have them, each against scikit-learn in float64 on the raw rows: years, prices, populations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_digits
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.model_selection import KFold, PredefinedSplit, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import hpo

CV = KFold(4, shuffle=True, random_state=1)


def tuned(data, algorithm, target=None, folds=CV, scoring="r2", **setting):
    search = {f"{algorithm}.{k}": v for k, v in setting.items()}
    return hpo.tune(
        data, target, algorithm, search=search, trials=1, folds=folds, scoring=scoring, store=None, progress=False,
        scoring_rows=100_000, polish=False,
    )  # fmt: skip


def agree(result, expected, rtol=1e-8):
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=rtol, atol=0.0)


def year(rng, n=2000):
    return rng.integers(2005, 2015, n), "Int16"


def billion(rng, n=2000):
    return 1e9 + rng.normal(size=n), "float64"


@pytest.mark.parametrize("column", [year, billion])
def test_a_missing_value_beside_an_offset_is_the_mean(column):
    rng = np.random.default_rng(0)
    (x, kind), n = column(rng), 2000
    z = rng.normal(size=n)
    d = pd.DataFrame({"x": pd.Series(x, dtype="float64").where(rng.random(n) > 0.1).astype(kind), "z": z})
    d["y"] = (x - x.mean()) / x.std() + z * 0.5 + rng.normal(size=n) * 0.2
    X = d[["x", "z"]].to_numpy(float, na_value=np.nan).copy()
    X[:, 0] -= np.floor(
        np.nanmedian(X[:, 0])
    )  # exactly: at 1e9 scikit-learn's own mean has an error of 1e-8 spreads
    twin = make_pipeline(SimpleImputer(), StandardScaler(), LinearRegression())
    result = tuned(d, "ols", "y", standardize=True, impute="mean")
    agree(result, cross_val_score(twin, X, d["y"], cv=CV))
    np.testing.assert_allclose(
        result.best_model.predict(d), twin.fit(X, d["y"]).predict(X), rtol=1e-8, atol=1e-8
    )


@pytest.mark.parametrize("missing", [0.0, 0.01, 0.1])
def test_naive_bayes_and_packs_know_a_year_with_missing_values(missing):
    rng = np.random.default_rng(0)
    n, x = 1200, np.random.default_rng(1).integers(2005, 2015, 1200) * 1.0
    y = (x - x.mean()) / x.std() + rng.normal(size=n) * 0.5
    d = pd.DataFrame({"x": np.where(rng.random(n) < missing, np.nan, x), "z": rng.normal(size=n)})
    late = np.where(y > 0, "late", "on time")
    twin = make_pipeline(SimpleImputer(), GaussianNB(var_smoothing=1e-9))
    result = tuned((d, late), "gaussian_nb", scoring="neg_log_loss", var_smoothing=1e-9)
    agree(result, cross_val_score(twin, d.to_numpy(), late, cv=CV, scoring="neg_log_loss"))
    exact = cross_val_score(
        make_pipeline(SimpleImputer(), StandardScaler(), LinearRegression()), d.to_numpy(), y, cv=CV
    )
    pack = tuned((d, y), "linear_regressor", losses="squared_error", alphas="1e-6")
    assert pack.best_value > exact.mean() - 0.02
    sorted_out = cross_val_score(
        make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
        d.to_numpy(),
        late,
        cv=CV,
        scoring="roc_auc",
    )
    classes = tuned((d, late), "linear", scoring="roc_auc", losses="log_loss", alphas="1e-6")
    assert classes.best_value > sorted_out.mean() - 0.01


def test_a_value_that_only_held_out_and_new_rows_lack_is_the_training_mean():
    rng = np.random.default_rng(0)
    d = pd.DataFrame(rng.normal((40.0, 17.0, 8.0), size=(340, 3)), columns=["a", "b", "year"])
    d["y"] = d["a"] + d["b"] * 3 + rng.normal(size=340)
    fold = rng.integers(0, 4, 340)
    d.loc[[5, 77], "a"], fold[[5, 77]] = np.nan, 1
    cv, X = PredefinedSplit(fold), d.drop(columns="y")
    twin = make_pipeline(SimpleImputer(), StandardScaler(), Ridge(1.0))
    setting = {"alpha": 1.0, "standardize": True, "impute": "mean", "min_frequency": 0.0}
    result = tuned(d, "ridge", "y", cv, "neg_mean_squared_error", **setting)
    agree(result, cross_val_score(twin, X, d["y"], cv=cv, scoring="neg_mean_squared_error"))
    full = d.dropna()
    model = tuned(full, "ridge", "y", 3, alpha=1.0, standardize=True).best_model
    new = full.drop(columns="y").head(1).assign(a=np.nan)
    expected = twin.fit(full.drop(columns="y"), full["y"]).predict(new)
    np.testing.assert_allclose(model.predict(new), expected, rtol=1e-9)


@pytest.mark.parametrize("kind", ["uint8", "int16", "float32"])
def test_narrow_types_are_computed_in_double_precision(kind):
    X, y = load_digits(return_X_y=True)
    d = pd.DataFrame(X.astype(kind)).add_prefix("c").assign(y=y.astype(kind))
    result = tuned(d, "ols", "y", standardize=False)
    agree(result, cross_val_score(LinearRegression(), X, y, cv=CV))


@pytest.mark.parametrize("spread", [3, 30, 300])
@pytest.mark.parametrize("algorithm", ["ols", "ridge"])
def test_prices_that_are_nearly_equal(algorithm, spread):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 30_000, 2000)
    b = np.clip(a + np.round(rng.normal(size=2000) * spread), 0, 32_767)
    d = pd.DataFrame({"open": a, "close": b}).astype("int16").assign(y=((b - a) / spread).astype("float32"))
    model, free = (
        (Ridge(1e-3, solver="svd"), {"alpha": 1e-3}) if algorithm == "ridge" else (LinearRegression(), {})
    )
    expected = cross_val_score(
        make_pipeline(StandardScaler(), model),
        d[["open", "close"]].astype(float),
        d["y"].astype(float),
        cv=CV,
    )
    agree(tuned(d, algorithm, "y", standardize=True, **free), expected)


@pytest.mark.parametrize("alpha", [1e-3, 1.0])
@pytest.mark.parametrize("powers", [3, 5])
def test_ridge_on_a_column_and_its_powers(alpha, powers):
    rng = np.random.default_rng(0)
    h = rng.gamma(9.0, 12.0, 392) + 40.0
    y = 45.0 - 0.2 * h + 3e-4 * h**2 + rng.normal(size=392) * 4.0
    X = np.column_stack([h**k for k in range(1, powers + 1)])
    units = X.std(axis=0)  # the same penalty on scaled columns: scikit-learn's own loses its digits on these
    A = (X - X.mean(axis=0)) / units

    def score(train, test):
        Z = A[train] - A[train].mean(axis=0)
        stacked = np.vstack([Z, np.sqrt(alpha) * np.diag(1.0 / units)])
        size = np.linalg.norm(stacked, axis=0)
        w = (
            np.linalg.lstsq(
                stacked / size, np.append(y[train] - y[train].mean(), np.zeros(powers)), rcond=None
            )[0]
            / size
        )
        residual = y[test] - y[train].mean() - (A[test] - A[train].mean(axis=0)) @ w
        return 1.0 - np.mean(residual**2) / np.var(y[test])

    expected = [score(train, test) for train, test in CV.split(X)]
    result = hpo.tune(
        (X, y), algorithm="ridge", search={"ridge.alpha": alpha, "ridge.standardize": False}, trials=1, folds=CV,
        scoring="r2", store=None, progress=False,
    )  # fmt: skip
    agree(result, expected)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_of_tied_columns_the_last_is_selected(k):
    rng = np.random.default_rng(0)
    d = pd.DataFrame({c: rng.choice(["no", "yes"], 400) for c in ("gender", "union", "married")})
    d["wage"] = 9.0 + (d["gender"] == "yes") * 2.0 - (d["union"] == "yes") + rng.normal(size=400)
    texts, X = (
        make_column_transformer((OneHotEncoder(sparse_output=False), list(d.columns[:3]))),
        d.drop(columns="wage"),
    )
    steps = StandardScaler(), SelectKBest(f_regression, k=k), Ridge(3.0)
    result = tuned(d, "ridge", "wage", alpha=3.0, select=k, standardize=True, min_frequency=0.0)
    agree(result, cross_val_score(make_pipeline(texts, *steps), X, d["wage"], cv=CV))


def test_a_level_unseen_in_training_is_among_the_rare_ones_where_any_are():
    rng = np.random.default_rng(0)
    makers = np.array(["a", "b", "c", "d", "rare", "rarer", "lincoln"], object)
    d = pd.DataFrame(
        {
            "maker": makers[rng.choice(7, 240, p=[0.3, 0.3, 0.2, 0.15, 0.02, 0.01, 0.02])],
            "displ": rng.normal(size=240),
        }
    )
    d["hwy"] = (
        d["displ"]
        + d["maker"].map({m: i for i, m in enumerate(makers)}).astype(float)
        + rng.normal(size=240) * 0.1
    )
    fold = rng.integers(0, 3, 240)
    fold[d["maker"] == "lincoln"] = 0
    cv, X = PredefinedSplit(fold), d.drop(columns="hwy")
    levels = OneHotEncoder(min_frequency=0.04, handle_unknown="infrequent_if_exist", sparse_output=False)
    twin = make_pipeline(make_column_transformer((levels, ["maker"]), remainder="passthrough"), Ridge(1.0))
    result = tuned(d, "ridge", "hwy", cv, alpha=1.0, standardize=False, min_frequency=0.04)
    agree(result, cross_val_score(twin, X, d["hwy"], cv=cv))
    new = X.head(1).assign(maker="tesla")
    np.testing.assert_allclose(result.best_model.predict(new), twin.fit(X, d["hwy"]).predict(new), rtol=1e-9)


def test_log_loss_is_clipped_as_scikit_learns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    X[0] = [400.0, 0.0, 0.0]
    y = np.where(X[:, 0] + rng.normal(size=600) * 0.3 > 0, "yes", "no")
    y[0] = "no"  # a row that is far on the wrong side
    twin = make_pipeline(
        StandardScaler(), LogisticRegression(C=100.0, tol=1e-10, max_iter=5000, solver="newton-cholesky")
    )
    expected = cross_val_score(twin, X, y, cv=CV, scoring="neg_log_loss")
    result = tuned((X, y), "logistic", scoring="neg_log_loss", C=100.0, impute="mean")
    agree(result, expected, rtol=1e-6)


def test_a_score_of_the_default_search_is_that_of_its_rows():
    X, y = load_diabetes(return_X_y=True)
    X = np.column_stack([X * 1e-3, np.exp(np.abs(X[:, :3]) * 200.0)])
    cv = KFold(3, shuffle=True, random_state=1)
    result = hpo.tune(
        (X, y), algorithm="lasso", trials=40, folds=cv, scoring="r2", store=None, seed=1, progress=False
    )
    best, encoded = result.best, result.model_of(encoded=True)[0].transform(X)
    for k, (_, test) in enumerate(cv.split(X)):
        model = best.algorithm.estimator(best.algorithm.solve(best.states.train[k]))
        residual = y[test] - model.predict(encoded[test])
        assert best.scores.folds[k] == pytest.approx(1.0 - np.mean(residual**2) / np.var(y[test]), rel=1e-6)


@pytest.mark.parametrize("standardize", [True, False])
def test_counts_of_many_sizes_on_few_rows_come_to_the_optimum(standardize):
    """More columns than rows and hardly a penalty: a search that merely stops is far from the optimum."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(30, 36))).add_prefix("x")
    y = rng.poisson(np.exp(4.0 + 2.0 * X["x0"].clip(-2, 2))).astype(float)
    result = hpo.tune(
        X.assign(y=y), "y", "poisson", search={"poisson.alpha": 1e-4, "poisson.standardize": standardize}, trials=1,
        folds=KFold(3), scoring="neg_mean_absolute_error", store=None, progress=False, polish=False,
    )  # fmt: skip
    model = PoissonRegressor(alpha=1e-4, solver="newton-cholesky", tol=1e-9, max_iter=500)
    twin = make_pipeline(StandardScaler(), model) if standardize else model
    assert result.best.scores.converged
    np.testing.assert_allclose(result.best_model.predict(X), twin.fit(X, y).predict(X), rtol=1e-6)


def test_the_likelihood_beside_a_column_of_large_variance_keeps_its_digits():
    """A date among categories: what lies outside the leading components is 1e-9 of all the variance."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"days": rng.normal(size=200) * 1e4, **{f"c{j}": rng.integers(0, 2, 200) for j in range(6)}})
    result = hpo.tune(
        frame, algorithm="pca", search={"pca.n_components": 3, "pca.standardize": False}, trials=1, folds=KFold(4),
        scoring="log_likelihood", store=None, progress=False,
    )  # fmt: skip
    expected = cross_val_score(PCA(3, svd_solver="full"), frame.astype(float), cv=KFold(4))
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-8)
