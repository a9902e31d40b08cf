"""Packs of linear models on wide sparse rows: the same numbers, in memory that the zeros take no part of."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest
from scipy.sparse import random_array
from test_twins_packed import ready, shape_of

import hpo
from algorithms import laws
from algorithms.contract import Batch, SparseBatch
from algorithms.summaries import _training
from algorithms.summaries.packed import PackedClassifiers, PackedRegressors


def sparse_rows(rows=3000, columns=600, density=0.02, seed=0):
    rng = np.random.default_rng(seed)
    X = random_array((rows, columns), density=density, rng=rng, format="csr")
    y = X @ rng.normal(size=columns) * 3 + rng.normal(size=rows) * 0.1
    return X, y


def batch_of(X, y, *, shuffled=False):
    """Columns without a value are not there."""
    found = np.unique(X.indices)
    if shuffled:
        found = np.random.default_rng(1).permutation(found)
    values = np.asfortranarray(np.column_stack([X[:, found].toarray(), y]))
    present = np.append(found, X.shape[1]).astype(np.intp)
    return Batch(values, X.shape[1], priority=np.arange(len(y), dtype=np.uint64), present=present)


@pytest.mark.parametrize("optimizer", ["adagrad", "adam", "sgd"])
@pytest.mark.parametrize("standardize", [True, False])
def test_sparse_rows_are_learned_as_if_they_were_dense(optimizer, standardize, monkeypatch):
    X, y = sparse_rows()
    X = X[:, :590].tocsr()
    X.resize((X.shape[0], 600))
    for kind, target, classes in ((PackedClassifiers, y > 0, (0, 1)), (PackedRegressors, y, ())):
        # large steps are chaotic: rounding alone parts two runs of a loss with kinks
        summary = kind(
            optimizer=optimizer, standardize=standardize, epochs=1, alphas="1e-5, 1e-2", eta0s="0.003, 0.03"
        )
        shape, rows = shape_of(X, classes), batch_of(X, target, shuffled=True)
        made = ready(summary, shape, rows)
        ours = laws.lift(made, shape, rows)
        with monkeypatch.context() as context:
            context.setattr(_training, "WIDE", 10**9)
            twin = laws.lift(made, shape, rows)
        full = Batch(rows.dense(shape.p), rows.d, priority=rows.priority)
        np.testing.assert_array_equal(laws.lift(made, shape, full).coef, ours.coef)
        np.testing.assert_allclose(ours.coef, twin.coef, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(ours.loss, twin.loss, rtol=1e-9)
        assert np.abs(ours.coef).max() > 0.01
        as_it_is = SparseBatch(X, np.asarray(target, float)[:, None], priority=rows.priority)
        known = ready(summary, shape, as_it_is).learned
        for name in ("center", "scale", "offset", "unit"):
            np.testing.assert_allclose(known[name], made.learned[name], rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(laws.lift(made, shape, as_it_is).coef, ours.coef)


def test_mini_batches_of_sparse_rows_are_those_of_dense_ones(monkeypatch):
    X, y = sparse_rows(columns=300)
    shape, rows = shape_of(X, (0, 1)), batch_of(X, y > 0)
    made = ready(PackedClassifiers("log_loss", "1e-5", "0", "0.003", epochs=1, batch_rows=100), shape, rows)
    monkeypatch.setattr(_training, "BLOCK", 1024)
    ours = laws.lift(made, shape, rows)
    monkeypatch.setattr(_training, "WIDE", 10**9)
    twin = laws.lift(made, shape, rows)
    assert ours.steps == twin.steps == 30
    np.testing.assert_allclose(ours.coef, twin.coef, rtol=1e-9, atol=1e-12)


def test_few_columns_of_a_sparse_matrix_are_learned_as_dense_ones():
    X, y = sparse_rows(columns=40)
    shape, rows = shape_of(X, (0, 1)), batch_of(X, y > 0)
    as_it_is = SparseBatch(X, (y > 0)[:, None].astype(float), priority=rows.priority)
    made = ready(PackedClassifiers(epochs=1), shape, rows)
    np.testing.assert_array_equal(laws.lift(made, shape, as_it_is).coef, laws.lift(made, shape, rows).coef)


def test_memory_is_that_of_the_values_not_of_the_columns():
    X, y = sparse_rows(rows=4000, columns=4000, density=0.002)
    shape, rows = shape_of(X, (0, 1)), batch_of(X, y > 0)
    rows = dataclasses.replace(rows, values=rows.values.astype(np.float32))
    summary = PackedClassifiers("log_loss", "1e-5", "0", "0.3", epochs=1, batch_rows=256)
    tracemalloc.start()
    try:
        made = ready(summary, shape, rows)
        learned = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        laws.lift(made, shape, rows)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    dense = 8 * 4000 * 4001
    assert learned < 1.1 * dense, "the sample in float32, and a few columns of it at a time"
    assert peak < 0.6 * dense


def test_blocks_of_wide_dense_rows_are_shorter(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 300))
    y = (X[:, 0] > 0).astype(float)
    rows = Batch(np.asfortranarray(np.column_stack([X, y])), 300, priority=np.arange(600, dtype=np.uint64))
    shape = shape_of(X, (0, 1))
    made = ready(PackedClassifiers("log_loss", "1e-5", "0", "0.3", epochs=1), shape, rows)
    whole = laws.lift(made, shape, rows)
    monkeypatch.setattr(_training, "BLOCK_VALUES", 301 * 130)
    assert _training.Training(made, made.init(shape))._batches_of_block(sparse=False) == 2
    np.testing.assert_array_equal(laws.lift(made, shape, rows).coef, whole.coef)


def test_a_study_of_a_sparse_matrix(tmp_path):
    X, y = sparse_rows(rows=4000, columns=400, density=0.03)
    search = {"linear.losses": "log_loss", "linear.alphas": "1e-6, 1e-4", "linear.batch_rows": 16}
    result = hpo.tune((X, (y > 0).astype(int)), algorithm="linear", trials=4, store=tmp_path, search=search, folds=3)
    assert result.cost.rows_read == 4000
    assert result.best_value > 0.85


def test_classes_are_looked_up_without_the_matrix(monkeypatch):
    X, y = sparse_rows(rows=500, columns=300)
    dataset = hpo.open_dataset((X, np.sign(y)))
    monkeypatch.setattr("hpo.data.sources.memory_blocks.ArrayBlock._dense", lambda *_: pytest.fail("made dense"))
    assert list(dataset.label_rows(dataset.segments[0], "y", 10)) == [-1.0, 1.0]
