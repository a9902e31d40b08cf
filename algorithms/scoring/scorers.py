"""Scikit-learn's scorers by name: of two classes, whatever their labels, the last in sorted order is positive."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Protocol

from algorithms.arrays import Array, Matrix, Values
from algorithms.batches import Label
from algorithms.contract import Rows
from algorithms.lazily import sklearn
from algorithms.scoring.blocks import asked_of

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from algorithms.scoring.given import Given

SHARELESS = ("neg_max_error", "positive_likelihood_ratio", "neg_negative_likelihood_ratio", "roc_auc_ovo")
"""Scores that take no weights and need none: they do not depend on how many rows those of a class stand for."""


class Scorer(Protocol):
    """A scorer of scikit-learn's, and what it keeps of how it was made."""

    _score_func: Callable[..., object]
    _kwargs: dict[str, object]
    _response_method: str | Sequence[str]

    def __call__(
        self, estimator: BaseEstimator, X: Matrix, y: Values | None, *, sample_weight: Array | None = None
    ) -> float:
        """Return the score of an estimator on some rows."""
        ...


def scorer_of(metric: str, classes: Sequence[Label] = ()) -> Scorer:
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
    scorer: Scorer = sklearn.metrics.get_scorer(metric)  # a copy
    takes = "pos_label" in signature(scorer._score_func).parameters
    if len(classes) == 2 and takes and "pos_label" not in scorer._kwargs:
        scorer._kwargs["pos_label"] = classes[1]
    return scorer


def score_by(
    metric: str,
    model: BaseEstimator,
    rows: Rows,
    truth: Values | None = None,
    classes: Sequence[Label] = (),
) -> float:
    """Return scikit-learn's score of a model on sampled rows, by their weights.

    A scorer that takes no weights is asked of the rows that stand for as many as the others of their class where it
    does not depend on shares (:data:`SHARELESS`), else of the uniform part of the sample.

    Parameters
    ----------
    metric : name of a scorer.
    model : fitted, over the encoded columns.
    rows : to score on.
    truth : what predictions are held against; None for the target of the rows.
    classes : as of :func:`scorer_of`.

    Raises
    ------
    AttributeError, TypeError, ValueError
        The scorer does not suit the model or the rows.
    """
    scorer = scorer_of(metric, classes)
    given, truth = truth, rows.y if truth is None else truth
    takes = "sample_weight" in signature(scorer._score_func).parameters
    takes &= (
        scorer._kwargs.get("multi_class") != "ovo"
    )  # scikit-learn: "not supported for multiclass one-vs-one"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = rows
        if rows.weighted and not (takes or rows.given_weights):
            part = rows.alike if metric in SHARELESS else rows.uniform
            truth = part.y if given is None else given[: part.n]
        if rows.given_weights and "sample_weight" not in signature(scorer._score_func).parameters:
            raise ValueError("it takes no weights, and the rows have some; take another, or leave weight= out")
        weights = {"sample_weight": rows.sample_weight} if rows.weighted and (takes or rows.given_weights) else {}
        return float(scorer(asked_of(model, part), part.X, truth, **weights))


def score_given(given: Given, rows: Rows, metric: str, truth: Values | None = None) -> float | None:
    """Return a scorer's score of the predictions of some rows; None where the scorer fails or asks for more.

    Parameters
    ----------
    given : the predictions, a :class:`~algorithms.scoring.given.Given`.
    rows : that they are of.
    metric : name of a scorer of scikit-learn.
    truth : what they are held against; None for the target of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from algorithms.contract import Batch, Column, Shape
    >>> from algorithms.scoring.given import Given
    >>> from algorithms.summaries.sample import Sample
    >>> shape = Shape((Column("x", "x"),), ("y",))
    >>> batch = Batch(np.eye(2), 1, priority=np.arange(2, dtype=np.uint64))
    >>> rows = Sample(size=2).update(Sample(size=2).init(shape), batch)
    >>> score_given(Given({"predict": lambda: np.ones(2)}, "regressor"), rows, "neg_mean_absolute_error")
    -0.5
    """
    try:
        return score_by(metric, given, rows, truth, () if given.classes is None else given.classes.tolist())
    except (AttributeError, TypeError, ValueError):
        return None
