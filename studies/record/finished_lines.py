"""Lines of a journal that made finished trials, read as far as a list needs it; Optuna is not loaded for it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

_COMPLETE = 1
"""``TrialState.COMPLETE`` of Optuna, as journals write it."""

_FINISHED = re.compile(
    rb'\{"op_code":4,"worker_id":"([^"\\]*)","study_id":(\d+),"datetime_start":("[^"\\]*"|null),"state":([123]),'
    rb'(?:"value":(null|NaN|-?Infinity|-?[0-9][-+.0-9eE]*),)?'
)


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
