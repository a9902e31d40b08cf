"""Scores that ask for labels alone, by a function of each class: no estimator is built, and no row mapped twice."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.batches import Shape
from algorithms.contract import Rows
from algorithms.lazily import Library
from algorithms.memo import MEMO
from algorithms.preparing.column_map import ColumnMap
from algorithms.scoring.scorers import scorer_of
from algorithms.summaries.sample import labels

given = Library("algorithms.scoring.given")
"""Loaded where a score is not the accuracy: it loads scikit-learn."""

ACCURACY = "accuracy"

AVERAGED = ("f1", "precision", "recall", "jaccard")

BY_LABELS = frozenset((
    ACCURACY, "balanced_accuracy", "matthews_corrcoef",
    *(f"{name}{how}" for name in AVERAGED for how in ("", "_macro", "_micro", "_weighted")),
))  # fmt: skip
"""Scores of scikit-learn that follow from how many rows of each class have which label."""

TIE = 1e-9
"""Share of its terms up to which the lead of a class may be rounding, here or in scikit-learn."""

MOST = 64 * 2**20
"""Bytes of rows that are kept as functions take them."""


@dataclass(frozen=True, eq=False)
class Functions:
    """What the classes say of rows: the label is the class that says most.

    Attributes
    ----------
    values : shape (C, n).
    sizes : shape (n,), what their rounding is relative to.
    """

    values: Array
    sizes: Array

    def codes(self) -> Places | None:
        """Return the class of each row, shape (n,); None where rounding may decide one of them.

        Examples
        --------
        >>> Functions(np.array([[1.0, 2.0], [3.0, 0.0]]), np.ones(2)).codes().tolist()
        [1, 0]
        >>> Functions(np.array([[1.0, 2.0], [1.0 + 1e-12, 0.0]]), np.ones(2)).codes() is None
        True
        """
        first, *others = self.values
        codes, best, second = np.zeros(len(first), np.intp), first, np.full(len(first), -np.inf)
        for k, value in enumerate(others, 1):
            above = value > best
            second = np.where(above, best, np.maximum(second, value))
            best = np.where(above, value, best)
            codes[above] = k
        return codes if bool((best - second > TIE * self.sizes).all()) else None


def asks_labels(metric: str, rows: Rows) -> bool:
    """Return whether a score follows from labels, and rows are dense, and few enough to be kept for each class."""
    copied = 8 * rows.n * rows.shape.d * len(rows.shape.classes)
    return metric in BY_LABELS and isinstance(rows.held, np.ndarray) and copied <= MOST


def mapped(rows: Rows, columns: ColumnMap) -> Array:
    """Return rows in a model's columns, less their origins, in float64."""
    return np.asarray(columns.rows(np.asarray(rows.held)), np.float64)


def score_of_labels(metric: str, rows: Rows, functions: Functions) -> float | None:
    """Return scikit-learn's score of the labels; None where rounding may decide one of them."""
    codes = functions.codes()
    if codes is None:
        return None
    c, truth = len(functions.values), MEMO.get(rows, "truth", lambda: rows.target.astype(np.intp))
    if metric == ACCURACY:
        right = truth == codes
        if rows.weighted:
            return float(np.average(right, weights=rows.sample_weight))
        return float(np.count_nonzero(right) / len(codes))
    weights = rows.sample_weight if rows.weighted else None
    counts = np.bincount(truth * c + codes, weights, minlength=c * c).astype(np.float64)
    return _of_counts(metric, counts, rows.shape)


def _of_counts(metric: str, counts: Array, shape: Shape) -> float | None:
    """Return a score of so many rows of each class and label, shape (C²,): one row for each pair, by its weight."""
    pairs, names = np.flatnonzero(counts), labels(shape)
    truth, said = np.divmod(pairs, len(names))
    model = given.Given({"predict": lambda: names[said]}, "classifier", names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            scorer = scorer_of(metric, shape.classes)
            return float(scorer(model, np.zeros((len(pairs), 1)), names[truth], sample_weight=counts[pairs]))
        except (TypeError, ValueError):
            return None  # a scorer of all rows says why
