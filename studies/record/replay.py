"""What a journal says, read as far as somebody asks: finished trials as lines, with an index studies too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

from optuna.storages.journal._storage import JournalStorageReplayResult
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy

from studies.errors import StorageError
from studies.record.journal_index import (
    MOST_OTHERS,
    Brief,
    Index,
    Other,
    Place,
    Run,
    StudyLines,
    brief_of,
    together,
)
from studies.record.journal_lines import Log, read
from studies.record.lazy_trials import Trials, value_and_start
from studies.record.lines import Line

_CREATE_STUDY, _USER, _SYSTEM, _TRIAL, _LAST = 0, 2, 3, 4, 9
_ATTRIBUTES = {_USER: "user_attr", _SYSTEM: "system_attr"}

Notes = dict[tuple[int, str], Place]
"""Lines of what a study notes, by operation and key."""

Kept = tuple[Log, Log]
"""User attributes and system attributes."""


_CHANGED = "the journal was changed while it was read; run the command again"


@dataclass
class _Lines:
    """Trials of one study whose lines follow one another: the number of the first line, and their ids."""

    study: int
    line: int
    ids: range


class IndexedStudy(FrozenStudy):
    """A study whose attributes are read when somebody asks for them."""

    def __init__(self, made: Log, study_id: int, attributes: Callable[[], Kept]) -> None:
        directions = [StudyDirection(each) for each in made["directions"]]
        super().__init__(made["study_name"], None, {}, {}, study_id, directions=directions)
        self._attributes = attributes
        del self.user_attrs, self.system_attrs

    def __getattr__(self, name: str) -> Log:
        """Return attributes that were not read."""
        if name not in ("user_attrs", "system_attrs"):
            raise AttributeError(name)
        user, system = self._attributes()
        self.__dict__.setdefault("user_attrs", user)
        self.__dict__.setdefault("system_attrs", system)
        found: Log = self.__dict__[name]
        return found


class Replay(JournalStorageReplayResult):
    """What a journal says, its finished trials as lines.

    Parameters
    ----------
    worker_id_prefix : of this process, in what it writes.
    at : returns the bytes of a place of the journal.
    index : where the first lines of the journal are, which are not read then.
    """

    def __init__(self, worker_id_prefix: str, at: Callable[[Place], bytes], index: Index | None = None) -> None:
        super().__init__(worker_id_prefix)
        self._at = at
        self._trials: Trials = Trials(self._lines_of)
        self._last_created_trial_id_by_this_process = -1
        self._index = Index() if index is None else index
        self._made: dict[int, int] = {}
        self._noted: dict[int, dict[tuple[int, str], int]] = {}
        self._runs: list[_Lines] = []
        self._others: list[tuple[int, int]] = []
        self._take(self._index)

    def apply_logs(self, logs: Iterable[Log | Line]) -> None:
        """Apply lines: those of finished trials as they are, others as Optuna does."""
        mine = self.worker_id.encode()
        for log in logs:
            line = self.log_number_read
            if isinstance(log, Line):
                self.log_number_read += 1
                self._finish(log, line, log.worker == mine)
            else:
                studies, trials = self._next_study_id, len(self._trials)
                super().apply_logs((log,))
                self._remember(log, line, studies, trials)

    def _finish(self, log: Line, line: int, mine: bool) -> None:
        study_id = log.study_id
        if study_id not in self._studies and not self._study_exists(study_id, {"worker_id": log.worker.decode()}):
            return
        trial_id, own = len(self._trials), self._study_id_to_trial_ids[study_id]
        self._trials.add_line(log, len(own))
        own.append(trial_id)
        self._trial_id_to_study_id[trial_id] = study_id
        if mine:
            self._last_created_trial_id_by_this_process = trial_id
        last = self._runs[-1] if self._runs else None
        if last is not None and last.study == study_id and last.line + len(last.ids) == line:
            last.ids = range(last.ids.start, trial_id + 1)
        else:
            self._runs.append(_Lines(study_id, line, range(trial_id, trial_id + 1)))

    def _remember(self, log: Log, line: int, studies: int, trials: int) -> None:
        """Remember what a line was for, for an index."""
        operation = log["op_code"]
        if operation == _CREATE_STUDY and self._next_study_id > studies:
            self._made[studies] = line
        elif operation in _ATTRIBUTES and log["study_id"] in self._studies:
            noted = self._noted.setdefault(log["study_id"], {})
            noted[operation, next(iter(log[_ATTRIBUTES[operation]]))] = line
        elif _TRIAL <= operation <= _LAST:
            self._others.append((line, trials))

    def brief(self, study_id: int) -> Brief:
        """Return what a list says of a study's trials, without reading those that nobody asked for."""
        return together(self._briefs(self._study_id_to_trial_ids[study_id]))

    def _briefs(self, ids: Sequence[int]) -> Iterator[Brief]:
        place = 0
        while place < len(ids):
            run = self._trials.unread(ids[place])
            if run is None:
                yield brief_of(*value_and_start(self._trials, ids[place]))
                place += 1
            else:
                yield run.brief
                place += run.brief.trials

    def _take(self, index: Index) -> None:
        """Take what an index says of the lines that it is of."""
        self._next_study_id, self.log_number_read = index.next_study, index.lines
        for key, study in index.studies.items():
            self._studies[key] = IndexedStudy(self._log(study.made), key, self._reader(study.notes.values()))
            self._study_id_to_trial_ids[key] = []
        entries: list[Run | Other] = [*index.runs, *index.others]
        for entry in sorted(entries, key=lambda each: each.place.offset):
            if isinstance(entry, Run):
                own = self._study_id_to_trial_ids[entry.study]
                self._trials.add(entry, len(own))
                own += entry.ids
            else:
                self._trials.length = entry.before
                super().apply_logs((self._log(entry.place),))
        self._trials.length, self.log_number_read = index.trials, index.lines

    def _reader(self, places: Iterable[Place]) -> Callable[[], Kept]:
        """Return a function, which no copy of a study copies, that reads lines of attributes."""

        def attributes() -> Kept:
            user: Log = {}
            system: Log = {}
            for log in map(self._log, places):
                user |= log.get("user_attr") or {}
                system |= log.get("system_attr") or {}
            return user, system

        return attributes

    def _log(self, place: Place) -> Log:
        log, damage = read(self._at(place), 0)
        if damage is not None or not isinstance(log, dict):
            raise StorageError(_CHANGED)
        return log

    def _lines_of(self, run: Run) -> list[Line]:
        lines = [read(line, 0)[0] for line in BytesIO(self._at(run.place))]
        whole = [line for line in lines if isinstance(line, Line) and line.study_id == run.study]
        if len(whole) != run.brief.trials or len(lines) != len(whole):
            raise StorageError(_CHANGED)
        return whole

    def index(self, place: Callable[[int, int], Place], nbytes: int, checksum: int) -> Index | None:
        """Return an index of the lines that were read; None where too many are of unfinished trials.

        Parameters
        ----------
        place : returns the place of lines, by the number of the first, from 0, and how many there are.
        nbytes, checksum : of all lines.
        """
        if len(self._index.others) + len(self._others) > MOST_OTHERS:
            return None
        known = self._index.studies
        studies = {
            key: StudyLines(
                known[key].made if key in known else place(self._made[key], 1),
                {
                    **(known[key].notes if key in known else {}),
                    **{of: place(line, 1) for of, line in self._noted.get(key, {}).items()},
                },
            )
            for key in self._studies
        }
        runs = [
            Run(run.study, run.ids.start, place(run.line, len(run.ids)), together(self._briefs(run.ids)))
            for run in self._runs
            if run.study in studies
        ]
        others = [Other(place(line, 1), before) for line, before in self._others]
        return Index(
            lines=self.log_number_read,
            nbytes=nbytes,
            checksum=checksum,
            next_study=self._next_study_id,
            trials=len(self._trials),
            studies=studies,
            runs=(*(run for run in self._index.runs if run.study in studies), *runs),
            others=(*self._index.others, *others),
        )
