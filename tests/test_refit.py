"""``refit="all"``: the best model is that of all rows, bit for bit what scikit-learn fits to them."""

from __future__ import annotations

import json
import math
import sys

import forked
import numpy as np
import pandas as pd
import pytest
from passes import second_pass_raises
from sklearn.ensemble import IsolationForest
from sklearn.metrics import mean_squared_error
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

import hpo
from hpo.errors import DataError, Interrupted, StoreWarning, TuneError
from state_store import StateStore, StoreWriteError
from studies import StudySpec
from studies.errors import SpecError
from studies.spec.form import load

ROWS, SIZE = 3000, 300
TREE = "DecisionTreeRegressor"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.uniform(size=(ROWS, 2)), columns=["a", "b"])
    made["y"] = np.sin(6.0 * made["a"]) + made["b"] + 0.1 * rng.normal(size=ROWS)
    return made


def tuned(data, tmp_path, algorithm=None, search=None, **how):
    estimator = DecisionTreeRegressor(min_samples_leaf=5, random_state=0) if algorithm is None else algorithm
    asked = {
        "target": "y", "trials": 2, "folds": 3, "seed": 1, "store": tmp_path / "store", "progress": False,
        "refit": "all", "search": {f"{TREE}.size": SIZE, f"{TREE}.max_depth": [3, 8]} if search is None else search,
    }  # fmt: skip
    return hpo.tune(data, algorithm=estimator, **asked | how)


def rows_of(result):
    return int(result.best_model[-1].tree_.n_node_samples[0])


def test_the_best_model_is_scikit_learns_of_all_rows(frame, tmp_path):
    sampled, whole = tuned(frame, tmp_path, refit=None, polish=False), tuned(frame, tmp_path)
    assert rows_of(sampled) == SIZE
    assert rows_of(whole) == ROWS
    assert (sampled.best_params, sampled.best_value) == (whole.best_params, whole.best_value)
    twin = DecisionTreeRegressor(
        min_samples_leaf=5, random_state=0, max_depth=whole.best_params[f"{TREE}.max_depth"]
    ).fit(frame[["a", "b"]].to_numpy(np.float32).astype(float), frame["y"])
    rng = np.random.default_rng(5)
    new = pd.DataFrame(rng.uniform(size=(2000, 2)), columns=["a", "b"])
    truth = np.sin(6.0 * new["a"]) + new["b"]
    found = whole.best_model.predict(new)
    assert np.isclose(found, twin.predict(new.to_numpy()), rtol=1e-6).mean() > 0.995  # ties of splits aside
    assert mean_squared_error(truth, found) < mean_squared_error(truth, sampled.best_model.predict(new))


def test_it_reads_the_rows_once_more_and_the_same_study_again_reads_none(frame, tmp_path):
    first, second = tuned(frame, tmp_path), tuned(frame, tmp_path)
    assert first.cost.rows_read == 2 * ROWS
    assert first.cost.rows_polish == ROWS
    assert first.run.polished.rows == ROWS
    assert second.cost.rows_read == 0
    new = frame[["a", "b"]]
    assert np.array_equal(first.best_model.predict(new), second.best_model.predict(new))


def test_an_estimator_has_all_rows_without_being_asked_and_a_family_has_not(frame, tmp_path):
    result = tuned(frame, tmp_path, refit=None)
    assert (rows_of(result), result.cost.rows_read, result.cost.rows_polish) == (ROWS, 2 * ROWS, ROWS)
    left = tuned(frame, tmp_path, refit=None, polish=False, store=tmp_path / "other")
    assert (rows_of(left), left.cost.rows_read) == (SIZE, ROWS)
    search = {"knn_regressor.size": SIZE, "knn_regressor.n_neighbors": [3, 9]}
    near = tuned(frame, tmp_path, "knn_regressor", search, refit=None)
    assert near.best_model[-1].n_samples_fit_ == SIZE


