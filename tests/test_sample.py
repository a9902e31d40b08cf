"""The sample of rows: uniform, nested, the same however the data is cut; scores of rows equal scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.contract import Batch, Column, Shape
from algorithms.errors import AlgorithmError, InvalidField
from algorithms.summaries.sample import Sample
from hpo.errors import TuneError

SHAPE = Shape((Column("x", "x"),), ("y",))


def batch(n, seed=0, weight=None):
    rng = np.random.default_rng(seed)
    rows = np.asfortranarray(np.column_stack([np.arange(float(n)), rng.normal(size=n)]))
    return Batch(rows, 1, weight, priority=rng.permutation(n).astype(np.uint64))


def lift(sample, rows):
    return sample.update(sample.init(SHAPE), rows)


def test_a_smaller_sample_is_a_prefix_of_a_larger_one():
    rows = batch(1000)
    large, small = lift(Sample(size=300), rows), lift(Sample(size=50), rows)
    np.testing.assert_array_equal(large.values[:50], small.values)
    np.testing.assert_array_equal(large.priority[:50], small.priority)


def test_it_holds_the_rows_of_smallest_priority():
    rows = batch(500)
    state = lift(Sample(size=20), rows)
    np.testing.assert_array_equal(state.X[:, 0], rows.values[np.argsort(rows.priority)[:20], 0])
    assert (state.rows, state.n) == (500, 20)


def test_few_rows_are_all_kept_and_the_rest_is_empty():
    state = lift(Sample(size=100), batch(7, weight=np.arange(1.0, 8.0)))
    assert (state.n, state.weight) == (7, 28.0)
    assert sorted(state.sample_weight) == list(range(1, 8))
    assert not state.values[7:].any()


def test_it_is_uniform():
    """Every tenth of the rows holds a tenth of the sample, within four standard errors."""
    taken = np.zeros(10)
    for seed in range(40):
        state = lift(Sample(size=100), batch(1000, seed))
        taken += np.histogram(state.X[:, 0], bins=10, range=(0, 1000))[0]
    assert np.abs(taken - 400).max() < 4 * np.sqrt(4000 * 0.1 * 0.9)


def test_what_cannot_be_drawn():
    with pytest.raises(AlgorithmError, match="priorities"):
        Sample().update(Sample().init(SHAPE), Batch(np.zeros((2, 2)), 1))
    with pytest.raises(InvalidField, match="size=0"):
        Sample(size=0)


TAKES_WEIGHTS = ["neg_mean_absolute_error", "neg_median_absolute_error"]


@pytest.mark.parametrize("scoring", [*TAKES_WEIGHTS, "neg_max_error"])
def test_scores_of_rows_equal_cross_val_score(scoring, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    cv = list(KFold(4, shuffle=True, random_state=0).split(X))
    search = {"ridge.alpha": 2.0, "ridge.standardize": True}
    options = {"folds": cv, "trials": 1, "scoring": scoring, "store": tmp_path}
    result = hpo.tune((X, y), algorithm="ridge", search=search, **options)
    expected = cross_val_score(make_pipeline(StandardScaler(), Ridge(2.0)), X, y, cv=cv, scoring=scoring)
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-9)
    assert result.cost.rows_read == len(y)


@pytest.mark.parametrize("scoring", TAKES_WEIGHTS)
def test_weighted_scores_of_rows_are_scikit_learns(scoring, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    cv = list(KFold(4, shuffle=True, random_state=0).split(X))
    w = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    search = {"ridge.alpha": 2.0, "ridge.standardize": True}
    options = {"folds": cv, "trials": 1, "scoring": scoring, "store": tmp_path, "weight": w}
    result = hpo.tune((X, y), algorithm="ridge", search=search, **options)
    expected = []
    for train, test in cv:
        weights = {f"{step}__sample_weight": w[train] for step in ("ridge", "standardscaler")}
        model = make_pipeline(StandardScaler(), Ridge(2.0)).fit(X[train], y[train], **weights)
        expected.append(get_scorer(scoring)(model, X[test], y[test], sample_weight=w[test]))
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-9)


def test_a_sampled_score_is_near_the_exact_one_and_reads_nothing_more(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 3))
    frame = pd.DataFrame(X, columns=list("abc")).assign(y=X @ [1.0, 2.0, 0.0] + rng.normal(size=len(X)))
    options = {
        "target": "y",
        "algorithm": "ridge",
        "trials": 1,
        "store": tmp_path,
        "search": {"ridge.alpha": 1.0},
    }
    exact = hpo.tune(frame, **options)
    sampled = hpo.tune(frame, **options, scoring="neg_mean_absolute_error", scoring_rows=2000)
    assert sampled.cost.rows_read == 60_000  # the sample's own pass
    again = hpo.tune(frame, **options, scoring="neg_max_error", scoring_rows=2000)
    assert again.cost.rows_read == 0
    assert [held.rows.n for held in sampled.best.states.held_out] == [2000] * 5
    error = np.sqrt(2 / np.pi)  # mean absolute error of a unit normal
    assert -sampled.best_value == pytest.approx(error, abs=5 * sampled.best.scores.se + 0.01)
    assert exact.best.states.sample is None


def test_the_sample_is_the_same_for_any_number_of_workers_and_files(tmp_path):
    rng = np.random.default_rng(0)
    table = pa.table({"x": rng.normal(size=9000), "y": rng.normal(size=9000)})
    for i in range(5):
        pq.write_table(table.slice(1800 * i, 1800), tmp_path / f"{i}.parquet")
    states = []
    for jobs in (1, 2, 5):
        options = {
            "target": "y",
            "algorithm": "ridge",
            "trials": 1,
            "n_jobs": jobs,
            "store": tmp_path / f"store{jobs}",
        }
        result = hpo.tune(str(tmp_path / "*.parquet"), **options, scoring="neg_max_error", scoring_rows=100)
        states.append(result.best.states.sample.whole)
    for other in states[1:]:
        np.testing.assert_array_equal(states[0].values, other.values)
        np.testing.assert_array_equal(states[0].priority, other.priority)


@pytest.mark.parametrize("scoring", ["roc_auc", "accuracy"])
def test_a_score_of_another_task_says_why(scoring, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(
        TuneError, match=rf"scoring='{scoring}' does not suit the regression of 'y' \(a number\)"
    ):
        hpo.tune((X, y), algorithm="ridge", trials=2, scoring=scoring, store=tmp_path)
