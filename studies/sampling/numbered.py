"""Trials of a study in memory by their numbers, neither copied one by one nor all together."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any

from optuna.study import Study

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def hand_over(study: Study, trial: FrozenTrial) -> None:
    """Add a finished trial to a study in memory, which keeps its attributes and not deep copies of them.

    Examples
    --------
    >>> import optuna
    >>> from studies.quiet import quiet
    >>> with quiet():
    ...     study = optuna.create_study()
    >>> trial = optuna.create_trial(value=1.0)
    >>> hand_over(study, trial)
    >>> study.trials[0].value, trial.number
    (1.0, -1)
    """
    owned: Any = copy.copy(trial)
    owned.__deepcopy__ = lambda _: owned  # what Optuna's storage makes of a template
    study.add_trial(owned)
    del owned.__deepcopy__


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
    """Return the trials from a place on, to one before another: a look at each of them, none at the others.

    Places are numbers of trials, but where Optuna shows a sampler some of a study alone, as those of one bracket of
    Hyperband: these are the places among them.

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
    if type(study) is not Study:
        some: list[FrozenTrial] = study.get_trials(deepcopy=False)[first:before]
        return some
    found: list[FrozenTrial] = []
    for number in range(first, before):
        try:
            found.append(trial_of(study, number))
        except KeyError:
            break
    return found
