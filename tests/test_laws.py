"""Every summary of every registered algorithm obeys the laws, whatever the rows, cuts, weights and gaps."""

from __future__ import annotations

import dataclasses
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, seed
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from algorithms import fields, laws, registry, tasks
from algorithms.contract import Batch, Column, Shape
from algorithms.errors import LawBroken
from algorithms.summaries.classes import Classes
from algorithms.summaries.coreset import Coreset
from algorithms.summaries.counts import Counts
from algorithms.summaries.families import LogisticCurvature
from algorithms.summaries.moments import Moments, MomentsState
from algorithms.summaries.sample import Sample
from algorithms.summaries.scoring_sample import ScoringSample
from algorithms.summaries.window_sample import WindowSample
from algorithms.summaries.windows import Windows
from state_store.codec import flatten, restore

COLUMNS = (Column("a", "a"), Column("b", "b"), Column("missingindicator_b", "b", "indicator"))
SHAPE = Shape(COLUMNS, ("y",))
SHAPES = {
    tasks.NUMBER: SHAPE,
    tasks.CLASS: Shape(COLUMNS, ("y",), classes=("no", "perhaps", "yes")),
    None: Shape(COLUMNS),
}


def shape_of(algorithm):
    return SHAPES[tasks.TASKS[algorithm.tags.task].target]


def ready(summary, shape):
    """The summary as a pass uses it: what must be learned is learned from a few fixed rows."""
    if summary.learning is None:
        return summary
    sample = fixed(np.random.default_rng(1), 50, shape)
    return summary.knowing(summary.learn(shape, sample))


def fixed(rng, n, shape):
    """Rows of the shape: non-negative columns, an indicator, classes from 0."""
    rows = np.asfortranarray(rng.exponential(size=(n, shape.p)))
    rows[:, 2] = rows[:, 2] > 1.0
    if shape.classes:
        rows[:, shape.d] = np.arange(n) % len(shape.classes)
    series = (np.arange(n) % 2).astype(np.uint64)
    return Batch(rows, shape.d, None, None, rng.permutation(n).astype(np.uint64), np.arange(float(n)), series)


def joined(summary, shape, parts):
    """However the rows are cut, all of them are in the state."""
    state = summary.init(shape)
    for part in parts:
        state = summary.update(state, part)
    assert state.rows == sum(part.n for part in parts)
    assert state.weight == pytest.approx(sum(part.total for part in parts))


# every summary that an algorithm has, whatever steers it, with the shape of its task; a few spelled otherwise
ALGORITHMS = [one for name in registry.names() for one in fields.variants(registry.get(name))]
CASES = sorted(
    {(one.summary, shape_of(one)) for one in ALGORITHMS}
    | {(ScoringSample(size=size), shape) for size in (5, 17) for shape in SHAPES.values()}
    | {(Moments(how), SHAPE) for how in ("double", "data", "qr")}
    | {(Sample(size=5), SHAPE), (Coreset(size=5, k_max=3), SHAPE)}
    | {(Moments(kernel=kernel, kernel_components=4), SHAPE) for kernel in ("nystroem", "fourier")}
    | {(LogisticCurvature(kernel="nystroem", kernel_components=3), SHAPES[tasks.CLASS])}
    | {(Windows(2, 1), SHAPE), (Windows(1, 2, scale="none"), SHAPE), (Windows(3, 2, 2, "mean"), SHAPE)}
    | {(WindowSample(3, 2, 1), SHAPE), (WindowSample(50, 1, 2, 4), SHAPE)},
    key=repr,
)
AGEING = [Moments(), Moments("qr"), Classes(), Classes(precision="qr"), Counts(), ScoringSample(size=5), LogisticCurvature()]
CASES += [
    (dataclasses.replace(summary, half_life=2.5), SHAPE if isinstance(summary, Moments) else SHAPES[tasks.CLASS])
    for summary in AGEING
]
CASES = [(ready(summary, shape), shape) for summary, shape in CASES]


def codec_for(summary, shape):
    like = summary.init(shape)
    return lambda state: restore(*flatten(state), like)


@st.composite
def batches(draw, count, dtype=np.float64):
    """Makers of batches of a shape: sizes 0 and 1 included, weights or none, all columns or some."""
    made, start, steps = [], 0, []
    for _ in range(count):
        n = draw(st.integers(0, 12))
        number = st.floats(-1e4, 1e4, width=32, allow_subnormal=False)
        values = draw(hnp.arrays(dtype, (n, SHAPE.p), elements=number))
        codes = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 2)))
        weight = None
        if draw(st.booleans()):
            weight = draw(hnp.arrays(np.float64, n, elements=st.floats(0.125, 8.0)))
        some = draw(st.booleans())
        order = draw(st.permutations(range(n)))
        clock = draw(hnp.arrays(np.float64, n, elements=st.floats(-9.0, 9.0, width=16)))
        priority = np.array(order, np.uint64) * np.uint64(7) + np.uint64(start)
        step = np.array(order, np.float64) + len(steps)
        made.append((values, codes, weight, some, priority, clock, step, np.arange(n) + len(steps)))
        steps += order
        start += 7 * n + 1
    return lambda shape, ordered=False: [_batch(shape, *parts, ordered) for parts in made]


