"""Where studies are kept: memory, a journal file, or a database, by one name each."""

from __future__ import annotations

import os
import re
import time
import warnings
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from optuna.exceptions import OptunaError, StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage

from studies.errors import RecordWarning, StorageError, StudyMissing
from studies.masking import mask
from studies.quiet import quiet
from studies.record.file_storage import FileStorage
from studies.record.journal_lines import TWICE, Damage, journal_path
from studies.record.journal_repair import mend
from studies.record.record_parts import SENSELESS
from studies.spec.messages import nearest

if TYPE_CHECKING:
    import sqlite3

    from optuna.storages import BaseStorage
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session, scoped_session

Result = TypeVar("Result")

PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between tries to open a database that another process is making."""

DRIVERS = {
    "mysql": "mysqlclient", "mysql+pymysql": "pymysql",
    **dict.fromkeys(("postgresql", "postgresql+psycopg"), "'onepass-hpo[postgresql]'"),
}  # fmt: skip
"""What installs the drivers of addresses."""

BUSY = 30.0
"""Seconds that a process waits for others that write to the same SQLite file."""

UNREADABLE = (*SENSELESS, AssertionError, RecursionError, OptunaError)
"""What Optuna raises over a journal whose lines make no sense together."""


def open_storage(value: str | os.PathLike[str] | BaseStorage | None) -> BaseStorage:
    """Return the Optuna storage of a name.

    Parameters
    ----------
    value : None for memory; a path or ``journal:///path`` for a journal file, created with its directory;
        a SQLAlchemy address (``sqlite:///file.db``, ``postgresql://…``); or a storage, returned as it is.

    Raises
    ------
    StorageError
        It cannot be opened; says what to do. Passwords in addresses are masked.

    Examples
    --------
    >>> type(open_storage(None)).__name__
    'InMemoryStorage'
    """
    if value is None:
        return InMemoryStorage()
    if isinstance(value, BaseStorage):
        return value
    text = os.fspath(value)
    path = journal_path(text)
    return _database(text) if path is None else _journal(path)


def describe(storage: BaseStorage) -> str:
    """Return a storage's name for messages, without passwords.

    Examples
    --------
    >>> describe(open_storage(None))
    'InMemoryStorage'
    """
    if isinstance(storage, FileStorage):
        return str(storage)
    url = getattr(storage, "url", None) or getattr(getattr(storage, "_backend", None), "url", None)
    return mask(str(url)) if url else type(storage).__name__


def _journal(path: Path) -> BaseStorage:
    if path.is_dir():
        raise StorageError(f"{path} is a directory; give a file in it, such as {path / 'studies.journal'}")
    if path.exists() and not path.is_file():
        what = "a pipe, a socket or a device"
        raise StorageError(f"{path} is not a file but {what}; give another path for the journal")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            mend(path)
        storage = FileStorage(path)
    except OSError as error:
        raise StorageError(
            f"the journal file {path} cannot be opened for writing ({error.strerror}); give a file in a "
            "directory that you may write to, for example with --storage or HPO_HOME"
        ) from None
    except UNREADABLE as error:
        raise StorageError(
            f"{path} cannot be read as an Optuna journal ({type(error).__name__}: {error}); give another file"
        ) from None
    if storage.damage:
        warnings.warn(
            f"{path}: {in_words(storage.damage)}; `hpo studies verify` says how", RecordWarning, stacklevel=3
        )
    return storage


def in_words(damage: Sequence[Damage]) -> str:
    """Return which lines of a journal are damaged and what becomes of them.

    Examples
    --------
    >>> in_words([Damage(7, "a trial", "it is not JSON"), Damage(9, "a note", "it is not JSON")])
    'lines 7 and 9 are damaged and set aside (1 trial counts as failed)'
    """
    numbers = [str(one.line) for one in damage]
    shown = ", ".join(numbers[:5]) + f" and {len(numbers) - 5} more" if len(numbers) > 6 else " and ".join(numbers)
    what = f"line{'s' * (len(numbers) > 1)} {shown} {'are' if len(numbers) > 1 else 'is'} damaged and set aside"
    lost = sum(one.what == "a trial" and one.why != TWICE for one in damage)
    return f"{what} ({lost} trial{'s count' if lost > 1 else ' counts'} as failed)" if lost else what


def _database(url: str) -> BaseStorage:
    import sqlalchemy.exc  # noqa: PLC0415 -- databases

    _make_parent(url)
    try:
        storage = _opened(url)
    except ImportError:
        driver = url.partition("://")[0]
        wanted = DRIVERS.get(driver, "it")
        raise StorageError(
            f"{mask(url)}: no database driver for {driver!r} is installed; pip install {wanted}"
        ) from None
    except sqlalchemy.exc.ArgumentError:
        raise StorageError(
            f"{mask(url)} is not a database address; write for example sqlite:///studies.db"
        ) from None
    except (sqlalchemy.exc.SQLAlchemyError, OptunaError, RuntimeError) as error:
        reason = mask(str(getattr(error, "orig", None) or error).splitlines()[0])
        raise StorageError(
            f"the database {mask(url)} cannot be opened ({reason}); check the address, that the server runs, "
            "and that you may write to it"
        ) from None
    if url.startswith("sqlite"):
        _hasten(storage)
    weakref.finalize(storage, _close, storage.scoped_session, storage.engine)
    return storage


def _close(sessions: scoped_session[Session], engine: Engine) -> None:
    """Give a database's connections back, that of a session of this thread too: drivers complain of those left."""
    sessions.remove()
    engine.dispose()


class _Database(RDBStorage):
    """Optuna's storage in a database; where it cannot be opened, it leaves no connection behind."""

    def __init__(self, url: str) -> None:
        try:
            super().__init__(url)
        except BaseException:
            if "scoped_session" in vars(self):
                _close(self.scoped_session, self.engine)
            raise


def _opened(url: str) -> RDBStorage:
    """Return a database's storage; where another process makes its tables at the same time, after some tries."""
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError  # noqa: PLC0415 -- databases

    for pause in PAUSES:
        try:
            return _Database(url)
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            if not re.search(r"(?i)already exists|unique constraint|duplicate|database is locked", str(error.orig)):
                raise
        time.sleep(pause)
    return _Database(url)


def _make_parent(url: str) -> None:
    if (match := re.match(r"sqlite(?:\+\w+)?:///(?!:memory:)([^?]+)", url)) and not match[1].startswith(
        "file:"
    ):
        try:
            Path(match[1]).absolute().parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"the directory of {url} cannot be made: {error.strerror}") from None


