"""Isolation forests against scikit-learn's own, grown on all training rows: cuts then depend on no order of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.ensemble import IsolationForest

from differential import rows
from differential.agreement import Fold, alike
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
    ) -> tuple[IsolationForest, np.ndarray]:
        """Return the forest and other rows; Undefined where a gap is filled at the limit of two float32."""
        made = rows.designed(example, t, train, [frame])
        X, other = (np.asarray(each + made.mean, float) for each in made.rows)
        if not X.shape[1]:
            raise Undefined("a forest without a column")
        self._sure(t, X, other)
        setting = {k: v for k, v in example.values.items() if k not in ("impute", "min_frequency")}
        setting["max_samples"] = min(setting["max_samples"], len(X))
        return IsolationForest(**setting, random_state=0).fit(X), other

    def _sure(self, t: Table, *tables: np.ndarray) -> None:
        """Raise Undefined where a number that fills a gap, known to a few roundings, lies between two float32."""
        numbers = [exact(t.frame[name])[0].astype(float) for name in t.features if not _is_text(t.frame[name])]
        given = np.unique(np.concatenate(numbers)) if numbers else np.zeros(0)
        for X in tables:
            off = 8 * np.finfo(float).eps * np.abs(X)
            near = (X - off).astype(np.float32) != (X + off).astype(np.float32)
            if (near & ~np.isin(X, given)).any():
                raise Undefined("which float32 a filled number is")

    def score(self, example: Example, t: Table, train: np.ndarray, test: np.ndarray, fold: Fold) -> None:
        """Compare the score of a fold: outliers are the rarest class of the training rows, of equals the last."""
        model, other = self.fitted(example, t, train, rows.features(t, test))
        labels, codes = coded(t, test, train)
        counts = np.bincount(coded(t, train)[1], minlength=len(labels))
        truth = codes == np.flatnonzero(counts == counts.min())[-1]
        abnormal = -model.decision_function(other)
        if example.scoring in ("roc_auc", "average_precision"):
            gap = np.diff(np.sort(abnormal))
            if ((gap > 0) & (gap < NEAR)).any():
                raise Undefined("rows that are equally abnormal")
            of = getattr(metrics, f"{example.scoring}_score")
            fold.agree(float(of(truth, abnormal)), 1.0)
            return
        if (np.abs(abnormal) < NEAR).any():
            raise Undefined("rows at the threshold")
        of = getattr(metrics, f"{example.scoring}_score")
        fold.agree(float(of(truth, abnormal > 0)), 1.0)

    def predictions(self, example: Example, t: Table, model: object) -> None:
        """Compare the abnormality of fresh rows."""
        every = np.flatnonzero(t.weight > 0)
        twin, other = self.fitted(example, t, every, t.fresh)
        alike("abnormality", model.decision_function(t.fresh), twin.decision_function(other), 1.0)


def _is_text(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == object
