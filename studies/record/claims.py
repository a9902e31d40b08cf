"""Several processes that run one study: each claims the numbers of its next trials, so that they run them once.

What is claimed is kept with the study, as an attribute that Optuna passes over. A claim counts until its trials are
stored or its process is gone, so that nothing is lost with a process that is killed.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.storages import RDBStorage

from studies.errors import StorageError
from studies.record.file_storage import FileStorage
from studies.record.journal_lock import gone

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

CLAIMS = "onepass:claims"
"""The system attribute of a study that holds what is claimed."""

GRACE = 60.0
"""Seconds after which a claim of another machine counts no more, unless it changes."""

RENEWED = 15.0
"""Seconds after which a claim whose trials take long is renewed: other machines see that its process is alive."""

TRIES = 50
"""Times that a claim is written to a database anew where other processes were faster."""

_IN_PROCESS = threading.Lock()

Noted = Mapping[str, Any]
"""What is noted of claims."""

Change = Callable[[Noted, int], Noted]
"""From what is claimed and the number of stored trials to what is claimed then."""


@dataclass(frozen=True)
class Grant:
    """What a process may run.

    Attributes
    ----------
    turns : numbers of trials that no other process runs.
    waiting : whether others hold claims on what is left: there may be more to do if they are killed.
    others : trials that other processes stored since the last claim.
    """

    turns: range
    waiting: bool = False
    others: tuple[FrozenTrial, ...] = ()


@dataclass
class Claims:
    """What this process claims of a study's trials.

    Attributes
    ----------
    storage, study_id : where the study is.
    me : the name of this process among the claims.
    holds : whether it claims any trials.

    Examples
    --------
    >>> import optuna
    >>> storage = optuna.storages.InMemoryStorage()
    >>> study = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE])
    >>> one, other = Claims(storage, study), Claims(storage, study)
    >>> one.claim(3, 5).turns, other.claim(3, 5).turns, one.claim(3, 5).turns
    (range(0, 3), range(3, 4), range(4, 6))
    """

    storage: BaseStorage
    study_id: int
    me: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    holds: bool = False
    _seen: dict[str, tuple[object, float]] = field(default_factory=dict)

    def claim(self, want: int, trials: int) -> Grant:
        """Return numbers of at most so many further trials of a study of so many in all.

        What this process claimed before must be stored.
        """
        granted = Grant(range(0))

        def change(known: Noted, stored: int) -> Noted:
            nonlocal granted
            others = {name: one for name, one in _open(known).items() if name != self.me and self._alive(name, one)}
            left = trials - stored - sum(one["trials"] for one in others.values())
            first = max(stored, int(known.get("next", 0))) if others else stored
            count = max(0, min(want, -(-left // (len(others) + 1))))
            granted = Grant(range(first, first + count), waiting=bool(others) and not count and stored < trials)
            own = {self.me: {"trials": count, "pid": os.getpid(), "host": socket.gethostname()}} if count else {}
            return {"next": first + count, "open": {**others, **own}}

        _exchange(self.storage, self.study_id, change)
        self.holds = bool(granted.turns)
        return granted

    def renew(self) -> None:
        """Change what this process claims, so that others see that it is alive."""

        def change(known: Noted, _stored: int) -> Noted:
            claims = _open(known)
            own = claims.get(self.me)
            if own is None:
                return known
            return {**known, "open": {**claims, self.me: {**own, "renewed": own.get("renewed", 0) + 1}}}

        _exchange(self.storage, self.study_id, change)

    def release(self) -> None:
        """Claim nothing any more."""

        def change(known: Noted, _stored: int) -> Noted:
            rest = {name: one for name, one in _open(known).items() if name != self.me}
            return {**known, "open": rest} if len(rest) < len(_open(known)) else known

        _exchange(self.storage, self.study_id, change)
        self.holds = False

    def _alive(self, name: str, one: Noted) -> bool:
        if one["host"] == socket.gethostname():
            return not gone(one["pid"])
        seen, since = self._seen.get(name, (None, 0.0))
        if seen != one:
            self._seen[name] = one, time.monotonic()
            return True
        return time.monotonic() - since < GRACE


def claimed(storage: BaseStorage, study_id: int) -> bool:
    """Return whether a process claims trials of a study."""
    known = storage.get_study_system_attrs(study_id).get(CLAIMS) or {}
    return any(one["host"] != socket.gethostname() or not gone(one["pid"]) for one in _open(known).values())


def _open(known: Noted) -> dict[str, Any]:
    """Return the claims by process; what makes no sense is none."""
    found = known.get("open")
    kinds = {"trials": int, "pid": int, "host": str}
    return {
        name: one
        for name, one in (found.items() if isinstance(found, dict) else ())
        if isinstance(one, dict) and all(isinstance(one.get(key), kind) for key, kind in kinds.items())
    }


def _exchange(storage: BaseStorage, study_id: int, change: Change) -> None:
    """Replace what is claimed; no other process does so meanwhile, as far as the storage can tell."""
    if isinstance(storage, FileStorage):
        storage.exchange(study_id, CLAIMS, change)
    elif isinstance(storage, RDBStorage):
        _exchange_in_database(storage, study_id, change)
    else:
        with _IN_PROCESS:
            known = storage.get_study_system_attrs(study_id).get(CLAIMS) or {}
            changed = change(known, storage.get_n_trials(study_id))
            if changed != known:
                storage.set_study_system_attr(study_id, CLAIMS, dict(changed))


def _exchange_in_database(storage: RDBStorage, study_id: int, change: Change) -> None:
    """Replace what is claimed unless another process was faster; else from what that one wrote."""
    from optuna.storages._rdb.models import StudySystemAttributeModel  # noqa: PLC0415 -- databases
    from sqlalchemy import insert, select, update  # noqa: PLC0415 -- databases
    from sqlalchemy.exc import IntegrityError  # noqa: PLC0415 -- databases

    kept: Any = StudySystemAttributeModel
    ours = (kept.study_id == study_id, kept.key == CLAIMS)
    for _ in range(TRIES):
        with storage.engine.connect() as connection:
            text = connection.execute(select(kept.value_json).where(*ours)).scalar()
        known = json.loads(text) if text else {}
        changed = change(known, storage.get_n_trials(study_id))
        if changed == known:
            return
        new = json.dumps(changed)
        write = (
            insert(kept).values(study_id=study_id, key=CLAIMS, value_json=new)
            if text is None
            else update(kept).where(*ours, kept.value_json == text).values(value_json=new)
        )
        try:
            with storage.engine.begin() as connection:
                if connection.execute(write).rowcount == 1:
                    return
        except IntegrityError:  # another process inserted it
            continue
    raise StorageError("what is claimed of a study changes too often to be written")
