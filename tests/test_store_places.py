"""The laws of a place for blobs, held by every place that there is: a directory, and a bucket behind a cache."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import forked
import pytest
from endpoints import BUCKET, environment
from obstore.store import MemoryStore

import state_store
from state_store import lease
from state_store.address import Address
from state_store.backend import Backend
from state_store.bucket import Bucket
from state_store.cache import Cache
from state_store.errors import InvalidName
from state_store.local import LocalBackend
from state_store.location import open_location
from state_store.remote import RemoteBackend

LEAF, OTHER = "leaves/" + "ab" * 8 + "/" + "cd" * 8, "leaves/" + "ab" * 8 + "/" + "ef" * 8
VERBS = {name for name in vars(Backend) if not name.startswith("_")}


@dataclass
class Place:
    """A place that several homes share; ``location`` opens it in other processes too, if it can be."""

    kind: type
    at: Callable[[str], Backend]
    location: str = ""
    homes: Path = Path()

    def __call__(self, home: str = "mine") -> Backend:
        return self.at(home)


def directory(tmp_path: Path) -> Place:
    root = tmp_path / "store"
    root.mkdir()
    return Place(LocalBackend, lambda home: LocalBackend(root), str(root), tmp_path)


def memory(tmp_path: Path) -> Place:
    bucket = Bucket(Address("s3", "team"), MemoryStore())

    def at(home: str) -> Backend:
        (tmp_path / home).mkdir(exist_ok=True)
        return RemoteBackend(bucket, Cache(tmp_path / home))

    return Place(RemoteBackend, at)


def bucket(tmp_path: Path) -> Place:
    location = f"s3://{BUCKET}/{tmp_path.name}"
    return Place(RemoteBackend, lambda home: open_location(location, tmp_path / home), location, tmp_path)


PLACES = {"directory": directory, "memory": memory, "bucket": bucket}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if request.param == "bucket":
        for name, value in environment(request.getfixturevalue("endpoint")).items():
            monkeypatch.setenv(name, value)
    return PLACES[request.param](tmp_path)


def test_every_kind_of_place_is_held_to_the_laws(tmp_path):
    found = set()
    for module in pkgutil.iter_modules(state_store.__path__):
        classes = inspect.getmembers(importlib.import_module(f"state_store.{module.name}"), inspect.isclass)
        found |= {kind for _, kind in classes if kind is not Backend and all(hasattr(kind, v) for v in VERBS)}
    (tmp_path / "b").mkdir()
    assert found == {make(tmp_path / "b" if make is directory else tmp_path).kind for make in PLACES.values()}


def test_of_what_is_not_there_nothing_is_known(place):
    here = place()
    assert here.read(LEAF) is here.read(LEAF, 10) is here.stat(LEAF) is None
    assert here.delete(LEAF) is False
    assert list(here.names("leaves")) == []
    here.touch(LEAF)
    assert here.read(LEAF) is None


def test_what_was_written_last_is_read_everywhere(place):
    here, there = place("mine"), place("yours")
    here.write(LEAF, b"one")
    assert here.read(LEAF) == there.read(LEAF) == b"one"
    there.write(LEAF, b"three")
    assert here.read(LEAF) == there.read(LEAF) == place("new").read(LEAF) == b"three"
    assert here.stat(LEAF).bytes == 5
    assert there.delete(LEAF) is True
    assert here.read(LEAF) is there.read(LEAF) is here.stat(LEAF) is None


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 6_000_001])
def test_the_beginning_is_that_of_the_whole(place, size):
    data = bytes(range(256)) * (size // 256 + 1)
    here, there = place("mine"), place("yours")
    here.write(LEAF, data[:size])
    for home in (there, here, there):  # from the bucket, from what was kept at writing, from what may be kept now
        for limit in (1, 4096, 10**7):
            assert home.read(LEAF, limit) == data[: min(limit, size)]
    assert there.read(LEAF) == here.read(LEAF) == data[:size]
    assert there.read(LEAF, 4096) == data[: min(4096, size)]


def test_of_all_who_create_one_does_and_all_read_what_it_wrote(place):
    homes, barrier = [place(f"home{i}") for i in range(8)], threading.Barrier(8)

    def create(home: Backend, mine: bytes) -> bool:
        barrier.wait()
        return home.create(LEAF, mine)

    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(create, homes, [b"%d" % i for i in range(8)]))
        assert sum(won) == 1
        assert {bytes(home.read(LEAF)) for home in homes} == {b"%d" % won.index(True)}
        assert homes[0].delete(LEAF)


def test_names_are_sorted_by_their_parts_and_those_below_the_folder_alone(place):
    here = place()
    names = ["leaves/ab/x", "leaves/ab-c/x", "leaves/ab/y", "leaves/abc/x", "packs/ab/x", "documents/pilots/x"]
    for i, name in enumerate(names):
        here.write(name, b"." * i)
    found = dict(here.names("leaves"))
    assert list(found) == ["leaves/ab/x", "leaves/ab/y", "leaves/ab-c/x", "leaves/abc/x"]
    assert [stat.bytes for stat in found.values()] == [0, 2, 1, 3]
    assert [name for name, _ in here.names("leaves/ab")] == ["leaves/ab/x", "leaves/ab/y"]
    assert [name for name, _ in here.names("documents")] == ["documents/pilots/x"]


def test_a_use_is_later_than_the_write(place):
    here, began = place(), time.time()
    here.write(LEAF, b"one")
    written = dict(here.names("leaves"))[LEAF].last_used
    here.read(LEAF)
    here.touch(LEAF)
    assert began - 5 < written <= dict(here.names("leaves"))[LEAF].last_used < time.time() + 5


@pytest.mark.parametrize("name", ["../x", "/x", "leaves//x", "a/b/c/d/e", "Leaves/x", ".x", "", "leaves/x\n"])
def test_a_name_that_is_none_is_refused_by_every_verb(place, name):
    here = place()
    verbs = (here.read, here.stat, here.touch, here.delete, lambda n: list(here.names(n)), lambda n: here.write(n, b""))
    for verb in (*verbs, lambda n: here.create(n, b"")):
        with pytest.raises(InvalidName):
            verb(name)


def test_one_holds_a_lock_and_the_others_wait(place):
    inside, most, homes = [], [], [place(f"home{i % 2}") for i in range(4)]

    def work(home: Backend) -> None:
        for _ in range(3):
            with home.lock(LEAF):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.01)
                inside.pop()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, homes))
    assert most == [1] * 12


def test_a_lock_is_given_back_whatever_happens_and_others_are_free(place):
    here, there = place("mine"), place("yours")
    with pytest.raises(ZeroDivisionError), here.lock(LEAF), there.lock(OTHER):
        _ = 1 / 0
    with there.lock(LEAF), here.lock(OTHER):
        pass


HOLD = textwrap.dedent("""
    import sys, time
    from state_store.location import open_location

    with open_location(sys.argv[1], sys.argv[2]).lock(sys.argv[3]):
        print("held", flush=True)
        time.sleep(600)
