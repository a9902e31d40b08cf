"""Studies side by side: figures, and when scores may be compared."""

from __future__ import annotations

import json
import math

import numpy as np
import optuna
import pytest

from studies.errors import StudyError
from studies.record.compare import compare
from studies.record.standard_error import standard_error

DEFINITION = {"data": "x", "target": "y", "weight": None, "scoring": "r2", "folds": 3, "seed": 0}


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def study(name, *scores, segments=("s1", "s2"), rows=100, direction="maximize", recorded=True, **definition):
    made = optuna.create_study(study_name=name, direction=direction)
    if recorded:
        record = {
            "definition": DEFINITION | definition,
            "segments": list(segments),
            "cost": {"rows_read": rows},
        }
        made.set_user_attr("onepass", record)
    for i, folds in enumerate(scores):
        trial = made.ask()
        trial.suggest_int("ridge.k", i, i)
        trial.set_user_attr("fold_scores", list(folds))
        made.tell(trial, float(np.mean(folds)))
    return made


def test_figures_of_each_study():
    found = compare([study("a", (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)), study("b", (0.4, 0.5, 0.6), rows=0)])
    assert [(r.name, r.trials, r.params, r.rows_read) for r in found.rows] == [
        ("a", 2, {"ridge.k": 1}, 100),
        ("b", 1, {"ridge.k": 0}, 0),
    ]
    assert found.rows[0].best == pytest.approx(0.6)
    assert found.rows[0].se == pytest.approx(0.1 / math.sqrt(3))


def test_the_difference_is_paired_by_fold():
    (pair,) = compare([study("a", (0.1, 0.5, 0.9)), study("b", (0.2, 0.6, 1.1))]).pairs
    assert pair.comparable
    assert pair.difference == pytest.approx(np.mean([0.1, 0.1, 0.2]))
    assert pair.se == pytest.approx(np.std([0.1, 0.1, 0.2], ddof=1) / math.sqrt(3))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"segments": ["s1"]}, "they read different data"),
        ({"scoring": "mae"}, "scoring: r2 and mae"),
        ({"target": "z"}, "target: y and z"),
        ({"folds": 4}, "folds: 3 (seed 0) and 4 (seed 0)"),
        ({"seed": 1}, "folds: 3 (seed 0) and 3 (seed 1)"),
        ({"recorded": False}, "a study holds no record of its data, folds and metric"),
    ],
)
def test_unlike_studies_are_told_apart_in_words(other, reason):
    (pair,) = compare([study("a", (1, 2, 3)), study("b", (1, 2, 4), **other)]).pairs
    assert not pair.comparable
    assert pair.unlike == (reason,)
    assert pair.difference is None


def test_the_same_folds_written_differently_are_the_same():
    (pair,) = compare([study("a", (1, 2)), study("b", (1, 3), folds={"scheme": "kfold", "n_splits": 3})]).pairs
    assert pair.comparable


def test_time_folds_do_not_depend_on_the_seed():
    time = {"scheme": "time", "column": "t", "n_splits": 3}
    (pair,) = compare([study("a", (1, 2), folds=time), study("b", (1, 3), folds=time, seed=9)]).pairs
    assert pair.comparable


def test_smaller_is_best_where_the_study_minimizes():
    found = compare(
        [study("a", (3, 3), (1, 1), direction="minimize"), study("b", (2, 2), direction="minimize")]
    )
    assert [row.best for row in found.rows] == [1, 2]


def test_studies_without_trials_are_shown_empty():
    found = compare([study("a"), study("b", (1, 2, 3))])
    assert found.rows[0].best is None
    assert found.pairs[0].difference is None


def test_the_result_is_json_and_a_frame():
    found = compare([study("a", (1, 2, 3)), study("b", (1, 2, 4)), study("c", (0, 0, 0))])
    assert len(json.loads(json.dumps(found.to_dict()))["pairs"]) == 3
    assert list(found.to_frame().columns) == ["name", "best", "se", "trials", "rows_read", "ridge.k"]


def test_one_study_is_no_comparison():
    with pytest.raises(StudyError, match="needs two studies or more; got 1"):
        compare([study("a")])


def test_the_standard_error_is_that_of_the_mean():
    scores = [0.3, 0.1, 0.7, 0.2]
    assert standard_error(scores) == pytest.approx(np.std(scores, ddof=1) / 2)
    assert standard_error([1.0]) is None
