"""Optuna's storage over a journal file, in which a study is gathered and written in one piece."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.storages import JournalStorage

from studies.errors import StorageError
from studies.record import journal_index
from studies.record.journal import SYSTEM_ATTRIBUTE, JournalFile, Scribe
from studies.record.journal_index import Brief, Index
from studies.record.journal_lines import Damage
from studies.record.record_parts import SENSELESS
from studies.record.replay import Replay
from studies.uncollected import uncollected

if TYPE_CHECKING:
    from optuna.study._frozen import FrozenStudy
    from optuna.trial import FrozenTrial


class FileStorage(JournalStorage):
    """An Optuna storage in one journal file.

    Attributes
    ----------
    path : the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._journal = JournalFile(path)
        self._begin()

    def _begin(self) -> None:
        """Read the journal, its finished trials as lines."""
        self._worker_id_prefix = f"{uuid.uuid4()}-"
        self._backend = self._journal
        self._thread_lock = threading.Lock()
        with self._thread_lock, uncollected():
            self._replay_result: Replay = self._replayed()
            if self._journal.behind >= journal_index.AFTER:
                self._keep_index()

    def _replayed(self) -> Replay:
        """Return what the journal says, by its index where there is one."""
        if (index := journal_index.load(self.path)) is not None:
            with suppress(StorageError, *SENSELESS):
                replay = Replay(self._worker_id_prefix, self._journal.at, index)
                self._journal.begin_behind(index)
                replay.apply_logs(self._journal.read_logs(index.lines))
                return replay
        self._journal.begin_behind(Index())
        replay = Replay(self._worker_id_prefix, self._journal.at)
        replay.apply_logs(self._journal.read_logs(0))
        return replay

    def _keep_index(self) -> None:
        """Write an index of what was read; lines that make no sense have none."""
        with suppress(*SENSELESS):
            if (index := self._journal.index(self._replay_result)) is not None:
                journal_index.save(self.path, index)

    @property
    def damage(self) -> list[Damage]:
        """The lines that are set aside, in their order."""
        return [self._journal.damage[line] for line in sorted(self._journal.damage)]

    def known(self) -> list[FrozenStudy]:
        """Return the studies as they are held, to be looked at; ``get_all_studies`` copies all that they note."""
        with self._thread_lock:
            self._sync_with_backend()
            return self._replay_result.get_all_studies()

    def brief(self, study_id: int) -> Brief:
        """Return what a list says of a study's trials, which are not read."""
        with self._thread_lock:
            self._sync_with_backend()
            return self._replay_result.brief(study_id)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Hold the journal's lock and write what is done meanwhile in one piece, or none of it."""
        try:
            with self._journal.together():
                yield
        except BaseException:
            with self._thread_lock:  # lines were counted as read that nobody will find in the file
                self._replay_result = self._replayed()
            raise

    def create_trials(self, study_id: int, trials: Sequence[FrozenTrial]) -> list[int]:
        """Record finished trials in one write, all or none; return their ids.

        Raises
        ------
        OSError
            The file cannot be written; nothing of these trials was recorded.
        """
        scribe = Scribe(self._replay_result.worker_id)
        for trial in trials:
            scribe.note(study_id, trial)
        with self._thread_lock:
            self._journal.append_logs(scribe.logs)
            self._sync_with_backend()
            last = self._replay_result._last_created_trial_id_by_this_process
        return list(range(last - len(trials) + 1, last + 1))

    def exchange(
        self, study_id: int, key: str, change: Callable[[Mapping[str, Any], int], Mapping[str, Any]]
    ) -> None:
        """Replace a system attribute by what a function makes of it and the number of trials, alone."""
        with self._thread_lock, self._journal.replacing() as write:
            self._sync_with_backend()
            known = self._replay_result.get_study(study_id).system_attrs.get(key) or {}
            changed = change(known, len(self._replay_result._study_id_to_trial_ids[study_id]))
            if changed != known:
                attribute = {"study_id": study_id, "system_attr": {key: changed}}
                write({"op_code": SYSTEM_ATTRIBUTE, "worker_id": self._replay_result.worker_id, **attribute})

    def __str__(self) -> str:
        return f"journal file {self.path}"
