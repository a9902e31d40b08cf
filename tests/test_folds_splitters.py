"""Explicit folds: scikit-learn's splitters give exactly their own indices back."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneOut,
    LeavePGroupsOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from hpo.data import ExplicitFolds, make_folds, open_dataset
from hpo.data.segment import SEGMENT_ROWS
from hpo.errors import DataError

ROWS = 90
X = np.arange(ROWS * 2.0).reshape(ROWS, 2)
Y = np.arange(ROWS) % 3
GROUPS = np.arange(ROWS) // 7

SPLITTERS = [
    KFold(5),
    KFold(5, shuffle=True, random_state=0),
    StratifiedKFold(3, shuffle=True, random_state=1),
    GroupKFold(4),
    GroupShuffleSplit(3, random_state=0),
    LeavePGroupsOut(1),
    RepeatedKFold(n_splits=3, n_repeats=4, random_state=0),
    ShuffleSplit(4, test_size=0.2, train_size=0.3, random_state=0),
    TimeSeriesSplit(4, gap=2, max_train_size=20),
    PredefinedSplit(np.arange(ROWS) % 4 - 1),
]


def groups_for(cv) -> np.ndarray | None:
    """Splitters that ignore groups warn when they are given some."""
    return GROUPS if "Group" in type(cv).__name__ else None


def indices(folds: ExplicitFolds, cells: tuple[int, ...]) -> list[int]:
    return np.flatnonzero(np.isin(folds.cells, cells)).tolist()


@pytest.mark.parametrize("cv", SPLITTERS, ids=lambda cv: type(cv).__name__)
def test_a_splitters_indices_come_back_exactly(cv):
    folds = ExplicitFolds.from_splitter(cv, X, Y, groups_for(cv))
    expected = list(cv.split(X, Y, groups_for(cv)))
    assert folds.n_splits == len(expected)
    for split, (train, test) in zip(folds.plan.splits, expected, strict=True):
        assert indices(folds, split.train) == sorted(train)
        assert indices(folds, split.test) == sorted(test)
    assert type(cv).__name__ in folds.describe()
    again = ExplicitFolds.from_splitter(cv, X, Y, groups_for(cv))
    assert json.loads(json.dumps(folds.to_dict())) == again.to_dict()


@given(st.lists(st.lists(st.sampled_from("-RT"), min_size=12, max_size=12), min_size=1, max_size=5))
def test_any_pairs_of_indices_come_back_from_the_fewest_cells(roles):
    pairs = [(np.flatnonzero(np.array(row) == "R"), np.flatnonzero(np.array(row) == "T")) for row in roles]
    if any(len(train) == 0 or len(test) == 0 for train, test in pairs):
        with pytest.raises(DataError, match=r"has no (train|test) rows"):
            ExplicitFolds.from_splitter(pairs, np.zeros((12, 1)))
        return
    folds = ExplicitFolds.from_splitter(pairs, np.zeros((12, 1)))
    assert folds.plan.n_cells == len(set(zip(*roles, strict=True)))
    for split, (train, test) in zip(folds.plan.splits, pairs, strict=True):
        assert indices(folds, split.train) == train.tolist()
        assert indices(folds, split.test) == test.tolist()


def test_k_folds_make_k_cells():
    assert ExplicitFolds.from_splitter(KFold(5), X).plan.n_cells == 5
    assert ExplicitFolds.from_splitter(TimeSeriesSplit(4), X).plan.n_cells == 5
    assert (
        ExplicitFolds.from_splitter(RepeatedKFold(n_splits=3, n_repeats=2, random_state=0), X).plan.n_cells
        == 9
    )


def test_masks_and_negative_indices_are_indices_too():
    mask = np.arange(6) < 4
    folds = ExplicitFolds.from_splitter([(mask, ~mask), ([0, 1, 2, 3], [-1, -2])], np.zeros((6, 1)))
    assert folds.plan.splits[0] == folds.plan.splits[1]


def test_cells_follow_the_place_of_a_row_in_the_data():
    rows = SEGMENT_ROWS + 1_000
    data = (np.zeros((rows, 1)), np.arange(rows, dtype=float))
    dataset = open_dataset(data)
    folds = make_folds(KFold(3, shuffle=True, random_state=0), dataset)
    cells = []
    for segment in dataset.segments:
        first = 0
        for batch in dataset.read(segment, batch_rows=50_000):
            cells.append(folds.assign(segment, batch, first))
            first += batch.num_rows
    cells = np.concatenate(cells)
    for split, (_, test) in zip(
        folds.plan.splits, KFold(3, shuffle=True, random_state=0).split(data[0]), strict=True
    ):
        assert np.array_equal(np.flatnonzero(np.isin(cells, split.test)), np.sort(test))


def test_stratified_and_grouped_splitters_are_given_the_target_and_the_groups():
    frame = pd.DataFrame({"x": X[:, 0], "g": GROUPS, "y": Y})
    dataset = open_dataset(frame, target="y", drop=["g"])
    by_name = make_folds(GroupKFold(4), dataset, groups="g")
    assert by_name.digest == make_folds(GroupKFold(4), dataset, groups=GROUPS).digest
    assert by_name.digest == ExplicitFolds.from_splitter(GroupKFold(4), X, Y, GROUPS).digest
    stratified = make_folds(StratifiedKFold(3), dataset)
    assert stratified.digest == ExplicitFolds.from_splitter(StratifiedKFold(3), X, Y).digest
    assert dataset.log.rows == 0


def test_folds_of_other_rows_have_another_digest():
    digests = {ExplicitFolds.from_splitter(cv, X, Y, groups_for(cv)).digest for cv in SPLITTERS}
    assert len(digests) == len(SPLITTERS)


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (ShuffleSplit(12, test_size=0.5, random_state=0), None),
        (LeaveOneOut(), None),
        ([], "no split"),
        ([([0, 1], [])], "no test rows"),
        ([([0, 0, 1], [2])], "row 0 more than once"),
        ([([0], [90])], "rows 90 to 90, and the data has 90"),
        (KFold(91), "cannot split"),
        (GroupKFold(3), "cannot split.*groups"),
    ],
)
def test_splits_that_cannot_be(cv, message):
    many = np.zeros((2_000, 1))
    if message is None:
        with pytest.raises(DataError, match=r"more than 512 cells.*KFold"):
            ExplicitFolds.from_splitter(cv, many)
        return
    with pytest.raises(DataError, match=message):
        ExplicitFolds.from_splitter(cv, X, Y)


def test_splitters_are_for_data_in_memory(tmp_path):
    frame = pd.DataFrame({"x": X[:, 0], "y": Y})
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"KFold.*'group'"):
        make_folds(KFold(5), open_dataset(tmp_path / "a.parquet", target="y"))
    short = open_dataset((X[:50], Y[:50]))
    with pytest.raises(DataError, match="90 rows and the data has 50"):
        make_folds(ExplicitFolds.from_splitter(KFold(3), X), short)
