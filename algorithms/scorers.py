"""Scikit-learn's scorers by name: of two classes, whatever their labels, the last in sorted order is positive."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any


def scorer_of(metric: str, classes: Sequence[Any] = ()) -> Any:
    """Return the scorer of that name, with the positive class where there are two and its metric asks for one.

    Scikit-learn's own scorers take the label 1 for the positive one, so that text, and 1 and 2, would fail or be
    turned round. A scorer that says its ``pos_label`` keeps it.

    Parameters
    ----------
    metric : name of a scorer of scikit-learn.
    classes : labels of the target, sorted; none of a number.

    Raises
    ------
    ValueError
        There is no such scorer.

    Examples
    --------
    >>> scorer_of("f1", ("late", "on time"))
    make_scorer(f1_score, response_method='predict', average=binary, pos_label=on time)
    >>> scorer_of("accuracy", ("late", "on time"))
    make_scorer(accuracy_score, response_method='predict')
    """
    from sklearn.metrics import get_scorer

    scorer = get_scorer(metric)  # a copy
    takes = "pos_label" in signature(scorer._score_func).parameters
    if len(classes) == 2 and takes and "pos_label" not in scorer._kwargs:
        scorer._kwargs["pos_label"] = classes[1]
    return scorer
