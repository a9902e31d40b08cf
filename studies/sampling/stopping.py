"""What ends a study whose trials are asked for one by one (Optuna's ask and tell)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.study import Study


@contextmanager
def stopping(study: Study) -> Iterator[Event]:
    """Let a sampler or a callback end the study by ``study.stop()``; the event says that one did.

    Optuna allows that inside of ``optimize`` alone. Its ``GridSampler`` and ``BruteForceSampler`` do it after the
    last point, ``MaxTrialsCallback`` after the last trial.

    Examples
    --------
    >>> import optuna
    >>> study = optuna.create_study()
    >>> with stopping(study) as ended:
    ...     study.stop()
    >>> ended.is_set()
    True
    """
    ended = Event()
    vars(study)["stop"] = ended.set
    try:
        yield ended
    finally:
        del vars(study)["stop"]
