"""Fold schemes: every row in one cell, however it is read; groups unsplit; time in order."""

from __future__ import annotations

import datetime
import functools
import json
from dataclasses import FrozenInstanceError
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.data import (
    GroupFolds,
    HashFolds,
    Segment,
    Split,
    StratifiedFolds,
    StratifiedGroupFolds,
    TimeFolds,
    cell_order,
    make_folds,
    open_dataset,
)
from hpo.data.folds.groups import DealtGroups, deal_groups, group_words
from hpo.data.hashing import hash_values
from hpo.errors import DataError
from hpo.states.learned.deals import dealt
from state_store import StateStore

SEGMENT = Segment("file:///a", (0, 1), None, 0, "00ff", "a[0]")


def counted(scheme, table: pa.Table):
    """Return the scheme; one of groups knowing those of the table."""
    if not isinstance(scheme, GroupFolds) or scheme.dealt is not None:
        return scheme
    words = group_words(table["g"].combine_chunks()) if table.num_rows else np.empty(0, np.uint64)
    groups, rows = np.unique(words, return_counts=True)
    new = np.full(len(groups), -1)
    cells = deal_groups(groups, rows[:, np.newaxis], new, scheme.n_splits, scheme.seed)
    return scheme.knowing(DealtGroups(groups, cells, rows[:, np.newaxis]))


def assign(scheme, table: pa.Table, cuts=(), segment: Segment = SEGMENT) -> np.ndarray:
    """Assign cells in batches cut at ``cuts``."""
    edges = [0, *sorted(cuts), table.num_rows]
    cells = [np.empty(0, np.uint16)]
    assign = counted(scheme, table).assigner(segment)
    for low, high in pairwise(edges):
        part = table.slice(low, high - low).combine_chunks()
        batch = part.to_batches()[0] if part.num_rows else pa.RecordBatch.from_pylist([], part.schema)
        cells.append(assign(batch, low))
    assert all(c.dtype == np.uint16 for c in cells)
    return np.concatenate(cells)


TABLE = pa.table(
    {
        "g": [["Oslo", "Bergen", None, "", "Bodø"][i * i % 5] for i in range(60)],
        "t": [float(i * 7 % 60) for i in range(60)],
    }
)
SCHEMES = [HashFolds(3), HashFolds(7, seed=1), GroupFolds("g", 4), TimeFolds("t", 2, (20.0, 40.0))]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.scheme)
@given(cuts=st.lists(st.integers(0, 60), max_size=5))
def test_cells_do_not_depend_on_how_rows_are_read(scheme, cuts):
    whole = assign(scheme, TABLE)
    assert np.array_equal(assign(scheme, TABLE, cuts), whole)
    assert whole.max() < scheme.plan.n_cells


@pytest.mark.parametrize("scheme", SCHEMES[:3], ids=lambda s: s.scheme)
def test_k_folds_test_every_cell_once_and_train_on_the_rest(scheme):
    plan = scheme.plan
    assert plan.n_cells == len(plan.splits) == scheme.n_splits
    assert sorted(cell for split in plan.splits for cell in split.test) == list(range(plan.n_cells))
    for split in plan.splits:
        assert sorted(split.train + split.test) == list(range(plan.n_cells))


