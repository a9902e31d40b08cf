"""What a store keeps, lists, covers and refuses."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from state_store.blob import MAGIC, encode_blob
from state_store.errors import (
    InvalidName,
    StoreError,
    StoreLocationError,
    StoreReadError,
    StoreWriteError,
    UnstorableValue,
)
from state_store.key import Key, digest
from state_store.store import StateStore


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


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Make a directory refuse writes, for root too."""
    folder.rename(folder.with_name("moved"))
    folder.write_text("a file where a directory was")
    yield
    folder.unlink()
    folder.with_name("moved").rename(folder)


def test_what_was_put_is_got_and_nothing_else(store):
    store.put(key(1), mean(4), about={"rows": 4})
    back = store.get(key(1), LIKE)
    assert back.rows == 4
    np.testing.assert_array_equal(back.total, [4, 4, 4])
    assert store.get(key(2), LIKE) is None
    assert (store.has(key(1)), store.has(key(2))) == (True, False)
    assert (store.about(key(1)), store.about(key(2))) == ({"rows": 4}, None)
    assert visible(store) == [key(1).name, "store.json"]


def test_a_store_opened_again_has_what_was_put(store):
    store.put(key(1), mean(4))
    assert StateStore(store.location).get(key(1), LIKE).rows == 4


def test_a_put_replaces_what_was_there(store):
    store.put(key(1), mean(4))
    store.put(key(1), mean(5))
    assert store.get(key(1), LIKE).rows == 5
    assert len(store.list()) == 1


def test_an_about_longer_than_the_first_read_is_listed_whole(store):
    about = {"columns": [f"column {i}" for i in range(5000)]}
    store.put(key(1), mean(1), about)
    assert store.list()[0].about == about
    assert store.about(key(1)) == about


def test_the_list_tells_what_each_leaf_is_last_used_first(store):
    before = time.time()
    for i in range(3):
        store.put(key(i), mean(i), about={"uri": f"file-{i}"})
        os.utime(store.location / key(i).name, (0, 1000 + i))
    store.get(key(0), LIKE)
    store.pin(CONTEXT)
    entries = store.list()
    assert [entry.key for entry in entries] == [key(0), key(2), key(1)]
    assert entries[1].last_used == 1002
    assert all(before <= entry.created <= time.time() and entry.pinned for entry in entries)
    assert sum(entry.bytes for entry in entries) == store.total_bytes
    assert f"{key(0).context[:8]}…" in repr(entries[0])
    assert "uri='file-0'" in repr(entries[0])
    assert "pinned" in repr(entries[0])
    assert "3 leaves of 1 context, 0 documents" in repr(store)


def test_the_cover_keeps_the_order_and_counts_a_segment_once(store):
    segments = [digest(i) for i in range(6)]
    for i in (4, 1):
        store.put(key(i), mean(i))
    store.put(key(5, context=digest("other")), mean(5))
    cover = store.cover(CONTEXT, [segments[i] for i in (5, 4, 3, 4, 1, 5)])
    assert cover.found == (segments[4], segments[1])
    assert cover.missing == (segments[5], segments[3])
    assert not cover.complete
    assert store.cover(CONTEXT, [segments[1]]).complete
    with pytest.raises(InvalidName):
        store.cover(CONTEXT, ["../x"])
    with pytest.raises(InvalidName):
        store.cover("..", [])


def test_documents_are_kept_by_kind_and_name(store):
    for i, name in enumerate("ba"):
        store.put_document("pilots", digest(name), {"levels": np.arange(i)}, {"segments": [name]})
    store.put_document("encoders", digest("c"), {}, {"columns": ["x"]})
    assert store.get_document("pilots", digest("a")).about == {"segments": ["a"]}
    assert store.get_document("pilots", digest("a")).arrays["levels"].tolist() == [0]
    assert store.get_document("pilots", digest("c")) is None
    assert [d.name for d in store.documents("pilots")] == [digest("b"), digest("a")]
    assert [(d.kind, d.about) for d in store.documents("encoders")] == [("encoders", {"columns": ["x"]})]
    assert len(store.documents()) == 3
    assert store.list() == []
    assert "segments=['b']" in repr(store.documents()[0])


