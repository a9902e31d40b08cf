"""The laws of dealt folds: even, each class everywhere, groups whole; the same in copies, and kept while data grows."""

from __future__ import annotations

import os
import re
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.model_selection import GroupKFold

import hpo
from hpo.data import make_folds, open_dataset
from hpo.errors import NoScoreWarning
from hpo.findings.noted import fold_words, without_score
from hpo.states.learned.deals import dealt, known_dealt
from hpo.states.learned.labels import classes_of
from state_store import StateStore
from studies.errors import StudyTaken

FEW = settings(max_examples=20, deadline=None)
SIZES = st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) >= 12)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """Return a function that gives a new directory: Hypothesis calls a test many times."""
    return lambda: tmp_path_factory.mktemp("dealing")


def table(rows: int, seed: int = 0, classes: int = 3, groups: int = 10) -> pd.DataFrame:
    """Rows of a number, a label of unlike frequencies, a group and a weight."""
    rng = np.random.default_rng(seed)
    label = np.minimum(rng.geometric(0.5, rows) - 1, classes - 1)
    return pd.DataFrame(
        {
            "x": rng.normal(size=rows), "y": rng.normal(size=rows), "k": label.astype(str),
            "g": rng.geometric(0.3, rows) % groups, "w": rng.uniform(1, 2, rows),
        }
    )  # fmt: skip


def write(frame: pd.DataFrame, sizes: list[int], folder: Path, ending: str = "parquet", first: int = 0) -> Path:
    """Write the frame's rows to files of those sizes."""
    folder.mkdir(exist_ok=True)
    edges = np.cumsum([0, *sizes])
    for i, (low, high) in enumerate(pairwise(edges), start=first):
        part = pa.Table.from_pandas(frame.iloc[low:high], preserve_index=False)
        if ending == "parquet":
            pq.write_table(part, folder / f"{i}.parquet")
        else:
            frame.iloc[low:high].to_csv(folder / f"{i}.csv", index=False)
    return folder


def assigned(data, folds, target: str, store: StateStore, *, batch_rows: int | None = None, seed: int = 0, **roles):
    """Return by segment the cell of each row, and the key of its states."""
    classify = target == "k"
    dataset = open_dataset(data, target=target, **roles)
    scheme = make_folds(folds, dataset, seed=seed, classify=classify)
    scheme = dealt(scheme, dataset, store, classes_of(dataset, store) if classify else ())
    columns = tuple(dict.fromkeys([*dataset.columns, *scheme.columns]))
    found = {}
    for segment in dataset.segments:
        assign, first, cells = scheme.assigner(segment), 0, [np.empty(0, np.uint16)]
        for batch in dataset.read(segment, columns, batch_rows):
            cells.append(assign(batch, first))
            first += batch.num_rows
        found[segment.place] = (np.concatenate(cells), scheme.key(segment))
    return found


def cells(found) -> np.ndarray:
    return np.concatenate([part for part, _ in found.values()])


def spread(counts: np.ndarray) -> int:
    return int(counts.max() - counts.min())


ASKED = [
    ("y", 5), ("k", 4), ("k", {"scheme": "kfold", "n_splits": 3}), ("y", {"scheme": "group", "column": "g"}),
    ("k", {"scheme": "stratified_group", "column": "g", "n_splits": 3}),
]  # fmt: skip


@FEW
@given(
    sizes=SIZES, n_splits=st.integers(2, 12), seed=st.integers(0, 9), ending=st.sampled_from(["parquet", "csv"])
)  # fmt: skip
def test_folds_of_rows_differ_by_one_in_all_and_in_every_file(sizes, n_splits, seed, ending, fresh):
    sizes = [size for size in sizes if size]
    frame = table(sum(sizes))
    found = assigned(write(frame, sizes, fresh(), ending), n_splits, "y", StateStore(fresh()), seed=seed)
    assert spread(np.bincount(cells(found), minlength=n_splits)) <= 1
    assert all(spread(np.bincount(part, minlength=n_splits)) <= 1 for part, _ in found.values())