def test_folds_by_row_are_even_and_differ_by_seed_and_segment():
    rows = pa.table({"x": np.zeros(100_002)})
    cells = assign(HashFolds(5), rows)
    assert sorted(np.bincount(cells, minlength=5)) == [20_000] * 3 + [20_001] * 2
    other_segment = assign(HashFolds(5), rows, segment=Segment("file:///b", (0, 1), None, 0, "00fe", "b[0]"))
    for other in (assign(HashFolds(5, seed=1), rows), other_segment):
        assert abs((cells == other).mean() - 0.2) < 0.02


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=6)), min_size=1, max_size=40),
    st.integers(2, 9),
    st.integers(0, 5),
)
def test_a_group_is_never_split(groups, n_splits, seed):
    scheme = GroupFolds("g", n_splits, seed)
    scheme = counted(scheme, pa.table({"g": pa.array(groups, pa.string())}))
    cells = assign(scheme, pa.table({"g": pa.array(groups, pa.string())}))
    by_group = {}
    for group, cell in zip(groups, cells.tolist(), strict=True):
        assert by_group.setdefault(group, cell) == cell
    again = assign(scheme, pa.table({"g": pa.array(groups[::-1], pa.string())}))
    assert np.array_equal(again[::-1], cells)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.array(["a", None, "bc"]), pa.array(["a", None, "bc"]).dictionary_encode()),
        (pa.array(["a", None, "bc"]), pa.array(["a", None, "bc"], pa.large_string())),
        (pa.array(["a", None, "bc"]), pa.array(["a", None, "bc"], pa.string_view())),
        (pa.array(["a", None, "bc"]), pa.array(["zz", "a", None, "bc"])[1:]),
        (pa.array([1, None, -3]), pa.array([1.0, None, -3.0])),
        (pa.array([1, None, -3]), pa.array([1.0, np.nan, -3.0])),
        (pa.array([0.0, 2.5]), pa.array([-0.0, 2.5])),
        (pa.array([1, 0, None], pa.int8()), pa.array([True, False, None])),
        (pa.array([5, None], pa.int64()), pa.array([5, None], pa.timestamp("us"))),
    ],
)
def test_equal_values_have_equal_hashes_in_every_type(first, second):
    assert np.array_equal(hash_values(first, 0), hash_values(second, 0))
    assert len(np.unique(hash_values(first, 0))) == len(first)
    assert not np.array_equal(hash_values(first, 0), hash_values(first, 1))


def test_strings_that_are_nearly_alike_are_groups_of_their_own():
    table = pa.table({"g": [f"customer-{i:07d}" for i in range(20_000)]})
    assert np.bincount(assign(GroupFolds("g", 10), table)).tolist() == [2_000] * 10
    assert len(np.unique(hash_values(pa.array(["ab", "ba", "a", "aa", "", "b"]), 0))) == 6


def test_a_group_is_in_one_cell_whichever_file_it_is_in(tmp_path):
    for name, cast in (("a", pa.string()), ("b", pa.dictionary(pa.int8(), pa.string()))):
        pq.write_table(pa.table({"g": TABLE["g"].cast(cast), "y": TABLE["t"]}), tmp_path / f"{name}.parquet")
    dataset = open_dataset(tmp_path, target="y")
    asked = make_folds({"scheme": "group", "column": "g", "n_splits": 3}, dataset)
    scheme = dealt(asked, dataset, StateStore(tmp_path / "store"))
    cells = [scheme.assign(s, b, 0) for s in dataset.segments for b in dataset.read(s)]
    assert np.array_equal(cells[0], cells[1])
    assert scheme.sizes.groups == (1, 1, 1)
    assert dataset.log.pilot_rows == 120
    with pytest.raises(DataError, match=r"'g' has a group in .* that was not there"):
        scheme.assign(dataset.segments[0], pa.record_batch({"g": ["Hamar"]}), 0)
    with pytest.raises(DataError, match="'g' must know the groups"):
        asked.assign(dataset.segments[0], pa.record_batch({"g": ["Oslo"]}), 0)


