"""Studies in a storage: begun under a name, or taken up again in memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from studies.errors import StorageError, StudyTaken
from studies.quiet import quiet
from studies.record.claims import claimed
from studies.record.record_parts import SENSELESS
from studies.record.storage import at_once, describe, find_study, patiently
from studies.record.study_record import ONEPASS, StudyRecord
from studies.sampling.numbered import hand_over
from studies.spec.definition import definition_digest, differences
from studies.uncollected import uncollected

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

Direction = Literal["maximize", "minimize"]

DESCRIBED = 2.0
"""Seconds that another process has to describe a study that it has just made in a database."""


@uncollected()
def load_study(storage: BaseStorage, name: str) -> Study:
    """Return a stored study as one in memory, with all its trials and attributes.

    Trials that never finished are taken over as failed, so that every trial keeps its number.

    Raises
    ------
    StudyMissing
        There is none of that name.
    StorageError
        A trial makes no sense.
    """
    study_id = find_study(storage, name)
    try:
        with quiet():
            study = optuna.create_study(study_name=name, directions=storage.get_study_directions(study_id))
        for key, value in storage.get_study_user_attrs(study_id).items():
            study.set_user_attr(key, value)
        for trial in storage.get_all_trials(study_id, deepcopy=False):
            hand_over(study, _finished(trial))
    except SENSELESS as error:
        raise StorageError(
            f"the study {name!r} in {describe(storage)} cannot be read ({type(error).__name__}: {error}); "
            f"`hpo studies verify` checks a journal's lines, `hpo studies rm {name}` removes the study"
        ) from None
    return study


def stored_record(storage: BaseStorage, name: str) -> StudyRecord | None:
    """Return what is kept with a stored study, whose trials are not read; None for one that other programs made.

    Raises
    ------
    StudyMissing
        There is none of that name.
    RecordTooNew, StorageError
        A later version wrote it, or it makes no sense.
    """
    with quiet():
        return StudyRecord.of(storage.get_study_user_attrs(find_study(storage, name)), name)


def record_of(study: Study) -> StudyRecord | None:
    """Return what is kept with a study; None for one that other programs made.

    Raises
    ------
    RecordTooNew
        A later version of this program wrote it.
    """
    return StudyRecord.of(study.user_attrs, study.study_name)


def _finished(trial: FrozenTrial) -> FrozenTrial:
    return trial if trial.state.is_finished() else failed(trial.datetime_start)


def failed(start: datetime | None = None) -> FrozenTrial:
    """Return a failed trial without a setting: it holds the number of one that never finished."""
    trial = create_trial(state=TrialState.FAIL)
    trial.datetime_start = start or trial.datetime_start
    return trial


def begin(
    storage: BaseStorage,
    name: str,
    *,
    direction: Direction | Sequence[Direction],
    record: StudyRecord,
    instead: bool = False,
) -> Study:
    """Return the study to run, in memory: a new one, or the stored one of that name with its trials.

    Parameters
    ----------
    storage : where the study is or will be kept.
    direction : ``"maximize"`` or ``"minimize"``; one for each objective of a study of several.
    record : what is kept with the study; its ``definition`` is what makes it the same study.
    instead : whether it takes the place of one with another definition that never ran.

    Raises
    ------
    StudyTaken
        The name belongs to a study with another definition.

    Examples
    --------
    >>> from studies.record.storage import open_storage
    >>> from studies.record.study_record import StudyRecord
    >>> storage = open_storage(None)
    >>> study = begin(storage, "a", direction="maximize", record=StudyRecord({"folds": 5}))
    >>> begin(storage, "a", direction="maximize", record=StudyRecord({"folds": 10}))
    Traceback (most recent call last):
    studies.errors.StudyTaken: The study 'a' exists with another definition:
      folds: 5, now 10
    Choose another name, or give this one another name and 'warm_start: a' to begin from its trials.
    """
    directions = [direction] if isinstance(direction, str) else list(direction)
    with quiet():
        try:
            storage.get_study_id_from_name(name)
        except KeyError:
            with contextlib.suppress(optuna.exceptions.DuplicatedStudyError):
                return _new(storage, name, directions, record)
    return _resumed(storage, name, directions, record, instead=instead)


def _new(storage: BaseStorage, name: str, directions: Sequence[Direction], record: StudyRecord) -> Study:
    study = optuna.create_study(study_name=name, directions=directions)
    with at_once(storage):
        stored = patiently(
            lambda: optuna.create_study(study_name=name, storage=storage, directions=directions)
        )
        patiently(lambda: stored.set_user_attr(ONEPASS, record.encode()))
        study.set_user_attr(ONEPASS, record.encode())
    return study


def _resumed(
    storage: BaseStorage, name: str, directions: Sequence[Direction], record: StudyRecord, *, instead: bool
) -> Study:
    recorded = described(storage, name)
    study = load_study(storage, name)
    if recorded is None:
        raise StudyTaken(name, ["it was not made by this program"])
    before, after = recorded.definition, record.definition
    if definition_digest(before) != definition_digest(after):
        if instead and not study.trials and not claimed(storage, find_study(storage, name)):
            storage.delete_study(find_study(storage, name))  # it never ran
            return _new(storage, name, directions, record)
        raise StudyTaken(name, differences(before, after))
    known = [direction.name.lower() for direction in study.directions]
    if known != list(directions):
        raise StudyTaken(name, [f"direction: {', '.join(known)}, now {', '.join(directions)}"])
    return study


def described(storage: BaseStorage, name: str) -> StudyRecord | None:
    """Return the record of a study; waits a little where another process has made it and not yet described it."""
    until, record = time.monotonic() + DESCRIBED, stored_record(storage, name)
    while record is None and not storage.get_n_trials(find_study(storage, name)) and time.monotonic() < until:
        time.sleep(DESCRIBED / 20)
        record = stored_record(storage, name)
    return record
