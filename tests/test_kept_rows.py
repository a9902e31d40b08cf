"""Leaves that are stored as the rows which they are made of: the same states, in fewer bytes than the rows."""

from __future__ import annotations

import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array
from terminal import hpo as run
from test_coded import drawn
from test_every_algorithm import asked_of, data_for, searched_of

import hpo
from algorithms import registry
from algorithms.batches import Batch, Column, Shape, SparseBatch
from algorithms.row_arrays import Piece, arrays_of
from algorithms.row_batches import pieces_of
from hpo.states import kept_rows, passes
from state_store import DamagedStateWarning, Key, StateStore, encode_blob

RNG = np.random.default_rng(26)


def values_of(batch):
    """Everything that a batch says."""
    beside = {name: values.tolist() for name, values in batch.beside(slice(None)).items()}
    present = None if batch.present is None else batch.present.tolist()
    return type(batch), batch.values.dtype, batch.values.tobytes(), batch.values.shape, present, batch.d, beside


def plain(rng, n):
    kinds = rng.integers(0, 6, 8)
    columns = [
        rng.integers(0, 2, n), rng.integers(0, 256, n), rng.integers(-300, 300, n), rng.normal(size=n).astype(np.float32),
        rng.normal(size=n), np.where(rng.random(n) < 0.3, -0.0, 0.0),
    ]  # fmt: skip
    codes = rng.integers(0, 5, n)
    values = np.column_stack([*(columns[kind] for kind in kinds), codes[:, None] == np.arange(4)])
    return Batch(np.asfortranarray(values, rng.choice([np.float32, np.float64])), 11)


def sparse(rng, n):
    matrix = csr_array(random_array((n, 11), density=0.2, rng=rng)).astype(rng.choice([np.float32, np.float64]))
    return SparseBatch(matrix, rng.normal(size=(n, 1)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["plain", "sparse", "coded"]), st.booleans())
def test_batches_come_back_bit_by_bit(seed, form, beside):
    rng = np.random.default_rng(seed)
    batch, shape = drawn(seed) if form == "coded" else ({"plain": plain, "sparse": sparse}[form](rng, 40), None)
    if shape is None:
        shape = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(11)), ("y",))
    if beside:
        batch = batch.but(
            weight=rng.random(batch.n), priority=rng.integers(0, 2**63, batch.n).astype(np.uint64),
            clock=rng.random(batch.n), series=rng.integers(0, 9, batch.n).astype(np.uint64), number=np.arange(batch.n),
        )  # fmt: skip
    parts = [(4, batch.part(slice(0, 17))), (0, batch.part(slice(17, 18))), (4, batch.part(slice(18, batch.n)))]
    if form == "plain":
        some = [0, 3, 11]
        parts.insert(1, (2, Batch(batch.values[:7, some], 11, present=np.array(some)).but(**batch.beside(slice(0, 7)))))
    arrays = arrays_of([Piece.of(cell, part) for cell, part in parts])
    assert all(array.ndim == 1 for array in arrays.values())
    found = list(pieces_of(arrays, shape, 5))
    assert [cell for cell, _ in found] == [cell for cell, _ in parts]
    assert [values_of(each) for _, each in found] == [values_of(part) for _, part in parts]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_arrays_that_do_not_fit_together_are_refused(data):
    batch, shape = drawn(5)
    arrays = arrays_of([Piece.of(1, batch.part(slice(0, 50))), Piece.of(2, batch.part(slice(50, batch.n)))])
    name = data.draw(st.sampled_from(["pieces", "places", "codes", "table_columns", "d", "looks", "levels", "values3", "steps"]))
    wrong = dict(arrays)
    if name == "steps" or not len(wrong[name]):
        wrong.pop(name)
    elif data.draw(st.booleans()):
        wrong[name] = wrong[name][:-1]
    else:
        wrong[name] = wrong[name].copy()
        wrong[name][data.draw(st.integers(0, len(wrong[name]) - 1)) if name != "pieces" else 0] = 10**4
    if name == "values3" and len(wrong[name]) == len(arrays[name]):
        return  # another number, and no way to tell
    with pytest.raises(ValueError, match=r"fit together|reshape|broadcast|dimension"):
        list(pieces_of(wrong, shape, 5))


