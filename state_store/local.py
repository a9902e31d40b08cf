"""Blobs in a directory of a local or shared file system."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from filelock import FileLock, Timeout

from state_store.backend import Bytes, Stat, valid_name
from state_store.errors import InvalidName
from state_store.files import TEMPORARY, open_regular, read_error, replacing, write_error

LOCKS = "locks"
ABSENT = (FileNotFoundError, NotADirectoryError)
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class LocalBackend:
    """A directory: one file per name; last use is the file's modification time.

    Any number of threads and processes may use it at once, also on several machines that share it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     backend = LocalBackend(Path(folder))
    ...     backend.write("pilots/0123", b"abc")
    ...     backend.read("pilots/0123"), [name for name, stat in backend.names("pilots")]
    (bytearray(b'abc'), ['pilots/0123'])
    """

    at_once: ClassVar[int] = 1
    root: Path

    @property
    def place(self) -> Path:
        """The directory."""
        return self.root

    def path(self, name: str) -> Path:
        """Return the file of a name; raises InvalidName if it is not confined to the directory."""
        return self.root / valid_name(name)

    def read(self, name: str, limit: int | None = None) -> bytearray | None:
        """Return the bytes (the first ``limit``), or None if there is no such name. Raises StoreReadError."""
        path = self.path(name)
        try:
            with open_regular(path) as file:
                size = os.fstat(file.fileno()).st_size
                data = bytearray(size if limit is None else min(limit, size))
                del data[file.readinto(data) :]
                return data
        except ABSENT:
            return None
        except OSError as error:
            raise read_error(path, error) from error

    def write(self, name: str, data: Bytes) -> None:
        """Put the bytes under the name, atomically and durably."""
        with replacing(self.path(name)) as file:
            file.write(data)

    def create(self, name: str, data: Bytes) -> bool:
        """Put the bytes under a name that is not there, atomically and durably; False if it was there."""
        path = self.path(name)
        if path.exists():
            return False
        try:
            with replacing(path, new=True) as file:
                file.write(data)
        except FileExistsError:
            return False
        return True

    def names(self, folder: str) -> Iterator[tuple[str, Stat]]:
        """Yield every name below ``folder``, sorted; temporary files are not names."""
        yield from self._below(self.path(folder), folder)

    def stat(self, name: str) -> Stat | None:
        """Return size and last use, or None if there is no such name."""
        path = self.path(name)
        try:
            found = path.stat()
        except ABSENT:
            return None
        except OSError as error:
            raise read_error(path, error) from error
        return Stat(found.st_size, found.st_mtime)

    def touch(self, name: str) -> None:
        """Note that the name was used now, unless the directory is read-only."""
        with suppress(OSError):
            os.utime(self.path(name))

    def delete(self, name: str) -> bool:
        """Remove the name; False if it was not there."""
        path = self.path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise write_error(path, error) from error
        return True

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of a name; where the file system cannot lock, hold nothing."""
        lock = FileLock(self._lock_path(name))
        try:
            lock.acquire(poll_interval=POLL_SECONDS)
        except (OSError, NotImplementedError):
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def sweep(self, before: float, *, dry_run: bool) -> list[tuple[str, int]]:
        """Remove temporary files and unheld locks older than ``before``, and directories left empty."""
        old = [path for path in self._leftovers() if _modified(path) < before]
        removed = [(str(path.relative_to(self.root)), size) for path in old if (size := _size(path)) is not None]
        if not dry_run:
            removed = [item for item in removed if self._remove_leftover(self.root / item[0])]
            self._remove_empty_folders()
        return removed

    def trim_copies(self, most: int) -> int:
        """Return 0: there are no copies of files."""
        return 0

    def _below(self, folder: Path, prefix: str, above: frozenset[int] = frozenset()) -> Iterator[tuple[str, Stat]]:
        try:
            here = folder.stat().st_ino
            found = sorted(os.scandir(folder), key=lambda item: item.name)
        except ABSENT:
            return
        except OSError as error:
            raise read_error(folder, error) from error
        if here in above:
            raise read_error(folder, OSError(errno.ELOOP, "it is a symbolic link to a directory that holds it"))
        for item in found:
            if item.name.startswith("."):
                continue
            if _is_folder(item):
                yield from self._below(folder / item.name, f"{prefix}/{item.name}", above | {here})
            else:
                yield from _named(f"{prefix}/{item.name}", item)

    def _lock_path(self, name: str) -> Path:
        folder = self.root / LOCKS
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
        return folder / (valid_name(name).replace("/", "-") + ".lock")

    def _leftovers(self) -> Iterator[Path]:
        for folder, _, files in os.walk(self.root):  # which passes over directories that vanish
            held = Path(folder) == self.root / LOCKS
            for name in files:
                if (name.startswith(".") and name.endswith(TEMPORARY)) or (held and name.endswith(".lock")):
                    yield Path(folder, name)

    def _remove_leftover(self, path: Path) -> bool:
        if path.suffix == TEMPORARY:
            return _unlink(path)
        try:
            with FileLock(path, blocking=False):
                return _unlink(path)
        except (Timeout, OSError, NotImplementedError):
            return False

    def _remove_empty_folders(self) -> None:
        for parent, folders, _ in os.walk(self.root):
            for folder in folders if Path(parent).parent == self.root else ():
                with suppress(OSError):
                    Path(parent, folder).rmdir()


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError as error:
        raise read_error(Path(item.path), error) from error


def _named(name: str, item: os.DirEntry[str]) -> Iterator[tuple[str, Stat]]:
    """Yield one name, unless it is not a name at all or vanished meanwhile."""
    with suppress(InvalidName, FileNotFoundError):
        found = item.stat()
        yield valid_name(name), Stat(found.st_size, found.st_mtime)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _size(path: Path) -> int | None:
    """Return the bytes of a file, None if it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True
