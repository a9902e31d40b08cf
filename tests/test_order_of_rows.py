"""Estimators that draw rows by their places are fitted to those of a sample in the order of the data: as on the rows themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

import hpo
from algorithms import laws
from algorithms.contract import Batch, Column, Shape
from algorithms.summaries.sample import Sample
from hpo.errors import TuneError

SHAPE = Shape((Column("x", "x"),), ("y",))
DRAWING = [
    RandomForestClassifier(n_estimators=7, random_state=3),
    RandomForestRegressor(n_estimators=7, max_samples=0.5, random_state=3),
    ExtraTreesClassifier(n_estimators=7, bootstrap=True, random_state=3),
    BaggingRegressor(n_estimators=7, max_samples=0.4, random_state=3),
    GradientBoostingRegressor(n_estimators=7, subsample=0.5, random_state=3),
]


def _batch(start, stop, rng=None):
    rows = np.arange(start, stop)
    priority = np.random.default_rng(0).permutation(1000).astype(np.uint64)[rows]
    return Batch(np.column_stack([rows, -rows]).astype(float), 1, priority=priority, number=rows - start)


@pytest.mark.parametrize("model", DRAWING, ids=lambda m: type(m).__name__)
def test_a_forest_of_a_sample_that_holds_every_row_is_that_of_the_rows(model):
    classes = "Classifier" in type(model).__name__
    X, y = (load_breast_cancer if classes else load_diabetes)(return_X_y=True)
    cv = list((StratifiedKFold if classes else KFold)(3, shuffle=True, random_state=0).split(X, y))
    metric = "neg_log_loss" if classes else "neg_mean_squared_error"
    result = hpo.tune((X, y), algorithm=model, trials=1, folds=cv, scoring=metric, store=None)
    np.testing.assert_allclose(result.best.scores.folds, cross_val_score(model, X, y, cv=cv, scoring=metric), rtol=1e-12)
    name = "predict_proba" if classes else "predict"
    np.testing.assert_allclose(
        getattr(result.best_model, name)(X), getattr(model.fit(X, y), name)(X), rtol=1e-12
    )


def test_an_isolation_forest_is_that_of_the_rows():
    X, _ = load_diabetes(return_X_y=True)
    search = {"isolation_forest.n_estimators": [9], "isolation_forest.max_samples": [64], "isolation_forest.max_features": [1.0]}
    result = hpo.tune(X, algorithm="isolation_forest", search=search, trials=1, folds=3, store=None)
    twin = IsolationForest(n_estimators=9, max_samples=64, random_state=0).fit(X)
    np.testing.assert_allclose(result.best_model.score_samples(X), twin.score_samples(X), rtol=1e-12)


@pytest.mark.parametrize("engine", ["threads", "loky"])
def test_files_follow_one_another_and_a_sample_of_some_rows_keeps_their_order(engine, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    frame = pd.DataFrame(X).add_prefix("x").assign(y=y)
    rows = tmp_path / "rows"
    rows.mkdir()
    for place, begin in enumerate(range(0, len(frame), 60)):
        frame[begin : begin + 60].to_parquet(rows / f"{place}.parquet")
    model = RandomForestRegressor(n_estimators=7, random_state=3)
    how = {"algorithm": model, "trials": 1, "folds": 3, "store": None, "polish": False}
    result = hpo.tune(str(rows), "y", engine=engine, **how)
    np.testing.assert_allclose(result.best_model.predict(frame), model.fit(X, y).predict(X), rtol=1e-12)
    few = hpo.tune(str(rows), "y", search={"RandomForestRegressor.size": 40}, engine=engine, **how)
    (states,) = (s for s in few.run.evidence.states.values() if s.train)
    sample = states.whole.as_given
    values = np.asarray(sample.X)[:, [column.role == "value" for column in sample.shape.columns]]
    at = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in values]
    assert at == sorted(at) == sample.number.tolist()
    np.testing.assert_allclose(few.best_model.predict(frame), model.fit(X[at], y[at]).predict(X), rtol=1e-12)


def test_states_merged_in_any_order_hold_the_same_rows_in_the_same_order():
    sample = Sample(size=30)
    parts = [_batch(0, 40), _batch(40, 90), _batch(90, 100)]
    states = [
        sample.later(laws.lift(sample, SHAPE, part), before) for part, before in zip(parts, (0, 40, 90), strict=True)
    ]
    whole = laws.lift(sample, SHAPE, _batch(0, 100))
    for a, b, c in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        laws.same("order", sample, sample.merge(states[a], sample.merge(states[b], states[c])), whole, tolerance=0.0)
    assert whole.as_given.X[:, 0].tolist() == sorted(whole.X[:, 0]) == whole.as_given.number.tolist()
    assert whole.prefix(9).as_given.n == 9
    none = sample.later(sample.init(SHAPE), 5)
    laws.same("later", sample, none, sample.init(SHAPE), tolerance=0.0)


def test_a_sample_of_every_row_is_asked_for_by_all(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    frame = pd.DataFrame(X).add_prefix("x").assign(y=y)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    model, how = RandomForestRegressor(n_estimators=3, random_state=3), {"trials": 1, "folds": 3, "store": None}
    name = "RandomForestRegressor"
    made = hpo.tune((X, y), algorithm=model, search={"size": "all"}, **how)
    assert made.best_params == {f"{name}.size": len(y)}
    assert made.cost.rows_read == len(y), "the model of every row is there"
    with pytest.raises(TuneError, match=rf"{name}.size'\]='all': the rows of these files are known.*write a number"):
        hpo.tune(str(tmp_path / "rows.csv"), "y", model, search={f"{name}.size": "all"}, **how)
