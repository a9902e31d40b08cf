"""Trials on their way to a storage: the study runs in memory, one thread writes behind it."""

from __future__ import annotations

import copy
import json
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

from studies.counting import counted
from studies.errors import RecordWarning
from studies.record import claims
from studies.record.claims import Claims, Grant
from studies.record.file_storage import FileStorage
from studies.record.records import failed
from studies.record.storage import describe, find_study

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

BEHIND = 0.25
"""Seconds that finished trials are gathered before they are written."""

AGAIN = 1.0
"""Seconds between tries to write to a storage that fails."""

LATE = 0.6
"""Seconds that the oldest trial may be unwritten, or those behind it may take to be, before the study waits."""

UNKNOWN = LATE / 16
"""Seconds that writing a trial is taken to need before one was written."""

PATIENCE = 5.0
"""Seconds that the study waits for a storage that does not answer, before it continues without it."""

DUPLICATE_OF = "duplicate_of"
"""The user attribute of a trial that names another trial by its number."""

LONGEST = 40.0
"""Seconds that the study waits for a claim, which other processes may delay."""

SECOND = timedelta(seconds=1)

_PAUSES = (0.05, 0.2, 0.5)
_AT_ONCE = 128


class _Request(threading.Event):
    """A claim that the study waits for."""

    def __init__(self, want: int, trials: int) -> None:
        super().__init__()
        self.want, self.trials = want, trials
        self.grant: Grant | None = None