@FEW
@given(sizes=SIZES, n_splits=st.integers(2, 6), seed=st.integers(0, 9), ending=st.sampled_from(["parquet", "csv"]))
def test_every_class_is_even_in_all_and_in_every_file(sizes, n_splits, seed, ending, fresh):
    sizes = [size for size in sizes if size]
    frame = table(sum(sizes), seed)
    frame.loc[:1, "k"] = ["0", "1"]
    if ending == "csv":
        frame["k"] = "c" + frame["k"]
    found = assigned(write(frame, sizes, fresh(), ending), n_splits, "k", StateStore(fresh()))
    edges = np.cumsum([0, *sizes])
    parts = [(frame["k"].to_numpy(), cells(found))]
    parts += [(frame["k"].to_numpy()[a:b], c) for (a, b), (c, _) in zip(pairwise(edges), found.values(), strict=True)]
    for labels, folds in parts:
        for label in np.unique(labels):
            counts = np.bincount(folds[labels == label], minlength=n_splits)
            assert spread(counts) <= 1
            assert counts.sum() < n_splits or counts.min() >= 1
    if len(sizes) == 1:
        assert spread(np.bincount(parts[0][1], minlength=n_splits)) <= 1


@FEW
@given(rows=st.integers(12, 200), n_splits=st.integers(2, 6), seed=st.integers(0, 9))
def test_frames_and_sparse_matrices_are_dealt_as_evenly(rows, n_splits, seed, fresh):
    frame = table(rows, seed)
    frame.loc[:1, "k"] = ["0", "1"]
    labels = frame["k"].to_numpy().astype(int)
    for data in (frame[["x", "k"]], (csr_array(frame[["x"]].to_numpy()), labels)):
        target = "k" if isinstance(data, pd.DataFrame) else None
        dataset = open_dataset(data, target=target)
        scheme = make_folds(n_splits, dataset, classify=True)
        store = StateStore(fresh())
        scheme = dealt(scheme, dataset, store, classes_of(dataset, store))
        [segment] = dataset.segments
        [batch] = dataset.read(segment, dataset.targets)
        found = scheme.assigner(segment)(batch, 0)
        assert spread(np.bincount(found, minlength=n_splits)) <= 1
        assert all(spread(np.bincount(found[labels == c], minlength=n_splits)) <= 1 for c in np.unique(labels))
        assert scheme.sizes.rows == tuple(np.bincount(found, minlength=n_splits))


@FEW
@given(sizes=SIZES, n_splits=st.integers(2, 4), seed=st.integers(0, 9), stratified=st.booleans())
def test_a_group_is_never_split_over_any_files(sizes, n_splits, seed, stratified, fresh):
    frame = table(sum(sizes), seed)
    frame.loc[:1, "k"] = ["0", "1"]
    scheme = {"scheme": "stratified_group" if stratified else "group", "column": "g", "n_splits": n_splits}
    found = cells(assigned(write(frame, sizes, fresh()), scheme, "k", StateStore(fresh()), seed=seed))
    assert all(len(np.unique(found[frame["g"] == group])) == 1 for group in frame["g"].unique())


@pytest.mark.parametrize("groups", [10, 16, 20, 37])
def test_groups_are_as_even_as_those_of_group_k_fold(groups, tmp_path):
    rng = np.random.default_rng(groups)
    frame = table(2_000)
    frame["g"] = rng.choice(groups, 2_000, p=rng.dirichlet(np.full(groups, 2.0)))
    store = StateStore(tmp_path / "store")
    ours = cells(assigned(frame, {"scheme": "group", "column": "g"}, "y", store, drop=["k"]))
    theirs = sorted(len(test) for _, test in GroupKFold(5).split(frame, groups=frame["g"]))
    assert sorted(np.bincount(ours, minlength=5)) == theirs


def test_rare_classes_reach_every_fold_that_their_groups_allow(tmp_path):
    rng, frame = np.random.default_rng(0), table(4_000, groups=200)
    frame["g"] = rng.integers(0, 200, 4_000)
    frame["k"] = np.where(frame["g"] < 10, "rare", "usual")
    asked = {"scheme": "stratified_group", "column": "g"}
    found = cells(assigned(frame, asked, "k", StateStore(tmp_path)))
    assert np.bincount(found[frame["k"] == "rare"], minlength=5).min() >= 30
    assert spread(np.bincount(found, minlength=5)) < 40


@pytest.mark.parametrize(("target", "folds"), ASKED)
def test_cells_do_not_depend_on_batches(target, folds, tmp_path):
    data, store = write(table(300), [200, 100], tmp_path / "data"), StateStore(tmp_path / "store")
    whole = assigned(data, folds, target, store)
    for rows in (1, 7, 64):
        again = assigned(data, folds, target, StateStore(tmp_path / f"store{rows}"), batch_rows=rows)
        assert np.array_equal(cells(whole), cells(again))