@pytest.mark.parametrize(
    ("algorithm", "how", "words"),
    [("sklearn:sklearn.tree.DecisionTreeRegressor", {}, "refit"), ("knn_regressor", {}, "no"),
     ("sklearn:sklearn.tree.DecisionTreeRegressor", {"polish": False}, "no")],
)  # fmt: skip
def test_a_plan_reports_it(frame, tmp_path, algorithm, how, words):
    frame.to_parquet(tmp_path / "rows.parquet")
    spec = StudySpec(data=str(tmp_path / "rows.parquet"), target="y", algorithm=algorithm, store=str(tmp_path / "s"), **how)
    assert hpo.plan(spec).polish == words


def test_a_store_that_cannot_take_the_rows_leaves_the_study(frame, tmp_path, monkeypatch):
    second_pass_raises(monkeypatch, StoreWriteError("the disk is full"))
    with pytest.warns(StoreWarning, match="stays that of the sample: the disk is full"):
        result = tuned(frame, tmp_path, refit=None)
    assert rows_of(result) == SIZE


def test_a_second_ctrl_c_amid_the_fit_leaves_the_model_of_the_sample(frame, tmp_path):
    search = {"Stopped.size": SIZE, "Stopped.max_depth": [3, 8]}
    with pytest.warns(StoreWarning, match="its fit was left .KeyboardInterrupt"):
        result = tuned(frame, tmp_path, Stopped(), search, refit=None)
    assert rows_of(result) == SIZE


class Stopped(DecisionTreeRegressor):
    """Is interrupted amid a fit to more than a thousand rows."""

    def fit(self, X, y):
        if len(X) > 1000:
            raise KeyboardInterrupt
        return super().fit(X, y)


def test_files_cells_and_threads_give_the_same_model(frame, tmp_path):
    for i in range(4):
        frame[i * 750 : (i + 1) * 750].to_parquet(tmp_path / f"part{i}.parquet")
    asked = {"n_jobs": 1, "store": tmp_path / "one"}, {"n_jobs": 3, "store": tmp_path / "three"}
    models = [tuned(str(tmp_path / "*.parquet"), tmp_path, **how).best_model for how in asked]
    assert np.array_equal(*(model.predict(frame[["a", "b"]]) for model in models))
    assert models[0][-1].tree_.n_node_samples[0] == ROWS


def test_rows_that_the_sample_holds_are_not_read_again(frame, tmp_path):
    result = tuned(frame, tmp_path, search={f"{TREE}.size": ROWS, f"{TREE}.max_depth": [3, 8]})
    assert result.run.polished is None
    assert result.cost.rows_read == ROWS
    exact = tuned(frame, tmp_path, "ridge", {"ridge.alpha": [1.0, 2.0]})
    assert exact.run.polished is None
    assert exact.cost.rows_polish == 0


def test_neighbors_and_outliers_have_all_rows_too(frame, tmp_path):
    near = tuned(frame, tmp_path, "knn_regressor", {"knn_regressor.size": SIZE, "knn_regressor.n_neighbors": [3, 9]})
    assert isinstance(near.best_model[-1], KNeighborsRegressor)
    assert near.best_model[-1].n_samples_fit_ == ROWS
    labelled = frame[["a", "b"]].assign(y=np.where(frame["a"] > 0.97, "bad", "good"))
    search = {"isolation_forest.size": SIZE, "isolation_forest.max_samples": 256}
    odd = tuned(labelled, tmp_path, "isolation_forest", search, trials=1)
    assert isinstance(odd.best_model[-1], IsolationForest)
    assert odd.run.polished.rows == ROWS


def test_a_recorded_study_is_opened_with_the_model_of_all_rows(frame, tmp_path):
    frame.to_parquet(tmp_path / "rows.parquet")
    how = {"name": "trees", "storage": tmp_path / "journal"}
    result = tuned(str(tmp_path / "rows.parquet"), tmp_path, **how)
    again = hpo.load("trees", storage=how["storage"])
    assert again.run.polished.rows == ROWS
    assert np.array_equal(again.predict(frame)["prediction"], result.predict(frame)["prediction"])
    assert any("fitted again to 3,000 rows" in note for note in hpo.write_report(again).notes)
    store = StateStore(tmp_path / "store")
    for entry in store.list():
        if f"size={ROWS}" in str(entry.about) or f"'size': {ROWS}" in str(entry.about):
            store.backend.delete(entry.key.name)
    with pytest.warns(StoreWarning, match="that of the first"):
        gone = hpo.load("trees", storage=how["storage"])
    assert rows_of(gone) == SIZE
    assert not gone.run.polished.rows


