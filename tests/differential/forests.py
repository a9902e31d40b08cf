"""Isolation forests against scikit-learn's own, grown on all training rows: cuts then depend on no order of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.ensemble import IsolationForest

from differential import rows
from differential.agreement import Disagreement, Fold, alike
from differential.classifiers import coded
from differential.designs import exact
from differential.extended import Undefined
from differential.settings import Example
from differential.tables import Table

NEAR = 1e-9
"""Abnormalities, beside one, that are no further from a threshold than rounding."""


class Forest:
    """The trees of scikit-learn, which see numbers as float32."""

    def condition(self, example: Example, t: Table, train: np.ndarray) -> float:
        """Return one: nothing is solved."""
        return 1.0

    def fitted(
        self, example: Example, t: Table, train: np.ndarray, frame: pd.DataFrame
    ) -> tuple[IsolationForest, np.ndarray, str]:
        """Return the forest, other rows, and what of them rounding decides, where it does.

        Numbers are as they are, not less their means: beside one of 10¹² times their size they would lose their digits.
        """
        made = rows.designed(example, t, train, [frame], centred=False)
        X, other = (np.asarray(each + made.mean, float) for each in made.rows)
        if not X.shape[1]:
            raise Undefined("a forest without a column")
        setting = {k: v for k, v in example.values.items() if k not in ("impute", "min_frequency")}
        setting["max_samples"] = min(setting["max_samples"], len(X))
        return IsolationForest(**setting, random_state=0).fit(X), other, self._unsure(t, X, other)

    def _unsure(self, t: Table, *tables: np.ndarray) -> str:
        """Return why, where a number that fills a gap, known to a few roundings, lies between two float32."""
        numbers = [exact(t.frame[name])[0].astype(float) for name in t.features if not _is_text(t.frame[name])]
        given = np.unique(np.concatenate(numbers)) if numbers else np.zeros(0)
        for X in tables:
            off = 8 * np.finfo(float).eps * np.abs(X)
            near = (X - off).astype(np.float32) != (X + off).astype(np.float32)
            if (near & ~np.isin(X, given)).any():
                return "which float32 a filled number is"
        if any(_merged(column) for column in np.concatenate(tables).T):
            return "numbers that differ by less than the last digit of most others in their column"
        return ""

    def score(self, example: Example, t: Table, train: np.ndarray, test: np.ndarray, fold: Fold) -> None:
        """Compare the score of a fold: outliers are the rarest class of the training rows, of equals the last."""
        model, other, unsure = self.fitted(example, t, train, rows.features(t, test))
        labels, codes = coded(t, test, train)
        counts = np.bincount(coded(t, train)[1], minlength=len(labels))
        truth = codes == np.flatnonzero(counts == counts.min())[-1]
        abnormal = -model.decision_function(other)
        if example.scoring in ("roc_auc", "average_precision"):
            ranked, gap = abnormal, np.diff(np.sort(abnormal))
            if ((gap > 0) & (gap < NEAR)).any():
                unsure = unsure or "rows that are equally abnormal"
        else:
            ranked = abnormal > 0
            if (np.abs(abnormal) < NEAR).any():
                unsure = unsure or "rows at the threshold"
        expected = float(getattr(metrics, f"{example.scoring}_score")(truth, ranked))
        with decided_by(unsure):
            fold.agree(expected, 1.0)

    def predictions(self, example: Example, t: Table, model: object) -> None:
        """Compare the abnormality of fresh rows."""
        every = np.flatnonzero(t.weight > 0)
        twin, other, unsure = self.fitted(example, t, every, t.fresh)
        with decided_by(unsure):
            alike("abnormality", model.decision_function(t.fresh), twin.decision_function(other), 1.0)


def _merged(column: np.ndarray) -> bool:
    """Return whether different numbers are one beside the column's middle, as a sentinel and zero beside 10²¹ are.

    The middle is that of values other than zero, which fills gaps.
    """
    values, others = np.unique(column), column[column != 0.0]
    return len(others) > 0 and len(np.unique(values - np.median(others))) < len(values)


@contextmanager
def decided_by(unsure: str) -> Iterator[None]:
    """Make a disagreement about what rounding decides undefined; where there is none, both agree all the same."""
    try:
        yield
    except Disagreement as error:
        if not unsure:
            raise
        raise Undefined(unsure) from error


def _is_text(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == object