@pytest.mark.parametrize(("target", "folds"), ASKED)
@FEW
@given(sizes=SIZES, held_back=st.integers(0, 5))
def test_growing_and_shrinking_data_keeps_its_folds(sizes, held_back, target, folds, fresh):
    sizes = [size + 12 for size in sizes]
    frame = table(sum(sizes))
    whole, store = write(frame, sizes, fresh()), StateStore(fresh())
    files = sorted(whole.iterdir())
    late = files[held_back % len(files)]
    some = [str(file) for file in files if file != late]
    if not some or pd.concat([pd.read_parquet(file) for file in some])["k"].nunique() < 3:
        return
    before = assigned(some, folds, target, store)
    grown = assigned(whole, folds, target, store)
    if pd.read_parquet(late)["k"].isin(pd.read_parquet(some[0])["k"]).all() or target == "y":
        for place, (part, key) in before.items():
            assert np.array_equal(part, grown[place][0])
            assert key == grown[place][1]
    shrunk = assigned([str(file) for file in files[1:]] or [str(files[0])], folds, target, store)
    for place, (part, key) in shrunk.items():
        assert np.array_equal(part, grown[place][0])
        assert key == grown[place][1]


@pytest.mark.parametrize(("target", "folds"), ASKED)
def test_files_that_come_in_order_are_dealt_as_if_they_had_come_together(target, folds, tmp_path):
    if "group" in str(folds):
        pytest.skip("groups of later files join the smallest folds, whichever the earlier ones are in")
    frame, store = table(100), StateStore(tmp_path / "store")
    for i in range(4):
        grown = assigned(write(frame[: 25 * (i + 1)], [25] * (i + 1), tmp_path / "data"), folds, target, store)
    at_once = assigned(tmp_path / "data", folds, target, StateStore(tmp_path / "other"))
    assert np.array_equal(cells(grown), cells(at_once))


@pytest.mark.parametrize(("target", "folds"), ASKED)
@pytest.mark.parametrize("shared", [True, False])
def test_copies_and_touched_files_have_the_same_folds(target, folds, shared, tmp_path):
    data, store = write(table(90), [31, 20, 39], tmp_path / "data"), StateStore(tmp_path / "store")
    first = cells(assigned(data, folds, target, store))
    os.utime(data / "1.parquet", (0, 0))
    assert np.array_equal(first, cells(assigned(data, folds, target, store)))
    copy = shutil.copytree(data, tmp_path / "elsewhere" / "copy")
    other = store if shared else StateStore(tmp_path / "other")
    assert np.array_equal(first, cells(assigned(copy, folds, target, other)))
    for name in ("0", "1", "2"):
        os.utime(data / f"{name}.parquet", (1, 1))
    assert np.array_equal(first, cells(assigned(data, folds, target, other)))


@FEW
@given(sizes=SIZES, n_splits=st.integers(2, 5), holes=st.floats(0, 0.6))
def test_rows_that_do_not_count_unbalance_nothing(sizes, n_splits, holes, fresh):
    sizes = [size for size in sizes if size]
    rng, frame = np.random.default_rng(0), table(sum(sizes))
    frame.loc[rng.random(len(frame)) < holes, "y"] = np.nan
    frame.loc[rng.random(len(frame)) < holes, "w"] = 0.0
    used = (frame["y"].notna() & (frame["w"] > 0)).to_numpy()
    found = assigned(write(frame, sizes, fresh()), n_splits, "y", StateStore(fresh()), weight="w")
    edges = np.cumsum([0, *sizes])
    for (low, high), (part, _) in zip(pairwise(edges), found.values(), strict=True):
        assert spread(np.bincount(part[used[low:high]], minlength=n_splits)) <= 1
    frame["k"] = np.where(rng.random(len(frame)) < holes, None, frame["k"])
    frame.loc[:1, "k"], frame.loc[:1, "w"] = ["0", "1"], 1.0
    used = (frame["k"].notna() & (frame["w"] > 0)).to_numpy()
    for scheme in (n_splits, {"scheme": "group", "column": "g", "n_splits": n_splits}):
        asked = assigned(write(frame, sizes, fresh()), scheme, "k", StateStore(fresh()), weight="w")
        if isinstance(scheme, int):
            counts = pd.crosstab(frame["k"][used], cells(asked)[used])
            assert (counts.max(axis=1) - counts.reindex(columns=range(n_splits), fill_value=0).min(axis=1)).max() <= 1


