"""A damaged journal: what is damaged, and a copy in which other lines stand for those."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path
from typing import BinaryIO

from studies.errors import RecordWarning, StorageError
from studies.record import journal_index
from studies.record.journal import JournalFile
from studies.record.journal_lines import START, Damage, sealed
from studies.record.journal_lock import OwnedLock


def damaged(path: Path) -> list[Damage]:
    """Return the damaged lines of a journal, each line of which is read and checked."""
    journal = JournalFile(path)
    for _ in journal.read_logs(0):
        pass
    return [journal.damage[line] for line in sorted(journal.damage)]


def repair(path: Path) -> list[Damage]:
    """Rewrite a journal with what stands for its damaged lines, so that other programs read it, too.

    The file as it was is kept beside it, with ``.damaged`` appended to its name. Returns what was damaged.
    """
    lock = OwnedLock(path)
    lock.acquire()
    try:
        journal = JournalFile(path)
        logs = list(journal.read_logs(0))
        if journal.damage:
            lines = path.read_bytes().splitlines(keepends=True)
            for line in journal.damage:
                lines[line - 1] = sealed(logs[line - 1])
            shutil.copy2(path, path.with_name(path.name + ".damaged"))
            made = path.with_name(f".{path.name}.repaired")
            made.write_bytes(b"".join(lines))
            journal_index.forget(path)
            made.replace(path)
        return [journal.damage[line] for line in sorted(journal.damage)]
    finally:
        lock.release()


def mend(path: Path) -> None:
    """Repair a journal whose last line was torn by a crash; refuse a file that is not a journal.

    The damaged file is kept beside the repaired one, with ``.damaged`` appended to its name.

    Raises
    ------
    StorageError
        The file is something else.
    """
    if not _torn(path):
        return
    lock = OwnedLock(path)
    lock.acquire()
    try:
        if torn := _torn(path):
            _cut(path, torn)
    finally:
        lock.release()


def _torn(path: Path) -> int:
    """Return the length of a damaged last line, 0 if the file ends well; another writer may be amidst one."""
    with path.open("rb") as file:
        first = file.readline()
        if not first.startswith(START[: len(first)]):
            raise StorageError(
                f"{path} is not an Optuna journal: it begins with {first[:40]!r}; give another file, "
                "or move this one away and begin a new one"
            )
        last = _last_line(file)
    return 0 if not last or (last.endswith(b"\n") and _is_log(last)) else len(last)


def _last_line(file: BinaryIO) -> bytes:
    end = file.seek(0, os.SEEK_END)
    tail = b""
    while end and b"\n" not in tail[:-1]:
        start = max(0, end - 65536)
        file.seek(start)
        tail, end = file.read(end - start) + tail, start
    return tail[tail.rfind(b"\n", 0, -1) + 1 :]


def _is_log(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _cut(path: Path, torn: int) -> None:
    backup = path.with_name(path.name + ".damaged")
    shutil.copy2(path, backup)
    os.truncate(path, path.stat().st_size - torn)
    warnings.warn(
        f"{path}: the last line was torn, as by a crash, and was removed; every line before it is kept. "
        f"The file as it was: {backup}",
        RecordWarning,
        stacklevel=5,
    )
