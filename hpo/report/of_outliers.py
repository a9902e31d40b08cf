"""Diagnostics of outlier detectors: how abnormal held-out rows are, and the foremost of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algorithms.contract import as_dense, fitted, steps_of
from algorithms.scoring.blocks import asked_of
from hpo.process.threads import threads_for
from studies.report.diagnosed import Outliers

if TYPE_CHECKING:
    from hpo.trials.selection import Candidate

BINS, TOP, COLUMNS = 24, 12, 3


def outliers(candidate: Candidate) -> Outliers | None:
    """Return held-out rows by how abnormal models call them, 0 being their threshold; None where none were kept."""
    states, sample = candidate.states, candidate.states.sample
    if sample is None or not states.train:
        return None
    parts, label = [], ""
    with threads_for(states.train):
        for train, rows in zip(states.train, sample.test, strict=True):
            made = fitted(candidate.algorithm, train)
            last = steps_of(made)[-1][1]
            label = str(getattr(last, "outlier_label_", ""))
            score = -np.asarray(asked_of(made, rows).decision_function(rows.X), np.float64)
            marks = [""] * len(score) if rows.y is None else rows.y
            truth = np.array([str(one) == label for one in marks]) & bool(label)
            parts.append((score, truth, rows.sample_weight, as_dense(rows.X)))
    score, truth, w, X = (np.concatenate(part) for part in zip(*parts, strict=True))
    ends = (float(score.min()), float(score.max()))
    of_each = [np.histogram(score, BINS, ends, weights=w * part) for part in (truth, ~truth)]
    bins = zip(of_each[0][1][:-1].tolist(), of_each[0][0].tolist(), of_each[1][0].tolist(), strict=True)
    names = [column.name for column in sample.test[0].shape.columns]
    mean = np.average(X, axis=0, weights=w)
    spread = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=w))
    away = (X - mean) / np.where(spread > 0.0, spread, np.inf)
    top = []
    for i in np.argsort(-score, kind="stable")[:TOP]:
        far = np.argsort(-np.abs(away[i]), kind="stable")[:COLUMNS]
        top.append((float(score[i]), bool(truth[i]), [(names[j], float(away[i, j])) for j in far]))
    return Outliers(label, list(bins), 0.0, top)
