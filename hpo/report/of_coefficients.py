"""Coefficients of the best model in units of the columns and of their spread, and how they vary over the folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import fitted, steps_of
from algorithms.errors import AlgorithmError
from algorithms.lazily import sklearn
from hpo.findings.coefficients import inner_model, labels_of
from hpo.process.threads import threads_for
from studies.report.data import ClassCoefficients
from studies.report.diagnosed import Coefficient, Coefficients

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from hpo.findings.result import Result

MOST = 30
"""Coefficients that are shown."""


class Equations(NamedTuple):
    """Names of d columns, coefficients by unit (C, d) and intercepts of C equations, and what scaled columns."""

    names: list[str]
    unit: Array
    intercepts: Array
    scale: Array | None


def of_units(result: Result) -> Coefficients | None:
    """Return the coefficients of a model of one equation, the largest by a standard deviation of the column first.

    None of a model without coefficients over its columns, or with one for each of several classes. The interval of
    each is the range over the models of the folds, which is empty for models that take long to fit.
    """
    found = _equations(result.model_of(encoded=True))
    if found is None or len(found.unit) > 1:
        return None
    names, unit, given = found.names, found.unit[0], float(found.intercepts[0])
    spread = _spread(result, found)
    by_size = np.abs(unit * spread) if spread is not None else np.abs(unit)
    folds = _over_folds(result, names)
    rows = [
        Coefficient(
            names[j], float(unit[j]), None if spread is None else float(unit[j] * spread[j]),
            *(() if folds is None else (float(folds[:, 0, j].min()), float(folds[:, 0, j].max()))),
        )
        for j in np.argsort(-by_size, kind="stable")[:MOST]
    ]  # fmt: skip
    classes = result.best.states.whole.shape.classes
    intercept = given if np.isfinite(given) else None
    return Coefficients(rows, len(names), intercept, str(classes[-1]) if classes else "")


def of_classes(result: Result) -> ClassCoefficients | None:
    """Return the coefficients of a model of several equations, by the standard deviations of columns where known.

    None of another model. `low` and `high` are of the models of the folds, in the same unit.
    """
    found = _equations(result.model_of(encoded=True))
    if found is None or len(found.unit) < 2:
        return None
    spread, folds = _spread(result, found), _over_folds(result, found.names)
    by = 1.0 if spread is None else spread
    shown = (found.unit * by).T
    order = np.argsort(-np.abs(shown).max(axis=1), kind="stable")[:MOST]
    ends = [] if folds is None else [(end(folds, axis=0) * by).T[order].tolist() for end in (np.min, np.max)]
    low, high = ends or ([], [])
    return ClassCoefficients(
        labels_of(inner_model(result.model_of(encoded=True)[-1]), len(found.unit)),
        [(found.names[i], shown[i].tolist()) for i in order], len(found.names), low, high,
        found.intercepts.tolist() if np.isfinite(found.intercepts).all() else [], spread is not None,
    )  # fmt: skip


def _equations(model: Pipeline) -> Equations | None:
    """Return a model's equations; None where it has none over the columns that it sees."""
    last, before = inner_model(model[-1]), model[:-1]
    coef = getattr(last, "coef_", None)
    if coef is None:
        return None
    values, names = np.atleast_2d(np.asarray(coef, np.float64)), before.get_feature_names_out()
    if names is None or len(names) != values.shape[1]:
        return None
    scale, mean = None, np.zeros(len(names))
    if len(before) and isinstance(scaler := before[-1], sklearn.preprocessing.StandardScaler):
        scale = np.ones(len(names)) if scaler.scale_ is None else np.asarray(scaler.scale_, np.float64)
        mean = np.asarray(scaler.mean_, np.float64)
    unit = values if scale is None else values / scale
    given = np.ravel(np.asarray(getattr(last, "intercept_", np.nan), np.float64))
    given = given if len(given) == len(unit) else np.full(len(unit), given[0] if len(given) == 1 else np.nan)
    return Equations([str(name) for name in names], unit, given - unit @ mean, scale)


def _spread(result: Result, found: Equations) -> Array | None:
    """Return the standard deviation of each of the model's columns; None where states do not keep all of them."""
    if found.scale is not None:
        return found.scale
    profile, shape = result.best.states.whole.profile(), result.best.states.whole.shape
    if profile is None:
        return None
    known = dict(zip((column.name for column in shape.columns), np.sqrt(profile[1]), strict=False))
    whole = all(name in known for name in found.names)
    return np.array([known[name] for name in found.names]) if whole else None


def _over_folds(result: Result, names: list[str]) -> Array | None:
    """Return the coefficients by unit of the models of each fold, shape (K, C, d); None where columns differ."""
    best, pipeline = result.best, sklearn.pipeline.Pipeline
    if best.algorithm.tags.costly or not best.states.train:
        return None
    encoder = result.model_of(encoded=True).steps[0]
    found = []
    try:
        with threads_for(best.states.train):
            for train in best.states.train:
                one = _equations(pipeline([encoder, *steps_of(fitted(best.algorithm, train))]))
                if one is None or one.names != names:
                    return None
                found.append(one.unit)
    except AlgorithmError:
        return None
    return np.array(found) if len({one.shape for one in found}) == 1 else None