@pytest.mark.parametrize(("target", "folds"), ASKED)
def test_a_further_file_is_read_alone_and_a_lost_one_costs_nothing(target, folds, tmp_path):
    frame, data = table(400).drop(columns=["k"] if target == "y" else ["y"]), tmp_path / "data"
    how = {
        "target": target, "algorithm": "ridge" if target == "y" else "knn_classifier", "folds": folds, "trials": 2,
        "store": tmp_path / "store",
    }  # fmt: skip
    write(frame[:300], [100] * 3, data)
    assert hpo.tune(data, **how).cost.rows_read == 300
    write(frame[300:], [100], data, first=3)
    grown = hpo.tune(data, **how)
    assert grown.cost.rows_read == 100
    (data / "0.parquet").unlink()
    assert hpo.tune(data, **how).cost.rows_read == 0
    (data / "2.parquet").unlink()
    assert hpo.tune(data, **how).cost.rows_read == 0


def test_what_is_counted_is_counted_once_and_as_the_pilots(tmp_path):
    data, store = write(table(90), [30] * 3, tmp_path / "data"), StateStore(tmp_path / "store")
    dataset = open_dataset(data, target="y", drop=["k"])
    asked = make_folds({"scheme": "group", "column": "g"}, dataset)
    assert known_dealt(asked, dataset, store).sizes is None
    assert dataset.log.pilot_rows == 0
    made = dealt(asked, dataset, store)
    assert dataset.log.pilot_rows == 90
    assert known_dealt(asked, dataset, store).sizes == made.sizes
    write(table(30), [30], data, first=3)
    grown = open_dataset(data, target="y", drop=["k"])
    dealt(asked, grown, store)
    assert (grown.log.pilot_rows, grown.log.rows) == (30, 0)


def test_the_order_of_the_rows_folds_is_random(tmp_path):
    found = cells(assigned(table(50_000), 5, "y", StateStore(tmp_path)))
    other = cells(assigned(table(50_000), 5, "y", StateStore(tmp_path), seed=1))
    assert abs((found == other).mean() - 0.2) < 0.01
    assert not (found.reshape(-1, 5) == np.arange(5)).all(axis=1).any() or (
        np.unique(found.reshape(-1, 5), axis=0, return_counts=True)[1] / 10_000
    ).max() < 0.02, "every order of five comes once in 120"


@pytest.mark.parametrize("seed", range(20))
def test_a_class_of_ten_rows_has_a_score_with_every_seed(seed):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), np.zeros(200, int)
    y[rng.choice(200, 10, replace=False)] = 1
    X[y == 1] += 1
    result = hpo.tune((X, y), algorithm="lda", trials=1, seed=seed, scoring="roc_auc", n_jobs=1, store=None)
    assert without_score(result.run) == ""
    assert [state.rows for state in result.best.states.test] == [40] * 5


def test_a_result_shows_the_sizes_of_its_folds_and_so_does_a_loaded_one(tmp_path):
    frame, where = table(203, classes=2), {"store": tmp_path / "store", "storage": tmp_path / "journal.log"}
    how = {"target": "k", "algorithm": "lda", "trials": 1, "drop": ["y", "w"], "name": "sizes", **where}
    result = hpo.tune(frame, **how, scoring="roc_auc", folds={"scheme": "stratified_group", "column": "g"})
    sizes = result.folds
    assert sizes["test_rows"].sum() == sizes["test_0"].sum() + sizes["test_1"].sum() == 203
    assert (sizes["train_rows"] + sizes["test_rows"] == 203).all()
    assert sizes["test_groups"].sum() == frame["g"].nunique()
    assert f"5 splits of {sizes['test_rows'].min()} to {sizes['test_rows'].max()} rows each" in repr(result)
    assert fold_words(result.run) in hpo.write_report(result).folds
    assert hpo.write_report(result).fold_sizes == sizes.reset_index().to_dict("records")
    assert hpo.load("sizes", **where).folds.equals(sizes)
    assert result.run.evidence.pilot.encoder.feature_names_in_.tolist() == ["x"], "the group is not a feature"
    named = hpo.tune(frame, "y", "ridge", features=["x", "g"], folds={"scheme": "group", "column": "g"}, trials=1)
    assert named.run.evidence.pilot.encoder.feature_names_in_.tolist() == ["x", "g"]


