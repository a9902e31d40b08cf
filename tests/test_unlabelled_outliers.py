"""Isolation forests without a target: judged by how little room they call normal."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import PredefinedSplit

import hpo
from algorithms.scoring.mass_volume import COLUMNS, DRAWS, SHARES, mass_volume
from hpo.errors import DataError, TuneError

RNG = np.random.default_rng(0)
WRAPPED = np.vstack([np.repeat([[-3.0, 0.0], [3.0, 2.0]], 240, axis=0) + 0.4 * RNG.normal(size=(480, 2)),
                     RNG.uniform(-5, 5, size=(20, 2))])  # fmt: skip
BOX = np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]])
FOLD = np.arange(500) % 2
SMALL = {"isolation_forest.n_estimators": [20], "isolation_forest.max_samples": [64], "isolation_forest.max_features": [1.0]}


def tuned(data, tmp_path, algorithm="isolation_forest", **asked):
    asked = {"search": SMALL, "trials": 1, "folds": PredefinedSplit(FOLD), "progress": False, **asked}
    return hpo.tune(data, algorithm=algorithm, store=tmp_path / "store", **asked)


def _near(X):
    return -np.abs(X).sum(axis=1)


class TestRoom:
    def test_of_two_columns_it_is_the_area_of_the_levels(self):
        rows = np.random.default_rng(1).uniform(-1, 1, size=(20_000, 2))
        square = mass_volume(lambda X: -np.abs(X).max(axis=1), rows, np.ones(len(rows)), BOX)
        half = mass_volume(lambda X: -np.abs(X).max(axis=1), rows / 2, np.ones(len(rows)), BOX)
        assert square == pytest.approx(SHARES.mean(), abs=0.01)
        assert half == pytest.approx(SHARES.mean() / 4, abs=0.02)

    def test_a_weight_is_as_many_rows(self):
        rows, w = RNG.normal(size=(300, 2)), RNG.integers(1, 4, 300)
        room = mass_volume(_near, rows, w.astype(float), rows)
        assert room == mass_volume(_near, rows.repeat(w, axis=0), np.ones(w.sum()), rows)
        assert room != mass_volume(_near, rows, np.ones(300), rows)

    def test_columns_of_one_value_are_left_and_those_of_two_take_either(self):
        seen = []
        known = np.column_stack([np.full(40, 7.0), np.tile([0.0, 5.0], 20), np.linspace(0, 1, 40)])
        mass_volume(lambda X: (seen.append(X), -X[:, 2])[1], known, np.ones(40), known)
        drawn = next(X for X in seen if len(X) == DRAWS)
        assert set(drawn[:, 0]) == {7.0}
        assert set(drawn[:, 1]) == {0.0, 5.0}
        assert len(set(drawn[:, 2])) > 1000

    def test_of_many_columns_five_are_drawn_at_once(self):
        seen, known = [], RNG.normal(size=(100, 12))
        mass_volume(lambda X: (seen.append(X), -X[:, 0])[1], known, np.ones(100), known)
        drawn = next(X for X in seen if len(X) == DRAWS)
        assert (np.sum(drawn != known[np.arange(DRAWS) % 100], axis=1) == COLUMNS).all()


def test_a_fold_scores_the_area_that_its_forest_calls_normal(tmp_path):
    result = tuned(WRAPPED, tmp_path)
    assert result.metric == "neg_mass_volume"
    for k, score in enumerate(result.best.scores.folds):
        forest = result.best.algorithm.solve(result.best.states.train[k]).fitted
        train, test = WRAPPED[k != FOLD], WRAPPED[k == FOLD]
        twin = IsolationForest(n_estimators=20, max_samples=64, random_state=0).fit(train)
        assert np.corrcoef(forest.score_samples(test), twin.score_samples(test))[0, 1] > 0.9
        even = np.random.default_rng(9).uniform(train.min(axis=0), train.max(axis=0), size=(40_000, 2))
        levels = np.quantile(forest.score_samples(test), 1.0 - SHARES, method="lower")
        room = np.mean([np.mean(forest.score_samples(even) >= level) for level in levels])
        assert abs(score + room) <= result.best.scores.bounds[k] <= 0.024
    assert re.fullmatch(r"known to ±0\.02\d* \(random draws\)", hpo.accuracy(result).words(result.best_value))
    assert "random draws" in hpo.write_report(result).best.accuracy


def test_a_forest_that_wraps_the_rows_is_better_than_one_that_does_not(tmp_path):
    search = {"isolation_forest.n_estimators": [1, 40], "isolation_forest.max_samples": [2, 128],
              "isolation_forest.max_features": [1.0]}  # fmt: skip
    result = tuned(WRAPPED, tmp_path, search=search, trials=4, sampler="grid")
    assert result.best_params["isolation_forest.n_estimators"] == 40
    assert result.best_params["isolation_forest.max_samples"] == 128
    truth = np.r_[np.zeros(480, bool), np.ones(20, bool)]
    assert (result.predict(WRAPPED)["prediction"].to_numpy()[~truth] == 1).mean() > 0.8


def test_a_threshold_changes_no_room(tmp_path):
    first = tuned(WRAPPED, tmp_path)
    second = tuned(WRAPPED, tmp_path, search={**SMALL, "isolation_forest.contamination": [0.3]})
    assert first.best_value == second.best_value
    assert (second.predict(WRAPPED)["prediction"] == -1).mean() == pytest.approx(0.3, abs=0.02)


def test_marked_rows_and_room_are_scores_of_one_study(tmp_path):
    marked = (WRAPPED, np.r_[np.zeros(480, bool), np.ones(20, bool)])
    result = tuned(marked, tmp_path, scoring=["roc_auc", "neg_mass_volume"], folds=2)
    assert result.record.metrics == ("roc_auc", "neg_mass_volume")
    assert result.best_model["model"].outlier_label_
    assert not hasattr(tuned(WRAPPED, tmp_path).best_model["model"], "outlier_label_")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"scoring": "roc_auc"}, r"scoring='roc_auc' needs a target, and none is named; .* for neg_mass_volume$"),
        ({"scoring": "accuracy"}, r"scoring='accuracy' needs a target"),
        ({"scoring": "neg_mass_volum"}, r"did you mean 'neg_mass_volume'\?"),
        ({"algorithm": "sklearn:sklearn.ensemble.IsolationForest", "search": {}},
         r"IsolationForest cannot be scored without a target.* name it with target="),
        ({"algorithm": ["isolation_forest", "sklearn:sklearn.ensemble.IsolationForest"]}, r"^IsolationForest cannot be scored"),
        ({"algorithm": "auto:anomalies"}, r"'auto:anomalies' names no task"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_without_a_target_is_said(asked, words, tmp_path):
    with pytest.raises(TuneError, match=words):
        tuned(WRAPPED, tmp_path, **asked)


def test_a_label_without_a_target_is_refused(tmp_path):
    with pytest.warns(hpo.errors.NoScoreWarning, match=r"outlier_label='a': no target is named; name the column"):
        tuned(WRAPPED, tmp_path, search={**SMALL, "isolation_forest.outlier_label": ["a"]})


def test_it_is_confirmed_by_the_score_of_a_split_of_the_same_rows():
    rows = np.random.default_rng(0).permutation(WRAPPED)[:120]
    train, test = np.arange(80), np.arange(80, 120)
    asked = {"algorithm": "isolation_forest", "trials": 1, "seed": 1, "store": None, "progress": False, "search": SMALL}
    split = hpo.tune(rows, folds=[(train, test)], **asked)
    part = hpo.tune(rows[train], folds=2, **asked)
    assert part.best_params == split.best_params
    assert hpo.confirm(part, rows[test]) == {"neg_mass_volume": split.best.scores.folds[0]}
    with pytest.raises(DataError, match=r"'neg_inertia' is of the rows of the study.*name a target"):
        hpo.confirm(part, rows[test], scoring="neg_inertia")


@pytest.mark.parametrize("name", ["anomaly", "anomaly_detection", "outlier_detection"])
def test_auto_knows_the_task_by_its_names(name, tmp_path):
    result = tuned(WRAPPED, tmp_path, f"auto:{name}")
    assert result.metric == "neg_mass_volume"


def test_auto_clusters(tmp_path):
    result = tuned(WRAPPED, tmp_path, "auto:clustering", search={}, trials=8, folds=2)
    assert result.metric == "silhouette"
    assert set(result.run.tuner.scorer.searched) == {"kmeans", "gaussian_mixture"}


def test_a_study_of_files_is_opened_again_and_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    pd.DataFrame(WRAPPED, columns=["a", "b"]).to_csv(tmp_path / "rows.csv", index=False)
    made = hpo.tune(tmp_path / "rows.csv", algorithm="isolation_forest", name="odd", search=SMALL, trials=1, folds=2)
    again = hpo.load("odd")
    assert again.best_value == made.best_value
    hpo.write_report(again, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Held-out rows by how abnormal they are" in page
    assert "True class" not in page
    assert "True outliers" not in page
