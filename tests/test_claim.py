"""The claim: 100 trials, two summaries and five folds read every row once; a second study reads none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hpo
from hpo.trials.by_reading import ByReading


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(6):
        X = rng.normal(size=(400, 4))
        frame = pd.DataFrame(X, columns=list("abcd"))
        frame["kind"] = rng.choice(["u", "v", "w"], 400)
        frame["y"] = X @ [1.0, -2.0, 0.0, 0.5] + (frame["kind"] == "u") + rng.normal(size=400)
        frame.to_parquet(folder / f"part-{i}.parquet", index=False)
    return folder


@pytest.fixture
def logs(monkeypatch):
    """Every data set's read log, in the order of the runs."""
    seen = []
    states = ByReading.states

    def spy(self, question, *given):
        seen.append(question.dataset.log)
        return states(self, question, *given)

    monkeypatch.setattr(ByReading, "states", spy)
    return seen


SEARCH = {"ridge.precision": ["auto", "double"]}
"""Two values of a pass field: two summaries."""


def test_one_hundred_trials_two_summaries_five_folds_read_every_segment_once(files, tmp_path, logs):
    result = hpo.tune(
        files, "y", ["ridge", "elastic_net"], search=SEARCH, trials=100, folds=5, store=tmp_path / "store"
    )
    assert len(result.optuna_study.trials) == 100
    assert len(logs[0].segments) == 6
    assert set(logs[0].segments.values()) == {1}
    assert result.cost.rows_read == logs[0].rows == 2400
    assert result.cost.states_built == 6 * 2  # leaves: six segments, two summaries
    assert len(hpo.StateStore(tmp_path / "store").list()) == 12
    summaries = {t.user_attrs["states"] for t in result.optuna_study.trials}
    assert len(summaries) == 2
    assert {t.user_attrs["rows_read"] for t in result.optuna_study.trials} == {0}
    distinct = sum("duplicate_of" not in t.user_attrs for t in result.optuna_study.trials)
    assert result.run.tuner.scorer.fits == distinct * 5
    assert result.cost.rows_if_retrained == distinct * 5 * 2400 + 2400


def test_a_second_study_with_other_hyperparameters_reads_nothing(files, tmp_path, logs):
    store = tmp_path / "store"
    hpo.tune(files, "y", "ridge", trials=5, store=store)
    second = hpo.tune(files, "y", ["lasso", "pcr", "bayesian_ridge"], trials=20, scoring="r2", store=store)
    assert second.cost.rows_read == second.cost.pilot_rows == 0
    assert second.cost.states_built == 0
    assert second.cost.states_reused == 6
    assert not logs[1].segments


def test_only_the_summary_that_is_missing_is_computed(files, tmp_path, logs):
    store = tmp_path / "store"
    hpo.tune(files, "y", "ridge", trials=3, store=store)
    both = hpo.tune(files, "y", "ridge", search=SEARCH, trials=10, store=store)
    assert both.cost.states_built == both.cost.states_reused == 6
    assert set(logs[1].segments.values()) == {1}


def test_new_data_is_all_that_is_read(files, tmp_path, logs):
    store = tmp_path / "store"
    hpo.tune(files, "y", "ridge", trials=3, store=store)
    pd.read_parquet(files / "part-0.parquet").iloc[:150].to_parquet(files / "part-9.parquet", index=False)
    grown = hpo.tune(files, "y", "ridge", trials=3, store=store)
    assert grown.cost.rows_read == 150
    assert [name.split("/")[-1] for name in logs[1].segments] == ["part-9.parquet[0:1]"]
    scratch = hpo.tune(files, "y", "ridge", trials=3, store=tmp_path / "other")
    assert scratch.cost.rows_read == 2550
    assert_same_bits(grown, scratch, pilots_differ=True)


def test_deleted_files_are_left_out_of_the_merge_and_nothing_is_read(files, tmp_path):
    hpo.tune(files, "y", "ridge", trials=3, store=tmp_path / "store")
    (files / "part-1.parquet").unlink()
    fewer = hpo.tune(files, "y", "ridge", trials=3, store=tmp_path / "store")
    assert fewer.cost.rows_read == 0
    assert fewer.best.states.whole.rows == 2000


