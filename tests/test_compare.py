"""Studies side by side: figures, and when scores may be compared."""

from __future__ import annotations

import json
import math

import numpy as np
import optuna
import pytest
import scipy.stats

from studies.errors import StudyError
from studies.record.compare import compare
from studies.record.standard_error import standard_error

DEFINITION = {"data": "x", "target": "y", "weight": None, "scoring": "r2", "folds": 3, "seed": 0}


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def study(name, *scores, segments=("s1", "s2"), rows=100, direction="maximize", recorded=True, sizes=None, **definition):
    made = optuna.create_study(study_name=name, direction=direction)
    if recorded:
        record = {
            "definition": DEFINITION | definition,
            "segments": list(segments),
            "cost": {"rows_read": rows},
            **(sizes or {}),
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


def test_the_difference_is_paired_by_fold_and_allows_for_shared_training_rows():
    (pair,) = compare([study("a", (0.1, 0.5, 0.9)), study("b", (0.2, 0.6, 1.1))]).pairs
    assert pair.comparable
    assert pair.difference == pytest.approx(np.mean([0.1, 0.1, 0.2]))
    assert pair.se == pytest.approx(np.std([0.1, 0.1, 0.2], ddof=1) * math.sqrt(1 / 3 + 1 / 2))
    assert pair.p == pytest.approx(2 * scipy.stats.t.sf(pair.difference / pair.se, 2))


def test_unequal_splits_count_with_their_own_rows():
    sizes = {"fold_sizes": {"rows": [60, 30, 10]}, "plan": [[[0], [1]], [[0, 1], [2]]], "n_cells": 3}
    (pair,) = compare([study("a", (1.0, 2.0), sizes=sizes), study("b", (2.0, 2.5), sizes=sizes)]).pairs
    assert pair.se == pytest.approx(np.std([1.0, 0.5], ddof=1) * math.sqrt(1 / 2 + (30 / 60 + 10 / 90) / 2))


def test_each_is_set_against_the_best():
    found = compare([study("a", (1, 2, 3)), study("b", (4, 6, 5)), study("c", (2, 3, 3)), study("d", (9, 9, 9), folds=4)])
    assert found.best.name == "b", "d has other folds"
    gaps = [found.against_best(row) for row in found.rows]
    assert [gap and gap.difference for gap in gaps] == [pytest.approx(-3), None, pytest.approx(-7 / 3), None]
    assert gaps[0].a == "b" and gaps[0].p == found.pairs[0].p


def test_editions_are_compared_where_one_scored_the_setting_of_the_other_again():
    before = study("daily", (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    after = study("daily@2", (0.2, 0.2, 0.2), (0.4, 0.4, 0.3), (0.6, 0.7, 0.9), segments=("s1", "s2", "s3"))
    (pair,) = compare([before, after]).pairs
    assert pair.unlike == ("they read different data",) and not pair.comparable
    assert (pair.on, pair.difference) == ("daily@2", pytest.approx(np.mean([0.2, 0.3, 0.6])))
    (turned,) = compare([after, before]).pairs
    assert (turned.on, turned.difference) == ("daily@2", pytest.approx(-pair.difference))


def test_the_setting_that_stands_is_the_one_of_an_edition():
    standing = {"edition": {"number": 2, "standing": 0, "drift": []}}
    found = compare([study("a", (1, 2, 3), (2, 2, 3), sizes=standing), study("b", (1, 1, 1))])
    assert (found.rows[0].best, found.rows[0].params) == (2.0, {"ridge.k": 0})


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
def test_what_makes_studies_unlike_is_named_in_words(other, reason):
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
