"""What gc removes, in which order, and what it must keep."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from state_store.errors import DamagedStateWarning
from state_store.gc import gc
from state_store.key import Key, digest
from state_store.store import StateStore

DAY = 86400.0
PILOT, STALE = digest("pilot"), digest("stale pilot")


def key(segment: int, context: str = "context") -> Key:
    return Key(digest(context), digest(segment))


def age(store: StateStore, name: str, days: float) -> None:
    moment = time.time() - days * DAY
    os.utime(store.location / name, (moment, moment))


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    """Leaf i was last used i days ago; leaves 1 and 6 refer to the pilot."""
    store = StateStore(tmp_path / "store")
    for i in (3, 1, 4, 6, 5, 2):
        store.put(key(i), np.zeros(4), {"parts": [{"pilot": PILOT}]} if i in (1, 6) else {"parts": []})
        age(store, key(i).name, i)
    for name in (PILOT, STALE):
        store.put_document("pilots", name, {}, {})
        age(store, f"documents/pilots/{name}", 30)
    return store


def left(store: StateStore) -> set[int]:
    return {i for i in range(1, 7) if store.has(key(i))}


def test_without_limits_nothing_goes(store):
    assert gc(store).removed == ()
    assert left(store) == {1, 2, 3, 4, 5, 6}
    assert len(store.documents()) == 2


def test_the_least_recently_used_go_first_until_the_rest_fits(store):
    entries = {entry.key: entry.bytes for entry in store.list()}
    limit = store.total_bytes - entries[key(6)] - 1
    found = gc(store, max_bytes=limit)
    assert found.removed == (key(6).name, key(5).name)
    assert found.bytes == entries[key(6)] + entries[key(5)]
    assert found.bytes_left == store.total_bytes <= limit
    assert left(store) == {1, 2, 3, 4}


def test_a_store_that_fits_exactly_stays(store):
    assert gc(store, max_bytes=store.total_bytes).removed == ()


def test_a_use_saves_a_leaf(store):
    store.get(key(6), np.zeros(4))
    gc(store, max_age=timedelta(days=3, hours=12))
    assert left(store) == {1, 2, 3, 6}


def test_pins_keep_their_context_until_unpinned(store):
    store.put(key(1, "other"), np.zeros(4))
    age(store, key(1, "other").name, 50)
    store.pin(key(1).context)
    store.pin(key(1).context)
    assert [name for name, _ in gc(store, max_bytes=0, max_age=timedelta(0)).leaves] == [key(1, "other").name]
    assert left(store) == {1, 2, 3, 4, 5, 6}
    assert not store.has(key(1, "other"))
    store.unpin(key(1).context)
    store.unpin(key(1).context)
    gc(store, max_bytes=0)
    assert left(store) == set()


def test_documents_stay_while_a_kept_leaf_refers_to_them(store):
    assert gc(store, max_age=timedelta(days=10)).removed == (f"documents/pilots/{STALE}",)
    assert gc(store, max_age=timedelta(days=5, hours=12)).removed == (key(6).name,)
    assert [d.name for d in store.documents()] == [PILOT]
    found = gc(store, max_age=timedelta(hours=1))
    assert found.documents[0][0] == f"documents/pilots/{PILOT}"
    assert len(found.leaves) == 5


def test_documents_in_use_stay_without_leaves(store):
    store.get_document("pilots", STALE)
    gc(store, max_age=timedelta(hours=1))
    assert [d.name for d in store.documents()] == [STALE]


def test_a_dry_run_says_the_same_and_removes_nothing(store):
    before = sorted(p for p in store.location.rglob("*"))
    planned = gc(store, max_age=timedelta(days=4, hours=12), max_bytes=2000, dry_run=True)
    assert sorted(p for p in store.location.rglob("*")) == before
    assert "would remove" in repr(planned)
    done = gc(store, max_age=timedelta(days=4, hours=12), max_bytes=2000)
    assert (done.removed, done.bytes, done.bytes_left) == (planned.removed, planned.bytes, planned.bytes_left)
    assert done.bytes_left == store.total_bytes
    assert len(done.removed) > 2


def test_the_quarantine_goes_by_age(store):
    path = store.location / key(1).name
    path.write_bytes(b"damaged")
    with pytest.warns(DamagedStateWarning):
        store.get(key(1), np.zeros(4))
    aside = next((store.location / "quarantine").iterdir())
    assert gc(store, max_bytes=0).quarantine == ()
    age(store, f"quarantine/{aside.name}", 8)
    assert gc(store).quarantine == ()
    assert gc(store, max_age=timedelta(days=7)).quarantine == ((f"quarantine/{aside.name}", 7),)
    assert not aside.exists()


def test_directories_left_empty_go(store):
    gc(store, max_bytes=0, max_age=timedelta(0))
    assert sorted(p.name for p in store.location.rglob("*")) == ["documents", "leaves", "store.json"]


def test_files_that_are_none_of_the_stores_stay(store):
    strange = [
        store.location / "leaves" / "README",
        store.location / "mine.txt",
        store.location / "leaves" / "ab",
    ]
    for path in strange:
        path.write_text("mine")
        os.utime(path, (0, 0))
    gc(store, max_age=timedelta(0), max_bytes=0)
    assert all(path.exists() for path in strange)


@pytest.mark.parametrize("limits", [{"max_bytes": -1}, {"max_age": timedelta(days=-1)}])
def test_negative_limits_are_refused(store, limits):
    with pytest.raises(ValueError, match="negative"):
        gc(store, **limits)