def test_a_pilot_stays_while_there_are_leaves_of_it_and_is_drawn_anew_for_other_data(files, tmp_path):
    hpo.tune(files, "y", "ridge", trials=3, store=tmp_path / "store")
    spec = hpo.StudySpec(data=str(files), target="y", algorithm="ridge", store=str(tmp_path / "store"))
    parts = sorted(files.glob("*.parquet"))
    parts[0].unlink()
    assert hpo.plan(spec).pilot == "stored", "half of its segments are enough"
    fewer = hpo.tune(files, "y", "ridge", trials=3, store=tmp_path / "store")
    assert (fewer.cost.pilot_rows, fewer.cost.rows_read) == (0, 0)
    for part in parts[1 : len(parts) // 2 + 1]:
        part.unlink()
    assert hpo.plan(spec).pilot == "stored", "most are gone, and those that stay have leaves"
    least = hpo.tune(files, "y", "ridge", trials=3, store=tmp_path / "store")
    assert (least.cost.pilot_rows, least.cost.rows_read) == (0, 0)
    for part in files.glob("*.parquet"):
        pd.concat([pd.read_parquet(part)] * 2, ignore_index=True).to_parquet(part)
    assert hpo.plan(spec).pilot == "to be drawn anew"
    other = hpo.tune(files, "y", "ridge", trials=3, store=tmp_path / "store")
    assert min(other.cost.pilot_rows, other.cost.rows_read) > 0


def test_numeric_data_needs_no_pilot_and_a_window_of_it_reads_nothing(tmp_path):
    rng = np.random.default_rng(1)
    for i in range(4):
        pd.DataFrame(rng.normal(size=(100, 3)), columns=["a", "b", "y"]).to_parquet(tmp_path / f"{i}.parquet")
    paths = [str(tmp_path / f"{i}.parquet") for i in range(4)]
    first = hpo.tune(paths, "y", trials=2, store=tmp_path / "store")
    window = hpo.tune(paths[2:], "y", trials=2, store=tmp_path / "store")
    assert first.cost.pilot_rows == 0
    assert window.cost.rows_read == 0
    assert window.best.states.whole.rows == 200


@pytest.mark.parametrize("workers", [2, 5])
def test_states_are_the_same_bits_for_any_number_of_workers(files, tmp_path, workers):
    one = hpo.tune(files, "y", "ridge", trials=4, n_jobs=1, store=tmp_path / "one")
    many = hpo.tune(files, "y", "ridge", trials=4, n_jobs=workers, store=tmp_path / "many")
    assert_same_bits(one, many)
    assert one.trials_dataframe()["fold_scores"].tolist() == many.trials_dataframe()["fold_scores"].tolist()


def assert_same_bits(a, b, *, pilots_differ=False):
    if not pilots_differ:
        assert a.run.evidence.contexts == b.run.evidence.contexts
    for (_, x), (_, y) in zip(a.run.evidence.states.items(), b.run.evidence.states.items(), strict=True):
        for s, t in zip(x.cells, y.cells, strict=True):
            assert s.rows == t.rows
            assert s.mean.tobytes() == t.mean.tobytes()
            assert s.scatter.tobytes() == t.scatter.tobytes()


def test_same_seed_and_data_give_the_same_trials_bit_for_bit(files, tmp_path):
    def run(store):
        return hpo.tune(files, "y", ["ridge", "elastic_net"], trials=40, seed=3, store=store)

    a, b, other = run(tmp_path / "a"), run(tmp_path / "b"), None
    assert [t.params for t in a.optuna_study.trials] == [t.params for t in b.optuna_study.trials]
    assert [t.values for t in a.optuna_study.trials] == [t.values for t in b.optuna_study.trials]
    other = hpo.tune(files, "y", ["ridge", "elastic_net"], trials=40, seed=4, store=tmp_path / "a")
    assert [t.params for t in a.optuna_study.trials] != [t.params for t in other.optuna_study.trials]


def test_duplicates_are_answered_from_the_record(files, tmp_path):
    result = hpo.tune(files, "y", "ols", search={"ols.impute": "mean", "ols.min_frequency": 0.0},
                      trials=12, sampler="random", store=tmp_path / "store")  # fmt: skip
    trials = result.optuna_study.trials
    first = {}
    for trial in trials:
        setting = tuple(trial.params.items())
        if setting in first:
            assert trial.user_attrs["duplicate_of"] == first[setting].number
            assert trial.value == first[setting].value
        first.setdefault(setting, trial)
    assert len(first) == 2
    assert result.run.tuner.scorer.fits == 10
    assert len(result.candidates) == 2
