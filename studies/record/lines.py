"""Lines of JSON with a digest at their end, one more key to other readers, and those that made finished trials.

Lines that made finished trials are read as far as a list needs it; Optuna is not loaded for it.
"""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

SIZE = 8
"""Bytes of a digest."""

_SEAL = re.compile(rb',"digest":"([0-9a-f]{16})"\}\s*\Z')

_COMPLETE = 1
"""``TrialState.COMPLETE`` of Optuna, as journals write it."""

_FINISHED = re.compile(
    rb'\{"op_code":4,"worker_id":"([^"\\]*)","study_id":(\d+),"datetime_start":("[^"\\]*"|null),"state":([123]),'
    rb'(?:"value":(null|NaN|-?Infinity|-?[0-9][-+.0-9eE]*),)?'
)


def seal(text: bytes) -> bytes:
    r"""Return the line of a JSON object that is not empty, with a digest of what comes before that.

    Examples
    --------
    >>> seal(b'{"op_code":1,"study_id":0}')
    b'{"op_code":1,"study_id":0,"digest":"a8e29c55f5926266"}\n'
    """
    return text[:-1] + b',"digest":"' + digest(text[:-1]) + b'"}\n'


def unsealed(line: bytes) -> tuple[bytes | None, bytes]:
    """Return the digest that a line carries, None if it has none, and what it is of."""
    if line[-30:-19] == b',"digest":"' and line[-3:] == b'"}\n':  # as we write it; a search costs ten times as much
        return line[-19:-3], line[:-30]
    found = _SEAL.search(line)
    return (None, line) if found is None else (found[1], line[: found.start()])


def digest(text: bytes) -> bytes:
    """Return the digest of a text."""
    return blake2b(text, digest_size=SIZE).hexdigest().encode()


class Line(NamedTuple):
    """A line that made a finished trial, its digest being right; not read further.

    Attributes
    ----------
    text : the line.
    worker, study_id : of whom and of which study it is.
    state, value, start : as they are written there; of several values none.
    """

    text: bytes
    worker: bytes
    study_id: int
    state: bytes
    value: bytes | None
    start: bytes


def finished(text: bytes) -> Line | None:
    """Return the line of a finished trial as :class:`Line`; None for any other."""
    match = _FINISHED.match(text)
    if match is None:
        return None
    worker, study, start, state, value = match.groups()
    return Line(text, worker, int(study), state, value, start)


def local(text: str | None) -> datetime | None:
    """Return a time of this place, without its zone."""
    return None if text is None else datetime.fromisoformat(text).astimezone().replace(tzinfo=None)


def value_and_start_of(line: Line) -> tuple[float | None, datetime | None]:
    """Return value and beginning of a trial; no value of one that is not complete."""
    complete = int(line.state) == _COMPLETE and line.value not in (None, b"null")
    value = float(line.value) if complete and line.value is not None else None
    return value, local(None if line.start == b"null" else line.start[1:-1].decode())
