"""One computes, the others wait: between threads and between processes, and past a killed holder."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import forked
import pytest

from state_store.gc import gc
from state_store.key import Key, digest
from state_store.store import StateStore

KEYS = [Key(digest("context"), digest(i)) for i in range(5)]

COMPUTE = textwrap.dedent("""
    import os, sys, time
    from state_store.key import Key, digest
    from state_store.store import StateStore

    store, log = StateStore(sys.argv[1]), sys.argv[2]
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(5):
        key = Key(digest("context"), digest(i))
        with store.flight(key) as mine:
            if mine:
                with open(log, "a") as file:
                    file.write(f"{i}\\n")
                time.sleep(0.05)
                store.put(key, float(i))
        assert store.get(key, 0.0) == float(i)
    print("done", flush=True)
""")

HOLD = textwrap.dedent("""
    import sys, time
    from state_store.key import Key, digest
    from state_store.store import StateStore

    with StateStore(sys.argv[1]).flight(Key(digest("context"), digest(0))) as mine:
        print(mine, flush=True)
        time.sleep(600)
""")


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", code, *map(str, arguments)]
    return forked.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return StateStore(tmp_path / "store")


def test_processes_compute_each_state_once(store, tmp_path):
    log = tmp_path / "computed"
    workers = [start(COMPUTE, store.location, log) for _ in range(3)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.communicate(timeout=60)[0] == "done\n"
        assert worker.returncode == 0
    assert sorted(log.read_text().split()) == list("01234")


def test_threads_compute_each_state_once(store):
    computed, barrier = [], threading.Barrier(8)

    def work() -> list[float]:
        barrier.wait()
        states = []
        for i, key in enumerate(KEYS):
            with store.flight(key) as mine:
                if mine:
                    computed.append(i)
                    store.put(key, float(i))
            states.append(store.get(key, 0.0))
        return states

    with ThreadPoolExecutor(8) as pool:
        results = [job.result() for job in [pool.submit(work) for _ in range(8)]]
    assert computed == [0, 1, 2, 3, 4]
    assert results == [[0.0, 1.0, 2.0, 3.0, 4.0]] * 8


def test_a_killed_holder_hands_the_work_on(store):
    holder = start(HOLD, store.location)
    assert holder.stdout.readline() == "True\n"
    waiting, taken = threading.Event(), []

    def take() -> None:
        waiting.set()
        with store.flight(KEYS[0]) as mine:
            taken.append(mine)

    thread = threading.Thread(target=take)
    thread.start()
    waiting.wait()
    thread.join(0.2)
    assert taken == []
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    thread.join(30)
    assert taken == [True]


def test_a_flight_that_fails_hands_the_work_on(store):
    with pytest.raises(ZeroDivisionError), store.flight(KEYS[0]) as mine:
        assert mine
        _ = 1 / 0
    with store.flight(KEYS[0]) as mine:
        assert mine
        store.put(KEYS[0], 1.0)
    with store.flight(KEYS[0]) as mine:
        assert not mine


def test_an_error_of_the_system_inside_a_flight_is_not_swallowed(store):
    with pytest.raises(FileNotFoundError), store.flight(KEYS[0]):
        Path(store.location / "nothing").read_text()


def test_flights_of_different_keys_do_not_wait_for_each_other(store):
    with store.flight(KEYS[0]) as first, store.flight(KEYS[1]) as second:
        assert first
        assert second


def test_without_locks_the_work_is_done_all_the_same(store):
    (store.location / "locks").write_text("in the way")
    with store.flight(KEYS[0]) as mine:
        assert mine
        store.put(KEYS[0], 1.0)
    assert store.get(KEYS[0], 0.0) == 1.0


def test_gc_removes_old_locks_but_not_one_that_is_held(store):
    import os

    for key in KEYS[:2]:
        with store.flight(key):
            pass
    locks = sorted((store.location / "locks").iterdir())
    assert len(locks) == 2
    assert gc(store).removed == ()
    for lock in locks:
        os.utime(lock, (0, 0))
    holder = start(HOLD, store.location)
    try:
        assert holder.stdout.readline() == "True\n"
        for lock in locks:
            os.utime(lock, (0, 0))
        held = next(lock.name for lock in locks if KEYS[0].segment in lock.name)
        removed = gc(store).removed
        assert len(removed) == 1
        assert held not in removed[0]
        assert [lock.name for lock in (store.location / "locks").iterdir()] == [held]
    finally:
        holder.kill()
        holder.communicate()
