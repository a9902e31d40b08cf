"""What trials note of their scores, and the scores that they noted."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpo.states.evaluate import Scores
from studies.record.trial_note import ScoreNote, TrialNote


def note_of(scores: Scores | None, beside: TrialNote | None = None) -> TrialNote:
    """Return what a trial notes: its scores, where it has some, and what is noted beside them.

    Examples
    --------
    >>> note_of(Scores((1.0, 3.0)), TrialNote(states="ab")).encode()
    {'states': 'ab', 'fold_scores': [1.0, 3.0], 'std_error': 1.0}
    """
    note = TrialNote() if beside is None else beside
    if scores is None:
        return note
    return replace(
        note, fold_scores=scores.folds, std_error=_finite(scores.se), score_bounds=scores.bounds,
        fold_overlap=scores.overlap, scores={name: _note(one) for name, one in scores.also.items()},
    )  # fmt: skip


@dataclass(frozen=True)
class Noted:
    """A trial, what it notes, and its scores; None if it has none."""

    trial: FrozenTrial
    note: TrialNote
    scores: Scores | None


_NOTED: WeakKeyDictionary[Study, list[Noted]] = WeakKeyDictionary()
"""What was read of the trials of each study, up to the first that is not finished."""


def noted(study: Study) -> list[Noted]:
    """Return the trials of a study with what they note, read once; a study only grows."""
    trials, known = study.get_trials(deepcopy=False), _NOTED.setdefault(study, [])
    rest = (_read(trial) for trial in trials[len(known) :])
    known += itertools.takewhile(lambda one: one.trial.state.is_finished(), rest)
    return [*known, *map(_read, trials[len(known) :])]


def _read(trial: FrozenTrial) -> Noted:
    note = TrialNote.of(trial.user_attrs)
    return Noted(trial, note, _scores(trial, note))


def notes(study: Study) -> list[TrialNote]:
    """Return what each trial of a study notes."""
    return [one.note for one in noted(study)]


def recorded(trial: FrozenTrial) -> Scores | None:
    """Return the fold scores that a trial recorded, or None if it failed."""
    return _scores(trial, TrialNote.of(trial.user_attrs))


def _scores(trial: FrozenTrial, note: TrialNote) -> Scores | None:
    if not note.fold_scores or trial.state is not TrialState.COMPLETE:
        return None
    also = {
        name: Scores(tuple(map(_or_nan, one.fold_scores)), bounds=one.score_bounds, overlap=note.fold_overlap)
        for name, one in note.scores.items()
    }
    return Scores(note.fold_scores, note.converged, also, note.score_bounds, note.fold_overlap)


def distinct(study: Study) -> list[FrozenTrial]:
    """Return the finished trials that needed models: every setting once."""
    return [one.trial for one in noted(study) if one.note.fold_scores and not one.note.repeated]


def _note(scores: Scores) -> ScoreNote:
    folds = tuple(_finite(score) for score in scores.folds)
    return ScoreNote(folds, _finite(scores.mean), _finite(scores.se), scores.bounds)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
