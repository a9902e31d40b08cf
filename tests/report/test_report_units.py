"""Coefficients in the columns' own units: what scikit-learn's model of the same rows has, and of each fold."""

from __future__ import annotations

import math
import re

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

import hpo
from hpo.errors import TuneError
from studies.report.data import ReportData
from studies.report.page import render_html


def frame(load):
    return load(as_frame=True).frame


@pytest.mark.parametrize("standardize", [True, False])
def test_coefficients_by_unit_and_by_deviation_are_those_of_the_raw_columns(standardize, tmp_path):
    data = frame(load_diabetes)
    X, y = data.drop(columns="target") * np.arange(1, 11) + 100.0, data["target"].to_numpy()
    places = np.arange(len(y))
    folds = [(np.setdiff1d(places, places[k::5]), places[k::5]) for k in range(5)]
    search = {"ridge.standardize": [standardize], "ridge.alpha": [0.5]}
    rows = X.assign(target=y)
    result = hpo.tune(rows, target="target", algorithm="ridge", trials=1, search=search, folds=folds, store=tmp_path)
    shown = hpo.write_report(result)
    assert ReportData.from_dict(shown.to_dict()) == shown

    def own(some):
        scaler = StandardScaler(with_mean=standardize, with_std=standardize).fit(X.iloc[some])
        model = Ridge(0.5).fit(scaler.transform(X.iloc[some]), y[some])
        unit = model.coef_ / (scaler.scale_ if standardize else 1.0)
        return unit, model.intercept_ - unit @ (scaler.mean_ if standardize else np.zeros(X.shape[1]))

    (unit, intercept), each = own(places), np.array([own(train)[0] for train, _ in folds])
    spread = X.std(ddof=0).to_numpy()
    assert shown.units.total == 10 and shown.units.label == ""
    assert shown.units.intercept == pytest.approx(intercept, rel=1e-6)
    sizes = [abs(row.deviation) for row in shown.units.rows]
    assert sizes == sorted(sizes, reverse=True)
    for row in shown.units.rows:
        j = list(X).index(row.name)
        assert row.unit == pytest.approx(unit[j], rel=1e-6)
        assert row.deviation == pytest.approx(unit[j] * spread[j], rel=1e-6)
        assert (row.low, row.high) == pytest.approx((each[:, j].min(), each[:, j].max()), rel=1e-6)


def test_coefficients_of_two_classes_say_of_which(tmp_path):
    data = frame(load_breast_cancer)[["mean radius", "mean texture", "target"]]
    data["target"] = np.where(data["target"] == 1, "benign", "malignant <b>")
    search = {"logistic.C": [1.0], "logistic.standardize": [True]}
    result = hpo.tune(data, target="target", algorithm="logistic", trials=1, search=search, store=tmp_path)
    units = hpo.write_report(result).units
    scaler = StandardScaler().fit(data.iloc[:, :2])
    own = LogisticRegression(C=1.0, tol=1e-10).fit(scaler.transform(data.iloc[:, :2]), data["target"])
    found = {row.name: row.deviation for row in units.rows}
    assert units.label == "malignant <b>"
    assert [found["mean radius"], found["mean texture"]] == pytest.approx(own.coef_[0].tolist(), rel=1e-3)
    page = render_html(hpo.write_report(result))
    section = re.search(r'<section id="coefficients">.*?</section>', page, re.DOTALL)[0]
    assert "malignant &lt;b&gt;" in section and "Intercept" in section


def test_models_of_several_classes_and_without_coefficients_have_no_table_by_unit(tmp_path):
    data = frame(load_wine)
    for algorithm in ("lda", "gaussian_nb"):
        result = hpo.tune(data, target="target", algorithm=algorithm, trials=1, store=tmp_path)
        assert hpo.write_report(result).units is None


