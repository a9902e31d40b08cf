"""The coefficients of a fitted pipeline, by the columns that its model sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from algorithms.arrays import Array

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline


def coefficient_table(fitted: Pipeline) -> pd.DataFrame | None:
    """Return one row per column and one column per class; None for a model without coefficients over the columns.

    A regression has one column, and so has a classification of two classes, named for the second.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> steps = [("scale", StandardScaler()), ("model", LinearRegression())]
    >>> fitted = Pipeline(steps).fit(pd.DataFrame({"a": [0.0, 2.0]}), [1.0, 3.0])
    >>> coefficient_table(fitted).round(6).to_dict()
    {'coefficient': {'a': 1.0}}
    """
    model = inner_model(fitted["model"])
    values, names = coefficients_of(model), fitted[:-1].get_feature_names_out()
    if values is None or names is None or not len(names) or values.shape[1] != len(names):
        return None
    return pd.DataFrame(values.T, index=[str(n) for n in names], columns=labels_of(model, len(values)))


def coefficients_of(model: BaseEstimator) -> Array | None:
    """Return a model's coefficients by the columns that it sees, shape (C, d); None where it has none.

    A regression on components has those of the components, multiplied by what these are made of.
    """
    *before, last = (step for _, step in model.steps) if hasattr(model, "steps") else (model,)
    coef = getattr(last, "coef_", None)
    if coef is None or not all(hasattr(step, "components_") and not step.whiten for step in before):
        return None
    values: Array = np.atleast_2d(np.asarray(coef, np.float64))
    for step in reversed(before):
        values = values @ step.components_
    return values


def labels_of(model: BaseEstimator, equations: int) -> list[str]:
    """Return what each equation is of: a class, the second of two, or the target itself."""
    classes = list(getattr(model, "classes_", []))
    labels = classes if len(classes) == equations else classes[1:2] or ["coefficient"]
    return [str(v) for v in (labels if len(labels) == equations else range(equations))]


def largest_first(table: pd.DataFrame | None) -> list[tuple[str, float]]:
    """Return the pairs of a table of one column, by absolute size; none of any other table.

    Examples
    --------
    >>> largest_first(pd.DataFrame({"coefficient": [0.5, -2.0]}, index=["a", "b"]))
    [('b', -2.0), ('a', 0.5)]
    """
    if table is None or table.shape[1] > 1:
        return []
    pairs = zip(table.index, table.iloc[:, 0], strict=True)
    return sorted(((str(n), float(c)) for n, c in pairs), key=lambda pair: -abs(pair[1]))


def inner_model(model: BaseEstimator) -> BaseEstimator:
    """Return the model inside a threshold or a transformed target; itself where there is none."""
    return getattr(model, "estimator_", getattr(model, "regressor_", model))
