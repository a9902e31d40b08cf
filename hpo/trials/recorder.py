"""Finished trials on their way to the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial

from studies.record.study_record import ONEPASS, StudyRecord
from studies.record.write_behind import PATIENCE, WriteBehind

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

    from studies.record.claims import Grant


class Recorder:
    """Hands finished trials to the storage; does nothing where there is none."""

    def __init__(
        self, storage: BaseStorage | None, name: str | None, study: Study, record: StudyRecord
    ) -> None:
        self.study = study
        self._writer = None
        if storage is not None and name is not None:
            self._writer = WriteBehind(storage, name, len(study.get_trials(deepcopy=False)))
        self.describe(record)

    def put(self, trial: FrozenTrial) -> None:
        """Record one finished trial."""
        if self._writer is not None:
            self._writer.put(trial)

    def claim(self, want: int, trials: int) -> Grant | None:
        """Return numbers of trials that no other process runs; None where there is no storage to tell."""
        return None if self._writer is None else self._writer.claim(want, trials)

    def adopted(self, number: int, stored: int) -> None:
        """Take note of a trial that another process stored."""
        if self._writer is not None:
            self._writer.adopted(number, stored)

    def shared(self) -> bool:
        """Return whether other processes stored trials, once all of this one are stored."""
        return self._writer is not None and self._writer.shared and self._writer.flush(PATIENCE)

    def describe(self, record: StudyRecord) -> None:
        """Record what is known of the study as a whole."""
        self.study.set_user_attr(ONEPASS, record.encode())
        if self._writer is not None:
            self._writer.set_attribute(ONEPASS, record.encode())

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