@pytest.fixture
def always(monkeypatch):
    """Every leaf is stored as its rows, whatever takes less; returns the leaves that were opened."""
    real, opened = kept_rows.opened, []

    def opening(leaf, *args):
        opened.append(bool(leaf.kept))
        return real(leaf, *args)

    monkeypatch.setattr(kept_rows.Keeping, "of", lambda ready, *_, whole: kept_rows.Keeping(1 << 40 if whole else -1))
    monkeypatch.setattr(passes, "smaller", lambda leaf, _: leaf)
    monkeypatch.setattr(kept_rows, "opened", opening)
    return opened


def one_of_each_summary():
    """The first algorithm of each kind of state, by discovery."""
    found = {}
    for name in registry.names():
        found.setdefault(type(registry.get(name)().summary), name)
    return sorted(found.values())


def values(result):
    return [trial.value for trial in result.optuna_study.trials]


@pytest.mark.parametrize("name", one_of_each_summary())
def test_states_made_of_stored_rows_are_those_of_the_pass(name, always, tmp_path):
    frame, target = data_for(name)
    asked = {"algorithm": name, "trials": 1, "folds": 3, "seed": 1, "store": tmp_path, **asked_of(name), **searched_of(name)}
    first = hpo.tune(frame, target, **asked)
    assert not always
    again = hpo.tune(frame, target, **asked)
    assert again.cost.rows_read == 0
    assert all(always) and len(always) == len([leaf for leaf in StateStore(tmp_path).list() if "chain" not in leaf.about]) > 0
    assert values(first) == values(again)


def files(folder, frame, count):
    for i, rows in enumerate(np.array_split(np.arange(len(frame)), count)):
        frame.iloc[rows].to_parquet(folder / f"{i:02}.parquet", index=False)
    return str(folder / "*.parquet")


