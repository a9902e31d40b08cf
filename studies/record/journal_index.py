"""An index beside a journal: where the lines of each study are, so that one is read without the others.

It is believed only if the journal begins with the bytes that it was made of, whose checksum it notes. One that is
missing, damaged or of another journal is made anew from the journal, whose lines are what counts: other programs
do not need it, and it may be deleted at any time.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from studies.record.lines import digest, seal, unsealed

AFTER = 256
"""Lines behind an index, or of a journal without one, from which on it is made anew."""

MOST_OTHERS = 1000
"""Lines of unfinished trials, as plain Optuna writes them, that an index holds: opening a journal reads each."""

VERSION = 1

_CHUNK = 1 << 20


class Place(NamedTuple):
    """Where a line is: its first byte and how many it has."""

    offset: int
    nbytes: int


@dataclass(frozen=True)
class Brief:
    """What a list says of trials.

    Attributes
    ----------
    trials : how many.
    low, high : the least and the largest value of those with one, or None.
    start : when the first of them began, as ISO 8601 with its zone, or None.
    """

    trials: int = 0
    low: float | None = None
    high: float | None = None
    start: str | None = None


def brief_of(value: float | None, start: datetime | None) -> Brief:
    """Return what a list says of one trial."""
    known = None if value is None or math.isnan(value) else value
    began = None if start is None else start.astimezone(UTC).isoformat(timespec="microseconds")
    return Brief(1, known, known, began)


def together(briefs: Iterable[Brief]) -> Brief:
    """Return what a list says of all of these trials."""
    every = list(briefs)
    return Brief(
        sum(each.trials for each in every),
        min((each.low for each in every if each.low is not None), default=None),
        max((each.high for each in every if each.high is not None), default=None),
        min((each.start for each in every if each.start is not None), default=None),
    )


@dataclass(frozen=True)
class Run:
    """Lines one after another that made finished trials of one study.

    Attributes
    ----------
    study : its id.
    first : id of the first trial; the others follow it.
    place : of all the lines.
    brief : what a list says of these trials.
    """

    study: int
    first: int
    place: Place
    brief: Brief

    @property
    def ids(self) -> range:
        """The ids of its trials."""
        return range(self.first, self.first + self.brief.trials)


@dataclass(frozen=True)
class Other:
    """A line that makes or changes a trial that is not finished, and how many trials there were before it."""

    place: Place
    before: int


@dataclass(frozen=True)
class StudyLines:
    """The line that made a study, and by operation and key the last ones of what it notes."""

    made: Place
    notes: Mapping[tuple[int, str], Place] = field(default_factory=dict)


@dataclass(frozen=True)
class Index:
    """Where everything of a journal is.

    Attributes
    ----------
    lines, nbytes, checksum : how much of the journal it is of, and the CRC-32 of these bytes.
    next_study, trials : how many studies and trials these lines made, removed ones included.
    studies : by id, without removed ones.
    runs, others : in the order of the journal.
    """

    lines: int = 0
    nbytes: int = 0
    checksum: int = 0
    next_study: int = 0
    trials: int = 0
    studies: Mapping[int, StudyLines] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    others: tuple[Other, ...] = ()

    def encode(self) -> bytes:
        """Return one sealed line of JSON."""
        log = {
            "version": VERSION,
            "of": [self.lines, self.nbytes, self.checksum, self.next_study, self.trials],
            "studies": [
                [key, *each.made, [[*of, *note] for of, note in each.notes.items()]]
                for key, each in self.studies.items()
            ],
            "runs": [[r.study, r.first, *r.place, *astuple(r.brief)] for r in self.runs],
            "others": [[*each.place, each.before] for each in self.others],
        }
        return seal(json.dumps(log, separators=(",", ":")).encode())

    @classmethod
    def decode(cls, text: bytes) -> Index | None:
        """Return the index of a line; None of anything else.

        Examples
        --------
        >>> index = Index(1, 80, 7, 1, 0, {0: StudyLines(Place(0, 80))})
        >>> Index.decode(index.encode()) == index, Index.decode(index.encode().replace(b"80", b"81"))
        (True, None)
        """
        found, sealed = unsealed(text)
        if found is None or digest(sealed) != found:
            return None
        with suppress(ValueError, TypeError, LookupError, AttributeError, RecursionError):
            index = cls._read(json.loads(text))
            return index if index is not None and index._sound() else None
        return None

    @classmethod
    def _read(cls, log: Mapping[str, Any]) -> Index | None:
        if log["version"] != VERSION:
            return None
        studies = {
            key: StudyLines(Place(*made), {(int(op), str(of)): Place(*place) for op, of, *place in notes})
            for key, *made, notes in log["studies"]
        }
        lines, nbytes, checksum, next_study, trials = log["of"]
        return cls(
            lines,
            nbytes,
            checksum,
            next_study,
            trials,
            studies=studies,
            runs=tuple(Run(s, first, Place(o, size), Brief(*rest)) for s, first, o, size, *rest in log["runs"]),
            others=tuple(Other(Place(o, size), before) for o, size, before in log["others"]),
        )

    def _sound(self) -> bool:
        """Return whether all numbers are such as an index has: a sealed one of another program may be anything."""
        notes = [place for study in self.studies.values() for place in (study.made, *study.notes.values())]
        places = [*notes, *(r.place for r in self.runs), *(o.place for o in self.others)]
        whole = [self.lines, self.nbytes, self.checksum, self.next_study, self.trials, *self.studies]
        whole += [n for r in self.runs for n in (r.study, r.first, r.brief.trials)]
        whole += [n for place in places for n in place] + [o.before for o in self.others]
        ends = [0, *(r.ids.stop for r in self.runs)]
        return (
            all(type(n) is int and n >= 0 for n in whole)
            and all(0 < place.nbytes <= self.nbytes - place.offset for place in places)
            and all(key < self.next_study for key in self.studies)
            and all(run.study in self.studies and run.ids for run in self.runs)
            and all(end <= run.first for end, run in zip(ends, self.runs, strict=False))
            and ends[-1] <= self.trials
        )


def index_path(journal: Path) -> Path:
    """Return where the index of a journal is.

    Examples
    --------
    >>> index_path(Path("studies.journal")).name
    'studies.journal.index'
    """
    return journal.with_name(journal.name + ".index")


def load(journal: Path) -> Index | None:
    """Return the index of a journal if it is of the bytes that this begins with."""
    try:
        index = Index.decode(index_path(journal).read_bytes()) if index_path(journal).is_file() else None
        if index is None:
            return None
        with journal.open("rb", buffering=0) as file:
            return index if _checksum(file, index.nbytes) == index.checksum else None
    except OSError:
        return None


def _checksum(file: FileIO, nbytes: int) -> int | None:
    """Return the CRC-32 of the first bytes of a file; None where it has fewer."""
    found, buffer = 0, memoryview(bytearray(_CHUNK))
    while nbytes:
        read = file.readinto(buffer[:nbytes])
        if not read:
            return None
        found = zlib.crc32(buffer[:read], found)
        nbytes -= read
    return found


def save(journal: Path, index: Index) -> None:
    """Write the index of a journal, whole or not at all; where that is not possible the journal is read instead."""
    made = journal.with_name(f".{journal.name}.index")
    with suppress(OSError):
        made.write_bytes(index.encode())
        made.replace(index_path(journal))


def forget(journal: Path) -> None:
    """Remove the index of a journal that is rewritten."""
    index_path(journal).unlink(missing_ok=True)
