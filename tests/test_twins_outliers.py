"""Isolation forests against scikit-learn's own, and on river's shuttle, where outliers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest as SkIsolationForest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from twins_outliers import TWINS

import hpo
from algorithms import registry
from algorithms.errors import InvalidField
from algorithms.models.isolation_forest import IsolationForest
from hpo.errors import NoScoreWarning

NAME = "isolation_forest"
SETTINGS, twin_of = TWINS[NAME]
SCORES = ["roc_auc", "average_precision", "balanced_accuracy", "f1"]


@pytest.fixture(scope="module")
def shuttle():
    """49,097 readings of a space shuttle's sensors, 7% of them anomalies."""
    from river.datasets import Shuttle

    return pd.read_csv(Shuttle().path)


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return X, np.where(y == 0, "malign", "benign")  # 212 of 569 are malign: the rarer


def numbers(sample):
    """The rows of a sample as scikit-learn would get them: without columns that say what is missing."""
    return sample.X[:, [column.role == "value" for column in sample.shape.columns]]


def asked(settings, **more):
    defaults = {"n_estimators": 100, "max_samples": 256, "max_features": 1.0} | settings
    return {"algorithm": NAME, "search": {f"{NAME}.{k}": v for k, v in defaults.items()}, **more}


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_scores_and_predictions_equal_scikit_learns(settings):
    X, y = cancer()
    cv = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    result = hpo.tune((X, y), **asked(settings, folds=cv, trials=1, scoring=SCORES, store=None))
    expected = {name: [] for name in SCORES}
    for (train, _), held in zip(cv, result.best.states.held_out, strict=True):
        twin = twin_of(settings).fit(X[train])
        truth, normal = held.rows.y == "malign", twin.score_samples(numbers(held.rows))
        expected["roc_auc"].append(roc_auc_score(truth, -normal))
        expected["average_precision"].append(average_precision_score(truth, -normal))
        expected["balanced_accuracy"].append(
            balanced_accuracy_score(truth, twin.predict(numbers(held.rows)) == -1)
        )
        expected["f1"].append(f1_score(truth, twin.predict(numbers(held.rows)) == -1))
    for name in SCORES:
        found = result.best.scores if name == "roc_auc" else result.best.scores.also[name]
        np.testing.assert_allclose(found.folds, expected[name], rtol=1e-9, err_msg=name)
    twin = twin_of(settings).fit(X)
    frame = pd.DataFrame(X).add_prefix("x")
    made = result.predict(frame)["prediction"]
    assert set(made) == {-1, 1}
    np.testing.assert_array_equal(made, twin.predict(X))
    np.testing.assert_allclose(result.best_model["model"].offset_, twin.offset_)


def test_another_contamination_grows_no_tree(monkeypatch):
    grown, real = [], SkIsolationForest.fit

    def counted(self, X, y=None, sample_weight=None):
        grown.append(self.contamination)
        return real(self, X, y, sample_weight)

    monkeypatch.setattr(SkIsolationForest, "fit", counted)
    shares = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4]
    how = asked({"contamination": shares}, trials=6, sampler="grid", folds=3, scoring="f1", store=None)
    result = hpo.tune(cancer(), **how)
    assert len(result.candidates) == 6
    assert len({c.scores.mean for c in result.candidates}) == 6
    assert grown == ["auto"] * 3, "one forest a fold"


def test_shuttle_from_rows_to_confirmed_scores(shuttle, tmp_path):
    train, held_out = shuttle.iloc[:40_000], shuttle.iloc[40_000:]
    how = {
        "algorithm": NAME,
        "folds": 3,
        "trials": 4,
        "store": tmp_path,
        "search": {f"{NAME}.n_estimators": [50]},
    }
    result = hpo.tune(train, "anomaly", **how)
    assert result.metric == "roc_auc"
    assert result.best_value > 0.98
    assert result.cost.rows_read == 40_000
    assert all(t.user_attrs["rows_read"] == 0 for t in result.optuna_study.trials)
    scores = hpo.confirm(result, held_out, scoring=["roc_auc", "average_precision"])
    X, truth = held_out.drop(columns="anomaly"), held_out["anomaly"]
    normal = result.best_model.score_samples(X)
    np.testing.assert_allclose(scores["roc_auc"], roc_auc_score(truth, -normal))
    np.testing.assert_allclose(scores["average_precision"], average_precision_score(truth, -normal))
    again = hpo.tune(train, "anomaly", **how, scoring="average_precision")
    assert again.cost.rows_read == 0


def test_the_label_of_outliers_can_be_said():
    X, y = cancer()
    options = asked({"outlier_label": "benign", "n_estimators": 20}, folds=3, trials=1, store=None)
    result = hpo.tune((X, y), **options)
    rarest = hpo.tune((X, y), **asked({"n_estimators": 20}, folds=3, trials=1, store=None))
    np.testing.assert_allclose(result.best_value, 1.0 - rarest.best_value)
    assert result.best_model["model"].outlier_label_ == "benign"
    with pytest.raises(
        InvalidField, match=r"outlier_label='odd': the target's labels are 'benign', 'malign'"
    ):
        hpo.tune((X, y), **asked({"outlier_label": "odd"}, folds=3, trials=1, store=None))


def test_a_fold_without_outliers_says_what_to_do():
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.arange(60) == 0
    words = "no outlier among 20 sampled held-out rows of a fold; use fewer folds, .*folds={'scheme': 'stratified'}"
    with pytest.warns(NoScoreWarning, match=words):
        hpo.tune(
            (X, y), algorithm=NAME, folds=list(StratifiedKFold(3).split(X, np.arange(60) // 20 * 0)), trials=1,
            store=None,
        )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [{"contamination": 0.7}, {"contamination": "some"}, {"max_features": 0.0}, {"n_estimators": 0}],
    ids=str,
)
def test_wrong_hyperparameters_are_refused(wrong):
    with pytest.raises(InvalidField, match=next(iter(wrong))):
        IsolationForest(**wrong)


def test_it_is_registered():
    assert registry.get(NAME) is IsolationForest
