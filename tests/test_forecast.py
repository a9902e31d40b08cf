"""What a pass will take, measured on some rows: beside what it took."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import hpo
from hpo.api import question_of, run_question
from hpo.report.notes import expected
from hpo.states.plan import SECONDS_PER_PRODUCT
from studies import StudySpec
from studies.record.study_record import StudyRecord


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    add(tmp_path, 0, 12, 2_000)
    return tmp_path


def add(home, first, last, rows):
    for i in range(first, last):
        rng = np.random.default_rng(i)
        made = pd.DataFrame(rng.normal(size=(rows, 5)), columns=list("abcde"))
        made["k"] = rng.choice(list("uvw"), rows)
        made["y"] = made["a"] + rng.normal(size=rows)
        made["label"] = np.where(made["y"] > 0.0, "yes", "no")
        made.to_parquet(home / "in" / f"{i:03d}.parquet")


def study(home, **asked):
    given = {"data": str(home / "in"), "target": "y", "drop": ["label"], "algorithm": ["ridge", "lasso"], "trials": 3}
    return StudySpec(**(given | {"store": str(home / "store"), "name": "s"} | asked))


def run(spec):
    return run_question(question_of(spec), spec.sampler, None, resume=True, progress=False)


def within(forecast, names, share=0.3):
    for name in names:
        expected, real = getattr(forecast, name), forecast.real[name]
        assert expected == pytest.approx(real, rel=share), name


@pytest.mark.parametrize(
    "asked",
    [{}, {"target": "label", "drop": ["y"], "algorithm": "logistic"}, {"algorithm": "knn_regressor"},
     {"scoring": "neg_mean_absolute_error", "folds": 3}],
    ids=["sums", "curvature", "rows", "sampled"],
)  # fmt: skip
def test_what_the_store_gains_and_the_memory_that_is_held(folder, asked):
    spec = study(folder, **asked)
    planned = hpo.plan(spec, measure=True)
    assert (planned.rows_to_read, planned.pilot) == (24_000, "stored")
    assert 0.0 < planned.seconds == planned.forecast.seconds
    result = run(spec)
    within(result.record.forecast, ["memory", "store_bytes"])
    assert result.record.forecast.real["seconds"] == result.cost.seconds_pass
    assert (result.cost.rows_read, result.cost.pilot_rows) == (24_000, 0), "the plan has drawn the pilot"


def test_of_many_small_files(folder):
    add(folder, 12, 90, 50)
    hpo.plan(study(folder), measure=True)
    within(run(study(folder)).record.forecast, ["store_bytes"])


def test_of_data_that_grew_it_is_the_new_files_alone(folder):
    run(study(folder))
    assert hpo.plan(study(folder), measure=True).forecast.store_bytes == 0
    add(folder, 12, 15, 2_000)
    planned = hpo.plan(study(folder), measure=True)
    assert (planned.segments_to_read, planned.rows_to_read) == (3, 6_000)
    within(run(study(folder)).record.forecast, ["store_bytes"])


def test_nothing_is_read_or_kept_without_being_asked(folder):
    planned = hpo.plan(study(folder))
    assert planned.forecast is None
    result = run(study(folder))
    assert result.record.forecast is None
    assert result.cost.pilot_rows > 0


def test_the_forecast_is_recorded(folder):
    hpo.plan(study(folder), measure=True)
    record = run(study(folder)).record
    values = json.loads(json.dumps({"onepass": record.encode()}))
    assert StudyRecord.of(values, "s").forecast == record.forecast
    assert expected(record)[0].startswith("Expected of the pass: ")


def test_the_guess_of_a_sparse_matrix_is_of_the_numbers_that_it_stores(tmp_path):
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame({"user": np.repeat(np.arange(1_000), 3), "item": rng.permutation(np.arange(3_000)), "n": 1})
    pairs.to_csv(tmp_path / "pairs.csv", index=False)
    asked = {"user": "user", "item": "item", "value": "n"}
    spec = StudySpec(data=str(tmp_path / "pairs.csv"), interactions=asked, algorithm="topics", store=str(tmp_path / "s"))
    planned = hpo.plan(spec)
    squares_of_all_columns = SECONDS_PER_PRODUCT * planned.rows_to_read * 3_000**2
    assert 0.0 < planned.seconds < squares_of_all_columns / 4
