"""Optuna's lock on a journal file, one that a killed process does not leave behind."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from pathlib import Path

from optuna.storages.journal import JournalFileSymlinkLock

try:
    import fcntl
except ImportError:  # Windows has no advisory locks; there a stale lock is released by its age alone
    fcntl = None  # type: ignore[assignment]

GRACE = 30.0
"""Seconds after which a lock is taken from a holder that cannot be asked: another machine, plain Optuna."""

_OWNER = re.compile(r"held by (?P<pid>\d+) on (?P<host>\S+)")


class OwnedLock(JournalFileSymlinkLock):
    """The same symbolic link as Optuna's lock, but pointing to its owner's process.

    It excludes plain Optuna writers too. A lock whose owner has died on this machine is removed at once.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._link = path.with_name(path.name + ".lock")

    def acquire(self) -> bool:
        """Wait for the lock and take it."""
        pause, seen, since = 0.001, "", time.monotonic()
        while not self._take():
            holder = self._holder()
            if holder != seen:
                seen, since = holder, time.monotonic()
            if _dead(holder) or time.monotonic() - since > GRACE:
                self._break(holder)
                continue
            time.sleep(pause)
            pause = min(pause * 2, 0.1)
        return True

    def _take(self) -> bool:
        try:
            self._link.symlink_to(f"held by {os.getpid()} on {socket.gethostname()}")
        except FileExistsError:
            return False
        return True

    def _holder(self) -> str:
        """Return the link's text and age, or nothing if it is gone."""
        try:
            return f"{self._link.readlink()} since {self._link.lstat().st_mtime_ns}"
        except OSError:
            return ""

    def _break(self, holder: str) -> None:
        """Remove a dead holder's link; the file's own lock lets one process at a time judge and remove."""
        with self._path.open("rb") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            if holder and self._holder() == holder:
                with contextlib.suppress(OSError):
                    self._link.unlink()


def _dead(holder: str) -> bool:
    match = _OWNER.match(holder)
    return match is not None and match["host"] == socket.gethostname() and gone(int(match["pid"]))


def gone(pid: int) -> bool:
    """Return whether a process of this machine has ended, also where whoever started it did not ask for its end.

    Examples
    --------
    >>> gone(os.getpid())
    False
    """
    import psutil  # noqa: PLC0415 -- only where another process is in the way

    try:
        return bool(psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, ValueError, OSError):
        return False
