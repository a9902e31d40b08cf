"""States hold the columns that their rows have: an indicator of what is never missing takes no place."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hpo
from algorithms import laws
from algorithms.contract import Batch, Column, Shape
from algorithms.summaries.class_kurtosis import ClassKurtosis
from algorithms.summaries.classes import Classes
from algorithms.summaries.families import LogisticCurvature
from algorithms.summaries.moments import Moments
from hpo.process.memory import needed_by

COLUMNS = (
    Column("a", "a"), Column("a?", "a", "indicator"), Column("b", "b"), Column("b?", "b", "indicator"),
    Column("k_u", "k", "level"), Column("k_v", "k", "level"),
)  # fmt: skip
NUMBER, CLASS = Shape(COLUMNS, ("y",)), Shape(COLUMNS, ("y",), classes=("no", "yes"))
CASES = [
    (Moments(), NUMBER), (Moments("qr"), NUMBER), (Moments("data"), NUMBER), (Moments(), Shape(COLUMNS)),
    (Classes(), CLASS), (Classes(precision="qr"), CLASS), (ClassKurtosis(), CLASS),
]  # fmt: skip


def rows(shape, present, n=40, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, len(present))) + 3.0
    for i, place in enumerate(present):
        if place < shape.d and shape.columns[place].role != "value":
            values[:, i] = rng.integers(0, 2, n)
        if place == shape.d and shape.classes:
            values[:, i] = np.arange(n) % 2
    return Batch(np.asfortranarray(values), shape.d, present=np.array(present, np.intp))


def places(shape, *columns):
    return [*columns, *range(shape.d, shape.p)]


@pytest.mark.parametrize(("summary", "shape"), CASES)
def test_a_state_has_the_columns_of_its_rows(summary, shape):
    assert summary.init(shape).within.tolist() == []
    state = laws.lift(summary, shape, rows(shape, places(shape, 0, 2, 4)))
    assert state.within.tolist() == [0, 2, 4]
    assert laws.size(state) < laws.size(laws.lift(summary, shape, rows(shape, range(shape.p)))) / 1.5


@pytest.mark.parametrize(("summary", "shape"), CASES)
def test_columns_that_are_zero_in_every_row_are_left_out_however_a_batch_has_them(summary, shape):
    batch = rows(shape, places(shape, 0, 2, 4))
    state, wide = laws.lift(summary, shape, batch), Batch(batch.dense(shape.p), batch.d)
    laws.same("layout", summary, laws.lift(summary, shape, wide), state)
    assert laws.lift(summary, shape, wide).within.tolist() == [0, 2, 4]
    turned = dataclasses.replace(batch, values=batch.values[:, ::-1], present=batch.present[::-1])
    laws.same("order", summary, laws.lift(summary, shape, turned), state)


@pytest.mark.parametrize(("summary", "shape"), CASES)
def test_states_of_different_columns_merge_into_both(summary, shape):
    parts = [
        rows(shape, places(shape, *some), n, seed)
        for seed, (some, n) in enumerate([((0, 2, 4), 30), ((0, 1, 2, 5), 41), ((3,), 2), ((), 5)])
    ]
    whole = Batch(np.concatenate([part.dense(shape.p) for part in parts]), shape.d)
    laws.split_invariance(summary, shape, whole, parts)
    laws.commutativity(summary, shape, parts[:2])
    laws.associativity(summary, shape, parts[:3])
    laws.purity(summary, shape, parts[1:3])
    assert laws.lift(summary, shape, whole).within.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_target_of_zeros_alone_is_there():
    state = laws.lift(Moments(), NUMBER, rows(NUMBER, [0, 2]))
    assert state.inner.shape == (3, 3)
    assert state.squares.tolist() == [state.inner[0, 0], 0.0, state.inner[1, 1], 0.0, 0.0, 0.0, 0.0]
    assert state.scatter[0, 2] == state.inner[0, 1]


def write(path, n, seed, *, gaps=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 30))
    columns = {f"x{j}": pa.array(x[:, j], mask=(rng.random(n) < 0.2) if gaps else None) for j in range(30)}
    pq.write_table(pa.table({**columns, "y": x[:, :3].sum(axis=1) + rng.normal(size=n)}), path)


def test_data_that_lacks_nothing_needs_no_memory_for_what_may_be_missing(tmp_path):
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "a.parquet", 400, 0)
    ask = {"target": "y", "algorithm": "ridge", "trials": 3, "progress": False, "store": tmp_path / "store"}
    before = hpo.tune(tmp_path / "data", **ask)
    assert before.best.states.whole.inner.shape == (31, 31)
    write(tmp_path / "data" / "b.parquet", 400, 1, gaps=True)
    grown = hpo.tune(tmp_path / "data", **ask)
    assert grown.best.states.whole.inner.shape == (61, 61)
    alone = hpo.tune(tmp_path / "data", **{**ask, "store": tmp_path / "other"})
    assert grown.best.scores == alone.best.scores


def test_a_shape_knows_how_many_columns_the_data_may_fill(tmp_path):
    shapes = []
    for name, gaps in (("whole", False), ("gaps", True)):
        write(tmp_path / f"{name}.parquet", 400, 0, gaps=gaps)
        ask = {"target": "y", "algorithm": "ridge", "trials": 1, "progress": False, "store": tmp_path}
        shapes.append(hpo.tune(tmp_path / f"{name}.parquet", **ask).best.states.whole.shape)
    whole, gaps = shapes
    assert (whole.filled, whole.d, gaps.filled, gaps.d) == (30, 60, 60, 60)
    assert Moments().nbytes_of(whole, 400) < Moments().nbytes_of(gaps, 400) / 3
    assert Moments().nbytes_of(gaps, 400) == Moments().nbytes(gaps) == Moments().nbytes(whole)
    assert needed_by(Moments(), whole, 5, 2) < needed_by(Moments(), gaps, 5, 2) / 3


@pytest.mark.parametrize("classes", [("no", "yes"), ("a", "b", "c")])
def test_losses_are_expanded_along_the_columns_of_the_rows(classes):
    shape = Shape(COLUMNS, ("y",), classes=classes)

    def batch(some, n, seed):
        made = rows(shape, places(shape, *some), n, seed)
        made.values[:, -1] = np.arange(n) % len(classes)
        return dataclasses.replace(made, priority=np.arange(n, dtype=np.uint64) * 97 + np.uint64(seed))

    curvature = LogisticCurvature()
    summary = curvature.knowing(curvature.learn(shape, batch((0, 4), 60, 0)))
    parts = [batch(some, n, seed) for seed, (some, n) in enumerate([((0, 4), 30), ((0, 1, 2, 5), 41), ((3,), 7)])]
    values = np.concatenate([part.dense(shape.p) for part in parts])
    whole = Batch(values, shape.d, priority=np.concatenate([part.priority for part in parts]))
    assert laws.lift(summary, shape, parts[0]).along.tolist() == [0, 4, 6]
    assert laws.lift(summary, shape, whole).along.tolist() == [0, 1, 2, 3, 4, 5, 6]
    laws.split_invariance(summary, shape, whole, parts)
    laws.associativity(summary, shape, parts)
    laws.bounded_size(summary, shape, parts)