@pytest.mark.parametrize("error", [DataError("the file is gone"), Interrupted("stopped after 1 of 3 segments")])
def test_whatever_stops_it_leaves_the_model_of_the_sample(frame, tmp_path, monkeypatch, error):
    second_pass_raises(monkeypatch, error)
    with pytest.warns(StoreWarning, match="stays that of the sample"):
        result = tuned(frame, tmp_path)
    assert str(error) in result.run.polished.reason
    assert rows_of(result) == SIZE
    assert any("not fitted again" in note for note in hpo.write_report(result).notes)


def test_rows_that_do_not_fit_leave_the_model_of_the_sample(frame, tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.trials.refit.available_memory", lambda: 1000)
    with pytest.warns(StoreWarning, match="all 3,000 rows need about .* free; give the algorithm a larger size"):
        result = tuned(frame, tmp_path)
    assert rows_of(result) == SIZE
    assert result.cost.rows_read == ROWS


class Small(DecisionTreeRegressor):
    """Refuses more than a thousand rows."""

    def fit(self, X, y):
        if len(X) > 1000:
            raise ValueError("too many rows")
        return super().fit(X, y)


def test_a_fit_that_fails_on_all_rows_leaves_the_model_of_the_sample(frame, tmp_path):
    search = {"Small.size": SIZE, "Small.max_depth": [3, 8]}
    with pytest.warns(StoreWarning, match="too many rows"):
        result = tuned(frame, tmp_path, Small(), search)
    assert result.best_model[-1].tree_.n_node_samples[0] == SIZE


def test_a_model_with_a_threshold_keeps_the_sample_that_it_was_chosen_on(frame, tmp_path):
    data = frame[["a", "b"]].assign(y=(frame["y"] > 1.6).astype(int))
    search = {"knn_classifier.size": SIZE, "knn_classifier.threshold": "f1"}
    with pytest.warns(StoreWarning, match="its threshold is chosen on the rows of the sample"):
        result = tuned(data, tmp_path, "knn_classifier", search, scoring="f1", trials=1)
    assert result.best_model[-1].estimator_.n_samples_fit_ == SIZE
    assert result.cost.rows_polish == 0


def test_what_contradicts_it_is_refused_in_words(frame, tmp_path):
    with pytest.raises(SpecError, match=r"refit: all.*polish: false"):
        tuned(frame, tmp_path, polish=False)
    with pytest.raises(TuneError, match="the rows of a stream are gone"):
        hpo.Stream("rows", target="y", algorithm="ridge", refit="all", store=tmp_path / "store")
    with pytest.raises((TuneError, SpecError), match="every"):
        tuned(frame, tmp_path, refit="every")


def test_of_several_scores_the_first_is_optimised(frame, tmp_path):
    result = tuned(frame, tmp_path, scoring=["r2", "neg_mean_absolute_error"])
    assert result.metric == "r2"
    assert result.run.polished.rows == ROWS
    assert math.isnan(result.run.polished.se)


def test_the_plan_and_the_command_line_say_it(frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "study.yaml").write_text(
        "data: rows.parquet\ntarget: y\nalgorithm: knn_regressor\ntrials: 2\nfolds: 3\nrefit: all\n"
        "search: {knn_regressor.size: 300}\nstore: store\nstorage: journal\n"
    )
    assert hpo.plan(load(tmp_path / "study.yaml")).polish == "refit"
    plan, run = (
        forked.run(
            [sys.executable, "-m", "hpo.cli", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        for words in (["plan", "study.yaml"], ["run", "study.yaml", "--json"])
    )
    assert "is fitted again to all rows" in plan.stdout
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert (answer["polish"]["rows"], answer["cost"]["rows_polish"]) == (ROWS, ROWS)
