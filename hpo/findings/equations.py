"""The equations of a fitted linear model, in units of the columns, and what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from algorithms.arrays import Array
from algorithms.lazily import pandas, scipy, sklearn
from hpo.errors import TuneError
from hpo.findings.coefficients import coefficients_of, inner_model, labels_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    from hpo.states.fold_states import FoldStates

PREDICTION, LOGARITHM, LOG_ODDS, SCORE, TRANSFORMED = "prediction", "logarithm", "log-odds", "score", "transformed"
"""What an equation may add up to."""

INTERCEPT = "(intercept)"
"""Name of the row of intercepts."""

CLOSE = 1e-4
"""Relative difference from a law that models of float32 have by rounding."""


class Equations(NamedTuple):
    """C equations over d columns.

    Attributes
    ----------
    names : of the columns.
    unit : what one more unit of each adds, shape (C, d).
    intercepts : the sums where every column is 0, shape (C,); NaN where that is unknown.
    scale : what the model divides the columns by, shape (d,); None where it does not.
    adds : what they add up to: ``"prediction"``, its ``"logarithm"``, ``"log-odds"``, a ``"score"`` of classes, the
        prediction of a ``"transformed"`` target; empty where that is unknown.
    """

    names: list[str]
    unit: Array
    intercepts: Array
    scale: Array | None
    adds: str


def equations(model: Pipeline) -> Equations | None:
    """Return a model's equations; None where it has none over the columns that it sees.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> steps = [("scale", StandardScaler()), ("model", LinearRegression())]
    >>> found = equations(Pipeline(steps).fit(pd.DataFrame({"a": [0.0, 2.0]}), [5.0, 9.0]))
    >>> found.names, found.unit.round(6).tolist(), found.intercepts.round(6).tolist(), found.adds
    (['a'], [[2.0]], [5.0], 'prediction')
    """
    last, before = inner_model(model[-1]), model[:-1]
    values, names = coefficients_of(last), before.get_feature_names_out()
    if values is None or names is None or len(names) != values.shape[1]:
        return None
    scale, mean = None, np.zeros(len(names))
    if len(before) and isinstance(scaler := before[-1], sklearn.preprocessing.StandardScaler):
        scale = np.ones(len(names)) if scaler.scale_ is None else np.asarray(scaler.scale_, np.float64)
        mean = mean if scaler.mean_ is None else np.asarray(scaler.mean_, np.float64)
    unit = values if scale is None else values / scale
    adds, at_zero = _sums(last, values)
    if adds == PREDICTION and last is not model[-1] and hasattr(model[-1], "regressor_"):
        adds = TRANSFORMED
    return Equations([str(name) for name in names], unit, at_zero - unit @ mean, scale, adds)


def in_units(states: FoldStates, model: Pipeline, by: str) -> pd.DataFrame | None:
    """Return a table of coefficients by ``"unit"``, the intercept last, or by ``"deviation"``; None without any."""
    found = equations(model)
    if found is None:
        return None
    labels = labels_of(inner_model(model[-1]), len(found.unit))
    if by == "unit":
        rows = np.hstack([found.unit, found.intercepts[:, None]]).T
        by_unit: pd.DataFrame = pandas.DataFrame(rows, index=[*found.names, INTERCEPT], columns=labels)
        return by_unit
    spread = deviations(states, model, found)
    if spread is None:
        raise TuneError(
            'by="deviation": the states of this study hold no standard deviations of the columns; use '
            'by="unit", or standardize the columns'
        )
    table: pd.DataFrame = pandas.DataFrame((found.unit * spread).T, index=found.names, columns=labels)
    return table


def deviations(states: FoldStates, model: Pipeline, found: Equations) -> Array | None:
    """Return the standard deviation of each of a model's columns; None where states do not keep all of them."""
    if found.scale is not None:
        return found.scale
    profile, shape = states.whole.profile(), states.whole.shape
    if profile is None:
        return None
    mean, variance = profile[0][: shape.d], profile[1][: shape.d]
    maps = [step.matrix_ for _, step in model.steps[1:-1] if getattr(step, "matrix_", None) is not None]
    if len(maps) == 1 and maps[0].shape == (shape.d, len(found.names)):
        return _mapped(maps[0], mean, variance)
    known = dict(zip((column.name for column in shape.columns), np.sqrt(variance), strict=True))
    whole = all(name in known for name in found.names)
    return np.array([known[name] for name in found.names]) if whole else None


def _mapped(matrix: csr_array, mean: Array, variance: Array) -> Array:
    """Return the deviations of mapped columns: of those that one is made of no row has two that are not 0."""
    squares = matrix.multiply(matrix).T @ (variance + mean**2)
    return np.asarray(np.sqrt(np.maximum(squares - (matrix.T @ mean) ** 2, 0.0)), np.float64)


def _sums(model: BaseEstimator, coef: Array) -> tuple[str, Array]:
    """Return what equations add up to, found by asking the model, and their sums where its columns are zero."""
    unknown = "", np.full(len(coef), np.nan)
    try:
        if hasattr(model, "decision_function"):
            return _of_classes(model, coef)
        return _of_numbers(model.predict, coef) if len(coef) == 1 else unknown
    except (AttributeError, TypeError, ValueError):
        return unknown


def _of_classes(model: BaseEstimator, coef: Array) -> tuple[str, Array]:
    """Return whether the sums are log-odds: whether probabilities are their logistic function, or their softmax."""
    rows = np.array([np.zeros(coef.shape[1]), *_steps(coef[:1], (1.0, -2.0))])
    sums = np.asarray(model.decision_function(rows), np.float64).reshape(len(rows), -1)
    if not hasattr(model, "predict_proba"):
        return SCORE, sums[0]
    shares = scipy.special.softmax(np.hstack([np.zeros_like(sums), sums]) if len(coef) == 1 else sums, axis=1)
    same = np.allclose(model.predict_proba(rows), shares, atol=CLOSE)
    return LOG_ODDS if same else SCORE, sums[0]


def _of_numbers(predict: Callable[[Array], Array], coef: Array) -> tuple[str, Array]:
    """Return whether the sum is the prediction or its logarithm: by how predictions change with it."""
    (zero,) = np.ravel(predict(np.zeros_like(coef)))
    if not coef.any():
        return PREDICTION, np.array([zero])
    wide = max(1.0, abs(float(zero)))
    near, far = (float(np.ravel(predict(row[None]))[0]) for row in _steps(coef, (1.0, wide)))
    if abs(far - zero - wide) <= CLOSE * wide:
        return PREDICTION, np.array([zero])
    if zero > 0.0 and near > 0.0 and abs(np.log(near / zero) - 1.0) <= CLOSE:
        return LOGARITHM, np.log([zero])
    return "", np.full(1, np.nan)


def _steps(coef: Array, sums: tuple[float, ...]) -> Array:
    """Return rows of the columns whose products with the coefficients (1, d) are these sums, shape (n, d)."""
    size = float((coef**2).sum())
    return np.outer(sums, coef[0] / size) if size > 0.0 else np.zeros((len(sums), coef.shape[1]))
