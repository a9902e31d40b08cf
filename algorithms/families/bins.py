"""Bins that boosters put the rows of a sample in, made once for all settings: those of XGBoost and LightGBM.

scikit-learn's estimators make theirs inside ``fit``, from rows alone, and take none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sklearn.base import BaseEstimator

from algorithms.arrays import Floats
from algorithms.contract import State
from algorithms.families import lightgbm_bins
from algorithms.memo import MEMO

MAKES = "_create_dmatrix"
"""The method by which estimators of XGBoost put rows in bins."""

DECIDES = (
    "max_bin", "tree_method", "device", "booster", "missing", "enable_categorical", "feature_types", "n_jobs",
)  # fmt: skip
"""Parameters that decide the bins."""


@dataclass(frozen=True, eq=False)
class Binned:
    """Rows in bins, with their target and weights.

    Attributes
    ----------
    matrix : as XGBoost made it.
    nbytes : about what it holds.
    """

    matrix: object
    nbytes: int


@contextmanager
def shared(model: BaseEstimator, state: State, X: Floats) -> Iterator[None]:
    """Let an estimator of XGBoost or LightGBM take the bins that an earlier fit made of the rows ``X`` of a state.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.svm import SVR
    >>> with shared(SVR(), State(), np.zeros((2, 1))):
    ...     pass
    """
    package = type(model).__module__.partition(".")[0]
    if package == "lightgbm":
        with lightgbm_bins.NAME.taken(state, X):
            yield
        return
    if package != "xgboost":
        yield
        return
    setattr(model, MAKES, _known(model, getattr(model, MAKES), state, X))
    try:
        yield
    finally:
        vars(model).pop(MAKES, None)


def _known(
    model: BaseEstimator, make: Callable[..., object], state: State, X: Floats
) -> Callable[..., object]:
    """Return what makes bins of rows in place of ``make``: of ``X`` once, where nothing else is said of them."""
    param = model.get_params().get
    by_bins = param("tree_method") in (None, "auto", "hist") and param("booster") in (None, "gbtree", "dart")
    key = ("bins", *(repr(param(name)) for name in DECIDES))

    def made(ref: object = None, **given: object) -> object:
        beside = (given.get(name) for name in ("base_margin", "feature_weights", "group", "qid"))
        plain = by_bins and ref is None and given.get("data") is X and all(one is None for one in beside)
        if not plain:
            return make(ref=ref, **given)
        return MEMO.get(state, key, lambda: Binned(make(ref=ref, **given), 2 * X.size + 8 * len(X))).matrix

    return made
