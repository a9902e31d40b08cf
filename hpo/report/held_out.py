"""What the best setting's models answer on the sampled rows that they were not fitted to, all splits together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Places, Values
from algorithms.contract import as_dense, fitted, steps_of
from algorithms.scoring.blocks import asked_of
from hpo.process.threads import threads_for

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from algorithms.summaries.sample import SampleState
    from hpo.trials.selection import Candidate


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers on the held-out rows of every split, one split after another.

    Attributes
    ----------
    predicted : what ``predict`` says, shape (n,).
    scored : what is said of each class or of the second one, shape (n, C), (n, 1) or (n, 0).
    probable : whether these are probabilities.
    threshold : from which score on the second class is answered, shape (n,).
    actual : the target, shape (n,).
    weight : of each row, shape (n,).
    uniform : which rows are a uniform sample of all, shape (n,).
    rows : the samples of the splits.
    """

    predicted: Values
    scored: Array
    probable: bool
    threshold: Array
    actual: Values
    weight: Array
    uniform: Places
    rows: tuple[SampleState, ...]

    def columns(self) -> Array:
        """Return the encoded columns, shape (n, d)."""
        return np.concatenate([as_dense(rows.X) for rows in self.rows])


def answers(candidate: Candidate) -> Answers | None:
    """Return what the models of a setting answer; None where no held-out rows with a target were kept."""
    states = candidate.states
    sample = states.sample
    if sample is None or not states.train or not states.whole.shape.targets:
        return None
    parts = []
    with threads_for(states.train):
        for train, rows in zip(states.train, sample.test, strict=True):
            parts.append(_asked(fitted(candidate.algorithm, train), rows))
    predicted, scored, probable, threshold = zip(*parts, strict=True)
    width = max(one.shape[1] for one in scored)
    ends = np.cumsum([0, *(rows.n for rows in sample.test)])
    return Answers(
        np.concatenate(predicted),
        np.concatenate([one if one.shape[1] == width else np.full((len(one), width), np.nan) for one in scored]),
        all(probable),
        np.concatenate(threshold),
        np.concatenate([rows.y for rows in sample.test]),
        np.concatenate([rows.sample_weight for rows in sample.test]),
        np.concatenate(
            [start + np.arange(rows.uniform.n) for start, rows in zip(ends[:-1], sample.test, strict=True)]
        ),
        tuple(sample.test),
    )


def _asked(made: BaseEstimator, rows: SampleState) -> tuple[Values, Array, bool, Array]:
    """Return a model's predictions, its scores, whether these are probabilities, and its threshold of each row."""
    model, last = asked_of(made, rows), steps_of(made)[-1][1]
    predicted, classes = np.asarray(model.predict(rows.X)), getattr(last, "classes_", None)
    if classes is None:
        return predicted, np.zeros((rows.n, 0)), False, np.zeros(rows.n)
    probable = hasattr(model, "predict_proba")
    found = np.asarray(model.predict_proba(rows.X) if probable else model.decision_function(rows.X), np.float64)
    if found.ndim == 1 or len(classes) == 2:
        found = found.reshape(rows.n, -1)[:, -1:]
    elif list(classes) != list(rows.shape.classes):  # a class that no training row has
        places = [list(rows.shape.classes).index(one) for one in classes]
        whole = np.zeros((rows.n, len(rows.shape.classes)))
        whole[:, places] = found
        found = whole
    threshold = getattr(last, "threshold", None)
    usual = 0.5 if probable else 0.0
    return predicted, found, probable, np.full(rows.n, usual if threshold is None else float(threshold))
