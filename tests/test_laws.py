"""Every summary of every registered algorithm obeys the laws, whatever the rows, cuts, weights and gaps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from algorithms import laws, registry
from algorithms.base import Batch, Column, Shape
from algorithms.errors import LawBroken
from algorithms.summaries.moments import Moments, MomentsState
from state_store.codec import flatten, restore

SUMMARIES = sorted({registry.get(name)().summary for name in registry.names()} | {Moments("double")}, key=repr)
SHAPE = Shape((Column("a", "a"), Column("b", "b"), Column("missingindicator_b", "b", "indicator")), ("y",))


def codec_for(summary):
    like = summary.init(SHAPE)
    return lambda state: restore(*flatten(state), like)


@st.composite
def batches(draw, count, dtype=np.float64):
    """Batches of the shape: sizes 0 and 1 included, weights or none, all columns or some."""
    made = []
    for _ in range(count):
        n = draw(st.integers(0, 12))
        values = draw(
            hnp.arrays(dtype, (n, SHAPE.p), elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False))
        )
        weight = None
        if draw(st.booleans()):
            weight = draw(hnp.arrays(np.float64, n, elements=st.floats(0.125, 8.0)))
        present = None
        if draw(st.booleans()):
            present = np.array([0, 1, 3])
            values = values[:, present]
        made.append(Batch(np.asfortranarray(values), SHAPE.d, weight, present))
    return made


def cut(batch, at):
    parts = np.split(np.arange(batch.n), sorted({min(c, batch.n) for c in at}))
    return [
        Batch(batch.values[p], batch.d, None if batch.weight is None else batch.weight[p], batch.present)
        for p in parts
    ]


@pytest.mark.parametrize("summary", SUMMARIES, ids=repr)
class TestLaws:
    @given(data=batches(1))
    def test_identity(self, summary, data):
        laws.identity(summary, SHAPE, data[0])

    @given(data=batches(3))
    def test_associativity(self, summary, data):
        laws.associativity(summary, SHAPE, data)

    @given(data=batches(2))
    def test_commutativity(self, summary, data):
        laws.commutativity(summary, SHAPE, data)

    @given(data=batches(1), at=st.lists(st.integers(0, 12), max_size=5))
    def test_split_invariance(self, summary, data, at):
        laws.split_invariance(summary, SHAPE, data[0], cut(data[0], at))

    @given(data=batches(2))
    def test_purity(self, summary, data):
        laws.purity(summary, SHAPE, data)

    @given(data=batches(4))
    def test_fixed_size(self, summary, data):
        laws.fixed_size(summary, SHAPE, data)

    @given(data=batches(1))
    def test_round_trip(self, summary, data):
        laws.round_trip(summary, SHAPE, data[0], codec_for(summary))

    @given(data=batches(4))
    def test_resume(self, summary, data):
        laws.resume(summary, SHAPE, data, codec_for(summary))


@pytest.mark.parametrize("name", registry.names())
def test_any_time(name):
    rng = np.random.default_rng(0)
    rows = np.asfortranarray(rng.normal(size=(40, SHAPE.p)))
    rows[:, 2] = rows[:, 2] > 1.0
    some = [Batch(rows[a:b], SHAPE.d) for a, b in ((0, 0), (0, 1), (1, 2), (2, 5), (5, 40))]
    assert laws.any_time(registry.get(name)(), SHAPE, some) >= 3


@dataclasses.dataclass(frozen=True)
class Forgetful(Moments):
    """Breaks the laws: merge keeps the right state's mean."""

    def merge(self, a, b):
        return dataclasses.replace(super().merge(a, b), mean=b.mean)


@dataclasses.dataclass(frozen=True)
class Vandal(Moments):
    """Breaks purity: merge writes into its input."""

    def merge(self, a, b):
        made = super().merge(a, b)
        a.mean[:] = -1.0
        return made


def test_the_laws_notice_broken_summaries():
    data = [Batch(np.arange(8.0).reshape(2, 4) + k, SHAPE.d) for k in (0, 10, 20)]
    with pytest.raises(LawBroken, match=r"commutativity.*'mean'"):
        laws.commutativity(Forgetful(), SHAPE, data[:2])
    with pytest.raises(LawBroken, match="purity"):
        laws.purity(Vandal(), SHAPE, data[:2])
    with pytest.raises(LawBroken, match="resume"):
        laws.resume(Moments(), SHAPE, data, lambda s: dataclasses.replace(s, weight=s.weight + 1e-9))
    with pytest.raises(LawBroken, match="round trip"):
        laws.round_trip(
            Moments(), SHAPE, data[0], lambda s: MomentsState(s.shape, s.rows, s.weight, s.mean + 1.0, s.scatter)
        )


def test_float32_at_a_large_offset_keeps_its_digits():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(50_000, 2)) + 30_000.0).astype(np.float32)
    y = (x @ np.array([1.0, -1.0], np.float32))[:, None] + rng.normal(size=(50_000, 1)).astype(np.float32)
    rows, shape = np.asfortranarray(np.hstack([x, y])), Shape((Column("a", "a"), Column("b", "b")), ("y",))
    state = laws.lift(Moments(), shape, Batch(rows, 2))
    exact = np.cov(rows.astype(np.float64), rowvar=False, ddof=0) * len(rows)
    np.testing.assert_allclose(state.scatter, exact, rtol=1e-5)


def test_splits_with_a_fold_at_an_offset_of_1e8_merge_exactly():
    rng = np.random.default_rng(1)
    near, far = rng.normal(size=(500, 2)), rng.normal(size=(500, 2)) + 1e8
    shape, moments = Shape((Column("a", "a"),), ("y",)), Moments()
    merged = moments.merge(
        laws.lift(moments, shape, Batch(near[:250], 1)), laws.lift(moments, shape, Batch(near[250:], 1))
    )
    both = moments.merge(merged, laws.lift(moments, shape, Batch(far, 1)))
    twin = np.cov(np.vstack([near, far]).astype(np.longdouble), rowvar=False, ddof=0) * 1000
    np.testing.assert_allclose(both.scatter, twin.astype(float), rtol=1e-13)