def test_coefficients_of_several_classes_are_by_deviation_with_ranges_over_the_folds(tmp_path):
    data = frame(load_wine)
    X, y = data.drop(columns="target"), np.array(["a", "b<i>", "c"])[data["target"]]
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    search = {"logistic.C": 1.0, "logistic.standardize": True}
    asked = {"search": search, "folds": folds, "scoring": "neg_log_loss", "trials": 1, "store": tmp_path}
    found = hpo.write_report(hpo.tune(X.assign(target=y), target="target", algorithm="logistic", **asked)).class_coefficients

    def fitted(rows):
        scaler = StandardScaler().fit(X.iloc[rows])
        model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(scaler.transform(X.iloc[rows]), y[rows])
        unit = model.coef_ / scaler.scale_
        return unit * X.std(ddof=0).to_numpy(), model.intercept_ - unit @ scaler.mean_

    whole, intercepts = fitted(np.arange(len(y)))
    parts = np.array([fitted(train)[0] for train, _ in folds])
    assert found.labels == ["a", "b<i>", "c"] and found.deviations and found.total == 13
    for k, (name, values) in enumerate(found.rows):
        j = X.columns.get_loc(name)
        assert values == pytest.approx(whole[:, j].tolist(), abs=2e-3)
        assert found.low[k] == pytest.approx(parts[:, :, j].min(axis=0).tolist(), abs=2e-3)
        assert found.high[k] == pytest.approx(parts[:, :, j].max(axis=0).tolist(), abs=2e-3)
    assert found.intercepts == pytest.approx(intercepts.tolist(), rel=1e-3)


def test_levels_and_gaps_have_coefficients_too(tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=200), "k": rng.choice(["x", "y", "z"], 200)})
    rows.loc[:9, "a"] = np.nan
    rows["target"] = rows["a"].fillna(0.0) * 2 + (rows["k"] == "x")
    units = hpo.write_report(hpo.tune(rows, target="target", algorithm="ridge", trials=3, store=tmp_path)).units
    assert units is not None
    assert any(row.name == "a" for row in units.rows)


@pytest.mark.parametrize(("algorithm", "search", "adds"), [
    ("pls", {"pls.standardize": False, "pls.n_components": 3}, "prediction"),
    ("pcr", {"pcr.n_components": 3}, "prediction"),
    ("poisson", {"poisson.alpha": 1.0}, "logarithm"),
])  # fmt: skip
def test_the_equation_of_a_report_is_the_models(algorithm, search, adds, tmp_path):
    rows = load_diabetes(as_frame=True, scaled=False).frame
    result = hpo.tune(rows, "target", algorithm, trials=1, search=search, store=tmp_path)
    X, shown = rows.drop(columns="target"), hpo.write_report(result)
    one = {row.name: row.unit for row in shown.units.rows}
    sums = X[list(one)] @ np.array(list(one.values())) + shown.units.intercept
    own = result.best_model.predict(X).ravel()
    assert shown.units.adds == adds
    assert np.allclose(np.exp(sums) if adds == "logarithm" else sums, own, rtol=1e-8)
    words = "adds to the logarithm of the predicted target" if adds == "logarithm" else "adds to the predicted target"
    assert words in render_html(shown)
    table = hpo.coefficient_table(result, by="unit")["coefficient"]
    assert table.drop("(intercept)").to_dict() == pytest.approx(one)
    assert table["(intercept)"] == pytest.approx(shown.units.intercept)


def test_probabilities_say_whether_a_sum_is_log_odds(tmp_path):
    data = frame(load_breast_cancer)[["mean radius", "mean texture", "target"]]
    X = data.drop(columns="target")
    for algorithm in ("logistic", "lda"):
        result = hpo.tune(data, "target", algorithm, trials=1, store=tmp_path)
        assert hpo.write_report(result).units.adds == "log-odds"
        table = hpo.coefficient_table(result, by="unit")["1"]
        p = result.best_model.predict_proba(X)[:, 1].clip(1e-12, 1 - 1e-12)
        some = (p > 1e-6) & (p < 1 - 1e-6)
        sums = X @ table[X.columns] + table["(intercept)"]
        assert np.allclose(sums[some], np.log(p / (1 - p))[some], rtol=1e-6)
    hinge = hpo.tune(data, "target", "linear", trials=1, search={"linear.loss": "hinge"}, store=tmp_path)
    assert hpo.write_report(hinge).units.adds == "score"


