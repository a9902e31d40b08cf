"""Optuna's journal file, with many trials in one write, and mended after a crash."""

from __future__ import annotations

import json
import os
import shutil
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

from studies.errors import RecordWarning, StorageError
from studies.record.journal_lock import OwnedLock

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

Log = dict[str, Any]

_START = b'{"op_code":'


class JournalFile(BaseJournalBackend):
    """A journal file whose lines can be gathered and written together: one lock, one write, one fsync.

    The format is Optuna's own, line for line; its ``JournalFileBackend`` and optuna-dashboard read it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = OwnedLock(path)
        self._file = JournalFileBackend(str(path), lock_obj=self._lock)
        self._mutex = threading.RLock()
        self._pending: list[Log] | None = None
        self._lines: list[bytes] = []
        self._base: int | None = None

    def read_logs(self, log_number_from: int) -> Iterator[Log]:
        """Yield the lines from that number on, gathered ones included."""
        with self._mutex:
            if self._pending is None:
                yield from self._file.read_logs(log_number_from)
                return
            number = log_number_from
            if self._base is None:
                for log in self._file.read_logs(log_number_from):
                    yield log
                    number += 1
                self._base = number
            yield from self._pending[number - self._base :]

    def append_logs(self, logs: list[Log]) -> None:
        """Append lines: at once, or within :meth:`together` when it ends."""
        with self._mutex:
            lines = [json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs]
            if self._pending is not None:
                self._pending += logs
                self._lines += lines
                return
            with self._locked():
                self._write(lines)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Hold the file's lock and write all lines appended meanwhile in one piece, or none of them."""
        with self._mutex, self._locked():
            self._pending, self._lines, self._base = [], [], None
            try:
                yield
                self._write(self._lines)
            finally:
                self._pending, self._lines, self._base = None, [], None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def _write(self, lines: Sequence[bytes]) -> None:
        """Append and sync; a write that fails half way (disk full) leaves the file as it was."""
        with self.path.open("r+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                rest = memoryview(b"".join(lines))
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise


class FileStorage(JournalStorage):
    """An Optuna storage in one journal file.

    Attributes
    ----------
    path : the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._journal = JournalFile(path)
        super().__init__(self._journal)

    def create_trials(self, study_id: int, trials: Sequence[FrozenTrial]) -> list[int]:
        """Record finished trials in one write, all or none; return their ids.

        Raises
        ------
        OSError
            The file cannot be written; nothing of these trials was recorded.
        """
        try:
            with self._journal.together():
                return [self.create_new_trial(study_id, template_trial=trial) for trial in trials]
        except BaseException:
            super().__init__(self._journal)
            raise

    def __str__(self) -> str:
        return f"journal file {self.path}"


def mend(path: Path) -> None:
    """Repair a journal whose last line was torn by a crash; refuse a file that is no journal.

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
        if not first.startswith(_START[: len(first)]):
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
    except ValueError:
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
