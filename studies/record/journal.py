"""Optuna's journal file, with many trials in one write, and mended after a crash."""

from __future__ import annotations

import itertools
import os
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from studies.record.journal_index import Index, Place
from studies.record.journal_lines import TWICE, Damage, Log, digest_of, read, sealed, stand_in
from studies.record.journal_lock import OwnedLock
from studies.record.lines import Line
from studies.record.replay import Replay

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SYSTEM_ATTRIBUTE = 3
"""Optuna's number of the operation that sets a system attribute of a study."""


class JournalFile(BaseJournalBackend):
    """A journal file whose lines can be gathered and written together: one lock, one write, one fsync.

    The format is Optuna's own, line for line; its ``JournalFileBackend`` and optuna-dashboard read it, and pass
    over the digest that each line has besides. Damaged lines are set aside (:mod:`studies.record.journal_lines`).

    Attributes
    ----------
    path : the file.
    damage : the lines that are set aside, by number.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = OwnedLock(path)
        self.begin_behind(Index())
        self._serial = itertools.count()  # with the worker's name, it tells two equal records apart
        if not path.exists():
            path.open("ab").close()
        self._mutex = threading.RLock()
        self._pending: list[Log] | None = None
        self._lines: list[bytes] = []
        self._base: int | None = None

    def begin_behind(self, index: Index) -> None:
        """Read no line that an index is of."""
        self._index, self._asked = index, set[int]()
        self._first, self._offsets, self._checksum = index.lines, [index.nbytes], index.checksum
        self._seen: set[bytes] = set()
        self.damage: dict[int, Damage] = {}

    def at(self, place: Place) -> bytes:
        """Return the bytes of a place."""
        with self.path.open("rb") as file:
            file.seek(place.offset)
            return file.read(place.nbytes)

    def index(self, replay: Replay) -> Index | None:
        """Return an index of the lines that were read, None where there can be none."""

        def place(line: int, count: int) -> Place:
            start, end = (self._offsets[each - self._first] for each in (line, line + count))
            return Place(start, end - start)

        return None if self.damage else replay.index(place, self._offsets[-1], self._checksum)

    @property
    def behind(self) -> int:
        """How many lines were read that no index is of."""
        return len(self._offsets) - 1

    def read_logs(self, log_number_from: int) -> Iterator[Log]:
        """Yield the lines from that number on, gathered ones included."""
        with self._mutex:
            if self._pending is None:
                yield from self._read(log_number_from)
                return
            number = log_number_from
            if self._base is None:
                for log in self._read(log_number_from):
                    yield log
                    number += 1
                self._base = number
            yield from self._pending[number - self._base :]

    def append_logs(self, logs: list[Log]) -> None:
        """Append lines: at once, or within :meth:`together` when it ends."""
        with self._mutex:
            lines = [sealed({**log, "serial": next(self._serial)}) for log in logs]
            if self._pending is not None:
                self._pending += logs
                self._lines += lines
                return
            with self._locked():
                self._write(lines)

    def _read(self, first: int) -> Iterator[Log]:
        """Yield the lines from a number on, damaged ones as what stands for them, none that is not ended."""
        with self.path.open("rb") as file:
            number = min(first, self._first + len(self._offsets) - 1)
            file.seek(self._offsets[number - self._first])
            for line in file:
                if not line.endswith(b"\n"):
                    return
                log = self._checked(line, number)
                number += 1
                if number == self._first + len(self._offsets):
                    self._offsets.append(self._offsets[-1] + len(line))
                    self._checksum = zlib.crc32(line, self._checksum)
                if number > first:
                    yield log

    def _checked(self, line: bytes, number: int) -> Any:
        log, damage = read(line, number + 1)
        new = number == self._first + len(self._offsets) - 1
        if new and (isinstance(log, Line) or b'"datetime_start"' in line) and (digest := digest_of(line)):
            if isinstance(log, Line):
                self._remember(log.study_id)
            if digest in self._seen:
                damage = Damage(number + 1, "a trial", TWICE)
            self._seen.add(digest)
        if damage is None and self.damage and number + 1 in self.damage:
            damage = self.damage[number + 1]
        if damage is None:
            return log
        self.damage[number + 1] = damage
        return stand_in(b"" if damage.why == TWICE else line, number + 1)

    def _remember(self, study_id: int) -> None:
        """Read the digests of the trials of a study that the index is of: none of them may be written twice."""
        if self._index.lines and study_id not in self._asked:
            self._asked.add(study_id)
            places = (run.place for run in self._index.runs if run.study == study_id)
            self._seen.update(digest_of(line) or b"" for place in places for line in BytesIO(self.at(place)))

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
    def replacing(self) -> Iterator[Callable[[Log], None]]:
        """Hold the file's lock; what is given to the function is written at once, but not synced."""
        with self._mutex, self._locked():
            yield lambda log: self._write([sealed({**log, "serial": next(self._serial)})], durable=False)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def _write(self, lines: Sequence[bytes], *, durable: bool = True) -> None:
        """Append and sync; a write that fails half way (disk full) leaves the file as it was."""
        with self.path.open("r+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                rest = memoryview(b"".join(lines))
                while rest:
                    rest = rest[file.write(rest) :]
                if durable:
                    os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise


class Scribe:
    """Makes the logs of finished trials as Optuna's storage does, and writes none."""

    def __init__(self, worker_id: str) -> None:
        self.logs: list[Log] = []
        self._worker_id = worker_id
        self._thread_lock = nullcontext()
        self._backend = None
        self._replay_result = SimpleNamespace(_last_created_trial_id_by_this_process=0)

    def note(self, study_id: int, trial: FrozenTrial) -> None:
        """Add the log of a trial."""
        storage: Any = self
        JournalStorage.create_new_trial(storage, study_id, template_trial=trial)

    def _write_log(self, op_code: int, fields: Log) -> None:
        self.logs.append({"op_code": op_code, "worker_id": self._worker_id, **fields})

    def _sync_with_backend(self) -> None:
        """Read nothing."""
