"""What a file is known by: its address, its bytes, its place among others; and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import xxhash

from hpo.data.sources.files import DataFile
from hpo.errors import DataError

READ_ERRORS = (pa.ArrowException, OSError, EOFError)

_CHUNK = 8 << 20


def content_digest(file: DataFile) -> str:
    """Return xxh3_128 of a file's bytes."""
    digest = xxhash.xxh3_128()
    with file.fs.open_input_stream(file.path, compression=None) as stream:
        while chunk := stream.read_buffer(_CHUNK):
            if not chunk.size:
                break
            digest.update(memoryview(chunk))
    return digest.hexdigest()


def identity(file: DataFile, fingerprint: str) -> tuple[str, ...]:
    """Return what a file's segments are fingerprinted by: its name, address and stamp, or its bytes alone."""
    if fingerprint == "content":
        return ("content", content_digest(file))
    return ("fast", file.name, file.uri, str(file.size), file.stamp)


def place(file: DataFile, known: Sequence[str], start: int) -> str:
    """Return what the rows of a part that begins at ``start`` are dealt and drawn by, given its identity.

    It follows from the identity, so that states of one fingerprint are states of the same folds.
    """
    how, name = known[0], known[1]
    return f"{name if how == 'content' else file.name}[{start}]"


@contextmanager
def reading(file: DataFile) -> Iterator[None]:
    """Say of a failure which file could not be read, and whether it has changed or is gone: a DataError."""
    try:
        yield
    except READ_ERRORS as error:
        file.check_unchanged()
        raise DataError(unreadable(file, error)) from error


def unreadable(file: DataFile, error: Exception) -> str:
    """Return the message for a file that cannot be read."""
    why = str(error).splitlines()[0]
    try:
        other = file.mistaken()
    except OSError:
        return f"cannot read {file.uri!r} ({why})"
    if other is not None:
        return f"cannot read {file.uri!r}: {other}"
    advice = "it is damaged, truncated or still being written: write it again or leave it out"
    if re.search(r"Expected \d+ columns, got", why):
        advice = (
            "each line needs as many values as the header has names: quote a value that holds the separator, take "
            "out lines before the header and lines that were cut"
        )
    return f"cannot read {file.uri!r} as {file.format} ({why}); {advice}"
