"""Trials of a study by their numbers: the storage's own, without a copy of the list of all."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial


def trial_of(study: Study, number: int) -> FrozenTrial:
    """Return the trial of that number.

    Raises
    ------
    KeyError
        The study has none.

    Examples
    --------
    >>> import optuna
    >>> from studies.quiet import quiet
    >>> with quiet():
    ...     study = optuna.create_study()
    >>> for _ in range(3):
    ...     _ = study.ask()
    >>> trial_of(study, 2).number
    2
    """
    storage, study_id = study._storage, study._study_id
    return storage.get_trial(storage.get_trial_id_from_study_id_trial_number(study_id, number))


def trials_from(study: Study, first: int, before: int = sys.maxsize) -> list[FrozenTrial]:
    """Return the trials from a number on, to one before another: a look at each of them, none at the others.

    Examples
    --------
    >>> import optuna
    >>> from studies.quiet import quiet
    >>> with quiet():
    ...     study = optuna.create_study()
    >>> for _ in range(3):
    ...     _ = study.ask()
    >>> [trial.number for trial in trials_from(study, 1)]
    [1, 2]
    """
    found: list[FrozenTrial] = []
    for number in range(first, before):
        try:
            found.append(trial_of(study, number))
        except KeyError:
            break
    return found
