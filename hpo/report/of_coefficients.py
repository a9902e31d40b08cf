"""Coefficients of the best model in units of the columns and of their spread, and how they vary over the folds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import fitted, steps_of
from algorithms.errors import AlgorithmError
from algorithms.lazily import sklearn
from hpo.findings.coefficients import inner_model
from hpo.process.threads import threads_for
from studies.report.diagnosed import Coefficient, Coefficients

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from hpo.findings.result import Result

MOST = 30
"""Coefficients that are shown."""


def of_units(result: Result) -> Coefficients | None:
    """Return the coefficients of a model of one equation, the largest by a standard deviation of the column first.

    None of a model without coefficients over its columns, or with one for each of several classes. The interval of
    each is the range over the models of the folds, which is empty for models that take long to fit.
    """
    found = _equation(result.encoded_model())
    if found is None:
        return None
    names, unit, intercept, scale = found
    spread = scale if scale is not None else _spread(result, names)
    by_size = np.abs(unit * spread) if spread is not None else np.abs(unit)
    folds = _over_folds(result, names)
    rows = [
        Coefficient(
            names[j], float(unit[j]), None if spread is None else float(unit[j] * spread[j]),
            *(() if folds is None else (float(folds[:, j].min()), float(folds[:, j].max()))),
        )
        for j in np.argsort(-by_size, kind="stable")[:MOST]
    ]  # fmt: skip
    classes = result.best.states.whole.shape.classes
    return Coefficients(rows, len(names), intercept, str(classes[-1]) if classes else "")


def _equation(model: Pipeline) -> tuple[list[str], Array, float | None, Array | None] | None:
    """Return the names of a model's columns, their coefficients by unit, the intercept, and what scaled them."""
    last, before = inner_model(model[-1]), model[:-1]
    coef = getattr(last, "coef_", None)
    if coef is None or (np.ndim(coef) > 1 and len(coef) > 1):
        return None
    values, names = np.ravel(np.asarray(coef, np.float64)), before.get_feature_names_out()
    if names is None or len(names) != len(values):
        return None
    scale, mean = None, np.zeros(len(values))
    if len(before) and isinstance(scaler := before[-1], sklearn.preprocessing.StandardScaler):
        scale = np.ones(len(values)) if scaler.scale_ is None else np.asarray(scaler.scale_, np.float64)
        mean = np.asarray(scaler.mean_, np.float64)
    unit = values if scale is None else values / scale
    given = np.ravel(np.asarray(getattr(last, "intercept_", np.nan), np.float64))
    intercept = float(given[0] - unit @ mean) if len(given) == 1 and np.isfinite(given[0]) else None
    return [str(name) for name in names], unit, intercept, scale


def _spread(result: Result, names: list[str]) -> Array | None:
    """Return the standard deviation of each of the model's columns; None where states do not keep all of them."""
    profile, shape = result.best.states.whole.profile(), result.best.states.whole.shape
    if profile is None:
        return None
    known = dict(zip((column.name for column in shape.columns), np.sqrt(profile[1]), strict=False))
    return np.array([known[name] for name in names]) if all(name in known for name in names) else None


def _over_folds(result: Result, names: list[str]) -> Array | None:
    """Return the coefficients by unit of the models of each fold, shape (K, d); None where columns differ."""
    best, pipeline = result.best, sklearn.pipeline.Pipeline
    if best.algorithm.tags.costly or not best.states.train:
        return None
    encoder = result.encoded_model().steps[0]
    found = []
    try:
        with threads_for(best.states.train):
            for train in best.states.train:
                one = _equation(pipeline([encoder, *steps_of(fitted(best.algorithm, train))]))
                if one is None or one[0] != names:
                    return None
                found.append(one[1])
    except AlgorithmError:
        return None
    return np.array(found)