def test_a_plan_tells_the_sizes_as_far_as_they_are_known(tmp_path):
    data = write(table(442), [442], tmp_path / "data")
    asked = {"data": str(data), "store": str(tmp_path / "store"), "drop": ["w"]}
    plain = hpo.plan(hpo.StudySpec(**asked, target="y", algorithm="ridge"))
    assert plain.fold_sizes.rows == (89, 89, 88, 88, 88)
    spec = hpo.StudySpec(**asked, target="k", algorithm="lda", trials=1)
    assert hpo.plan(spec).fold_sizes is None
    hpo.tune(data, "k", "lda", trials=1, drop=["w"], store=tmp_path / "store")
    plan = hpo.plan(spec)
    assert (sum(plan.fold_sizes.rows), set(plan.fold_sizes.classes), plan.rows_to_read) == (442, {"0", "1", "2"}, 0)


def test_a_fold_without_a_class_is_named_with_what_helps():
    X, y = np.random.default_rng(0).normal(size=(200, 2)), np.zeros(200, int)
    y[:10] = 1
    halves = [(np.arange(0, 200, 2), np.arange(1, 200, 2)), (np.arange(60), np.arange(60, 200))]
    with pytest.warns(NoScoreWarning, match=r"split 2 of 2 has no row of the class 1 to test on \(10 rows in 1 fold\)"):
        result = hpo.tune((X, y), algorithm="lda", trials=1, scoring="roc_auc", folds=halves, store=None)
    assert "use folds={'scheme': 'stratified', 'n_splits': 2}" in without_score(result.run)
    y[3:] = 0
    with pytest.warns(NoScoreWarning, match=r"class 1 to test on \(3 rows in 3 folds\), fewer rows than there are folds"):
        hpo.tune((X, y), algorithm="lda", trials=1, scoring="roc_auc", store=None)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc_ovr"])
def test_a_score_that_a_class_is_lacking_for_names_it(scoring):
    X, y = np.random.default_rng(0).normal(size=(193, 2)), np.repeat(["no", "maybe", "yes"], [150, 40, 3])
    message = r"cannot be computed .* has no row of the class 'yes' to test on \(3 rows in 3 folds\), fewer rows than"
    with pytest.warns(NoScoreWarning, match=message):
        hpo.tune((X, y), algorithm="lda", trials=1, scoring=scoring, store=None)


def test_an_old_study_is_refused_with_what_differs(tmp_path):
    frame, where = table(60)[["x", "y"]], {"store": tmp_path / "store", "storage": tmp_path / "journal.log"}
    hpo.tune(frame, "y", "ridge", trials=1, name="old", **where)
    text = (tmp_path / "journal.log").read_text()
    assert ',"dealt":2' in text
    old = re.sub(r',"digest":"[0-9a-f]{16}"', "", text).replace(',"dealt":2', "")  # before lines had digests
    (tmp_path / "journal.log").write_text(old)
    with pytest.raises(StudyTaken, match="folds"):
        hpo.tune(frame, "y", "ridge", trials=2, name="old", **where)
    assert hpo.load("old", **where).best_params


@pytest.mark.parametrize("held", [1 << 23, 0], ids=["held", "looked up again"])
def test_groups_are_counted_once_a_run(held, tmp_path, monkeypatch):
    folder, looked = write(table(90), [30, 30, 30], tmp_path / "data"), []
    monkeypatch.setattr("hpo.states.learned.deals.HELD", held)
    get = StateStore.get_document

    def counting(self, kind, name):
        looked.append(kind)
        return get(self, kind, name)

    monkeypatch.setattr(StateStore, "get_document", counting)
    folds = []
    for times in (1, 2):
        looked.clear()
        dataset, store = open_dataset(folder, target="y", drop=["k"]), StateStore(tmp_path / "store")
        folds.append(dealt(make_folds({"scheme": "group", "column": "g"}, dataset), dataset, store))
        assert dataset.log.pilot_rows == (90 if times == 1 else 0)
        assert looked.count("groups") == (3 if held else 6)
    assert folds[0].sizes == folds[1].sizes
    assert [folds[0].key(s) for s in dataset.segments] == [folds[1].key(s) for s in dataset.segments]
