"""Rows whose columns are looked up in tables: their moments are those of the rows written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.batches import Batch, Column, Shape
from algorithms.coded import CodedBatch, Lookup
from algorithms.contract import pieces_for
from algorithms.summaries import _coded
from algorithms.summaries.moments import Moments
from algorithms.summaries.sample import Sample


def drawn(seed, *, dtype=np.float64, weighted=False, offset=0.0):
    """Return rows with two tables, one of levels, and dense columns of which some lie far from zero."""
    rng = np.random.default_rng(seed)
    n, many = int(rng.integers(150, 400)), int(rng.integers(2, 30))
    table = rng.normal(size=(many, 9)) * rng.choice([1.0, 1e3], 9) + rng.choice([0.0, offset], 9)
    kinds = rng.integers(0, 7, many)
    table = np.concatenate([table, np.eye(7)[kinds], np.full((many, 1), 7.3)], axis=1).astype(dtype)
    levels = int(rng.integers(12, 20))
    order = rng.permutation(4 + table.shape[1] + levels)
    parts = np.sort(order[:4]), np.sort(order[4 : 4 + table.shape[1]]), np.sort(order[4 + table.shape[1] :])
    d = len(order) - 1
    if d not in parts[0]:  # the target is dense
        for part in parts[1:]:
            part[part == d] = parts[0][0]
            part.sort()
        parts[0][0] = d
        parts[0].sort()
    dense = np.asfortranarray(rng.normal(size=(n, 4)) + rng.choice([0.0, offset], 4), dtype)
    codes = rng.integers(0, many, n), rng.integers(0, levels - 2, n)
    lookups = [
        Lookup(codes[0], table, parts[1]),
        Lookup(codes[1], np.eye(levels, dtype=dtype), parts[2], levels=True),
    ]  # fmt: skip
    weight = rng.uniform(0.1, 3.0, n) if weighted else None
    batch = CodedBatch(dense, parts[0], lookups, d, weight, rng.integers(0, 2**63, n).astype(np.uint64))
    shape = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(d)), ("y",), dtype=np.dtype(dtype).name)
    return batch, shape


def exactly(batch, shape):
    """Return mean and scatter in extended precision."""
    x, w = batch.plain().dense(shape.p).astype(np.longdouble), batch.weights.astype(np.longdouble)
    mean = w @ x / w.sum()
    return mean, ((x - mean) * w[:, None]).T @ (x - mean)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([np.float64, np.float32]), st.sampled_from([0.0, 1e5, -3e8]))
def test_moments_of_codes_are_those_of_the_rows(seed, weighted, dtype, offset):
    batch, shape = drawn(seed, dtype=dtype, weighted=weighted, offset=offset if dtype is np.float64 else 0.0)
    moments = Moments()
    assert moments.takes(batch) and len(_coded.apart(batch)[1]) >= 1
    state, plain = (moments.update(moments.init(shape), one) for one in (batch, batch.plain()))
    mean, scatter = exactly(batch, shape)
    scale = np.sqrt(np.outer(np.diagonal(scatter), np.diagonal(scatter))).astype(float)
    spread = np.sqrt(np.diagonal(scatter) / batch.total).astype(float)
    assert np.all(np.abs(state.mean - mean.astype(float)) <= 1e-15 * (20 * spread + 2 * np.abs(state.mean)))
    assert np.max(np.abs(state.scatter - scatter.astype(float)) / np.where(scale > 1e-9, scale, np.inf)) < 1e-12
    assert (state.rows, state.weight) == (plain.rows, plain.weight)
    np.testing.assert_array_equal(state.scatter, state.scatter.T)
    for j in np.flatnonzero(np.diagonal(plain.scatter) == 0.0):  # a constant, or in no row
        assert not state.scatter[j].any() and state.mean[j] == plain.mean[j]


def test_a_column_far_from_zero_that_few_rows_hide_is_found():
    batch, shape = drawn(1)
    dense = np.zeros((600, 4), order="F")
    dense[:, 1] = 1e9 + np.random.default_rng(0).normal(size=600)
    hidden = np.zeros((600, 1))
    lookups = [Lookup(np.resize(one.codes, 600), one.table, one.columns, one.levels) for one in batch.lookups]
    dense[np.flatnonzero(hidden[:, 0] == 0)[:300], 1] = 0.0
    far = CodedBatch(dense, batch.columns, lookups, batch.d)
    _, scatter = exactly(far, shape)
    state = Moments().update(Moments().init(shape), far)
    j = batch.columns[1]
    assert state.scatter[j, j] == pytest.approx(float(scatter[j, j]), rel=1e-14)


def test_other_summaries_get_plain_pieces(monkeypatch):
    batch, shape = drawn(2)
    monkeypatch.setattr("algorithms.coded.DENSE_BYTES", 8 * 100 * shape.p)
    whole = batch.plain().dense(shape.p)
    for summary in (Sample(size=50), Moments(precision="qr"), Moments(target_transform="log1p"), Moments("data")):
        pieces = list(pieces_for(summary, batch))
        assert len(pieces) > 1 and all(type(one) is Batch for one in pieces)
        np.testing.assert_array_equal(np.concatenate([one.dense(shape.p) for one in pieces]), whole)
        np.testing.assert_array_equal(np.concatenate([one.priority for one in pieces]), batch.priority)
    assert list(pieces_for(Moments(), batch)) == [batch]


def test_a_table_of_as_many_rows_as_the_batch_is_written_out():
    batch, shape = drawn(3)
    few = batch.part(slice(0, 10))
    assert _coded.apart(few)[1] == []
    state, plain = (Moments().update(Moments().init(shape), one) for one in (few, few.plain()))
    np.testing.assert_allclose(state.scatter, plain.scatter, rtol=1e-10, atol=1e-6)
