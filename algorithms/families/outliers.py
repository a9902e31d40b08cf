"""Models of outliers: what the target calls one, and how well held-out ones are computed from the rest."""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Values
from algorithms.contract import Rows
from algorithms.errors import InvalidField, Unscorable
from algorithms.families.sampled import codes
from algorithms.scoring.scorers import score_given
from algorithms.summaries.sample import SampleState


def outlier_code(sample: SampleState, label: object = None) -> int:
    """Return the place of the outliers' label among the classes; without a label, that of the rarest.

    Raises
    ------
    InvalidField
        The target has no such label.
    """
    classes = sample.shape.classes
    if label is None:
        counts = np.bincount(codes(sample), minlength=len(classes))
        return int(np.flatnonzero(counts == counts[counts > 0].min())[-1])
    for place, known in enumerate(classes):
        if str(known) == str(label):
            return place
    raise InvalidField(
        f"outlier_label={label!r}: the target's labels are {', '.join(map(repr, classes[:12]))}"
    )


def score_outliers(
    abnormal: Values, flagged: Values, rows: Rows, code: int, metric: str
) -> float:
    """Return a scorer's score of distinguishing outliers among held-out rows, 1, from the rest, 0.

    Parameters
    ----------
    abnormal : of each row; greater is more so.
    flagged : whether each row is taken for an outlier.
    rows : that were held out.
    code : the place of the outliers' label among the classes.
    metric : name of a scorer of scikit-learn.

    Raises
    ------
    Unscorable
        The rows hold outliers only, or none, or the metric is not one of two classes.
    """
    from algorithms.scoring.given import Given  # noqa: PLC0415 -- loads scikit-learn

    truth = (codes(rows) == code).astype(np.intp)
    if not 0 < truth.sum() < len(truth):
        kind = "only outliers" if truth.all() else "no outlier"
        raise Unscorable(
            f"scoring={metric!r}: {kind} among {len(truth):,} sampled held-out rows of a fold; use fewer folds, "
            "a larger scoring_rows, or folds={'scheme': 'stratified'}, which has both in every fold"
        )
    answers = {"decision_function": lambda: abnormal, "predict": lambda: flagged.astype(np.intp)}
    found = score_given(Given(answers, "classifier", np.array([0, 1])), rows, metric, truth)
    if found is None:
        raise Unscorable(
            f"scoring={metric!r} cannot be computed for outliers; use roc_auc, average_precision, "
            "balanced_accuracy or f1"
        )
    return found
