"""Killed writers and full disks: never a half blob, never a lost one, always a clear error."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import forked
import numpy as np
import pytest

from state_store.errors import StoreWriteError
from state_store.gc import gc
from state_store.key import Key, digest
from state_store.local import LocalBackend
from state_store.store import StateStore
from state_store.verify import verify

KEY, OTHER = Key(digest("context"), digest(1)), Key(digest("context"), digest(2))
LIKE = np.zeros(20_000)


def run(code: str, *arguments: str) -> str:
    program = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    done = forked.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def leftovers(root: Path) -> list[Path]:
    return list(root.rglob(".*.tmp"))


def assert_recovers(root: Path) -> None:
    """After any crash: all that is visible is whole, puts work, and gc clears what the dead left behind."""
    store = StateStore(root)
    assert verify(store, repair=False).ok
    store.put(OTHER, np.full(20_000, 5.0))
    assert store.get(OTHER, LIKE)[0] == 5
    for path in leftovers(root):
        os.utime(path, (0, 0))
    gc(store)
    assert leftovers(root) == []
    assert store.get(OTHER, LIKE)[0] == 5


KILLED_AT_EVERY_LINE = """
    import os, signal, sys
    import numpy as np
    from state_store.key import Key, digest
    from state_store.store import StateStore

    root, over, key = sys.argv[1], sys.argv[2] == "over", Key(digest("context"), digest(1))
    like = np.zeros(20_000)

    def put_and_die(store, line):
        count = 0
        def trace(frame, event, argument):
            nonlocal count
            if not frame.f_code.co_filename.endswith(("files.py", "local.py", "store.py")):
                return None
            count += event == "line"
            if count == line:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace
        sys.settrace(trace)
        store.put(key, like + line)
        sys.settrace(None)
        os._exit(0)

    line, status, old, new = 0, None, 0, 0
    while status != 0:
        line += 1
        store = StateStore(f"{root}/{line}")
        if over:
            store.put(key, like - 1)
        child = os.fork()
        if child == 0:
            put_and_die(store, line)
        status = os.waitpid(child, 0)[1]
        assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
        after = store.get(key, like)
        is_old = after is None if not over else (after == -1).all()
        is_new = after is not None and (after == line).all()
        assert is_old != is_new, line
        old, new = old + bool(is_old), new + bool(is_new)
    print(line, old, new)
