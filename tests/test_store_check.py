"""A place that lies is found out: creates that exclude nobody, and reads that lag behind."""

from __future__ import annotations

import itertools

import pytest
from endpoints import BUCKET, KEY, SECRET, environment
from terminal import hpo as command

from state_store import StateStore
from state_store.check import verify_place
from state_store.errors import StoreLocationError
from state_store.local import LocalBackend
from state_store.remote import RemoteBackend


@pytest.fixture
def location(proxy, tmp_path, monkeypatch):
    for name, value in environment(proxy.endpoint).items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture
def ask(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return lambda *args, **more: command(capsys, monkeypatch, *args, **more)


def test_a_bucket_with_conditional_writes_may_hold_a_store(ask, location, tmp_path):
    answer = ask("store", "check", location, "--json")
    assert (answer.code, answer.json["ok"], answer.json["faults"], answer.json["notes"]) == (0, True, [], [])
    assert (answer.json["races"], answer.json["writers"]) == (12, 8)
    assert 0 < answer.json["read"] < 1
    assert ask("store", "check", location).out.endswith("it may hold a store\n")
    assert KEY not in answer.out
    place = StateStore(f"{location}-another", tmp_path / "cache").backend
    assert list(place.bucket.list("")) == [] or [n for n, _ in place.bucket.list("")] == ["store.json"]


def test_one_that_accepts_both_creates_is_refused(ask, location, proxy, tmp_path):
    proxy.fault = lambda *_: "lie"
    answer = ask("store", "check", location)
    assert answer.code == 3
    assert "at the same time succeeds (12 of 12)" in answer.err
    assert "replaces what was changed in between" in answer.err
    with pytest.raises(StoreLocationError, match=r"cannot hold a store: .* at the same time succeeds \(both\)"):
        StateStore(location, tmp_path / "cache")
    assert SECRET not in answer.err


@pytest.mark.parametrize("fault", ["stale reads", "stale lists", "nobody wins", "undead"])
def test_other_lies_are_found_too(tmp_path, monkeypatch, fault):
    real = LocalBackend.read
    first: dict[str, bytes] = {}
    if fault == "stale reads":
        monkeypatch.setattr(LocalBackend, "read", lambda s, n, limit=None: first.setdefault(n, real(s, n, limit)))
    elif fault == "stale lists":
        monkeypatch.setattr(LocalBackend, "names", lambda self, folder: iter([]))
    elif fault == "undead":
        monkeypatch.setattr(LocalBackend, "delete", lambda self, name: True)
    else:
        monkeypatch.setattr("state_store.check._race", lambda location, copies, room: _nobody(room))
    words = {"stale reads": "written last", "stale lists": "list lacks", "nobody wins": "none succeeds", "undead": "still there"}
    found = verify_place(tmp_path)
    assert not found.ok
    assert any(words[fault] in text for text in found.faults)


def _nobody(room: str) -> dict[str, list[str]]:
    return {f"{room}/race-{i}": [] for i in range(12)}


def test_a_clock_that_is_off_is_reported(location, monkeypatch):
    stat = RemoteBackend.stat
    late = itertools.repeat(300.0)
    monkeypatch.setattr(
        RemoteBackend, "stat", lambda self, name: (s := stat(self, name)) and type(s)(s.bytes, s.last_used + next(late))
    )
    found = verify_place(location)
    assert found.ok
    assert "clock is" in found.notes[0]
    assert "ahead of" in found.notes[0]


def test_a_place_that_is_not_there_is_not_made(ask, location, tmp_path):
    for place, words in ((tmp_path / "gone", "no directory"), ("s3://nobody/x", "no bucket 'nobody'"), ("ftp://x/y", "not an address")):
        answer = ask("store", "check", place)
        assert (answer.code, answer.out) == (3, "")
        assert words in answer.err
    assert not (tmp_path / "gone").exists()