@pytest.mark.parametrize("beside", [{"weight": "w"}, {"half_life": 100.0}, {"folds": {"scheme": "group", "column": "g"}}], ids=["weight", "half_life", "groups"])
def test_weights_ages_and_coded_categories_are_kept_with_the_rows(beside, always, tmp_path):
    """Of categories of many levels the pass has codes alone."""
    n = 1500
    frame = pd.DataFrame({"k": RNG.integers(0, 30, n).astype(str), "x": RNG.normal(size=n), "g": np.arange(n) // 10})
    frame = frame.assign(w=RNG.random(n), y=RNG.normal(size=n) + frame["k"].astype(int))
    asked = {"algorithm": "ridge", "trials": 2, "folds": 3, "store": tmp_path / "s", **beside}
    asked["drop"] = [name for name in ("g", "w") if name not in str(beside.values())]
    path = files(tmp_path, frame, 3)
    first, again = (hpo.tune(path, "y", **asked) for _ in range(2))
    assert again.cost.rows_read == 0 and len(always) == 3 and all(always)
    assert values(first) == values(again)


def tables():
    """Tables whose rows take less than their sums, of a target that is a number, and of one that is a class."""
    n = 1000
    y, label = RNG.normal(size=n), RNG.integers(0, 10, n).astype(np.uint8)
    made = {
        "categories": {f"k{i}": RNG.integers(0, 40, n).astype(str) for i in range(6)},
        "levels": {"k": RNG.integers(0, 500, n).astype(str), "x": RNG.normal(size=n)},
        "bytes": {f"x{i}": RNG.integers(0, 256, n).astype(np.uint8) for i in range(60)},
        "columns": {f"x{i}": RNG.normal(size=n) for i in range(300)},
        "numbers": {f"x{i}": RNG.normal(size=n) for i in range(4)},
    }
    return {name: (pd.DataFrame(x).assign(y=y), pd.DataFrame(x).assign(y=label)) for name, x in made.items()}


TABLES = tables()
ALGORITHMS = {"ridge": 0, "pca": None, "lda": 1, "gaussian_nb": 1, "logistic": 1, "poisson": 0}
NO_MODEL = {("pca", "levels")}
"""Of which no trial has a score: levels that sum to one."""


@pytest.mark.parametrize(("rounds", "kept"), [(1, True), (2, False)])
def test_models_that_go_through_rows_again_and_again_are_stored_as_they_are(rounds, kept, tmp_path, capsys, monkeypatch):
    frame = pd.DataFrame({"k": RNG.integers(0, 10**6, 3000, np.int32), "y": RNG.integers(0, 9, 3000, np.uint8)})
    asked = {"algorithm": "linear_regressor", "hash_columns": ["k"], "trials": 1, "folds": 3, "store": tmp_path}
    asked["search"] = {"linear_regressor.epochs": rounds, "linear_regressor.losses": "huber"}
    first, again = (hpo.tune(frame, "y", **asked) for _ in range(2))
    assert again.cost.rows_read == 0 and values(first) == values(again)
    [leaf] = [leaf for leaf in StateStore(tmp_path).list() if "Packed" in leaf.about["summary"]]
    assert (leaf.bytes < 25_000) == kept
    shown = run(capsys, monkeypatch, "states", "show", leaf.key.context, "--store", tmp_path)
    assert ("(as rows)" in shown.out) == kept, shown.out


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_no_leaf_takes_more_than_the_file_that_it_came_from(name, table, count, tmp_path):
    kind = ALGORITHMS[name]
    frame = TABLES[table][kind or 0].iloc[: 200 if table == "columns" else None]
    frame = frame.assign(y=np.round(np.abs(frame["y"]) * 3)) if name == "poisson" else frame
    frame = frame.assign(y=frame["y"] % 2) if name == "logistic" else frame
    path = files(tmp_path, frame, count)
    asked = {"algorithm": name, "trials": 1, "folds": 5, "max_categories": 600, "store": tmp_path / "s"}
    with warnings.catch_warnings():
        if (name, table) in NO_MODEL:
            warnings.simplefilter("ignore", hpo.errors.NoScoreWarning)
        hpo.tune(path, None if kind is None else "y", **asked)
    sizes = {file.name: file.stat().st_size for file in tmp_path.glob("*.parquet")}
    leaves = [leaf for leaf in StateStore(tmp_path / "s").list() if "uri" in leaf.about]
    assert len(leaves) >= count
    for leaf in leaves:
        size = sizes[leaf.about["uri"].rpartition("/")[2]]
        assert leaf.bytes <= 1.1 * size + 4000, f"{leaf.about['summary']}: {leaf.bytes:,} of {size:,}"


def test_batches_share_their_tables_and_hold_none_of_levels():
    """Each batch of a pass has its levels in a table of its own, as large as their square."""
    batch, shape = drawn(3)
    again, _ = drawn(3)
    again = type(batch)(batch.dense_block, batch.columns, [batch.lookups[0], again.lookups[1]], batch.d, None, batch.priority)
    pieces = [Piece.of(0, batch), Piece.of(1, again)]
    assert all(one.lookups[1].table.strides == (0, 0) for one in pieces)
    arrays = arrays_of(pieces)
    assert len(arrays["table_shapes"]) == 2 * 3 and arrays["tables"].size == batch.lookups[0].table.size
    assert [x.values.tolist() for _, x in pieces_of(arrays, shape, 2)] == [batch.values.tolist()] * 2


def test_rows_that_make_no_sense_are_left_out_with_a_warning_and_read_again(always, tmp_path):
    frame, target = data_for("ridge")
    asked = {"algorithm": "ridge", "trials": 2, "folds": 3, "store": tmp_path}
    first = hpo.tune(frame, target, **asked)
    store = StateStore(tmp_path)
    [leaf] = store.list()
    key = Key(leaf.key.context, leaf.key.segment)
    blob = store.shelf.use(key.name, lambda blob: blob)
    arrays = {**blob.arrays, "kept.pieces": blob.arrays["kept.pieces"] + 1000}


    store.backend.write(key.name, encode_blob(arrays, blob.about, scalars=blob.scalars, name=key.name))
    with pytest.warns(DamagedStateWarning, match=r"is left out: "):
        again = hpo.tune(frame, target, **asked)
    assert again.cost.rows_read == len(frame)
    assert values(first) == values(again)


def test_what_a_site_sends_holds_no_rows_that_its_store_holds(always, tmp_path):
    frame = pd.DataFrame({"x": RNG.normal(size=60), "y": RNG.normal(size=60)})
    spec = hpo.StudySpec(
        name="trial", data=files(tmp_path, frame, 2), target="y", algorithm="ridge", folds={"scheme": "segment"},
        store=str(tmp_path / "s"),
    )  # fmt: skip
    hpo.export_site(spec, tmp_path / "site.zip", "north")
    with zipfile.ZipFile(tmp_path / "site.zip") as archive:
        data = b"".join(archive.read(name) for name in archive.namelist())
    assert b"kept." not in data
    assert not any(one.tobytes() in data for one in frame["x"].to_numpy())
