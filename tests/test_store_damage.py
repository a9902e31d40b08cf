"""What a store does with damage, with the future, and with files that are none of its own."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from xxhash import xxh3_64_digest, xxh3_128_digest

import hpo
from state_store.blob import FORMAT, HEAD, MAGIC, decode_blob, encode_blob
from state_store.errors import (
    DamagedStateWarning,
    NewerFormat,
    StoreLocationError,
    StoreVersionError,
)
from state_store.key import Key, digest
from state_store.store import StateStore
from state_store.verify import verify


@dataclass(frozen=True)
class Mean:
    rows: int
    total: np.ndarray


LIKE = Mean(0, np.zeros(3))
CONTEXT = digest("context")


def key(segment: int | str, context: str = CONTEXT) -> Key:
    return Key(context, digest(segment))


def mean(value: int) -> Mean:
    return Mean(value, np.full(3, float(value)))


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return StateStore(tmp_path / "deep" / "store")


def visible(store: StateStore) -> list[str]:
    return sorted(str(p.relative_to(store.location)) for p in store.location.rglob("*") if p.is_file())


def flip(path: Path, place: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


def test_a_damaged_leaf_is_set_aside_reported_and_can_be_put_again(store):
    store.put(key(1), mean(4), {"rows": 4})
    flip(store.location / key(1).name)
    with pytest.warns(
        DamagedStateWarning, match=rf"{key(1).name}.*checksum differs.*quarantine/.*recomputed"
    ) as seen:
        assert store.get(key(1), LIKE) is None
    assert seen[0].filename == __file__
    assert [name.split("/")[0] for name in visible(store)] == ["quarantine", "store.json"]
    assert not store.has(key(1))
    store.put(key(1), mean(5))
    assert store.get(key(1), LIKE).rows == 5


def test_a_leaf_of_another_layout_is_set_aside(store):
    store.put(key(1), mean(4))
    with pytest.warns(DamagedStateWarning, match=r"float64 \(3,\) where float64 \(7,\)"):
        assert store.get(key(1), Mean(0, np.zeros(7))) is None
    assert not store.has(key(1))


def test_a_leaf_moved_under_another_key_is_set_aside(store):
    store.put(key(1), mean(4))
    (store.location / key(1).name).rename(store.location / key(2).name)
    with pytest.warns(DamagedStateWarning, match=f"written as '{key(1).name}'"):
        assert store.get(key(2), LIKE) is None


def test_a_damaged_document_is_set_aside(store):
    store.put_document("pilots", "ab", {}, {})
    flip(store.location / "documents/pilots/ab")
    with pytest.warns(DamagedStateWarning, match="documents/pilots/ab"):
        assert store.get_document("pilots", "ab") is None
    assert store.documents() == []


def test_a_damaged_header_is_listed_as_such_and_set_aside_when_asked_about(store):
    store.put(key(1), mean(1))
    flip(store.location / key(1).name, 20)
    assert "unreadable: checksum of the header differs" in repr(store.list()[0])
    with pytest.warns(DamagedStateWarning):
        assert store.about(key(1)) is None
    assert store.list() == []


def test_an_empty_file_counts_as_damage(store):
    store.put(key(1), mean(1))
    (store.location / key(1).name).write_bytes(b"")
    assert store.list()[0].fault
    with pytest.warns(DamagedStateWarning, match=r"fewer bytes \(0\) than any blob"):
        assert store.get(key(1), LIKE) is None


def test_a_blob_mended_meanwhile_is_not_set_aside(store):
    store.put(key(1), mean(4))
    store.shelf.set_aside(key(1).name, b"what was read before", "checksum differs")
    assert store.get(key(1), LIKE).rows == 4


def test_damage_is_reported_even_where_it_cannot_be_set_aside(store):
    store.put(key(1), mean(4))
    flip(store.location / key(1).name)
    (store.location / "quarantine").write_text("in the way")
    with pytest.warns(DamagedStateWarning, match="could not be set aside"):
        assert store.get(key(1), LIKE) is None
    store.put(key(1), mean(5))
    assert store.get(key(1), LIKE).rows == 5


def test_a_blob_of_a_newer_version_is_left_alone(store):
    store.put(key(1), mean(4))
    front = HEAD.pack(MAGIC, FORMAT + 1, 0, 0)
    data = front + xxh3_64_digest(front)
    data += xxh3_128_digest(data)
    (store.location / key(1).name).write_bytes(data)
    for call in (lambda: store.get(key(1), LIKE), lambda: store.about(key(1))):
        with pytest.raises(NewerFormat, match="upgrade"):
            call()
    assert verify(store).newer == (key(1).name,)
    assert "upgrade" in store.list()[0].fault
    assert (store.location / key(1).name).read_bytes() == data


def test_a_store_of_a_newer_version_is_refused(store):
    (store.location / "store.json").write_text(json.dumps({"format": 2, "more": "things"}))
    with pytest.raises(StoreVersionError, match=r"format 2.*pip install --upgrade onepass-hpo"):
        StateStore(store.location)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": "1"}', '{"format": 0}', '{"format": true}', "\0"]
)
def test_a_damaged_store_file_is_refused_with_what_to_do(store, text):
    (store.location / "store.json").write_text(text)
    with pytest.raises(StoreLocationError, match=r"store\.json is damaged.*write"):
        StateStore(store.location)


def test_verify_reads_every_blob_and_sets_the_damaged_aside(store):
    for i in range(4):
        store.put(key(i), mean(i))
    store.put_document("pilots", "ab", {}, {})
    flip(store.location / key(2).name, 60)
    looked = verify(store, repair=False)
    assert (looked.good, looked.bad, looked.ok) == (4, ((key(2).name, "checksum differs"),), False)
    assert store.has(key(2))
    with pytest.warns(DamagedStateWarning, match=key(2).name):
        assert verify(store).bad == looked.bad
    mended = verify(store)
    assert (mended.good, mended.bytes, mended.ok) == (4, store.total_bytes, True)


def test_strange_files_in_the_directory_are_left_alone(store):
    store.put(key(1), mean(1))
    strange = [
        store.location / "leaves" / name for name in ("README", ".hidden", "ab", f"{CONTEXT}/Notes.txt")
    ]
    for path in strange:
        path.write_text("mine")
    assert [entry.key for entry in store.list()] == [key(1)]
    assert verify(store).good == 1
    assert all(path.read_text() == "mine" for path in strange)


SEALED = [
    ("pilots", {"encoder": 5}), ("pilots", {"encoder": {}}), ("pilots", {"segments": 5}), ("pilots", {"folds": []}),
    ("labels", {"labels": 3}), ("labels", {"rows": {}}), ("labels", {"labels": [[]], "rows": [1]}),
    ("deals", {"extra": 7}), ("deals", {"extra": {"a": 5}}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "change"), SEALED)
def test_a_sealed_document_that_makes_no_sense_is_set_aside_and_learned_anew(tmp_path, kind, change):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=200), "c": rng.choice(list("xyz"), 200)})
    frame["y"] = np.where(frame.a > 0.3, "yes", "no")
    frame.to_parquet(tmp_path / "a.parquet")

    def tune():
        options = {"trials": 1, "folds": 3, "store": tmp_path / "s", "progress": False}
        return hpo.tune(tmp_path / "a.parquet", "y", "lda", **options)

    before = tune()
    for path in (tmp_path / "s" / "documents" / kind).iterdir():
        blob = decode_blob(path.read_bytes())
        name = str(path.relative_to(tmp_path / "s"))
        path.write_bytes(encode_blob(blob.arrays, {**blob.about, **change}, scalars=blob.scalars, name=name))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert tune().best_value == before.best_value
    assert any("cannot be read as" in str(one.message) for one in caught)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tune().best_value == before.best_value
