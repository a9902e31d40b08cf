"""Answers that fail, come late, or break off: asked for again a few times, then said in a sentence, and nothing lost."""

from __future__ import annotations

import sys
import threading
import time
from datetime import timedelta

import numpy as np
import pytest
from endpoints import BUCKET, KEY, SECRET, environment

import hpo
from hpo.errors import StoreWarning
from state_store import Key, StateStore, StoreError, bucket, digest, requests
from state_store.errors import StoreLocationError, StoreReadError, StoreWriteError
from state_store.location import open_location

NAME, LEAF = "leaves/" + "ab" * 8 + "/" + "cd" * 8, Key(digest("context"), digest(1))
PASSING = [500, 502, 503, 429, 409, 408, "reset", "truncate", "hang"]


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    backoff = {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=20), "base": 2}
    monkeypatch.setattr(bucket, "RETRIES", {**bucket.RETRIES, "backoff": backoff, "max_retries": 3})
    monkeypatch.setattr(bucket, "TIMES", {**bucket.TIMES, "read_timeout": timedelta(seconds=0.4)})
    monkeypatch.setattr(requests, "PAUSE", 0.01)


@pytest.fixture
def place(proxy, tmp_path, monkeypatch):
    for name, value in environment(proxy.endpoint).items():
        monkeypatch.setenv(name, value)
    return open_location(f"s3://{BUCKET}/{tmp_path.name}", tmp_path / "cache")


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_waited_for(place, proxy, fault):
    place.write("leaves/there", b"." * 5000)
    for verb in (
        lambda: place.write(NAME, b"x" * 5000),
        lambda: place.read(NAME) == b"x" * 5000,
        lambda: place.stat(NAME).bytes == 5000,
        lambda: place.read("leaves/there", 100) == b"." * 100,
        lambda: [name for name, _ in place.names("leaves")] == [NAME, "leaves/there"],
        lambda: place.create(NAME, b"y") is False,
        lambda: place.delete(NAME),
        lambda: place.create(NAME, b"z" * 5000),
        lambda: place.read(NAME) == b"z" * 5000,
    ):
        place.cache.drop(NAME)
        place.cache.drop("leaves/there")
        proxy.first(1 if fault == "hang" else 2, fault)
        assert verb() in (True, None)
    proxy.first(1, fault)
    with place.lock(NAME):
        pass
    proxy.fault = lambda *_: None
    assert list(place.names("locks")) == []


def test_an_answer_that_was_lost_is_not_taken_for_another_writer(place, proxy):
    """The first try of a create may have come through: its bytes are then found, and they are ours."""
    lost = iter([True])

    def lose(asked: str, path: str, count: int) -> str | None:
        return "lost" if asked == "PUT" and NAME in path and next(lost, False) else None

    proxy.fault = lose
    assert place.create(NAME, b"mine") is True
    assert place.read(NAME) == b"mine"
    assert place.create(NAME, b"mine too") is False


def test_a_lock_that_another_holds_is_waited_for_whatever_fails(place, proxy, tmp_path):
    """Where the service does not take a lease, and it is there, continuing would do the work of its holder again."""
    order: list[str] = []

    def refuse(method: str, path: str, count: int) -> int | None:
        return 503 if method == "PUT" and not order else None

    def take() -> None:
        with place.lock(NAME):
            order.append("second")

    leased = f"locks/{NAME.replace('/', '-')}"
    place.bucket.put(leased, b"{}")
    proxy.fault = refuse
    waiting = threading.Thread(target=take)
    waiting.start()
    time.sleep(1.5)
    order.append("first")
    place.bucket.delete(leased)
    waiting.join(20)
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [(503, "503 Service Unavailable"), (429, "429 Too Many Requests"), (409, "409 Conflict"), ("hang", "does not answer in time"),
     ("reset", "cannot be reached"), (403, "credentials may read and write"), (501, "501 Not Implemented")],
)  # fmt: skip
def test_what_stays_is_said_in_time(place, proxy, fault, words):
    place.write("leaves/there", b"1" * 100)
    place.cache.drop("leaves/there")
    proxy.fault = lambda *_: fault
    began = time.monotonic()
    for verb, kind in (
        (lambda: place.write(NAME, b"1"), StoreWriteError),
        (lambda: place.create(NAME, b"1"), StoreWriteError),
        (lambda: place.read("leaves/there"), StoreReadError),
        (lambda: list(place.names("leaves")), StoreReadError),
    ):
        seen = len(proxy.seen)
        with pytest.raises(kind, match=words) as caught:
            verb()
        assert len(proxy.seen) - seen <= 4 * (bucket.RETRIES["max_retries"] + 1)
        assert_plain(caught.value)
    assert time.monotonic() - began < 60
    proxy.fault = lambda *_: None
    assert place.read("leaves/there") == b"1" * 100


def assert_plain(error: Exception) -> None:
    text = str(error)
    assert KEY not in text
    assert SECRET not in text
    assert "http" not in text
    assert "Debug" not in text
    assert len(text) < 400


def test_what_was_computed_is_not_lost_where_it_cannot_be_stored(place, proxy, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))

    def refuse(method: str, path: str, count: int) -> int | None:
        return 403 if method == "PUT" and ("/leaves/" in path or "/packs/" in path) else None

    proxy.fault = refuse
    with pytest.warns(StoreWarning, match="Cannot write leaves/.*403 Forbidden"):
        result = hpo.tune((X, X @ [1.0, 2.0]), algorithm="ridge", trials=3, progress=False, store=str(place.place))
    assert len(result.candidates) == 3


def test_who_may_only_read_uses_what_is_there(place, proxy, tmp_path, monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 2))
    question = {"algorithm": "ridge", "trials": 3, "progress": False, "store": str(place.place)}
    made = hpo.tune((X, X @ [1.0, 2.0]), **question)
    proxy.fault = lambda method, path, count: 403 if method not in {"GET", "HEAD"} else None
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "another home"))
    read = hpo.tune((X, X @ [1.0, 2.0]), **question)
    assert (read.cost.rows_read, read.best_value) == (0, made.best_value)
    with pytest.warns(StoreWarning, match="403 Forbidden"):
        other = hpo.tune((X, X @ [2.0, 1.0]), **question)
    assert other.cost.rows_read == 60


@pytest.mark.parametrize(
    ("case", "words"),
    [("missing", "There is no bucket 'nobody'"), ("forbidden", "SignatureDoesNotMatch"), ("unreachable", "cannot be reached"),
     ("no credentials", "no credentials were found"), ("azure", "set AZURE_STORAGE_ACCOUNT_NAME")],
)  # fmt: skip
def test_a_place_that_cannot_be_used_is_refused_at_once(endpoint, tmp_path, monkeypatch, case, words):
    given = environment(endpoint if case != "unreachable" else "http://127.0.0.1:9", "bad" if case == "forbidden" else SECRET)
    for name, value in given.items():
        if case != "no credentials" or "KEY" not in name:
            monkeypatch.setenv(name, value)
    location = {"missing": "s3://nobody/x", "azure": "az://box/x"}.get(case, f"s3://{BUCKET}/{case.replace(' ', '-')}")
    began = time.monotonic()
    with pytest.raises(StoreError, match=words) as caught:
        StateStore(location, tmp_path / "cache")
    assert time.monotonic() - began < 20
    assert_plain(caught.value)


def test_without_the_library_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(StoreLocationError, match=r"^Stores in buckets need obstore: pip install 'onepass-hpo\[cloud\]'$"):
        StateStore("s3://team/x", tmp_path / "cache")