class TestTime:
    def test_the_past_predicts_the_next(self):
        scheme = TimeFolds("t", 3, (10.0, 20.0, 30.0))
        assert scheme.plan.n_cells == 4
        assert scheme.plan.splits == (
            Split((0,), (1,)), Split((0, 1), (2,)), Split((0, 1, 2), (3,)),
        )  # fmt: skip
        times = pa.table({"t": [-5.0, 9.9, 10.0, 19.0, 20.0, 30.0, 1e9, None, np.nan]})
        assert assign(scheme, times).tolist() == [0, 0, 1, 1, 2, 3, 3, 0, 0]

    @given(st.lists(st.floats(-1e6, 1e6), min_size=30, max_size=60, unique=True), st.integers(1, 6))
    def test_boundaries_are_quantiles_of_the_sample(self, values, n_splits):
        sample = pa.table({"t": values})
        scheme = TimeFolds("t", n_splits).fit(sample)
        cells = assign(scheme, sample)
        counts = np.bincount(cells, minlength=n_splits + 1)
        assert abs(counts - len(values) / (n_splits + 1)).max() <= 1.5
        order = np.argsort(values)
        assert (np.diff(cells[order].astype(int)) >= 0).all()

    @pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("ns", "UTC")])
    def test_dates_of_every_type_fall_in_the_same_cells(self, kind):
        days = [datetime.date(2013, 1, 1) + datetime.timedelta(i) for i in range(365)]
        table = pa.table({"d": pa.array(days, pa.date32()).cast(pa.timestamp("us")).cast(kind)})
        cells = assign(TimeFolds("d", 1, (15_887.0,)), table)
        assert cells.tolist() == [0] * 181 + [1] * 184

    def test_boundaries_may_be_written_as_dates(self):
        frame = pd.DataFrame({"d": pd.date_range("2013-01-01", periods=365), "y": 0.0})
        dataset = open_dataset(frame, target="y")
        ways = [["2013-07-01"], [datetime.date(2013, 7, 1)], [datetime.datetime(2013, 7, 1)], [15_887]]
        schemes = {make_folds({"scheme": "time", "column": "d", "boundaries": b}, dataset) for b in ways}
        assert schemes == {TimeFolds("d", 1, (15_887.0,))}

    def test_it_says_what_it_needs_to_be_fitted(self):
        scheme = TimeFolds("t", 2)
        assert scheme.sample_columns == scheme.columns == ("t",)
        assert scheme.fit(TABLE).sample_columns == ()
        with pytest.raises(DataError, match=r"'t'.*fit"):
            assign(scheme, TABLE)

    @pytest.mark.parametrize("values", [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 2.0], [None, None], []])
    def test_too_few_moments(self, values):
        with pytest.raises(DataError, match=r"'t' has too few distinct values for 3 .*4 are needed"):
            TimeFolds("t", 3).fit(pa.table({"t": pa.array(values, pa.float64())}))

    @pytest.mark.parametrize(
        ("months", "n_splits", "boundaries"),
        [([100, 50, 50], 2, (1.0, 2.0)), ([5, 5, 900], 2, (1.0, 2.0)), ([900, 5, 5, 5], 1, (1.0,))],
    )
    def test_three_months_can_be_two_splits_however_many_rows_each_has(self, months, n_splits, boundaries):
        times = np.repeat(np.arange(len(months), dtype=float), months)
        assert TimeFolds("t", n_splits).fit(pa.table({"t": times})).boundaries == boundaries

    @given(
        st.lists(st.floats(0, 100), min_size=1, max_size=60),
        st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True),
        st.floats(0, 60),
    )
    def test_a_gap_keeps_rows_out_of_training(self, times, cuts, gap):
        boundaries = tuple(float(cut) for cut in sorted(cuts))
        scheme = TimeFolds("t", len(boundaries), boundaries, gap)
        cells, t = assign(scheme, pa.table({"t": times})), np.array(times)
        assert cells.max() < scheme.plan.n_cells
        for split, low, high in zip(scheme.plan.splits, boundaries, (*boundaries[1:], np.inf), strict=True):
            assert np.array_equal(np.isin(cells, split.train), t < low - gap)
            assert np.array_equal(np.isin(cells, split.test), (t >= low) & (t < high))

    @pytest.mark.parametrize("gap", [30, "30d", "720h", datetime.timedelta(30), np.timedelta64(30, "D")])
    def test_a_gap_of_dates_is_in_days(self, gap):
        frame = pd.DataFrame({"d": pd.date_range("2013-01-01", periods=365), "y": 0.0})
        asked = {"scheme": "time", "column": "d", "boundaries": ["2013-07-01"], "gap": gap}
        scheme = make_folds(asked, open_dataset(frame, target="y"))
        assert scheme == TimeFolds("d", 1, (15_887.0,), 30.0)
        assert "leaving out 30 before" in scheme.describe()

    def test_a_gap_that_is_none(self):
        with pytest.raises(DataError, match=r"the gap 'soon' .* is not a duration"):
            make_folds({"scheme": "time", "column": "t", "gap": "soon"}, TestAsking.dataset)
        with pytest.raises(DataError, match="gap of time folds is -1"):
            TimeFolds("t", 2, gap=-1.0)

    @pytest.mark.parametrize("boundaries", [(1.0,), (2.0, 1.0), (1.0, 1.0)])
    def test_boundaries_must_increase(self, boundaries):
        with pytest.raises(DataError, match="2 increasing boundaries"):
            TimeFolds("t", 2, boundaries)