def _hasten(storage: Any) -> None:
    """Write SQLite ahead to a log: a killed process loses nothing, and a trial costs no fsync."""
    from sqlalchemy import event  # noqa: PLC0415 -- databases

    def settle(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout={BUSY * 1000:.0f}")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=NORMAL")

    event.listen(storage.engine, "connect", settle)
    storage.engine.dispose()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a file to write-ahead logging, after some tries where others hold its lock.

    For this statement SQLite raises an error at once, whatever the timeout. If every try fails the file stays as it
    is, and the next connection switches it.
    """
    import sqlite3  # noqa: PLC0415 -- databases

    for pause in (*PAUSES, 0.0):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        time.sleep(pause)


def at_once(storage: BaseStorage) -> AbstractContextManager[None]:
    """Return a context in which what is written to a journal is written in one piece; to others as it comes."""
    return storage.together() if isinstance(storage, FileStorage) else nullcontext()


def patiently(act: Callable[[], Result]) -> Result:
    """Return what an act on a database returns, tried again where others write to it at the same moment."""
    for pause in PAUSES:
        try:
            return act()
        except StorageInternalError:
            time.sleep(pause)
    return act()


def study_names(storage: BaseStorage) -> list[str]:
    """Return the names of the studies of a storage.

    Examples
    --------
    >>> study_names(open_storage(None))
    []
    """
    studies = storage.known() if isinstance(storage, FileStorage) else storage.get_all_studies()
    return [study.study_name for study in studies]


def find_study(storage: BaseStorage, name: str) -> int:
    """Return the id of a study.

    Raises
    ------
    StudyMissing
        There is none of that name; suggests the nearest.
    """
    try:
        return storage.get_study_id_from_name(name)
    except KeyError:
        names = study_names(storage)
        hint = nearest(name, names) or ("; it has no studies" if not names else "")
        raise StudyMissing(f"no study {name!r} in {describe(storage)}{hint}") from None


def delete_study(storage: BaseStorage, name: str) -> None:
    """Remove a study and its trials from a storage.

    Raises
    ------
    StudyMissing
        There is none of that name.
    """
    with quiet():
        storage.delete_study(find_study(storage, name))
