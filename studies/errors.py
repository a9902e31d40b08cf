"""What can go wrong in this room: one family of errors, each saying what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class StudyError(Exception):
    """Base class of every error of this room.

    Examples
    --------
    >>> issubclass(StorageError, StudyError)
    True
    """


@dataclass(frozen=True)
class Problem:
    """One fault in a study's description: the line it stands on (None outside a file) and what is wrong.

    Examples
    --------
    >>> str(Problem(7, "unknown key 'trails'; did you mean 'trials'?"))
    "line 7: unknown key 'trails'; did you mean 'trials'?"
    """

    line: int | None
    text: str

    def __str__(self) -> str:
        return self.text if self.line is None else f"line {self.line}: {self.text}"


class SpecError(StudyError):
    """A study's description is wrong; lists every fault found, each with its line.

    Attributes
    ----------
    source : the file, or where else the description came from.
    problems : the faults, in the order of the file.

    Examples
    --------
    >>> print(SpecError("study.yaml", [Problem(2, "folds: 1 is less than 2")]))
    study.yaml: line 2: folds: 1 is less than 2
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__(self._message())

    def _message(self) -> str:
        if len(self.problems) == 1:
            return f"{self.source}: {self.problems[0]}"
        return "\n  ".join([f"{self.source}: {len(self.problems)} problems", *map(str, self.problems)])


class StorageError(StudyError):
    """A study storage cannot be opened, read or written; the message says what to do."""


class StudyMissing(StorageError):
    """No study of that name is in the storage; the message lists the nearest names."""


class StudyTaken(StudyError):
    """The name belongs to a study with another definition.

    Attributes
    ----------
    name : the study's name.
    differences : how the definitions differ, in words.

    Examples
    --------
    >>> print(StudyTaken("flights", ["folds: 5, now 10"]))
    The study 'flights' exists with another definition:
      folds: 5, now 10
    Choose another name, or give this one another name and 'warm_start: flights' to begin from its trials.
    """

    def __init__(self, name: str, differences: Sequence[str]) -> None:
        self.name = name
        self.differences = tuple(differences)
        super().__init__(
            "\n  ".join([f"The study {name!r} exists with another definition:", *self.differences])
            + f"\nChoose another name, or give this one another name and 'warm_start: {name}' "
            "to begin from its trials."
        )


class RecordTooNew(StudyError):
    """A later version of this program recorded the study.

    Examples
    --------
    >>> print(RecordTooNew("flights", 3, 1))
    The study 'flights' was recorded by a later version of onepass-hpo (layout 3; this one reads up to 1); install \
that version to open it, or choose another name.
    """

    def __init__(self, name: str, version: int, known: int) -> None:
        super().__init__(
            f"The study {name!r} was recorded by a later version of onepass-hpo (layout {version}; this one reads "
            f"up to {known}); install that version to open it, or choose another name."
        )


class SamplerError(StudyError):
    """A sampler cannot search this space, or needs a package that is not installed."""


class RecordWarning(UserWarning):
    """Trials could not be written to a storage, and are still in memory; or lines of a journal are damaged."""
