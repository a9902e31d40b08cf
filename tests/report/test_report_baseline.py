"""What a report says beside the score: the dummy's own score, and how far other settings are from the best."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from hpo.report.baseline import baseline
from studies.report.data import ReportData

FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)


def frame(load):
    return load(as_frame=True).frame


def tune(data, store, **asked):
    return hpo.tune(data, target="target", trials=2, store=store, **asked)


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "roc_auc", "balanced_accuracy", "f1", "average_precision"])
def test_the_baseline_of_two_classes_is_sklearns_dummy_on_the_same_folds(scoring, tmp_path):
    data = frame(load_breast_cancer)
    X, y = data.drop(columns="target"), data["target"]
    folds = list(FOLDS.split(X, y))
    result = tune(data, tmp_path, algorithm="gaussian_nb", scoring=scoring, folds=folds)
    own = cross_val_score(DummyClassifier(strategy="prior"), X, y, cv=folds, scoring=scoring)
    found = baseline(result)
    assert found.mean == pytest.approx(own.mean(), rel=1e-12)
    assert found.se == pytest.approx(own.std(ddof=1) / np.sqrt(5), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "f1_macro", "roc_auc_ovr"])
def test_the_baseline_of_several_classes_is_sklearns_dummy(scoring, tmp_path):
    data = frame(load_wine)
    X, y = data.drop(columns="target"), data["target"]
    folds = list(FOLDS.split(X, y))
    found = baseline(tune(data, tmp_path, algorithm="lda", scoring=scoring, folds=folds))
    own = cross_val_score(DummyClassifier(strategy="prior"), X, y, cv=folds, scoring=scoring)
    assert found.mean == pytest.approx(own.mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("scoring", "strategy"),
    [
        ("r2", "mean"), ("neg_root_mean_squared_error", "mean"), ("neg_mean_squared_error", "mean"),
        ("neg_mean_absolute_error", "median"), ("neg_median_absolute_error", "median"), ("neg_max_error", "mean"),
    ],
)  # fmt: skip
def test_the_baseline_of_a_number_is_sklearns_dummy(scoring, strategy, tmp_path):
    data = frame(load_diabetes)
    X, y = data.drop(columns="target"), data["target"]
    folds = [(np.setdiff1d(np.arange(len(y)), np.arange(k, len(y), 5)), np.arange(k, len(y), 5)) for k in range(5)]
    found = baseline(tune(data, tmp_path, algorithm="ridge", scoring=scoring, folds=folds))
    own = cross_val_score(DummyRegressor(strategy=strategy), X, y, cv=folds, scoring=scoring)
    assert found.mean == pytest.approx(own.mean(), rel=1e-9)
    assert strategy in found.answer


def test_the_baseline_weighs_rows_as_the_study_does(tmp_path):
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
    data["w"], data["target"] = rng.uniform(0.5, 3.0, 300), np.where(data["a"] + rng.normal(size=300) > 0.5, "y", "n")
    folds = [(np.setdiff1d(np.arange(300), np.arange(k, 300, 3)), np.arange(k, 300, 3)) for k in range(3)]
    kept = baseline(tune(data, tmp_path, algorithm="logistic", scoring="neg_brier_score", weight="w", folds=folds))
    own = []
    for train, test in folds:
        w, y = data["w"].to_numpy(), (data["target"] == "y").to_numpy()
        share = np.average(y[train], weights=w[train])
        own.append(-np.average((y[test] - share) ** 2, weights=w[test]))
    assert kept.mean == pytest.approx(np.mean(own), rel=1e-9)


def test_the_baseline_of_series_is_what_was_in_the_season_before(tmp_path):
    months, rng = np.arange(48), np.random.default_rng(0)
    sold = 10.0 + np.sin(months * np.pi / 2) + 0.3 * rng.normal(size=48)
    rows = pd.DataFrame({"month": months, "sold": sold})
    folds = {"scheme": "backtest", "horizon": 4, "n_splits": 2}
    search = {"linear_forecaster.season": 4, "linear_forecaster.context": 8}
    asked = {"time": "month", "folds": folds, "search": search, "scoring": "neg_mase", "trials": 1, "store": tmp_path}
    found = baseline(hpo.tune(rows, "sold", "linear_forecaster", **asked))
    own = []
    for first in (40, 44):
        error = np.mean(np.abs(sold[first : first + 4] - sold[first - 4 : first]))
        own.append(-error / np.mean(np.abs(sold[4:first] - sold[: first - 4])))
    assert found.answer == "the last value of the same season"
    assert found.mean == pytest.approx(np.mean(own), rel=1e-9)


def test_outliers_that_cannot_be_told_have_half_of_the_area(tmp_path):
    rows = frame(load_wine).assign(odd=lambda data: np.where(data["alcohol"] > 14.3, "odd", "usual"))
    search = {"isolation_forest.n_estimators": 3, "isolation_forest.max_samples": 16, "isolation_forest.max_features": 1.0}
    assert baseline(hpo.tune(rows, "odd", "isolation_forest", search=search, trials=1, store=tmp_path)).mean == 0.5


def test_studies_without_a_dummy_have_no_baseline(tmp_path):
    data = frame(load_wine).drop(columns="target")
    assert baseline(hpo.tune(data, algorithm="pca", trials=2, store=tmp_path)) is None


def test_the_difference_to_the_best_is_the_corrected_resampled_t_test(tmp_path):
    data = frame(load_wine)
    X, y = data.drop(columns="target"), data["target"]
    folds = list(FOLDS.split(X, y))
    result = tune(data, tmp_path, algorithm=["gaussian_nb", "lda"], scoring="neg_log_loss", folds=folds)
    board = {row.algorithm: row for row in hpo.write_report(result).leaderboard}
    [other] = [row for row in board.values() if row.difference]
    by_number = {one.number: np.array(one.scores.folds) for one in result.candidates}
    gaps = by_number[other.number] - by_number[result.best.number]
    ratio = np.mean([len(test) / len(train) for train, test in folds])
    t = gaps.mean() / np.sqrt(gaps.var(ddof=1) * (1 / 5 + ratio))
    assert other.difference.mean == pytest.approx(gaps.mean())
    assert other.difference.p == pytest.approx(2 * stats.t.sf(abs(t), 4))
    data = hpo.write_report(result)
    assert ReportData.from_dict(data.to_dict()) == data


def test_models_that_look_at_nothing_beat_no_baseline(tmp_path):
    """The baseline stands beside the score as what any useful model exceeds; noise does not."""
    rng = np.random.default_rng(1)
    noise = pd.DataFrame(rng.normal(size=(400, 3)), columns=list("abc")).assign(target=rng.normal(size=400))
    result = tune(noise, tmp_path, algorithm="ridge", scoring="r2")
    found = baseline(result)
    assert abs(result.best_value - found.mean) < 3 * result.best.scores.se + 0.02
    own = make_pipeline(StandardScaler(), Ridge())
    assert cross_val_score(own, noise[list("abc")], noise["target"], scoring="r2").mean() < 0.05