def _batch(shape, *parts):
    values, codes, weight, some, priority, clock, step, number, ordered = (
        part.copy() if isinstance(part, np.ndarray) else part for part in parts
    )
    values = values[:, : shape.p]
    if shape.classes:
        values[:, shape.d] = codes
    present = None
    if some:
        present = np.array([0, 1, 3])[: 2 + shape.t]
        values = values[:, present]
    values = np.asfortranarray(values)
    if ordered:  # of three series, with gaps that other batches may fill
        return Batch(values, shape.d, None, present, priority, step, codes.astype(np.uint64))
    return Batch(values, shape.d, weight, present, priority, clock, number=number)


def cut(batch, at):
    ends = [0, *sorted({min(c, batch.n) for c in at}), batch.n]
    return [batch.part(slice(*pair)) for pair in pairwise(ends)]


def drawn(**strategies):
    """As ``given``, with examples that are drawn once for all summaries; what fails goes to Hypothesis, to shrink it."""

    def decorate(law):
        examples = []

        @seed(zlib.crc32(law.__name__.encode()))
        @given(**strategies)
        def draw(**example):
            examples.append(example)

        def run(self, summary, shape):
            if not examples:
                draw()
            try:
                for example in examples:
                    law(self, summary, shape, **example)
            except Exception:
                given(**strategies)(law)(self, summary, shape)
                raise

        run.__name__ = law.__name__
        return run

    return decorate


@pytest.mark.parametrize(
    ("summary", "shape"), CASES, ids=lambda v: repr(v) if not isinstance(v, Shape) else ""
)
class TestLaws:
    @drawn(data=batches(1))
    def test_identity(self, summary, shape, data):
        laws.identity(summary, shape, data(shape, summary.ordered)[0])

    @drawn(data=batches(3))
    def test_associativity(self, summary, shape, data):
        laws.associativity(summary, shape, data(shape, summary.ordered))

    @drawn(data=batches(2))
    def test_commutativity(self, summary, shape, data):
        laws.commutativity(summary, shape, data(shape, summary.ordered))

    @drawn(data=batches(1), at=st.lists(st.integers(0, 12), max_size=5))
    def test_split_invariance(self, summary, shape, data, at):
        whole = data(shape, summary.ordered)[0]
        if "split" in laws.PROMISES[summary.family]:
            laws.split_invariance(summary, shape, whole, cut(whole, at))
        else:
            joined(summary, shape, cut(whole, at))

    @drawn(data=batches(1))
    def test_order(self, summary, shape, data):
        if summary.ordered:
            laws.order(summary, shape, data(shape, ordered=True)[0])

    @drawn(data=batches(2))
    def test_purity(self, summary, shape, data):
        laws.purity(summary, shape, data(shape, summary.ordered))

    @drawn(data=batches(4))
    def test_bounded_size(self, summary, shape, data):
        laws.bounded_size(summary, shape, data(shape, summary.ordered))

    @drawn(data=batches(1))
    def test_round_trip(self, summary, shape, data):
        laws.round_trip(summary, shape, data(shape, summary.ordered)[0], codec_for(summary, shape))

    @drawn(data=batches(4))
    def test_resume(self, summary, shape, data):
        laws.resume(summary, shape, data(shape, summary.ordered), codec_for(summary, shape))


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda v: f"{type(v).__name__}-{v.summary!r}")
def test_any_time(algorithm):
    shape = shape_of(algorithm)
    rows = fixed(np.random.default_rng(0), 40, shape)
    rows = rows.but(series=np.zeros(40, np.uint64))
    some = [rows.part(slice(a, b)) for a, b in ((0, 0), (0, 1), (1, 2), (2, 5), (5, 40))]
    assert laws.any_time(algorithm, shape, some, ready(algorithm.summary, shape)) >= 1


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
    with pytest.raises(LawBroken, match="commutativity"):
        TestLaws().test_commutativity(Forgetful(), SHAPE)
    with pytest.raises(LawBroken, match="resume"):
        laws.resume(Moments(), SHAPE, data, lambda s: dataclasses.replace(s, weight=s.weight + 1e-9))
    with pytest.raises(LawBroken, match="round trip"):
        laws.round_trip(
            Moments(),
            SHAPE,
            data[0],
            lambda s: MomentsState(s.shape, s.rows, s.weight, s.mean + 1.0, s.within, s.inner),
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
