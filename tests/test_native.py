"""Missing values and categories as they are, for estimators that take them: held against these on the same frame."""

from __future__ import annotations

import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.families.estimators import of_object
from algorithms.families.native import CATEGORIES, Categories
from algorithms.fields import fields_of
from hpo.errors import ExportError

CV = list(KFold(3, shuffle=True, random_state=0).split(np.zeros(300)))


def frame(classes=False):
    """Numbers with gaps and far from zero, a category with gaps, a truth value, and a target."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({
        "x": rng.normal(size=300), "c": rng.choice(list("abcdefgh"), 300), "z": 1e5 + rng.normal(size=300),
        "b": rng.random(300) < 0.5,
    })  # fmt: skip
    y = X.x + X.c.map(dict(zip("abcdefgh", [3, -1, 2, 0, 5, -4, 1, 2], strict=True))) + 2 * X.b + X.z - 1e5
    X.loc[::7, "x"], X.loc[::11, "c"] = np.nan, None
    return X, (np.where(y > 2, "more", "less") if classes else y.to_numpy())


def given(X):
    """The frame as a user of these estimators gives it to them."""
    return X.assign(c=X.c.astype("category"), b=X.b.astype(float))


def model_of(path, **parameters):
    module, _, name = path.rpartition(".")
    return getattr(pytest.importorskip(module), name)(**parameters)


def study(model, X, y, **how):
    data = X.assign(y=y)
    return hpo.tune(data, "y", {"m": model}, folds=CV, store=None, **{"trials": 1, **how})


BOOSTERS = [
    ("sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 12}, {}),
    ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 12}, {}),
    ("lightgbm.LGBMRegressor", {"n_estimators": 12, "verbose": -1, "min_child_samples": 5}, {}),
    ("lightgbm.LGBMClassifier", {"n_estimators": 12, "verbose": -1, "min_child_samples": 5}, {}),
    ("xgboost.XGBRegressor", {"n_estimators": 12}, {"enable_categorical": True}),
]
NAMES = [path.rpartition(".")[2] for path, *_ in BOOSTERS]


@pytest.mark.parametrize(("path", "parameters", "own"), BOOSTERS, ids=NAMES)
def test_boosters_of_a_frame_score_and_predict_as_they_do_by_themselves(path, parameters, own, tmp_path):
    X, y = frame(classes=path.endswith("Classifier"))
    scoring = "neg_log_loss" if path.endswith("Classifier") else "r2"
    model = model_of(path, random_state=0, **parameters)
    axis = next(name for name in parameters if name in ("max_iter", "n_estimators"))
    result = study(model, X, y, scoring=scoring, search={f"m.{axis}": [4, 12]}, sampler="grid", trials=2)
    target = y if scoring == "r2" else (y == "more").astype(int)
    for candidate in result.candidates:
        twin = clone(model).set_params(**own, **{axis: result.params_of(candidate)[f"m.{axis}"]})
        expected = cross_val_score(twin, given(X), target, cv=CV, scoring=scoring)
        np.testing.assert_allclose(candidate.scores.folds, expected, rtol=1e-6)
    twin = clone(model).set_params(**own, **{axis: result.best_params[f"m.{axis}"]}).fit(given(X), target)
    method = "predict" if scoring == "r2" else "predict_proba"
    np.testing.assert_allclose(getattr(result.best_model, method)(X), getattr(twin, method)(given(X)), rtol=1e-6)
    unknown = X.assign(c="nobody knows")
    [file] = hpo.export(result, tmp_path / "model.joblib")
    assert not {type(step).__module__.split(".")[0] for _, step in joblib.load(file).steps} & {"hpo", "algorithms"}
    np.testing.assert_array_equal(joblib.load(file).predict(unknown), result.best_model.predict(unknown))


def test_catboost_takes_categories_in_a_frame():
    catboost = pytest.importorskip("catboost", reason="CatBoost (270 MB) is not installed")
    X, y = frame()
    made = {"iterations": 8, "learning_rate": 0.2, "random_state": 0, "verbose": False, "allow_writing_files": False}
    result = study(catboost.CatBoostRegressor(**made), X, y)
    numbered = given(X).assign(c=given(X).c.cat.codes.astype(int))
    found = []
    for train, test in CV:
        twin = catboost.CatBoostRegressor(**made, cat_features=[1]).fit(numbered.iloc[train], y[train])
        found.append(twin.score(numbered.iloc[test], y[test]))
    np.testing.assert_allclose(result.best.scores.folds, found, rtol=1e-10)


def test_forests_take_gaps_as_they_are_and_categories_as_columns():
    X, y = frame()
    columns = pd.concat([given(X).drop(columns="c"), pd.get_dummies(X.c, prefix="c"), X.c.isna().rename("gap")], axis=1)
    columns = columns[["x", *(f"c_{level}" for level in "abcdefgh"), "gap", "z", "b"]].astype(float)
    for model in (RandomForestRegressor(5, random_state=0), ExtraTreesRegressor(5, random_state=0)):
        result = study(model, X, y)
        expected = cross_val_score(model, columns.to_numpy(), y, cv=CV)
        np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-10)


def test_an_imputer_of_the_user_gets_the_gaps():
    X, y = load_diabetes(return_X_y=True)
    X = X[:300].copy()
    X[::3, 2] = np.nan
    model = make_pipeline(StandardScaler(), SimpleImputer(strategy="constant", fill_value=9.0), Ridge())
    result = hpo.tune((X, y[:300]), algorithm=model, trials=1, folds=CV, store=None)
    np.testing.assert_allclose(result.best.scores.folds, cross_val_score(model, X, y[:300], cv=CV), rtol=1e-10)


def test_what_is_encoded_may_be_asked_for_and_searched():
    X, y = frame()
    model = HistGradientBoostingRegressor(max_iter=8)
    result = study(model, X, y, search={"m.encoding": ["native", "one_hot"]}, sampler="grid", trials=2)
    scores = {result.params_of(c)["m.encoding"]: c.scores.folds for c in result.candidates}
    assert not np.allclose(scores["native"], scores["one_hot"])
    columns = result.model_of(encoded=True)[:-1].get_feature_names_out()
    assert columns.tolist() == (["x", "c", "z", "b"] if result.best_params["m.encoding"] == "native" else columns)
    with pytest.raises(hpo.errors.SearchError, match=r"encoding.*native.*one_hot"):
        study(model, X, y, search={"m.encoding": "ordinal"})


def test_an_estimator_with_categories_of_its_own_gets_encoded_columns():
    X, y = frame()
    own = HistGradientBoostingRegressor(max_iter=8, categorical_features=[2])
    kind = of_object(own)
    assert "encoding" in fields_of(kind), "gaps go to it still"
    assert study(own, X, y).model_of(encoded=True)[-1].categorical_features == [2]


def test_a_report_says_what_the_model_takes_as_it_is(tmp_path):
    X, y = frame()
    hpo.write_report(study(HistGradientBoostingRegressor(max_iter=4), X, y), tmp_path / "report.md")
    said = (tmp_path / "report.md").read_text()
    assert said.count("takes missing values as they are, and categories without columns of levels (c)") == 1


def test_categories_of_more_levels_than_bins_are_columns():
    X, y = frame()
    result = study(HistGradientBoostingRegressor(max_iter=8, max_bins=6), X, y)
    assert "c_a" in result.model_of(encoded=True)[:-1].get_feature_names_out()


def test_one_line_declares_another_estimator(monkeypatch):
    class Mine(HistGradientBoostingClassifier):
        """A class of somebody else's."""

    Mine.__module__ = "mine.boosting"
    X, y = frame(classes=True)
    monkeypatch.setitem(
        CATEGORIES, f"mine.{Mine.__qualname__}", Categories(lambda places, _: {"categorical_features": list(places)})
    )
    assert study(Mine(max_iter=5), X, y).model_of(encoded=True)[-1].categorical_features == [1]


