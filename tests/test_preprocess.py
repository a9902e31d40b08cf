"""Preprocessing after the pass against scikit-learn's and pandas' own on the raw rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import hpo

CV = KFold(4, shuffle=True, random_state=0)
ALPHA = 3.0


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(5)
    n = 2000
    made = pd.DataFrame(
        {
            "a": rng.normal(10.0, 3.0, n),
            "gaps": np.where(rng.random(n) < 0.3, np.nan, rng.normal(5.0, 2.0, n)),
            "b": rng.normal(size=n),
            "kind": rng.choice([f"k{i}" for i in range(8)], n, p=[0.4, 0.3, 0.2, 0.05, 0.03, 0.01, 0.005, 0.005]),
        }
    )
    made["y"] = made["a"] + made["gaps"].fillna(9.0) + made["kind"].str[1:].astype(int) + rng.normal(size=n)
    return made


def ours(rows, **params):
    search = {"ridge.alpha": ALPHA, "ridge.min_frequency": 0.0, "ridge.standardize": True, "ridge.impute": "mean"}
    search |= {f"ridge.{k}": v for k, v in params.items()}
    return hpo.tune(rows, "y", "ridge", search=search, folds=CV, trials=1, scoring="r2")


def theirs(rows, transformer, *steps):
    X, y = rows.drop(columns="y"), rows["y"]
    model = make_pipeline(transformer, *steps, Ridge(alpha=ALPHA))
    return cross_val_score(model, X, y, cv=CV, scoring="r2"), model.fit(X, y).predict(X)


def agree(result, rows, expected):
    scores, predictions = expected
    np.testing.assert_allclose(result.best.scores.folds, scores, rtol=1e-8)
    np.testing.assert_allclose(result.best_model.predict(rows), predictions, rtol=1e-7)


NUMBERS = ["a", "b", "gaps"]


@pytest.mark.parametrize(
    ("impute", "imputer"),
    [
        ("mean", SimpleImputer(strategy="mean")),
        ("zero", SimpleImputer(strategy="constant", fill_value=0.0)),
        ("indicator", SimpleImputer(strategy="mean", add_indicator=True)),
    ],
    ids=["mean", "zero", "indicator"],
)
@pytest.mark.parametrize("standardize", [True, False])
def test_imputing_is_simple_imputers(rows, impute, imputer, standardize):
    numbers = rows[[*NUMBERS, "y"]]
    scaler = StandardScaler() if standardize else "passthrough"
    expected = theirs(numbers, make_pipeline(imputer, scaler))
    agree(ours(numbers, impute=impute, standardize=standardize), numbers, expected)


@pytest.mark.parametrize("min_frequency", [0.0, 0.02, 0.2])
def test_merging_rare_categories_is_one_hot_encoders(rows, min_frequency):
    rows = rows.drop(columns="gaps")
    encoder = OneHotEncoder(min_frequency=min_frequency or None, sparse_output=False, handle_unknown="infrequent_if_exist")
    transformer = make_column_transformer((encoder, ["kind"]), remainder="passthrough")
    agree(ours(rows, min_frequency=min_frequency), rows, theirs(rows, transformer, StandardScaler()))


def test_categories_beyond_the_cap_and_unseen_ones_are_other(rows):
    rows = rows[["a", "kind", "y"]]
    result = hpo.tune(rows, "y", "ridge", trials=1, max_categories=3, folds=CV,
                      search={"ridge.alpha": ALPHA, "ridge.standardize": False, "ridge.min_frequency": 0.0})  # fmt: skip
    capped = rows.assign(kind=rows["kind"].where(rows["kind"].isin(["k0", "k1", "k2"]), "other"))
    transformer = make_column_transformer((OneHotEncoder(sparse_output=False), ["kind"]), remainder="passthrough")
    agree(result, rows, theirs(capped, transformer))
    unseen = rows.iloc[:1].assign(kind="never seen")
    known = rows.iloc[:1].assign(kind="k7")
    assert result.best_model.predict(unseen) == pytest.approx(result.best_model.predict(known))


@pytest.mark.parametrize("k", [1, 2])
def test_select_keeps_the_columns_most_correlated_on_the_training_rows_only(rows, k):
    numbers = rows[["a", "b", "y"]].assign(c=rows["gaps"].fillna(0.0))
    X, y = numbers.drop(columns="y").to_numpy(), numbers["y"].to_numpy()
    scores = []
    for train, test in CV.split(X):
        strength = [abs(np.corrcoef(X[train, j], y[train])[0, 1]) for j in range(3)]
        kept = np.sort(np.argsort(strength)[::-1][:k])
        scores.append(Ridge(alpha=ALPHA).fit(X[train][:, kept], y[train]).score(X[test][:, kept], y[test]))
    result = ours(numbers, select=k, standardize=False)
    np.testing.assert_allclose(result.best.scores.folds, scores, rtol=1e-8)


def test_a_column_that_is_missing_everywhere_adds_nothing(rows):
    numbers = rows[["a", "b", "y"]]
    empty = numbers.assign(nothing=np.full(len(rows), np.nan))
    for impute in ("mean", "zero", "indicator"):
        with_it, without = ours(empty, impute=impute), ours(numbers, impute=impute)
        assert with_it.best_value == pytest.approx(without.best_value, rel=1e-9)


def test_the_training_folds_alone_choose_the_fill(rows):
    """A fold whose missing rows differ must not leak its mean: twin by hand."""
    numbers = rows[["gaps", "y"]]
    scores = []
    for train, test in CV.split(numbers):
        fill = numbers["gaps"].iloc[train].mean()
        X = numbers["gaps"].fillna(fill).to_numpy()[:, None]
        y = numbers["y"].to_numpy()
        scores.append(Ridge(alpha=ALPHA).fit(X[train], y[train]).score(X[test], y[test]))
    np.testing.assert_allclose(ours(numbers, standardize=False).best.scores.folds, scores, rtol=1e-9)


def test_names_of_the_models_columns_can_be_read(rows):
    model = ours(rows, impute="indicator", min_frequency=0.02).model_of(encoded=True)
    names = list(model[:-1].get_feature_names_out())
    assert names[:4] == ["a", "gaps", "missingindicator_gaps", "b"]
    assert "kind_k0" in names and "kind_other" in names and "kind_k7" not in names
    assert len(names) == model[-1].coef_.shape[0]


def test_a_new_category_is_the_rare_one_of_a_sample_too(rows):
    """Beside numbers whose gaps are filled by their means to the last digit."""
    few = rows[["gaps", "y"]][:300].assign(kind=np.repeat(["u", "w"], [280, 20]))
    search = {"knn_regressor.n_neighbors": [5], "knn_regressor.min_frequency": [0.1], "knn_regressor.standardize": False}
    result = hpo.tune(few, "y", "knn_regressor", search=search, trials=1, store=None, progress=False)
    asked = few.drop(columns="y").assign(kind=np.repeat(["u", "w", "new"], 100))
    made = result.best_model[:-1].transform(asked)
    np.testing.assert_array_equal(made[:, 1:], np.repeat([[1.0, 0.0], [0.0, 1.0]], [100, 200], axis=0))
    (fill,) = set(made[asked["gaps"].isna(), 0])
    assert fill == pytest.approx(few["gaps"].mean(), rel=1e-14)


@pytest.mark.parametrize("standardize", [False, True])
def test_a_category_whose_levels_are_all_rare_is_a_constant_that_needs_no_further_digits(tmp_path, standardize):
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"kind": [f"k{i % 40}" for i in range(800)], "x": rng.normal(size=800)})
    made["y"] = made["x"] + rng.normal(size=800)
    search = {"ridge.min_frequency": 0.5, "ridge.standardize": standardize, "ridge.alpha": 1.0}
    result = hpo.tune(made, "y", "ridge", search=search, trials=1, store=tmp_path, progress=False)
    alone = hpo.tune(made[["x", "y"]], "y", "ridge", search=search, trials=1, store=tmp_path, progress=False)
    assert result.cost.rows_read == 800
    np.testing.assert_allclose(result.best.scores.folds, alone.best.scores.folds, rtol=1e-9)