@pytest.mark.parametrize("kind", ["", "..", "Pilots", "a/b", "a.b", "pilots\n", "a" * 41, None])
@pytest.mark.parametrize("name", ["ok"])
def test_a_kind_that_is_no_word_is_refused(store, kind, name):
    for call in (
        store.get_document,
        lambda k, n: store.put_document(k, n, {}, {}),
        lambda k, n: store.documents(k or ""),
    ):
        with pytest.raises(InvalidName):
            call(kind, name)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".a", "A", "a\0", "a" * 101, None])
def test_a_name_that_could_lead_outside_is_refused(store, name):
    for call in (store.get_document, lambda k, n: store.put_document(k, n, {}, {})):
        with pytest.raises(InvalidName):
            call("pilots", name)
    with pytest.raises(InvalidName):
        store.pin(name)
    assert visible(store) == ["store.json"]


def test_a_file_or_a_remote_address_is_no_store(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreLocationError, match="is a file"):
        StateStore(tmp_path / "file")
    with pytest.raises(StoreWriteError, match="file/store"):
        StateStore(tmp_path / "file" / "store")
    with pytest.raises(StoreLocationError, match="not an address of a store"):
        StateStore("ftp://bucket/store")
    assert StateStore(f"file://{tmp_path}/store").location == tmp_path / "store"


def test_a_directory_that_cannot_be_written_is_named(store):
    store.put(key(1), mean(1))
    with unwritable(store.location / "leaves"), pytest.raises(StoreWriteError, match=key(1).name):
        store.put(key(1), mean(2))
    assert store.get(key(1), LIKE).rows == 1
    assert visible(store) == [key(1).name, "store.json"]


def test_a_blob_that_cannot_be_read_is_named_with_what_to_do(store):
    (store.location / key(1).name).mkdir(parents=True)
    with pytest.raises(StoreReadError, match=f"{key(1).name}.*delete it"):
        store.get(key(1), LIKE)


def test_a_store_travels_to_other_processes(store):
    store.put(key(1), mean(4))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(store.about, key(1)).result() == {}


def test_a_state_that_cannot_be_kept_leaves_no_trace(store):
    for state, about in ((object(), {}), (mean(1), {"x": float("nan")})):
        with pytest.raises(UnstorableValue):
            store.put(key(1), state, about)
    assert visible(store) == ["store.json"]


def test_threads_that_write_and_read_one_key_see_whole_states_only(store):
    store.put(key(1), mean(0))
    rounds, stop = 60, threading.Event()

    def read() -> int:
        seen = 0
        while not stop.is_set():
            state = store.get(key(1), LIKE)
            assert state.total.tolist() == [state.rows] * 3
            seen += 1
        return seen

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(6) as pool:
            readers = [pool.submit(read) for _ in range(3)]
            writers = [
                pool.submit(lambda w=w: [store.put(key(1), mean(w * rounds + i)) for i in range(rounds)])
                for w in range(3)
            ]
            for writer in writers:
                writer.result()
            stop.set()
            assert all(reader.result() > 0 for reader in readers)
    finally:
        sys.setswitchinterval(interval)
    assert visible(store) == [key(1).name, "store.json"]


def test_a_blob_carries_no_pickle_and_no_path(store):
    store.put(key(1), mean(1), {"rows": 1})
    data = (store.location / key(1).name).read_bytes()
    assert str(store.location).encode() not in data
    assert encode_blob({}, {})[:8] == data[:8] == MAGIC


def test_every_error_is_of_the_family():
    from state_store import errors

    members = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert all(issubclass(e, (StoreError, UserWarning)) for e in members)