"""


@pytest.mark.parametrize("over", ["nothing", "over"])
def test_a_writer_killed_at_any_line_leaves_the_old_state_or_the_new(tmp_path, over):
    lines, old, new = map(int, run(KILLED_AT_EVERY_LINE, tmp_path / "stores", over).split())
    assert lines == old + new
    assert old > 10
    assert new > 2
    assert len(leftovers(tmp_path)) > 2
    for root in sorted((tmp_path / "stores").iterdir())[::5]:
        assert_recovers(root)


KILLED_AT_ANY_TIME = """
    import os, random, signal, sys, time
    import numpy as np
    from state_store.key import Key, digest
    from state_store.store import StateStore

    root, key, random = sys.argv[1], Key(digest("context"), digest(1)), random.Random(0)
    store, value, values = StateStore(root), 0, set()
    for _ in range(40):
        listen, tell = os.pipe()
        child = os.fork()
        if child == 0:
            while True:
                value += 1
                store.put(key, np.full(20_000, float(value)))
                os.write(tell, b"1")
        os.read(listen, 1)
        time.sleep(random.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(listen)
        os.close(tell)
        state = store.get(key, np.zeros(20_000))
        assert (state == state[0]).all()
        values.add(state[0])
        value = int(state[0])
    print(len(values))
"""


def test_a_writer_killed_at_any_time_leaves_whole_states(tmp_path):
    assert int(run(KILLED_AT_ANY_TIME, tmp_path / "store")) == 40
    assert_recovers(tmp_path / "store")


def test_the_bytes_are_on_the_disk_before_the_name_is_and_the_name_before_put_returns(tmp_path, monkeypatch):
    """A power cut cannot be made here, so the order of the calls that guard against it is recorded."""
    store, order = StateStore(tmp_path), []
    store.put(KEY, LIKE)
    fsync, replace = os.fsync, Path.replace

    def recorded_fsync(descriptor: int) -> None:
        order.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def recorded_replace(self: Path, target: Path) -> Path:
        order.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    store.put(KEY, LIKE + 1)
    assert order == ["file", "name", "folder"]
    store.put(Key(digest("new context"), digest(1)), LIKE)
    assert order[3:] == ["folder", "file", "name", "folder"]


LIMITED = """
    import resource, sys
    import numpy as np
    from state_store.errors import StoreWriteError
    from state_store.key import Key, digest
    from state_store.store import StateStore

    store = StateStore(sys.argv[1])
    store.put(Key(digest("context"), digest(1)), np.arange(20_000) + 1.0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    for segment in (1, 2):
        try:
            store.put(Key(digest("context"), digest(segment)), np.random.default_rng(segment).normal(size=20_000))
        except StoreWriteError as error:
            print(error)
"""


def test_a_write_cut_short_by_the_system_keeps_what_was_there(tmp_path):
    messages = run(LIMITED, tmp_path).splitlines()
    assert len(messages) == 2
    assert all("free" in message and "hpo states gc" in message for message in messages)
    assert leftovers(tmp_path) == []
    assert StateStore(tmp_path).get(KEY, LIKE)[0] == 1
    assert_recovers(tmp_path)


def noise(seed: int) -> np.ndarray:
    """Return numbers that no packing makes smaller."""
    return np.random.default_rng(seed).normal(size=20_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system with room for 512 kB; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip(
            "a small file system can be mounted by root only; the size limit of files is tested above"
        )
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_named_nothing_is_lost_and_gc_makes_room(small_disk):
    store = StateStore(small_disk / "store")
    keys = [Key(digest("context"), digest(i)) for i in range(9)]
    held = []
    with pytest.raises(StoreWriteError) as failure:
        for i, key in enumerate(keys):
            store.put(key, noise(i))
            os.utime(store.location / key.name, (0, 1000 + i))
            held.append(key)
    assert len(held) == 3
    message = str(failure.value)
    assert f"{store.location}/{keys[3].name}" in message
    assert "No space left on device" in message
    assert re.search(r"has \d+\.\d kB free", message)
    assert "hpo states gc" in message
    assert leftovers(small_disk) == []
    assert verify(store).good == 3
    assert gc(store, max_bytes=store.total_bytes - 1).removed == (keys[0].name,)
    store.put(keys[3], noise(3))
    assert [store.get(key, LIKE) is None for key in keys[:4]] == [True, False, False, False]


def test_damage_found_on_a_full_disk_is_reported_and_mended_by_the_next_put(small_disk):
    from state_store.errors import DamagedStateWarning

    store = StateStore(small_disk / "store")
    store.put(KEY, noise(0))
    path = store.location / KEY.name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(bytes(512 * 1024))
    with pytest.warns(DamagedStateWarning, match="could not be set aside"):
        assert store.get(KEY, LIKE) is None
    (small_disk / "filler").unlink()
    store.put(KEY, np.full(20_000, 2.0))
    assert store.get(KEY, LIKE)[0] == 2


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_a_directory_without_permission_is_named(tmp_path):
    code = """
        import os, sys
        import numpy as np
        from state_store.errors import StoreWriteError
        from state_store.key import Key, digest
        from state_store.store import StateStore
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        store, key = StateStore(sys.argv[1]), Key(digest("context"), digest(1))
        print(store.get(key, np.zeros(20_000))[0], store.has(key))
        try:
            store.put(key, np.zeros(20_000))
        except StoreWriteError as error:
            print(error)
        with store.flight(Key(digest("context"), digest(2))) as mine:
            print(mine)
    """
    store = StateStore(tmp_path / "store")
    store.put(KEY, np.ones(20_000))
    for folder in (store.location, *store.location.rglob("*")):
        folder.chmod(0o555 if folder.is_dir() else 0o444)
    above = [folder for folder in store.location.parents if folder.stat().st_uid == os.geteuid()]
    modes = {folder: folder.stat().st_mode for folder in above}
    for folder in above:
        folder.chmod(0o755)
    try:
        first, second, third = run(code, store.location).splitlines()
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)
        for folder in (store.location, *store.location.rglob("*")):
            folder.chmod(0o755)
    assert first == "1.0 True"
    assert "Permission denied" in second
    assert "Check who may write in" in second
    assert third == "True"


def test_a_temporary_of_a_living_writer_stays(tmp_path):
    store = StateStore(tmp_path)
    store.put(KEY, np.ones(20_000))
    young = tmp_path / "leaves" / f".{KEY.segment}.1-abc.tmp"
    young.write_bytes(b"half")
    old = tmp_path / f".{KEY.segment}.2-abc.tmp"
    old.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert gc(store, dry_run=True).leftovers == ((old.name, 4),)
    assert old.exists()
    assert gc(store).leftovers == ((old.name, 4),)
    assert (young.exists(), old.exists()) == (True, False)
    assert gc(store, max_age=timedelta(days=1)).removed == ()


def test_a_directory_that_gc_removes_while_a_writer_wants_it_is_made_again(tmp_path):
    backend = LocalBackend(tmp_path)
    backend.write("pilots/ab", b"1")
    backend.delete("pilots/ab")
    backend.sweep(0.0, dry_run=False)
    backend.write("pilots/ab", b"2")
    assert backend.read("pilots/ab") == b"2"