def test_deviations_are_those_of_merged_and_filled_columns(tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(50.0, 3.0, size=400), "k": rng.choice(list("wxyz"), 400, p=[0.6, 0.34, 0.04, 0.02])})
    rows.loc[:39, "a"] = np.nan
    rows["target"] = rows["a"].fillna(50.0) + 5.0 * (rows["k"] == "x") + rng.normal(size=400)
    search = {"ridge.standardize": False, "ridge.min_frequency": 0.1, "ridge.alpha": 0.1}
    result = hpo.tune(rows, "target", "ridge", trials=1, search=search, store=tmp_path)
    model = result.model_of(encoded=True)
    names = list(model[:-1].get_feature_names_out())
    own = np.std(model[:-1].transform(rows.drop(columns="target")), axis=0) * model[-1].coef_
    table = hpo.coefficient_table(result, by="deviation")["coefficient"]
    assert names == ["a", "k_w", "k_x", "k_other"] == list(table.index)
    assert table.tolist() == pytest.approx(own.tolist(), rel=1e-9)
    with pytest.raises(TuneError, match="by='std' is not one of 'model', 'unit', 'deviation'"):
        hpo.coefficient_table(result, by="std")


def test_columns_that_every_fold_has_keep_their_range_where_others_are_merged_in_some(tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=300), "k": ["x"] * 270 + ["y"] * 30})
    rows["target"] = 2.0 * rows["a"] + (rows["k"] == "y") + rng.normal(size=300)
    places = np.arange(300)
    folds = [(np.setdiff1d(places, places[i::3]), places[i::3]) for i in (0, 1)]
    folds.append((places[:285], places[285:]))
    search = {"ridge.min_frequency": 0.06, "ridge.alpha": 1.0}
    result = hpo.tune(rows, "target", "ridge", trials=1, search=search, folds=folds, store=tmp_path)
    shown = hpo.write_report(result)
    assert ReportData.from_dict(shown.to_dict()) == shown
    found = {row.name: row for row in shown.units.rows}
    assert found["a"].low < 2.0 < found["a"].high, "a fold whose levels are merged otherwise has this column too"
    assert found["k_y"].low is None and found["k_y"].high is None


def of_logarithms(trial):
    """Return a trial whose logarithmic ranges are those of the logarithm, since Optuna's fANOVA knows none."""
    logs = {name for name, range_ in trial.distributions.items() if getattr(range_, "log", False)}
    params = {name: math.log(value) if name in logs else value for name, value in trial.params.items()}
    ranges = {
        name: optuna.distributions.FloatDistribution(math.log(range_.low), math.log(range_.high)) if name in logs else range_
        for name, range_ in trial.distributions.items()
    }
    return optuna.trial.create_trial(value=trial.value, params=params, distributions=ranges)


@pytest.mark.parametrize(("algorithms", "trials", "words"), [
    (["elastic_net", "ridge"], 60, "Within {}"), (["ridge"], 200, "Among the best quarter of {}"),
])  # fmt: skip
def test_importances_within_an_algorithm_are_optunas_of_its_best_trials(algorithms, trials, words, tmp_path):
    data = frame(load_diabetes)
    result = hpo.tune(data, target="target", algorithm=algorithms, trials=trials, store=tmp_path)
    name = hpo.leaderboard(result)["algorithm"].iloc[0]
    mine = [t for t in result.optuna_study.trials if t.params.get("algorithm", name) == name]
    best = sorted(sorted(mine, key=lambda t: -t.value)[: len(mine) // 4], key=lambda t: t.number)
    study = optuna.create_study(direction="maximize")
    for t in mine if len(algorithms) > 1 else best:
        study.add_trial(of_logarithms(t))
    own = get_param_importances(study, evaluator=FanovaImportanceEvaluator(n_trees=16, seed=0))
    expected = {key: share for key, share in own.items() if key != "algorithm"}
    assert dict(hpo.write_report(result).importances_within) == {words.format(name): pytest.approx(expected, rel=1e-6)}