class WriteBehind:
    """Writes finished trials to a storage from a thread of its own, in the order of their numbers.

    The storage belongs to the writer until :meth:`close`. A trial is one record. A study that is faster than its
    storage waits for it, so that a process that is killed loses a second of trials at most. But nothing that
    happens to the storage stops the study: what cannot be written is kept, and counted in a warning at the end.

    Parameters
    ----------
    storage : where to write.
    name : the stored study, made by :func:`begin`.
    written : how many trials the storage already has, so the number of the next one.

    Attributes
    ----------
    shared : whether other processes stored trials of the study meanwhile.

    Examples
    --------
    >>> from studies.record.records import begin, load_study
    >>> from studies.record.storage import open_storage
    >>> from studies.record.study_record import StudyRecord
    >>> storage = open_storage(None)
    >>> study = begin(storage, "a", direction="minimize", record=StudyRecord({}))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    >>> with WriteBehind(storage, "a") as writer:
    ...     for trial in study.trials:
    ...         writer.put(trial)
    >>> len(load_study(storage, "a").trials)
    3
    """

    def __init__(self, storage: BaseStorage, name: str, written: int | None = None) -> None:
        self._storage = storage
        self._name = name
        self._batched = isinstance(storage, FileStorage)
        self._study_id = find_study(storage, name)
        self._next = storage.get_n_trials(self._study_id) if written is None else written
        self._queue: queue.SimpleQueue[FrozenTrial | tuple[Any, Any] | threading.Event | None] = (
            queue.SimpleQueue()
        )
        self._waiting: dict[int, FrozenTrial] = {}
        self._attributes: dict[str, object] = {}
        self._failure: BaseException | None = None
        self._foreign = False
        self._closed = False
        self._since: dict[int, float] = {}
        self._written = threading.Condition()
        self._stuck, self._pace = False, UNKNOWN
        self._claims = Claims(storage, self._study_id)
        self._claiming = False
        self._unclaimed: Exception | None = None
        self.shared = False
        self._looked = self._next
        self._own: set[int] = set()
        self._stored: dict[int, int] = {}
        self._thread = threading.Thread(target=self._run, name="trial-writer", daemon=True)
        self._thread.start()

    def put(self, trial: FrozenTrial) -> None:
        """Hand over one finished trial; waits where the storage is behind, but not for one that fails."""
        with self._written:
            if trial.number >= self._next:
                self._since[trial.number] = time.monotonic()
            self._queue.put(trial)
            if not self._in_time():
                self._queue.put(threading.Event())  # nothing more is gathered first
                self._stuck = not self._written.wait_for(self._in_time, PATIENCE)

    def claim(self, want: int, trials: int) -> Grant | None:
        """Return numbers of further trials of a study of so many in all, once those handed over are written.

        None where the storage does not answer: then whoever asks continues by itself.
        """
        if self._closed or self._stuck or self._failure is not None:
            return None
        request = _Request(want, trials)
        self._queue.put(request)
        self._stuck = not request.wait(LONGEST)
        return request.grant

    def adopted(self, number: int, stored: int) -> None:
        """Take note that a trial of another process, stored by one number, has another in the study at hand."""
        self._queue.put((number, stored))

    def set_attribute(self, key: str, value: object) -> None:
        """Set a user attribute of the stored study, a JSON value; returns at once."""
        self._queue.put((key, value))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was handed over is written or has failed; return whether it is written."""
        if self._closed:
            return not self.unwritten
        done = threading.Event()
        self._queue.put(done)
        return done.wait(timeout) and not self.unwritten

    @property
    def unwritten(self) -> int:
        """How many of the trials taken up by the thread are not in the storage."""
        return len(self._waiting)

    @property
    def failure(self) -> BaseException | None:
        """The last failure of the storage, None if the last write went well."""
        return self._failure

    def _in_time(self) -> bool:
        """Return whether what is to be written will be soon, or there is no use in waiting."""
        if self._stuck or self._failure is not None or not self._thread.is_alive():
            return True
        if self._next not in self._since:  # those behind a trial that is not finished are not due
            return True
        return max(time.monotonic() - self._since[self._next], len(self._since) * self._pace) < LATE

    def close(self) -> None:
        """Write the rest and stop; warns with a RecordWarning of what is not written."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None:
            warnings.warn(self._complaint(), RecordWarning, stacklevel=2)
        elif self._unclaimed is not None:
            warnings.warn(
                f"what each process claims of the study {self._name!r} cannot be kept in {describe(self._storage)} "
                f"({type(self._unclaimed).__name__}: {self._unclaimed}); several that run it at the same time may "
                "run more trials than were asked for",
                RecordWarning,
                stacklevel=2,
            )
        elif self._foreign and not self._claiming:
            warnings.warn(
                f"another process wrote to the study {self._name!r} in {describe(self._storage)} at the same "
                "time; the numbers of the stored trials differ from those in memory",
                RecordWarning,
                stacklevel=2,
            )

    def __enter__(self) -> WriteBehind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _complaint(self) -> str:
        failure, one = self._failure, len(self._waiting) == 1
        what = (
            f"{counted(len(self._waiting), 'trial')} of the study {self._name!r} {'was' if one else 'were'}"
            if self._waiting
            else "the study was"
        )
        reason = str(failure).splitlines()[0] if str(failure) else ""
        return (
            f"{what} not written to {describe(self._storage)} "
            f"({type(failure).__name__}: {reason}); {'it is' if one else 'they are'} still in result.optuna_study"
        )

    def _run(self) -> None:
        try:
            self._keep_writing()
        finally:
            self._storage.remove_session()  # a thread has a session, and with it a connection, of its own

    def _keep_writing(self) -> None:
        going = True
        while going:
            going, events = self._gather()
            patient = any(not isinstance(event, _Request) for event in events)
            self._write(last=not going, patient=not going or patient)
            for event in events:
                if isinstance(event, _Request):
                    self._answer(event)
                event.set()
        if self._claiming:
            self._try(self._claims.release)

    def _gather(self) -> tuple[bool, list[threading.Event]]:
        """Take what is queued: wait for a first item, then a moment for its successors."""
        events: list[threading.Event] = []
        item = self._first()
        failing = self._failure is not None
        until = time.monotonic() + (AGAIN if failing else BEHIND)
        while True:
            if item is None:
                return False, events
            self._sort(item, events)
            if events or (len(self._waiting) >= _AT_ONCE and not failing):
                return True, events
            try:
                item = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return True, events

    def _first(self) -> FrozenTrial | tuple[Any, Any] | threading.Event | None:
        """Wait for what is queued next; meanwhile what is claimed is renewed, so that it is seen to be alive."""
        while self._claims.holds:
            try:
                return self._queue.get(timeout=claims.RENEWED)
            except queue.Empty:
                self._try(self._claims.renew)
        return self._queue.get()

    def _sort(
        self, item: FrozenTrial | tuple[Any, Any] | threading.Event, events: list[threading.Event]
    ) -> None:
        if isinstance(item, threading.Event):
            events.append(item)
        elif isinstance(item, tuple) and isinstance(item[0], str):
            self._attributes[item[0]] = item[1]
        elif isinstance(item, tuple):
            self._stored[item[0]] = item[1]
            self._next = max(self._next, item[0] + 1)
        elif item.number >= self._next:
            self._waiting[item.number] = item

    def _write(self, *, last: bool, patient: bool) -> None:
        """Write what is due; a failing storage is tried again a few times, then with the next trials."""
        if last and self._waiting:
            for number in range(self._next, max(self._waiting)):
                self._waiting.setdefault(number, failed())
        for pause in (*(_PAUSES if patient and self._batched else ()), None):
            try:
                self._write_once()
            except Exception as error:  # noqa: BLE001 -- whatever the storage does must not stop the study
                with self._written:
                    self._failure = error
                    self._written.notify_all()
            else:
                self._failure = None
                return
            if pause is not None:
                time.sleep(pause)

    def _write_once(self) -> None:
        while due := self._due():
            began = time.monotonic()
            ids = self._create([self._renumbered(trial) for trial in due])
            numbers = self._numbers(ids)
            self._foreign |= numbers[-1] != self._next + len(due) - 1
            self._keep_numbers(due, numbers)
            self._pace = (self._pace + (time.monotonic() - began) / len(due)) / 2.0
            self._done(len(due))
        while self._attributes:
            key = next(iter(self._attributes))
            self._storage.set_study_user_attr(self._study_id, key, self._attributes[key])
            del self._attributes[key]

    def _due(self) -> list[FrozenTrial]:
        due: list[FrozenTrial] = []
        while len(due) < _AT_ONCE and (trial := self._waiting.get(self._next + len(due))) is not None:
            due.append(trial)
        return due if self._batched else due[:1]

    def _create(self, due: Sequence[FrozenTrial]) -> list[int]:
        if isinstance(self._storage, FileStorage):
            return self._storage.create_trials(self._study_id, due)
        there = self._stored_all_the_same() if self._failure is not None else {}
        ids = [
            next((one._trial_id for one in there.get(_likeness(trial), ()) if _at_once(one, trial)), None)
            for trial in due
        ]
        return [
            self._storage.create_new_trial(self._study_id, template_trial=trial) if known is None else known
            for trial, known in zip(due, ids, strict=True)
        ]

    def _stored_all_the_same(self) -> dict[str, list[FrozenTrial]]:
        """Return the trials in a database that failed: one may be there whose answer was lost."""
        found: dict[str, list[FrozenTrial]] = {}
        for trial in self._storage.get_all_trials(self._study_id, deepcopy=False):
            found.setdefault(_likeness(trial), []).append(trial)
        return found

    def _numbers(self, ids: Sequence[int]) -> range:
        """Return the numbers of trials that were stored in one write."""
        last = self._storage.get_trial_number_from_id(ids[-1])
        return range(last - len(ids) + 1, last + 1)

    def _keep_numbers(self, due: Sequence[FrozenTrial], numbers: range) -> None:
        """Remember by which numbers trials are stored, where other processes store some, too."""
        if self._claiming:
            self._own.update(number for number in numbers if number >= self._looked)
        for trial, number in zip(due, numbers, strict=True):
            if self._stored or trial.number != number:
                self._stored[trial.number] = number

    def _renumbered(self, trial: FrozenTrial) -> FrozenTrial:
        """Return a trial that names another by the number that this is stored by."""
        named: int = trial.user_attrs.get(DUPLICATE_OF, -1)
        if self._stored.get(named, named) == named:
            return trial
        changed = copy.copy(trial)
        changed.user_attrs = {**trial.user_attrs, DUPLICATE_OF: self._stored[named]}
        return changed

    def _answer(self, request: _Request) -> None:
        """Claim trials, and look at what other processes stored; after a failure nothing is granted."""
        if self._failure is not None or self._waiting:
            return
        self._claiming = True

        def claim() -> None:
            grant = self._claims.claim(request.want, request.trials)
            request.grant = replace(grant, others=tuple(self._others()))

        self._try(claim)

    def _others(self) -> Iterator[FrozenTrial]:
        """Yield the finished trials that other processes stored since the last look."""
        count = self._storage.get_n_trials(self._study_id)
        if count - self._looked > len(self._own):
            for trial in self._storage.get_all_trials(self._study_id, deepcopy=False)[self._looked :]:
                if trial.number not in self._own and trial.state.is_finished():
                    self.shared = True
                    yield trial
        self._looked = max(self._looked, count)
        self._own.clear()

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 -- whatever the storage does must not stop the study
            self._unclaimed = error

    def _done(self, count: int) -> None:
        with self._written:
            for _ in range(count):
                del self._waiting[self._next]
                self._since.pop(self._next, None)
                self._next += 1
            self._stuck = False
            self._written.notify_all()


def _likeness(trial: FrozenTrial) -> str:
    """Return what two trials of a study have in common if they are one, but for their times."""
    return json.dumps([trial.state, trial.values, trial.params, trial.user_attrs], sort_keys=True)


def _at_once(stored: FrozenTrial, trial: FrozenTrial) -> bool:
    """Return whether a stored trial has the times of another, to the second where a database keeps no fraction."""
    return all(
        kept == known
        or (kept is not None and known is not None and not kept.microsecond and abs(kept - known) <= SECOND)
        for kept, known in (
            (stored.datetime_start, trial.datetime_start),
            (stored.datetime_complete, trial.datetime_complete),
        )
    )
