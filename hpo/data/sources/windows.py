"""Windows: which files of a data set a study is of, by their time and their name.

A file's time is the end of the period in its name; where no name has a date, the time of its last change. Files are
chosen before any is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from hpo.data.sources.files import DataFile
from hpo.errors import DataError
from studies.counting import counted
from studies.spec.durations import seconds_of
from studies.spec.moments import end_of, moment_of, shown

BY_NAME, BY_TIME = "by the dates in their names", "by the times at which they were written"


@dataclass(frozen=True)
class Window:
    """Which files count; by default all.

    Attributes
    ----------
    window : a duration, such as ``"30d"``, before the end: ``as_of``, else the last file's time.
    last : so many of the latest times; files of one time count as one.
    exclude : names, addresses or globs of files that do not count.
    as_of : a date or moment after which there is nothing.

    Examples
    --------
    >>> Window(last=3, exclude=("old.csv",)).words
    "last=3, exclude=['old.csv']"
    """

    window: str | None = None
    last: int | None = None
    exclude: tuple[str, ...] = ()
    as_of: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Window:
        """Return the window of the options that are about it."""
        asked = (options["window"], options["last"], tuple(options["exclude"] or ()), options["as_of"])
        return cls(*asked)

    @property
    def timed(self) -> bool:
        """Whether the times of files count."""
        return (self.window, self.last, self.as_of) != (None, None, None)

    @property
    def words(self) -> str:
        """What was asked for, as options; empty where all files count."""
        given = {"window": self.window, "last": self.last, "exclude": [*self.exclude], "as_of": self.as_of}
        return ", ".join(f"{name}={value!r}" for name, value in given.items() if value not in (None, []))

    def choose(self, files: Sequence[DataFile]) -> tuple[list[DataFile], str]:
        """Return the files that count, and in words which these are; nothing to say where nothing was asked.

        Raises
        ------
        DataError
            None is left, one to leave out is not there, or their times are not known.
        """
        left = self._without(files)
        if not self.timed:
            said = f"{len(left):,} of {counted(len(files), 'file')}" if self.exclude else ""
            return left, said
        times, how = times_of(left)
        found = self._within(times)
        kept = [file for file, time in zip(left, times, strict=True) if time in found]
        if not kept:
            raise DataError(
                f"{self.words}: none of {counted(len(left), 'file')} is left; their times: {_span(times)} ({how}); "
                "a file counts once its time is over"
            )
        return kept, f"{len(kept):,} of {counted(len(files), 'file')}, {_span(sorted(found))}, {how}"

    def _without(self, files: Sequence[DataFile]) -> list[DataFile]:
        """Return the files but those to leave out, each of which must be there."""
        for one in self.exclude:
            if not any(is_named(file, one) for file in files):
                near = get_close_matches(one, [name for file in files for name in _names(file)], n=1)
                meant = f"; did you mean {near[0]!r}?" if near else f"; they are {_some(files)}"
                every = counted(len(files), "file")
                raise DataError(f"exclude: {one!r} is not one of the {every} of the data{meant}")
        left = [file for file in files if not any(is_named(file, one) for one in self.exclude)]
        if not left:
            raise DataError(f"{self.words}: no file is left of {len(files):,}")
        return left

    def _within(self, times: Sequence[float]) -> set[float]:
        """Return those of some times that count."""
        end = max(times) if self.as_of is None else moment_of(self.as_of)
        before = -float("inf") if self.window is None else (end or 0.0) - (seconds_of(self.window) or 0.0)
        found = sorted({time for time in times if before < time <= (end or 0.0)})
        return set(found if self.last is None else found[-self.last :])


ALL = Window()
"""Every file."""


def times_of(files: Sequence[DataFile]) -> tuple[list[float], str]:
    """Return the time of each file, in seconds since 1970, and where it comes from.

    Raises
    ------
    DataError
        Some names have dates and others have none, or a file has no time at all.
    """
    named = [end_of(file.name) for file in files]
    known = [time for time in named if time is not None]
    if len(known) == len(files):
        return known, BY_NAME
    if known:
        without = [file for file, time in zip(files, named, strict=True) if time is None]
        raise DataError(
            f"{len(without)} of {counted(len(files), 'file')} have no date in their names ({_some(without)}), and "
            "the others have; rename them, such as 2024-01-31.parquet, or leave them out with exclude"
        )
    written = [file.written for file in files]
    times = [time / 1e9 for time in written if time is not None]
    if len(times) < len(files):
        nothing = [file for file in files if file.written is None]
        raise DataError(
            f"{_some(nothing)} has no time: no date in its name, and none from its file system; "
            "name files by their dates, such as part=2024-01-31/0.parquet"
        )
    return times, BY_TIME


def is_named(file: DataFile, name: str) -> bool:
    """Return whether a name, an address or a glob means a file; a directory means those in it."""
    plain = name.rstrip("/")
    return any(own == plain or own.startswith(f"{plain}/") or fnmatchcase(own, plain) for own in _names(file))


def _names(file: DataFile) -> tuple[str, ...]:
    return (file.name, file.path.rpartition("/")[2], file.path, file.uri)


def _some(files: Sequence[DataFile]) -> str:
    return ", ".join(repr(file.name) for file in files[:3]) + (", …" if len(files) > 3 else "")


def _span(times: Sequence[float]) -> str:
    first, last = shown(min(times)), shown(max(times))
    return first if first == last else f"{first} to {last}"