@pytest.mark.parametrize(
    "scheme",
    [*SCHEMES, TimeFolds("t", 3), TimeFolds("t", 1, gap=2.0), StratifiedFolds(4), StratifiedGroupFolds("g", 3)],
    ids=lambda s: s.scheme,
)
def test_schemes_are_frozen_values_that_json_holds(scheme):
    document = json.loads(json.dumps(scheme.to_dict()))
    dataset = open_dataset(TABLE.append_column("y", TABLE["t"]), target="y")
    assert make_folds(document, dataset, classify=True) == scheme
    assert isinstance(scheme.describe(), str)
    with pytest.raises(FrozenInstanceError):
        scheme.n_splits = 9


@given(st.lists(st.integers(0, 6), max_size=50))
def test_cell_order_is_a_stable_sort(values):
    cells = np.array(values, np.uint16)
    order, counts = cell_order(cells, 7)
    assert order.tolist() == sorted(range(len(values)), key=values.__getitem__)
    assert counts.tolist() == [values.count(cell) for cell in range(7)]


class TestAsking:
    dataset = open_dataset(TABLE.append_column("y", TABLE["t"]), target="y")

    def test_a_number_or_a_dict_or_a_scheme(self):
        assert make_folds(4, self.dataset, seed=3) == HashFolds(4, 3)
        assert make_folds(np.int64(4), self.dataset) == HashFolds(4)
        assert make_folds({"n_splits": 3}, self.dataset, seed=2) == HashFolds(3, 2)
        assert make_folds({"scheme": "group", "column": "g", "seed": 9}, self.dataset) == GroupFolds(
            "g", 5, 9
        )
        assert make_folds(HashFolds(6), self.dataset) == HashFolds(6)
        assert make_folds(None, self.dataset) == HashFolds(5)

    def test_classifiers_are_stratified_unless_asked_otherwise(self):
        ask = functools.partial(make_folds, dataset=self.dataset, classify=True)
        assert ask(4, seed=3) == ask({"n_splits": 4, "seed": 3}) == StratifiedFolds(4, 3)
        assert ask(None) == ask({}) == ask({"scheme": "stratified"}) == StratifiedFolds(5)
        assert ask({"scheme": "kfold"}) == HashFolds(5)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (1, "from 2 to 512, not 1"),
            (True, "True is not understood"),
            ("kfold", "'kfold' is not understood"),
            (5.0, "5.0 is not understood"),
            ({"scheme": "leave"}, "'leave' is unknown.*'group'"),
            ({"scheme": "group"}, "column"),
            ({"scheme": "kfold", "k": 3}, "k"),
            ({"scheme": "stratified"}, "no target is a class; use 'kfold'"),
            ({"scheme": "stratified_group", "column": "g"}, "no target is a class; use 'group'"),
            ({"scheme": "kfold", "dealt": 1}, "dealt by another version"),
            ({"scheme": "group", "column": "gg"}, "fold column 'gg'.*did you mean 'g'"),
            ({"scheme": "time", "column": "g"}, "'g' is text"),
            (61, "60 rows cannot fill 61 folds"),
            ({"scheme": "time", "column": "t", "n_splits": 60}, "60 rows cannot fill 61"),
        ],
    )
    def test_what_is_not_understood(self, value, message):
        with pytest.raises(DataError, match=message):
            make_folds(value, self.dataset)
