"""The studies of a storage that is open, as rows of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
from optuna.storages import BaseStorage

from studies.errors import StorageError
from studies.record.file_storage import FileStorage
from studies.record.lines import local
from studies.record.listing import StudyRow, best_of, row_of
from studies.record.storage import UNREADABLE, describe

if TYPE_CHECKING:
    from optuna.study import StudySummary
    from optuna.study._frozen import FrozenStudy


def list_studies(storage: BaseStorage) -> list[StudyRow]:
    """Return the studies of a storage, by name.

    Examples
    --------
    >>> from studies.record.storage import open_storage
    >>> list_studies(open_storage(None))
    []
    """
    try:
        if isinstance(storage, FileStorage):
            return sorted((_brief(storage, s) for s in storage.known()), key=lambda row: row.name)
        summaries = optuna.get_all_study_summaries(storage, include_best_trial=True)
        return sorted((_summed(s) for s in summaries), key=lambda row: row.name)
    except UNREADABLE as error:
        raise StorageError(
            f"the studies of {describe(storage)} make no sense ({type(error).__name__}: {error}); "
            "`hpo studies verify` checks a journal's lines"
        ) from None


def _summed(summary: StudySummary) -> StudyRow:
    best = summary.best_trial.value if _single(summary) and summary.best_trial else None
    return row_of(summary.study_name, summary.user_attrs, summary.n_trials, best, summary.datetime_start)


def _brief(storage: FileStorage, study: FrozenStudy) -> StudyRow:
    """Return the row of a study in a journal; its trials are not read in full."""
    trials = storage.brief(study._study_id)
    best = best_of(trials, [direction.value for direction in study.directions])
    return row_of(study.study_name, study.user_attrs, trials.trials, best, local(trials.start))


def _single(summary: StudySummary) -> bool:
    return len(summary.directions) == 1
