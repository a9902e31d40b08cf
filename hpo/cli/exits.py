"""Exit codes, and which error means which."""

from __future__ import annotations

from algorithms.errors import AlgorithmError, InvalidField, UnknownAlgorithm, UnknownField
from hpo.errors import HpoError, SearchError
from state_store.errors import StoreError
from studies.errors import SpecError, StorageError, StudyError, StudyMissing

OK, REFUSED, USAGE, STORE, BUG, INTERRUPTED, PIPE = 0, 1, 2, 3, 70, 130, 141

MEANINGS = {
    OK: "done",
    REFUSED: "it cannot be done with this data, this study or this file; the message says why",
    USAGE: "wrong usage, or a mistake in the YAML file",
    STORE: "the state store or the storage of studies cannot be used, or is damaged",
    BUG: "a bug in hpo; HPO_DEBUG=1 shows where",
    INTERRUPTED: "interrupted (Ctrl-C); what was finished is kept",
    PIPE: "the program that read its output stopped reading",
}
"""What each exit code means; ``hpo --help`` prints it."""

FAMILIES = (HpoError, AlgorithmError, StoreError, StudyError)
"""Every error that is raised on purpose, with a message for the person who asked."""


class UsageError(HpoError):
    """The command was used in a way that cannot be meant; the message says what to write instead."""


class OutputError(HpoError):
    """A file that was asked for cannot be written."""


def code_of(error: BaseException) -> int | None:
    """Return the exit code of an error; None for one that nobody foresaw.

    Examples
    --------
    >>> from hpo.errors import DataError
    >>> code_of(DataError("no rows")), code_of(StorageError("no database")), code_of(KeyError("x"))
    (1, 3, None)
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, (SpecError, SearchError, UnknownAlgorithm, UnknownField, InvalidField, UsageError)):
        return USAGE
    if isinstance(error, StudyMissing):
        return REFUSED
    if isinstance(error, (StoreError, StorageError)) or _of_database(error):
        return STORE
    return REFUSED if isinstance(error, (*FAMILIES, OSError, MemoryError)) else None


def _of_database(error: BaseException) -> bool:
    """Return whether a database failed under Optuna, without importing either."""
    return any(kind.__module__.startswith("sqlalchemy.") for kind in type(error).__mro__)
