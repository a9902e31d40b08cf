"""Leaves of neighbours in one blob: each is got, listed and covered alone; they are damaged, evicted, carried together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import forked
import numpy as np
import pytest

from state_store import Key, Member, StateStore, digest, export_states, import_states
from state_store.errors import DamagedStateWarning, UnstorableValue
from state_store.gc import gc
from state_store.verify import verify

CONTEXT, OTHER = digest("context"), digest("another context")


@dataclass(frozen=True)
class Sample:
    rows: int
    share: float
    name: str
    scatter: np.ndarray
    kept: np.ndarray = field(metadata={"varies": True})
    inner: np.ndarray = field(metadata={"varies": True, "sides": True})


LIKE = Sample(0, 0.0, "", np.zeros((12, 12), order="F"), np.zeros((0, 3), np.float32), np.zeros((0, 0)))


def sample(i: int) -> Sample:
    rng = np.random.default_rng(i)
    half = rng.normal(size=(12, 12))
    inner = half[: i % 5, : i % 5]
    kept = rng.normal(size=(i, 3)).astype(np.float32)
    return Sample(i, np.inf if i == 2 else i / 3, f"s{i}", half + half.T, kept, inner + inner.T)


def segment(i: int) -> str:
    return digest(["segment", i])


def members(*numbers: int) -> list[Member]:
    return [
        Member(segment(i), sample(i), {"summary": "sample", "rows": i, "pilot": "abcd1234"}) for i in numbers
    ]


def same(a: Sample, b: Sample) -> bool:
    pairs = ((a.scatter, b.scatter), (a.kept, b.kept), (a.inner, b.inner))
    equal = all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in pairs)
    return equal and (a.rows, a.share, a.name) == (b.rows, b.share, b.name)


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return StateStore(tmp_path / "store")


@pytest.fixture
def packed(store):
    store.put_pack(CONTEXT, members(0, 1, 2, 3, 4))
    return store


def packs(store: StateStore) -> list[Path]:
    return [p for p in (store.location / "packs").rglob("*") if p.is_file()]


def test_each_state_comes_back_as_it_was_put(packed):
    found = packed.get_many(CONTEXT, [segment(i) for i in (3, 0, 9, 2)], LIKE)
    assert list(found) == [segment(i) for i in (3, 0, 2)]
    assert all(same(found[segment(i)], sample(i)) for i in (3, 0, 2))
    assert same(packed.get(Key(CONTEXT, segment(4)), LIKE), sample(4))
    assert packed.get(Key(OTHER, segment(4)), LIKE) is None
    assert found[segment(3)].scatter.flags.fnc, "in the memory order of the template"


def test_a_pack_is_one_blob_under_one_lock_with_one_wait(store, monkeypatch):
    synced, locks = [], []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(fd))
    lock = type(store.backend).lock
    monkeypatch.setattr(type(store.backend), "lock", lambda self, name: (locks.append(name), lock(self, name))[1])
    with store.flights(CONTEXT, [segment(i) for i in range(40)]) as cover:
        store.put_pack(CONTEXT, members(*range(40)))
    assert len(cover.missing) == 40
    assert len(packs(store)) == len(list(store.blobs())) == len(locks) == 1
    assert len(synced) <= 4, "the file, its directory, and directories that are new"


def test_the_store_tells_what_is_in_a_pack_without_reading_it(packed):
    key = Key(CONTEXT, segment(3))
    assert packed.has(key) and not packed.has(Key(CONTEXT, segment(9)))
    assert packed.about(key) == {"summary": "sample", "rows": 3, "pilot": "abcd1234"}
    assert packed.cover(CONTEXT, [segment(9), segment(1)]).missing == (segment(9),)
    with packed.flights(CONTEXT, [segment(1), segment(9)]) as cover:
        assert (cover.found, cover.missing) == ((segment(1),), (segment(9),))
    entries = packed.list()
    assert {e.key.segment for e in entries} == {segment(i) for i in range(5)}
    assert [e.about["rows"] for e in sorted(entries, key=lambda e: e.about["rows"])] == [0, 1, 2, 3, 4]
    assert sum(e.bytes for e in entries) == packed.total_bytes == packs(packed)[0].stat().st_size
    assert "5 leaves of 1 context, 0 documents" in repr(packed)


def test_another_process_finds_a_pack_that_came_later(store):
    other = StateStore(store.location)
    assert not other.has(Key(CONTEXT, segment(1)))
    store.put_pack(CONTEXT, members(1, 2))
    assert other.has(Key(CONTEXT, segment(1)))
    store.put_pack(CONTEXT, members(5, 6))
    assert other.get(Key(CONTEXT, segment(6)), LIKE).rows == 6


def test_a_pack_takes_far_fewer_bytes_than_its_leaves_apart(packed, tmp_path):
    apart = StateStore(tmp_path / "apart")
    for one in members(0, 1, 2, 3, 4):
        apart.put(Key(CONTEXT, one.segment), one.state, one.about)
    assert packed.total_bytes < apart.total_bytes


def test_states_of_several_layouts_are_no_pack(store):
    with pytest.raises(UnstorableValue, match="one layout"):
        store.put_pack(CONTEXT, [Member(segment(0), 1.5, {}), Member(segment(1), np.ones(2), {})])
    with pytest.raises(UnstorableValue, match="one type"):
        store.put_pack(CONTEXT, [Member(segment(0), np.ones((2, 2)), {}), Member(segment(1), np.ones(2), {})])
    assert not packs(store)


@pytest.mark.parametrize("where", [10, 200, 0.5, 0.9, -1])
def test_every_damage_is_noticed_and_the_leaves_are_missing(packed, where):
    (path,) = packs(packed)
    data = bytearray(path.read_bytes())
    data[int(where * len(data)) if isinstance(where, float) else where] ^= 1
    path.write_bytes(data)
    fresh = StateStore(packed.location)
    with pytest.warns(DamagedStateWarning, match="recomputed"):
        assert not fresh.get_many(CONTEXT, [segment(1), segment(2)], LIKE)
    assert fresh.cover(CONTEXT, [segment(1)]).missing and not packs(fresh)
    assert len(list((fresh.location / "quarantine").iterdir())) == 1


def test_a_leaf_that_is_in_another_blob_too_survives_damage(packed):
    (first,) = packs(packed)
    packed.put_pack(CONTEXT, members(1, 7))
    packed.put(Key(CONTEXT, segment(3)), sample(3), {"rows": 3})
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)
    with pytest.warns(DamagedStateWarning):
        found = StateStore(packed.location).get_many(CONTEXT, [segment(i) for i in (1, 2, 3)], LIKE)
    assert sorted(s.rows for s in found.values()) == [1, 3]


def test_a_pack_of_another_layout_is_set_aside(packed):
    with pytest.warns(DamagedStateWarning, match="has no '0'"):
        assert packed.get(Key(CONTEXT, segment(1)), (0, np.zeros(2))) is None
    assert not packs(packed)


def test_verify_reads_packs(packed):
    assert (verify(packed).good, verify(packed).ok) == (1, True)
    (path,) = packs(packed)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.warns(DamagedStateWarning):
        assert [name for name, _ in verify(packed).bad] == [str(path.relative_to(packed.location))]


def test_a_pack_is_evicted_whole_and_least_recently_used_first(packed):
    packed.put_pack(CONTEXT, members(5, 6))
    packed.put_document("pilots", "abcd1234", {}, {})
    old, young = sorted(packs(packed), key=lambda p: -p.stat().st_size)
    os.utime(old, (0, 1000))
    removed = gc(packed, max_bytes=young.stat().st_size + 2000)
    assert [name for name, _ in removed.leaves] == [str(old.relative_to(packed.location))]
    assert packs(packed) == [young]
    assert {e.key.segment for e in packed.list()} == {segment(5), segment(6)}
    assert removed.bytes_left == packed.total_bytes
    assert packed.documents(), "the leaves that stay refer to it"


def test_reading_a_leaf_is_a_use_of_its_pack(packed):
    (path,) = packs(packed)
    os.utime(path, (0, 1000))
    packed.get(Key(CONTEXT, segment(1)), LIKE)
    assert path.stat().st_mtime > time.time() - 60


def test_what_is_pinned_or_kept_holds_its_whole_pack(packed):
    assert not gc(packed, max_bytes=0, keep=[Key(CONTEXT, segment(3))]).leaves
    packed.pin(CONTEXT)
    assert not gc(packed, max_bytes=0).leaves
    packed.unpin(CONTEXT)
    assert gc(packed, max_bytes=0, dry_run=True).leaves and len(packs(packed)) == 1
    assert gc(packed, max_bytes=0).leaves and not packs(packed)


def test_packs_are_exported_by_context_and_imported(packed, tmp_path):
    packed.put_pack(OTHER, members(5, 6))
    packed.put_document("pilots", "abcd1234", {}, {})
    made = export_states(packed, tmp_path / "some.zip", [CONTEXT])
    assert (made.leaves, made.documents) == (5, 1)
    there = StateStore(tmp_path / "there")
    assert import_states(there, made.path).added == 2
    assert import_states(there, made.path).present == 2
    assert same(there.get(Key(CONTEXT, segment(3)), LIKE), sample(3))
    assert not there.has(Key(OTHER, segment(5)))


WRITER = """
import sys, numpy as np
from state_store import Member, StateStore, digest
store = StateStore(sys.argv[1])
for i in range(10**6):
    states = [Member(digest([i, j]), np.full(2000, float(j)) + np.arange(2000) ** 0.5, {}) for j in range(20)]
    store.put_pack("ab" * 20, states)
    print(i, flush=True)
"""


def test_a_writer_killed_at_any_time_leaves_whole_packs(store):
    for after in (1, 3):
        process = forked.Popen(
            [sys.executable, "-c", WRITER, str(store.location)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(after):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert verify(store).ok
        there = {e.key.segment for e in store.list()}
        assert len(there) >= 20 * after and len(there) % 20 == 0
        found = store.get_many("ab" * 20, sorted(there), np.zeros(2000))
        assert found.keys() == there
