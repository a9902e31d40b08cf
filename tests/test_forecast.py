"""What a pass will take, measured on some rows: beside what it took."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import hpo
from algorithms.summaries.classes import Classes
from algorithms.summaries.families import LogisticCurvature
from algorithms.summaries.moments import Moments
from algorithms.summaries.sample import Sample
from algorithms.summaries.scoring_sample import ScoringSample
from hpo.api import question_of, run_question
from hpo.report.notes import expected
from hpo.states.forecast import _Lane, _Read
from hpo.states.guessed import FLOOR, PER_BYTE, PER_PRODUCT, PER_SEGMENT, Work
from hpo.states.passes import Pass
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
    squares_of_all_columns = PER_PRODUCT * planned.rows_to_read * 3_000**2
    states = PER_BYTE * planned.state_bytes * 5  # a state for each fold
    assert 0.0 < planned.seconds - states < squares_of_all_columns / 4


MOMENTS, DRAWN = Moments(), (Sample(size=10_000), ScoringSample(size=2_000))


@pytest.mark.parametrize(
    ("work", "summaries", "took"),
    [
        (Work(1_000_000, 87_000_000, 1, 11, 11), [MOMENTS], 0.12),
        (Work(500_000, 160_000_000, 1, 41, 41), [MOMENTS], 0.19),
        (Work(150_000, 180_000_000, 1, 151, 151), [MOMENTS], 0.57),
        (Work(60_000, 190_000_000, 1, 401, 401), [MOMENTS], 1.1),
        (Work(500_000, 20_000_000, 1, 9, 104), [MOMENTS], 0.31),
        (Work(200_000, 12_000_000, 200, 8, 28), [MOMENTS], 0.38),
        (Work(None, 42_000_000, 1, 11, 11), [MOMENTS], 0.165),
        (Work(336_776, 6_000_000, 12, 8, 139), [MOMENTS], 0.40),
        (Work(336_776, 6_000_000, 12, 8, 139), [MOMENTS, *DRAWN], 1.7),
        (Work(336_776, 6_000_000, 12, 8, 139), [LogisticCurvature(), Classes(), Classes(covariance="diagonal"), *DRAWN], 4.9),
    ],
)  # fmt: skip
def test_the_guess_is_within_a_factor_of_two_of_what_passes_took(work, summaries, took):
    assert took / 2 < work.seconds(summaries) < took * 2


def test_nothing_to_read_takes_no_time_and_a_file_takes_some():
    assert Work(0, 0, 0, 5, 5).seconds([MOMENTS]) == 0.0
    assert Work(0, 0, 100, 5, 5).seconds([MOMENTS]) == pytest.approx(FLOOR + 100 * PER_SEGMENT)


def test_few_rows_are_read_several_times_and_counted_once(folder, monkeypatch):
    seen, begin = [], Pass.beginning
    monkeypatch.setattr(Pass, "beginning", lambda self, segment, *a, **k: (seen.append(segment.uri), begin(self, segment, *a, **k))[1])
    planned = hpo.plan(study(folder), measure=True)
    counts = [seen.count(uri) for uri in dict.fromkeys(seen)]
    assert len(counts) == 12
    assert set(counts) <= {1, 2, 3, 4, 5}
    assert planned.forecast.rows == 24_000


def test_what_other_work_adds_to_one_reading_is_left_out(monkeypatch):
    lane = _Lane((), prefetch=False, rows=300)
    lane.rounds = [*[[(10.0, 1.0), (20.0, 1.0)]] * 2, [(10.0, 0.1), (20.0, 0.2)], [(10.0, 0.1), (20.0, 0.2)]]
    assert _Read([lane]).seconds(30) == pytest.approx(0.3)
    assert _Read([lane]).seconds(60) == pytest.approx(0.6)
    assert _Read([_Lane((), prefetch=False)]).seconds(60) == 0.0


def test_what_new_memory_takes_of_the_processor_counts_once():
    lane = _Lane((), prefetch=False, rows=300)
    lane.rounds = [*[[(10.0, 1.0), (20.0, 1.0)]] * 2, *[[(10.0, 0.1), (20.0, 0.2)]] * 3]
    lane.spent = [2.0, 0.75, 0.25, 0.2, 0.3]
    assert _Read([lane]).seconds(30) == pytest.approx(0.3 + 0.5)
    assert _Read([lane]).seconds(60) == pytest.approx(0.6 + 0.5)
    assert _Lane((), prefetch=False).cold == 0.0
