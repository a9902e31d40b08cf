"""Trials of a journal that are read when somebody asks for them: a storage of many studies opens fast."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages.journal._storage import JournalStorageReplayResult
from optuna.trial import FrozenTrial, TrialState

_FINISHED = re.compile(
    rb'\{"op_code":4,"worker_id":"([^"\\]*)","study_id":(\d+),"datetime_start":("[^"\\]*"|null),"state":([123]),'
    rb'(?:"value":(null|NaN|-?Infinity|-?[0-9][-+.0-9eE]*),)?'
)


class Line(NamedTuple):
    """A line that made a finished trial, its digest being right; not read further.

    Attributes
    ----------
    text : the line.
    worker, study_id : of whom and of which study it is.
    state, value, start : as they are written there; of several values none.
    """

    text: bytes
    worker: bytes
    study_id: int
    state: bytes
    value: bytes | None
    start: bytes


def finished(text: bytes) -> Line | None:
    """Return the line of a finished trial as :class:`Line`; None for any other."""
    match = _FINISHED.match(text)
    if match is None:
        return None
    worker, study, start, state, value = match.groups()
    return Line(text, worker, int(study), state, value, start)


class Trials(dict[int, Any]):
    """Trials by id; one that is still a line is read when it is asked for."""

    def __getitem__(self, trial_id: int) -> FrozenTrial:
        """Return the trial."""
        found: FrozenTrial | tuple[int, Line] = super().__getitem__(trial_id)
        if isinstance(found, FrozenTrial):
            return found
        number, line = found
        trial = _read(line.text)
        trial._trial_id, trial.number = trial_id, number
        self[trial_id] = trial
        return trial

    def line(self, trial_id: int) -> Line | None:
        """Return the line of a trial that nobody asked for, None for any other."""
        found = super().__getitem__(trial_id)
        return found[1] if isinstance(found, tuple) else None


class Replay(JournalStorageReplayResult):
    """What a journal says, its finished trials as lines."""

    def __init__(self, worker_id_prefix: str) -> None:
        super().__init__(worker_id_prefix)
        self._trials: Trials = Trials()
        self._last_created_trial_id_by_this_process = -1

    def apply_logs(self, logs: Iterable[Any]) -> None:
        """Apply lines: those of finished trials as they are, others as Optuna does."""
        mine = self.worker_id.encode()
        for log in logs:
            if isinstance(log, Line):
                self.log_number_read += 1
                self._finish(log, log.worker == mine)
            else:
                super().apply_logs((log,))

    def _finish(self, line: Line, mine: bool) -> None:
        study_id = line.study_id
        if study_id not in self._studies and not self._study_exists(study_id, {"worker_id": line.worker.decode()}):
            return
        trial_id, own = len(self._trials), self._study_id_to_trial_ids[study_id]
        self._trials[trial_id] = (len(own), line)
        own.append(trial_id)
        self._trial_id_to_study_id[trial_id] = study_id
        if mine:
            self._last_created_trial_id_by_this_process = trial_id

    def brief(self, study_id: int) -> Iterable[tuple[float | None, datetime | None]]:
        """Yield value and beginning of every trial of a study, without reading those that nobody asked for."""
        for trial_id in self._study_id_to_trial_ids[study_id]:
            line = self._trials.line(trial_id)
            yield _of_trial(self._trials[trial_id]) if line is None else _of_line(line)


@functools.lru_cache(maxsize=4096)
def _distribution(text: str) -> BaseDistribution:
    """Return a distribution; trials of one study share it, since all of them name the same few."""
    return json_to_distribution(text)


def _read(text: bytes) -> FrozenTrial:
    """Return the trial of a line as Optuna's own replay makes it."""
    log = json.loads(text)
    distributions = {name: _distribution(each) for name, each in log.get("distributions", {}).items()}
    params = {name: distributions[name].to_external_repr(each) for name, each in log.get("params", {}).items()}
    return FrozenTrial(
        trial_id=0, number=0, state=TrialState(log["state"]), params=params, distributions=distributions,
        user_attrs=log.get("user_attrs", {}), system_attrs=log.get("system_attrs", {}), value=log.get("value"),
        intermediate_values={int(step): each for step, each in log.get("intermediate_values", {}).items()},
        datetime_start=_local(log["datetime_start"]), datetime_complete=_local(log.get("datetime_complete")),
        values=log.get("values"),
    )  # fmt: skip


def _local(text: str | None) -> datetime | None:
    """Return a time of this place, without its zone."""
    return None if text is None else datetime.fromisoformat(text).astimezone().replace(tzinfo=None)


def _of_trial(trial: FrozenTrial) -> tuple[float | None, datetime | None]:
    value = trial.values[0] if trial.state is TrialState.COMPLETE and trial.values else None
    return value, trial.datetime_start


def _of_line(line: Line) -> tuple[float | None, datetime | None]:
    complete = int(line.state) == TrialState.COMPLETE.value and line.value not in (None, b"null")
    value = float(line.value) if complete and line.value is not None else None
    return value, _local(None if line.start == b"null" else line.start[1:-1].decode())