def test_boosters_that_go_on_take_categories_in_every_epoch():
    lightgbm = pytest.importorskip("lightgbm")
    X, y = frame()
    model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1, random_state=0)
    result = study(model, X, y, search={"m.epochs": [1, 2]}, sampler="grid", trials=2)
    assert result.best_model.predict(X).shape == (300,)
    assert result.model_of(encoded=True)[-1].booster_.dump_model()["tree_info"][0]["tree_structure"]
    kinds = [_decisions(tree["tree_structure"])
             for tree in result.model_of(encoded=True)[-1].booster_.dump_model()["tree_info"]]  # fmt: skip
    assert any("==" in kind for kind in kinds), "a tree splits by categories"


def _decisions(node):
    if "decision_type" not in node:
        return set()
    return {node["decision_type"]} | _decisions(node["left_child"]) | _decisions(node["right_child"])


def test_dates_have_gaps_and_places_of_months_in_an_exported_model(tmp_path, monkeypatch):
    X, y = frame()
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(300) * 3, unit="D")
    X = X.assign(day=pd.Series(days).where(X.index % 5 != 0))
    result = study(HistGradientBoostingRegressor(max_iter=8), X, y + 3 * days.month)
    file, beside = hpo.export(result, tmp_path / "model.joblib")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "hpo_dates", None)  # gone again after the test, whatever it loads
    del sys.modules["hpo_dates"]
    np.testing.assert_array_equal(joblib.load(file).predict(X), result.best_model.predict(X))
    assert beside.name == "hpo_dates.py"


def test_trees_are_onnx_of_encoded_columns(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    X, y = frame()
    X = X.drop(columns="b")
    result = study(RandomForestRegressor(5, random_state=0), X, y, search={"m.encoding": "one_hot"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        [file] = hpo.export(result, tmp_path / "model.onnx")
    rows = X.dropna()
    inputs = {"c": rows[["c"]].to_numpy(object), **{k: rows[[k]].to_numpy() for k in "xz"}}
    [found] = runtime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, inputs)
    np.testing.assert_allclose(found.ravel(), result.best_model.predict(rows), rtol=1e-5, atol=1e-5)
    with pytest.raises(ExportError, match=r"encoding='one_hot'.*RandomForestRegressor"):
        hpo.export(study(RandomForestRegressor(5, random_state=0), X, y), tmp_path / "other.onnx")
