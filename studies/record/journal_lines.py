"""Lines of a journal: each carries a digest of itself, and a damaged one is set aside for what it stood for.

Optuna numbers studies and trials by the order of the lines that made them, so something must stand where a damaged
line stood: a study without trials, a failed trial, or a line that changes nothing.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.record.lines import digest, finished, seal, unsealed

Log = dict[str, Any]

_JOURNAL = "journal://"

START = b'{"op_code":'
"""What a journal begins with."""

TWICE = "it is written twice"
"""Why a line is set aside that repeats another."""

_STUDY, _SET_ATTRIBUTE, _TRIAL, _FAILED = 0, 2, 4, 3
_OPERATIONS = range(11)
_AGES_AGO = "2000-01-01T00:00:00"


def journal_path(text: str) -> Path | None:
    """Return the file of a journal's name; None of the address of a database.

    Examples
    --------
    >>> journal_path("journal:///a/b").as_posix(), journal_path("sqlite:///a.db")
    ('/a/b', None)
    """
    if "://" in text and not text.startswith(_JOURNAL):
        return None
    return Path(os.path.expanduser(text.removeprefix(_JOURNAL))).absolute()  # noqa: PTH111 -- pathlib raises on ~nobody


@dataclass(frozen=True)
class Damage:
    """A line that cannot be believed.

    Attributes
    ----------
    line : its number, from 1.
    what : what it held, as far as can be seen: ``"a trial"``, ``"a study"`` or ``"a note"``.
    why : how it is damaged.
    """

    line: int
    what: str
    why: str


def sealed(log: Log) -> bytes:
    r"""Return the line of a log, with a digest that other readers of journals pass over.

    Examples
    --------
    >>> sealed({"op_code": 1, "study_id": 0})
    b'{"op_code":1,"study_id":0,"digest":"a8e29c55f5926266"}\n'
    """
    return seal(json.dumps(log, separators=(",", ":")).encode())


def read(line: bytes, number: int) -> tuple[Any, Damage | None]:
    """Return the log of a line, or what stands for it, and how it is damaged.

    Lines without a digest, of Optuna itself or of earlier versions, are believed if they are logs at all.

    Examples
    --------
    >>> line = sealed({"op_code": 1, "worker_id": "w", "study_id": 0})
    >>> read(line, 7)[1], read(line.replace(b"0", b"1"), 7)[1]
    (None, Damage(line=7, what='a note', why='its digest is of other bytes'))
    """
    found, text = unsealed(line)
    if found is None and not line.strip():
        return stand_in(line, number), None
    if found is not None and digest(text) != found:
        return stand_in(line, number), Damage(number, _what(line), "its digest is of other bytes")
    if found is not None and (trial := finished(line)) is not None:
        return trial, None
    try:
        log = json.loads(line)
    except (ValueError, RecursionError):
        return stand_in(line, number), Damage(number, _what(line), "it is not JSON")
    if not isinstance(log, dict) or log.get("op_code") not in _OPERATIONS or "worker_id" not in log:
        return stand_in(line, number), Damage(number, _what(line), "it is not a record of Optuna's")
    return log, None


def digest_of(line: bytes) -> bytes | None:
    """Return the digest that a line carries, None if it has none."""
    return unsealed(line)[0]


def stand_in(line: bytes, number: int) -> Log:
    """Return the log that takes the place of a line that cannot be believed."""
    what = _what(line)
    if what == "a study":
        return {"op_code": _STUDY, "worker_id": "", "study_name": f"damaged (line {number})", "directions": [1]}
    study = re.search(rb'"study_id": ?(\d{1,9})\b', line)
    if what == "a trial" and study is not None:
        return {
            "op_code": _TRIAL, "worker_id": "", "study_id": int(study[1]), "state": _FAILED, "params": {},
            "distributions": {}, "user_attrs": {"error": f"line {number} of the journal is damaged"},
            "system_attrs": {}, "intermediate_values": {}, "datetime_start": _AGES_AGO,
            "datetime_complete": _AGES_AGO,
        }  # fmt: skip
    return {"op_code": _SET_ATTRIBUTE, "worker_id": "", "study_id": -1, "user_attr": {"damaged": number}}


def _what(line: bytes) -> str:
    if b'"study_name"' in line or b'"directions"' in line:
        return "a study"
    return "a trial" if b'"datetime_start"' in line or b'"distributions"' in line else "a note"
