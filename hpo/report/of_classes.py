"""Diagnostics of classifiers: of two classes how rows are ranked, of more which are taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studies.report.diagnosed import Confusion, Ranked

if TYPE_CHECKING:
    from algorithms.arrays import Array, Mask, Places, Values
    from hpo.report.held_out import Answers

MOST_THRESHOLDS, GROUPS, BINS, MOST_LABELS = 100, 10, 20, 20


def ranked(found: Answers, labels: tuple[object, object]) -> Ranked:
    """Return how the rows of two classes are ranked by what models say of the second.

    Parameters
    ----------
    found : what models answered.
    labels : the classes, in the order of the models.
    """
    scores, positive, w = found.scored[:, -1], found.actual == labels[1], found.weight
    thresholds = _thresholds(scores, float(np.average(found.threshold, weights=w)))
    order = np.argsort(scores, kind="stable")
    places = np.searchsorted(scores[order], thresholds, side="left")
    tp, fp = (_from(places, (w * part)[order]) for part in (positive, ~positive))
    return Ranked(
        str(labels[1]), str(labels[0]), thresholds.tolist(), tp.tolist(), fp.tolist(),
        float(w @ positive), float(w @ ~positive), float(np.average(found.threshold, weights=w)),
        calibration(scores, positive, w) if found.probable else [], histogram(scores, positive, w, found.probable),
    )  # fmt: skip


def _thresholds(scores: Array, chosen: float) -> Array:
    """Return thresholds from large to small: the scores, or quantiles of many, and the one that is chosen."""
    known = np.unique(scores)
    if len(known) > MOST_THRESHOLDS:
        known = np.unique(np.quantile(scores, np.linspace(0.0, 1.0, MOST_THRESHOLDS), method="lower"))
    return np.unique([*known, chosen])[::-1]


def _from(places: Places, weights: Array) -> Array:
    """Return the weight of what is at each place or after it."""
    total = np.concatenate([[0.0], np.cumsum(weights)])
    return np.asarray(total[-1] - total[places])


def calibration(scores: Array, positive: Mask, w: Array) -> list[tuple[float, float, float]]:
    """Return mean probability, share of positive rows, and weight, of ten groups of about as many rows each."""
    order = np.argsort(scores, kind="stable")
    cuts = np.searchsorted(np.cumsum(w[order]), np.linspace(0.0, w.sum(), GROUPS + 1)[1:-1])
    groups = (group for group in np.split(order, cuts) if len(group) and w[group].sum() > 0.0)
    return [
        (
            float(np.average(scores[g], weights=w[g])), float(np.average(positive[g], weights=w[g])),
            float(w[g].sum()),
        )
        for g in groups
    ]  # fmt: skip


def histogram(scores: Array, positive: Mask, w: Array, probable: bool) -> list[tuple[float, float, float]]:
    """Return where each bin begins, and the weight of its positive and negative rows."""
    ends = (0.0, 1.0) if probable else (float(scores.min()), float(scores.max()))
    if not ends[1] > ends[0]:
        ends = (ends[0] - 0.5, ends[0] + 0.5)
    of_each = [np.histogram(scores, BINS, ends, weights=w * part) for part in (positive, ~positive)]
    begins = of_each[0][1][:-1]
    return list(zip(begins.tolist(), of_each[0][0].tolist(), of_each[1][0].tolist(), strict=True))


def confusion(found: Answers, labels: tuple[object, ...]) -> Confusion | None:
    """Return which classes are taken for which; None of more classes than a table has room for."""
    if len(labels) > MOST_LABELS:
        return None
    actual, predicted = _places(found.actual, labels), _places(found.predicted, labels)
    counts = np.zeros((len(labels), len(labels)))
    np.add.at(counts, (actual, predicted), found.weight)
    return Confusion([str(label) for label in labels], counts.tolist())


def _places(values: Values, labels: tuple[object, ...]) -> Places:
    place = {label: i for i, label in enumerate(labels)}
    return np.array([place[value] for value in values.tolist()])
