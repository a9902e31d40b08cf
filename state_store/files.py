"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from state_store.entry import readable_bytes
from state_store.errors import StoreReadError, StoreWriteError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
TEMPORARY = ".tmp"

TRIES = 100
"""How often a directory is made that `gc` removes at the same time."""


@contextmanager
def replacing(path: Path, *, durable: bool = True, new: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that takes its place when the block ends well.

    The bytes are on the disk before the name appears (fsync, rename, fsync of the directory); a block that
    fails leaves neither. A process killed inside leaves a hidden file that ``gc`` removes.

    Parameters
    ----------
    path : the file.
    durable : whether to wait for the disk.
    new : whether the name must be free.

    Raises
    ------
    FileExistsError
        If it must be free and is not when the bytes are there.
    StoreWriteError
        On any other error of the file system, naming the path, the free space and what to do.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "a", "numbers")) as file:
    ...         _ = file.write(b"123")
    ...     [p.name for p in Path(folder, "a").iterdir()]
    ['numbers']
    """
    try:
        temporary, descriptor = _open_beside(path)
        with _removed_on_error(temporary):
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            if new:
                _take_free_name(temporary, path)
            else:
                temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise write_error(path, error) from error


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read; a pipe, a socket or a device is refused, not waited for."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a file but a pipe, a socket, a device or a directory", str(path))


def make_folder(folder: Path) -> None:
    """Make a directory and those above it, each of them on the disk when this returns.

    Examples
    --------
    >>> make_folder(Path("."))
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
        _sync_folder(folder.parent)


def write_error(path: Path, error: OSError) -> StoreWriteError:
    """Return the error that says which file could not be written, why, and what to do.

    Examples
    --------
    >>> print(write_error(Path("/state/leaves/x"), OSError(errno.EROFS, "Read-only file system")))
    Cannot write /state/leaves/x: Read-only file system. Nothing was lost or half written. Check ...
    """
    message = f"Cannot write {path}: {error.strerror or error}. Nothing was lost or half written. "
    if error.errno in FULL:
        return StoreWriteError(
            f"{message}The disk has {_free_space(path)} free. Make room, for example with "
            "`hpo states gc`, or choose a store on another disk."
        )
    if error.errno in DENIED:
        return StoreWriteError(f"{message}Check who may write in {path.parent}, or choose another store.")
    return StoreWriteError(f"{message}Check the disk ({_free_space(path)} free), or choose another store.")


def read_error(path: Path, error: OSError) -> StoreReadError:
    """Return the error that says which file could not be read, why, and what to do.

    Examples
    --------
    >>> print(read_error(Path("/state/leaves/x"), OSError(errno.EIO, "Input/output error")))
    Cannot read /state/leaves/x: Input/output error. Check the disk and who may read the file, or delete ...
    """
    return StoreReadError(
        f"Cannot read {path}: {error.strerror or error}. Check the disk and who may read the file, or delete "
        "it: what it held is then computed again."
    )


def _open_beside(path: Path) -> tuple[Path, int]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(6)}{TEMPORARY}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for _ in range(TRIES):
        try:
            return temporary, os.open(temporary, flags, 0o666)
        except FileNotFoundError:  # a new directory, or one that gc has just found empty, and may find so again
            with suppress(FileNotFoundError):
                make_folder(path.parent)
    return temporary, os.open(temporary, flags, 0o666)


@contextmanager
def _removed_on_error(temporary: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _take_free_name(temporary: Path, path: Path) -> None:
    """Give a file its name unless something has it; where there are no hard links, without certainty."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.replace(path)
    else:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:  # gc removed what was in it, and then the directory
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free_space(path: Path) -> str:
    for folder in path.parents:
        with suppress(OSError):
            return readable_bytes(shutil.disk_usage(folder).free)
    return "unknown space"
