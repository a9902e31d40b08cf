"""The studies of a storage for a list, those of a journal without Optuna, which takes longer to load than they."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

from studies.errors import RecordTooNew, StorageError
from studies.record import journal_index
from studies.record.journal_index import AFTER, Brief, Index, Place, brief_of, together
from studies.record.journal_lines import START, Log, journal_path, read
from studies.record.lines import Line, local, unsealed, value_and_start_of
from studies.record.record_parts import SENSELESS
from studies.record.study_record import ONEPASS, StudyRecord

_CREATE, _DELETE, _USER, _SYSTEM = range(4)
_MAXIMIZE = 2
_DIRECTIONS = range(3)


@dataclass(frozen=True)
class StudyRow:
    """One study of a storage, for a list.

    Attributes
    ----------
    name, trials : the study's name and its number of trials.
    best : value of the best finished trial, or None.
    algorithms : the algorithms it tried, data : the data it read (empty for studies made elsewhere).
    created : when its first trial began, or None.
    contexts : the keys of the states that it was answered from.
    metric : the score that is optimised, or None where it is not on record.
    """

    name: str
    trials: int
    best: float | None
    algorithms: tuple[str, ...]
    created: datetime | None
    data: tuple[str, ...]
    contexts: tuple[str, ...] = ()
    metric: str | None = None


def row_of(
    name: str, attributes: Mapping[str, Any], trials: int, best: float | None, created: datetime | None
) -> StudyRow:
    """Return the row of a study by its user attributes."""
    try:
        record = StudyRecord.of(attributes, name)
    except RecordTooNew:  # is listed, so that it can be removed
        record = None
    definition = {} if record is None else record.definition
    return StudyRow(
        name=name,
        trials=trials,
        best=best,
        algorithms=_tuple(definition.get("algorithm")),
        created=created,
        data=_tuple(definition.get("data")),
        contexts=() if record is None else tuple(record.models),
        metric=None if record is None else record.metric,
    )


def best_of(trials: Brief, directions: Sequence[int]) -> float | None:
    """Return the best value of trials, by the direction as journals write it; None of several goals."""
    if len(directions) != 1:
        return None
    return trials.high if directions[0] == _MAXIMIZE else trials.low


def _tuple(value: Iterable[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


class _Unknown(Exception):
    """Only the storage itself can say it: unfinished trials, damaged lines, what came out of order."""


@dataclass
class _Study:
    """A study as far as a list needs it."""

    name: str
    directions: Sequence[int]
    user: Log = field(default_factory=dict)
    trials: list[Brief] = field(default_factory=list)


def _study(log: Log, user: Log | None = None) -> _Study:
    name, directions = log["study_name"], log["directions"]
    if not isinstance(name, str) or not directions or not set(directions) <= set(_DIRECTIONS):
        raise _Unknown
    return _Study(name, directions, {} if user is None else user)


def listed(name: str | os.PathLike[str]) -> list[StudyRow] | None:
    """Return the studies of a journal by name; None where its storage has to be opened for them.

    So it is where lines are damaged or many, where a trial is unfinished, and of a database. What is listed is what
    :func:`studies.record.rows.list_studies` says.

    Examples
    --------
    >>> listed("sqlite:///studies.db") is None
    True
    """
    path = journal_path(os.fspath(name))
    if path is None or not path.is_file():
        return None
    with suppress(_Unknown, StorageError, OSError, RecursionError, *SENSELESS):
        index = journal_index.load(path) or Index()
        with path.open("rb") as file:
            found = _Listing(file, index).studies.values()
        rows = (
            row_of(s.name, s.user, of.trials, best_of(of, s.directions), local(of.start))
            for s in found
            for of in (together(s.trials),)
        )
        return sorted(rows, key=lambda row: row.name)
    return None


class _Listing:
    """Reads the lines that an index names, and those behind it."""

    def __init__(self, file: BinaryIO, index: Index) -> None:
        if index.others or file.read(len(START)) not in (START, b""):
            raise _Unknown
        self._file, self._index = file, index
        self._seen: set[bytes] = set()
        self._asked: set[int] = set()
        self.studies = {key: self._known(study.made, study.notes) for key, study in index.studies.items()}
        self._next = index.next_study
        for run in index.runs:
            self.studies[run.study].trials.append(run.brief)
        file.seek(index.nbytes)
        for count, line in enumerate(file):
            if count >= AFTER or not line.endswith(b"\n"):
                raise _Unknown
            self._take(line)

    def _known(self, made: Place, notes: Mapping[tuple[int, str], Place]) -> _Study:
        note = notes.get((_USER, ONEPASS))
        return _study(self._log(made), {} if note is None else self._log(note)["user_attr"])

    def _at(self, place: Place) -> bytes:
        self._file.seek(place.offset)
        return self._file.read(place.nbytes)

    def _log(self, place: Place) -> Log:
        log = self._whole(self._at(place))
        if isinstance(log, Line):
            raise _Unknown
        return log

    @staticmethod
    def _whole(line: bytes) -> Log | Line:
        log, damage = read(line, 0)
        if damage is not None:
            raise _Unknown
        found: Log | Line = log
        return found

    def _take(self, line: bytes) -> None:
        log = self._whole(line)
        if isinstance(log, Line):
            self._once(log)
            self.studies[log.study_id].trials.append(brief_of(*value_and_start_of(log)))
            return
        operation = log["op_code"]
        if operation == _CREATE:
            study = _study(log)
            if study.name in (each.name for each in self.studies.values()):
                raise _Unknown
            self.studies[self._next] = study
            self._next += 1
        elif operation == _DELETE:
            del self.studies[log["study_id"]]
        elif operation == _USER:
            self.studies[log["study_id"]].user.update(log["user_attr"])
        elif operation != _SYSTEM or log["study_id"] not in self.studies:
            raise _Unknown

    def _once(self, line: Line) -> None:
        """Refuse the line of a trial that is written twice."""
        if line.study_id not in self._asked:
            self._asked.add(line.study_id)
            places = (run.place for run in self._index.runs if run.study == line.study_id)
            self._seen.update(unsealed(each)[0] or b"" for place in places for each in BytesIO(self._beside(place)))
        found = unsealed(line.text)[0]
        if found is None or found in self._seen:
            raise _Unknown
        self._seen.add(found)

    def _beside(self, place: Place) -> bytes:
        """Return the bytes of a place while the lines behind the index are read one by one."""
        here = self._file.tell()
        try:
            return self._at(place)
        finally:
            self._file.seek(here)
