"""The formats of files: each opened by its own reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from pyarrow.fs import LocalFileSystem

from hpo.data.sources.csv import open_csv
from hpo.data.sources.files import CSV, IPC, PARQUET, DataFile
from hpo.data.sources.ipc import open_ipc
from hpo.data.sources.parquet import open_parquet
from hpo.data.sources.readers import READ_ERRORS, FileReader, unreadable
from hpo.errors import DataError

OPENERS: Mapping[str, Callable[[DataFile, str], FileReader]] = {
    PARQUET: open_parquet,
    CSV: open_csv,
    IPC: open_ipc,
}
"""What opens a file of each format."""


def open_files(files: Sequence[DataFile], fingerprint: str) -> list[FileReader]:
    """Open every file, several at a time where that takes a network's time; all must be of one format."""
    with ExitStack() as stack:
        each: Callable[..., Iterable[Any]] = map
        if not all(isinstance(file.fs, LocalFileSystem) for file in files):
            each = stack.enter_context(ThreadPoolExecutor(min(16, len(files)))).map
        formats = list(each(_format, files))
        for file, form in zip(files, formats, strict=True):
            if form != formats[0]:
                raise DataError(
                    f"{files[0].uri!r} is {formats[0]} and {file.uri!r} is {form}; "
                    "a data set has one format, so name one with a glob such as '*.parquet'"
                )
        return list(each(lambda file: _open(file, formats[0], fingerprint), files))


def _format(file: DataFile) -> str:
    return file.format


def _open(file: DataFile, form: str, fingerprint: str) -> FileReader:
    try:
        return OPENERS[form](file, fingerprint)
    except READ_ERRORS as error:
        raise DataError(unreadable(file, error)) from error
