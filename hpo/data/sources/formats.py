"""The formats of files: each opened by its own reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from hpo.data.sources.csv import open_csv
from hpo.data.sources.files import CSV, IPC, PARQUET, DataFile
from hpo.data.sources.footers import Footers, Shelf
from hpo.data.sources.identities import reading
from hpo.data.sources.ipc import open_ipc
from hpo.data.sources.parquet import open_parquet
from hpo.data.sources.source import FileReader
from hpo.data.sources.text import USUAL, TextFormat
from hpo.errors import DataError
from hpo.process.lazily import arrow_fs

OPENERS: Mapping[str, Callable[[DataFile, str, TextFormat, Footers], FileReader]] = {
    PARQUET: lambda file, how, _, footers: open_parquet(file, how, footers),
    CSV: lambda file, how, text, _: open_csv(file, how, text),
    IPC: lambda file, how, *_: open_ipc(file, how),
}
"""What opens a file of each format."""


def open_files(
    files: Sequence[DataFile], fingerprint: str, text: TextFormat = USUAL, shelf: Shelf | None = None
) -> list[FileReader]:
    """Open every file, several at a time where that takes a network's time; all must be of one format.

    Those whose footers are on the shelf, unchanged, are not opened.
    """
    footers = Footers(shelf)
    with ExitStack() as stack:
        each: Callable[..., Iterable[Any]] = map
        if not all(isinstance(file.fs, arrow_fs.LocalFileSystem) for file in files):
            each = stack.enter_context(ThreadPoolExecutor(min(16, len(files)))).map
        formats = list(each(_format, files))
        for file, form in zip(files, formats, strict=True):
            if form != formats[0]:
                raise DataError(
                    f"{files[0].uri!r} is {formats[0]} and {file.uri!r} is {form}; "
                    "a data set has one format, so name one with a glob such as '*.parquet'"
                )
        if formats[0] == PARQUET:
            footers.load(files)
        readers = list(each(lambda file: _open(file, formats[0], fingerprint, text, footers), files))
    footers.save()
    return readers


def _format(file: DataFile) -> str:
    with reading(file):
        return file.format


def _open(file: DataFile, form: str, fingerprint: str, text: TextFormat, footers: Footers) -> FileReader:
    with reading(file):
        return OPENERS[form](file, fingerprint, text, footers)
