"""Thresholds of binary classifiers: from what score on a row is called positive, for a criterion.

============================ =====================================================================
``"default"``                the classifier's own
``"accuracy"``               most rows right
``"balanced_accuracy"``      mean of the recalls of both classes
``"f1"``, ``"f0.5"``, …      F-beta: (1 + β²)·TP / ((1 + β²)·TP + β²·FN + FP)
``"precision@recall=0.9"``   the best precision with a recall of at least 0.9
``"recall@precision=0.9"``   the best recall with a precision of at least 0.9
``"cost:fp=1,fn=5"``         least 1·FP + 5·FN
============================ =====================================================================

The positive class is the last in sorted order, as in scikit-learn. TP, FP, FN are sums of row weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array, Floats, Mask, Places
from algorithms.errors import InvalidField, NotEnoughRows, Unscorable

DEFAULT = "default"

_NUMBER = r"(\d+\.?\d*(?:[eE][-+]?\d+)?)"


@dataclass(frozen=True, eq=False)
class Cuts:
    """What every cut of the rows, sorted by score, would make: the first ``i`` rows positive.

    Attributes
    ----------
    tp, fp : shape (c,), weight of the positive and of the negative rows called positive.
    positive, negative : weight of all of them.
    """

    tp: Array
    fp: Array
    positive: float
    negative: float

    @property
    def precision(self) -> Array:
        """TP / (TP + FP); zero where nothing is called positive."""
        called = self.tp + self.fp
        return np.divide(self.tp, called, out=np.zeros_like(called), where=called > 0.0)

    @property
    def recall(self) -> Array:
        """TP / (TP + FN)."""
        return self.tp / self.positive


Value = Callable[[Cuts], Array]
"""How good each cut is; -∞ where it is not allowed."""


def check_criterion(text: str) -> None:
    """Raise InvalidField unless the text is a criterion.

    Examples
    --------
    >>> check_criterion("precision@recall=0.9")
    >>> check_criterion("precision@recall=2")
    Traceback (most recent call last):
    algorithms.errors.InvalidField: threshold='precision@recall=2': 2 must be greater than 0 and at most 1
    """
    if text != DEFAULT:
        _criterion(text)


def best_threshold(criterion: str, positive: Mask, scores: Array, weights: Array) -> float:
    """Return the score from which on rows are best called positive.

    It lies midway between the scores on both sides of the cut; of equally good cuts the highest is taken.

    Parameters
    ----------
    criterion : as in the table above, not ``"default"``.
    positive : shape (n,), whether a row is.
    scores : shape (n,), greater is more positive.
    weights : shape (n,), of the rows.

    Raises
    ------
    NotEnoughRows
        If the rows are of one class.
    Unscorable
        If no cut reaches what the criterion asks for.

    Examples
    --------
    >>> y, scores = np.array([False, False, True, True]), np.array([0.1, 0.3, 0.2, 0.9])
    >>> best_threshold("precision@recall=1", y, scores, np.ones(4)), best_threshold("f0.5", y, scores, np.ones(4))
    (0.15000000000000002, 0.6)
    """
    if positive.all() or not positive.any():
        raise NotEnoughRows(
            f"threshold={criterion!r} needs sampled rows of both classes, and all that there are "
            f"({len(positive):,}) are of one; use a larger scoring_rows, or fewer folds"
        )
    order = np.argsort(-scores, kind="stable")
    ranked, hit, w = scores[order], positive[order], weights[order]
    ends = np.append(np.flatnonzero(ranked[1:] < ranked[:-1]), len(ranked) - 1)
    tp, fp = np.cumsum(np.where(hit, w, 0.0)), np.cumsum(np.where(hit, 0.0, w))
    cuts = Cuts(np.append(0.0, tp[ends]), np.append(0.0, fp[ends]), float(tp[-1]), float(fp[-1]))
    values = _criterion(criterion)(cuts)
    best = int(np.argmax(values))
    if not np.isfinite(values[best]):
        raise Unscorable(f"threshold={criterion!r}: no threshold reaches it; ask for less")
    return _between(ranked, ends, best)


def _between(ranked: Array, ends: Places, cut: int) -> float:
    """Return a score between the last row that is called positive and the next."""
    if cut == 0:
        return float(np.nextafter(ranked[0], np.inf))
    low = ends[cut - 1]
    if low + 1 == len(ranked):
        return float(ranked[low])
    middle = 0.5 * (ranked[low] + ranked[low + 1])
    return float(middle if middle > ranked[low + 1] else ranked[low])


def _criterion(text: str) -> Value:
    if text == "accuracy":
        return lambda c: c.tp - c.fp
    if text == "balanced_accuracy":
        return lambda c: c.tp / c.positive - c.fp / c.negative
    if found := re.fullmatch(f"f{_NUMBER}", text):
        return _f_beta(float(found[1]))
    if found := re.fullmatch(f"precision@recall={_NUMBER}", text):
        return _constrained(text, float(found[1]), lambda c: c.precision, lambda c: c.recall)
    if found := re.fullmatch(f"recall@precision={_NUMBER}", text):
        return _constrained(text, float(found[1]), lambda c: c.recall, lambda c: c.precision)
    if found := re.fullmatch(f"cost:fp={_NUMBER},fn={_NUMBER}", text):
        return _cost(text, float(found[1]), float(found[2]))
    raise InvalidField(
        f"threshold={text!r}: must be default, accuracy, balanced_accuracy, f1 (or f0.5, …), "
        "precision@recall=0.9, recall@precision=0.9 or cost:fp=1,fn=5"
    )


def _f_beta(beta: float) -> Value:
    square = beta * beta
    return lambda c: (1.0 + square) * c.tp / (c.tp + c.fp + square * c.positive)


def _constrained(text: str, least: float, wanted: Value, held: Value) -> Value:
    if not 0.0 < least <= 1.0:
        raise InvalidField(f"threshold={text!r}: {least:g} must be greater than 0 and at most 1")
    # cumulative sums of weights may be short of the whole by rounding
    return lambda c: np.where(held(c) >= least - 1e-12, wanted(c), -np.inf)


def _cost(text: str, fp: float, fn: float) -> Value:
    if not (fp > 0.0 or fn > 0.0):
        raise InvalidField(f"threshold={text!r}: one of the costs must be greater than 0")
    return lambda c: -(fp * c.fp + fn * (c.positive - c.tp))


def positives(codes: Floats) -> Mask:
    """Return which rows are of the positive class, the second.

    Examples
    --------
    >>> positives(np.array([0.0, 1.0])).tolist()
    [False, True]
    """
    return np.asarray(codes) > 0.5
