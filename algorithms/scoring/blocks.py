"""Predictions of sparse rows: by the model as they are where it takes them, else a dense block at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Values
from algorithms.contract import DENSE_BYTES, Weighted, as_dense, steps_of
from algorithms.lazily import sklearn

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples")


def asked_of(model: BaseEstimator, rows: Weighted) -> BaseEstimator:
    """Return what answers for a model of some rows: itself of dense ones, else predictions made when asked.

    Parameters
    ----------
    model : fitted, over the encoded columns.
    rows : that it will be asked of, and no others.
    """
    if isinstance(rows.X, np.ndarray):
        return model
    from algorithms.scoring.given import Given  # noqa: PLC0415 -- loads scikit-learn

    if isinstance(model, Given):
        return model
    methods = {name: cache(partial(_answers, model, name, rows.X)) for name in METHODS if hasattr(model, name)}
    called: dict[str, Callable[[], Values]] = dict(methods)
    kind = "classifier" if sklearn.base.is_classifier(model) else sklearn.utils.get_tags(model).estimator_type
    return Given(called, kind or "regressor", getattr(model, "classes_", None))


def takes_sparse(model: BaseEstimator) -> bool:
    """Return whether every step of a fitted model says that it takes sparse rows.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> takes_sparse(Ridge()), takes_sparse(make_pipeline(StandardScaler(), Ridge()))
    (True, False)
    """
    return all(sklearn.utils.get_tags(step).input_tags.sparse for _, step in steps_of(model))


def _answers(model: BaseEstimator, name: str, X: csr_array) -> Values:
    """Return what a method of the model says of sparse rows."""
    method = getattr(model, name)
    if takes_sparse(model):
        try:
            return np.asarray(method(X))
        except (TypeError, ValueError):  # as that of a tree of neighbours, whatever its tags say
            pass
    step = max(1, DENSE_BYTES // (8 * max(1, X.shape[1])))
    return np.concatenate([method(as_dense(X[i : i + step])) for i in range(0, X.shape[0], step)])