""")


@pytest.mark.parametrize("home", ["mine", "yours"])
def test_a_killed_holder_hands_the_lock_on(place, home, monkeypatch):
    if not place.location:
        pytest.skip("a store in memory is one process's own")
    monkeypatch.setattr(lease, "STALE", 1.0)
    monkeypatch.setattr(lease, "BEAT", 0.2)
    command = [sys.executable, "-c", HOLD, place.location, str(place.homes / "mine"), LEAF]
    holder = forked.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    here = place(home)
    holder.kill()
    holder.communicate()
    began = time.monotonic()
    with here.lock(LEAF):
        waited = time.monotonic() - began
    assert waited < 10
    assert (waited > 1) == (home == "yours" and place.kind is RemoteBackend)


def test_a_holder_that_lives_is_not_robbed(place, monkeypatch):
    monkeypatch.setattr(lease, "STALE", 0.5)
    monkeypatch.setattr(lease, "BEAT", 0.1)
    here, there, order = place("mine"), place("yours"), []

    def take() -> None:
        with there.lock(LEAF):
            order.append("yours")

    with here.lock(LEAF):
        waiting = threading.Thread(target=take)
        waiting.start()
        time.sleep(1.5)
        order.append("mine")
    waiting.join(10)
    assert order == ["mine", "yours"]


def test_sweeping_removes_old_locks_and_no_blob(place):
    here = place()
    here.write(LEAF, b"one")
    here.write("locks/left", b"{}")
    if place.kind is LocalBackend:
        here.path("locks/left").rename(here.path("locks/left.lock"))
    assert here.sweep(time.time() - 3600, dry_run=False) == []
    assert len(here.sweep(time.time() + 60, dry_run=True)) == 1
    assert len(here.sweep(time.time() + 60, dry_run=False)) == 1
    assert here.sweep(time.time() + 60, dry_run=False) == []
    assert here.read(LEAF) == b"one"
