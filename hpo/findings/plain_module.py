"""A linear model as a Python module of its own: its coefficients by column, and the sums that predict with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Floats
from algorithms.lazily import sklearn
from hpo.data.encoding.kinds import CategoryEncoding, NumberEncoding
from hpo.data.schema import BOOLEAN, NUMERIC
from hpo.errors import ExportError
from hpo.findings.portable import parts_of

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

LINKS = {
    "LinearRegression": "identity", "Ridge": "identity", "Lasso": "identity", "ElasticNet": "identity",
    "BayesianRidge": "identity", "SGDRegressor": "identity", "PoissonRegressor": "log", "GammaRegressor": "log",
    "LogisticRegression": "softmax", "LinearDiscriminantAnalysis": "softmax",
}  # fmt: skip
"""What becomes of the sums of scikit-learn's models: the prediction, its logarithm, or probabilities."""

TEXT = '''"""A fitted {kind}: coefficients by column, and the sums that predict. It needs NumPy and pandas."""

import numpy as np
import pandas as pd

CLASSES = {classes}
INTERCEPT = {intercept}

# column: (coefficients, what is added where it is missing)
NUMBERS = {{
{numbers}
}}

# column: (what each category adds, what one adds that is not listed, what is added where it is missing)
CATEGORIES = {{
{categories}
}}


def sums(X):
    """Return the intercepts and what each column adds, shape (n, {k})."""
    total = np.tile(np.array(INTERCEPT, dtype=float), (len(X), 1))
    for name, (coefficients, missing) in NUMBERS.items():
        values = pd.to_numeric(X[name]).to_numpy(dtype=float, na_value=np.nan)[:, None]
        total += np.where(np.isnan(values), missing, values * np.array(coefficients))
    for name, (levels, other, missing) in CATEGORIES.items():
        known = pd.Index(list(levels), dtype=object).get_indexer(X[name].astype(object))
        table = np.array([*levels.values(), other, missing])
        known = np.where(known < 0, len(levels), known)
        total += table[np.where(X[name].isna(), len(levels) + 1, known)]
    return total


{predict}
'''

PREDICT = {
    "identity": '''def predict(X):
    """Return the prediction of each row of a DataFrame."""
    return sums(X)[:, 0]''',
    "log": '''def predict(X):
    """Return the prediction of each row of a DataFrame."""
    return np.exp(sums(X)[:, 0])''',
    "softmax": '''def predict_proba(X):
    """Return the probability of each class, in the order of CLASSES."""
    total = sums(X)
    total = np.column_stack([np.zeros(len(total)), total]) if total.shape[1] == 1 else total
    shares = np.exp(total - total.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def predict(X):
    """Return the class of each row of a DataFrame."""
    return np.array(CLASSES)[predict_proba(X).argmax(axis=1)]''',
}


def module_of(model: Pipeline) -> str:
    """Return the text of a module with ``predict``, and ``predict_proba`` of classes, equal to a study's model.

    Parameters
    ----------
    model : of a study, linear.

    Raises
    ------
    hpo.errors.ExportError
        The model is not linear, or a column is a date, a time or hashed.

    Examples
    --------
    >>> import hpo, numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> result = hpo.tune((X, X[:, 0]), algorithm="ols", trials=1, store=None)
    >>> module_of(result.model_of(encoded=True)).splitlines()[0][3:29]
    'A fitted LinearRegression:'
    """
    parts = parts_of(model)
    encoder, matrix = parts.encoder, parts.matrix
    *scalers, (_, last) = parts.after
    kind = type(last).__name__
    if kind not in LINKS or any(not isinstance(s, sklearn.preprocessing.StandardScaler) for _, s in scalers):
        raise ExportError(
            f"the model ({kind}) is not linear, as a .py must be; write .joblib, .skops or .onnx"
        )
    weights, intercept = _line(last, [scaler for _, scaler in scalers])
    added = matrix @ weights.T
    numbers, categories = [], []
    for encoding, first in encoder.placed:
        name, own = encoding.name, added[first : first + len(encoding.columns())]
        if isinstance(encoding, CategoryEncoding):
            each = zip(encoding.levels, own, strict=False)  # behind the levels: other, and missing
            levels = ", ".join(f"{level!r}: {row.tolist()}" for level, row in each)
            categories.append(f"    {name!r}: ({{{levels}}}, {own[-2].tolist()}, {own[-1].tolist()}),")
        elif isinstance(encoding, NumberEncoding) and encoding.kind in (NUMERIC, BOOLEAN):
            missing = encoder.columns_[first].origin * own[0] + own[1]
            numbers.append(f"    {name!r}: ({own[0].tolist()}, {missing.tolist()}),")
        else:
            raise ExportError(
                f"column {name!r} ({encoding.kind}) is a date, a time or hashed, which .py has no words for; make "
                f"numbers of it before the study, leave it out with drop=[{name!r}], or write .joblib"
            )
    return TEXT.format(
        kind=kind, k=len(intercept), intercept=intercept.tolist(), numbers="\n".join(numbers),
        classes=last.classes_.tolist() if LINKS[kind] == "softmax" else None, categories="\n".join(categories),
        predict=PREDICT[LINKS[kind]],
    )  # fmt: skip


def _line(last: BaseEstimator, scalers: list[BaseEstimator]) -> tuple[Floats, Floats]:
    """Return coefficients, shape (k, q), and intercepts, shape (k,), of columns that are not scaled."""
    weights, intercept = np.atleast_2d(last.coef_).astype(float), np.atleast_1d(last.intercept_).astype(float)
    for scaler in reversed(scalers):
        if scaler.scale_ is not None:
            weights = weights / scaler.scale_
        if scaler.with_mean:
            intercept = intercept - weights @ scaler.mean_
    return weights, intercept
