"""Coefficients of the best model in units of the columns and of their spread, and how they vary over the folds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import fitted, steps_of
from algorithms.errors import AlgorithmError
from algorithms.lazily import sklearn
from hpo.findings.coefficients import inner_model, labels_of
from hpo.findings.equations import Equations, deviations, equations
from hpo.process.threads import threads_for
from studies.report.data import ClassCoefficients
from studies.report.diagnosed import Coefficient, Coefficients

if TYPE_CHECKING:
    from hpo.findings.result import Result

MOST = 30
"""Coefficients that are shown."""

MERGED = "_other"
"""What the name of a column of merged levels ends with."""


def of_units(result: Result) -> Coefficients | None:
    """Return the coefficients of a model of one equation, the largest by a standard deviation of the column first.

    None of a model without coefficients over its columns, or with one for each of several classes. The interval of
    each is the range over the models of the folds, which is empty for models that take long to fit.
    """
    model = result.model_of(encoded=True)
    found = equations(model)
    if found is None or len(found.unit) > 1:
        return None
    names, unit, given = found.names, found.unit[0], float(found.intercepts[0])
    spread = deviations(result.best.states, model, found)
    by_size = np.abs(unit * spread) if spread is not None else np.abs(unit)
    folds = _over_folds(result, names)
    rows = [
        Coefficient(
            names[j], float(unit[j]), None if spread is None else float(unit[j] * spread[j]),
            *(() if folds is None or np.isnan(folds[:, 0, j]).any() else _ends(folds[:, 0, j])),
        )
        for j in np.argsort(-by_size, kind="stable")[:MOST]
    ]  # fmt: skip
    classes = result.best.states.whole.shape.classes
    intercept = given if np.isfinite(given) else None
    return Coefficients(rows, len(names), intercept, str(classes[-1]) if classes else "", found.adds)


def _known(values: Array) -> list[list[float | None]]:
    return [[None if np.isnan(one) else float(one) for one in row] for row in values]


def _ends(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def of_classes(result: Result) -> ClassCoefficients | None:
    """Return the coefficients of a model of several equations, by the standard deviations of columns where known.

    None of another model. `low` and `high` are of the models of the folds, in the same unit.
    """
    model = result.model_of(encoded=True)
    found = equations(model)
    if found is None or len(found.unit) < 2:
        return None
    spread, folds = deviations(result.best.states, model, found), _over_folds(result, found.names)
    by = 1.0 if spread is None else spread
    shown = (found.unit * by).T
    order = np.argsort(-np.abs(shown).max(axis=1), kind="stable")[:MOST]
    ends = [] if folds is None else [_known((end(folds, axis=0) * by).T[order]) for end in (np.min, np.max)]
    low, high = ends or ([], [])
    return ClassCoefficients(
        labels_of(inner_model(model[-1]), len(found.unit)),
        [(found.names[i], shown[i].tolist()) for i in order], len(found.names), low, high,
        found.intercepts.tolist() if np.isfinite(found.intercepts).all() else [], spread is not None, found.adds,
    )  # fmt: skip


def _over_folds(result: Result, names: list[str]) -> Array | None:
    """Return the coefficients of the models of the folds by unit, shape (folds, C, d); None where these differ.

    NaN for columns that some fold lacks, and for merged levels, which are of other levels in each fold.
    """
    best, pipeline = result.best, sklearn.pipeline.Pipeline
    if best.algorithm.tags.costly or not best.states.train:
        return None
    encoder = result.model_of(encoded=True).steps[0]
    found = []
    try:
        with threads_for(best.states.train):
            for train in best.states.train:
                one = equations(pipeline([encoder, *steps_of(fitted(best.algorithm, train))]))
                if one is None:
                    return None
                found.append(_placed(one, names))
    except AlgorithmError:
        return None
    return np.array(found) if len({one.shape for one in found}) == 1 else None


def _placed(found: Equations, names: list[str]) -> Array:
    """Return coefficients by unit in the order of some columns, NaN of those that an equation lacks."""
    place = {name: j for j, name in enumerate(found.names)}
    unit = np.full((len(found.unit), len(names)), np.nan)
    for j, name in enumerate(names):
        if name in place and not (name.endswith(MERGED) and found.names != names):
            unit[:, j] = found.unit[:, place[name]]
    return unit
