"""The pipeline of a fitted model: the steps before it, as scikit-learn transformers over the encoded columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algorithms.contract import Array
from algorithms.families.design import Design
from algorithms.families.whole import RowDesign
from algorithms.lazily import sklearn
from algorithms.preparing.column_map import ColumnMap as Columns

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler


def pipeline_of(design: Design | RowDesign, model: BaseEstimator) -> Pipeline:
    """Return the pipeline of the design's steps and the model, all fitted; a model of ``design.at_origin()``."""
    scaler = None
    if design.preprocess.standardize:
        scaler = fitted_scaler(design.mean + design.columns.origin, design.scale, design.variance, design.rows)
    made = pipeline(design.columns, design.shape.d, scaler, model)
    features = design.shape.features
    return made if features is None else sklearn.pipeline.Pipeline([*features.steps, *made.steps])


def pipeline(columns: Columns, d: int, scaler: StandardScaler | None, model: BaseEstimator) -> Pipeline:
    """Return the pipeline of a column map, a scaler and a model, all fitted.

    Parameters
    ----------
    columns : T; no step where it keeps all of the d encoded columns as they are.
    d : number of encoded columns.
    scaler : or None.
    model : over the columns of T.
    """
    from algorithms.preparing.steps import ColumnMap  # noqa: PLC0415 -- loads scikit-learn

    if not hasattr(model, "n_features_in_"):
        model.n_features_in_ = len(columns.names)
    steps: list[tuple[str, BaseEstimator]] = []
    if not columns.keeps_all(d):
        steps.append(("columns", ColumnMap().set(columns.matrix, columns.names)))
    if scaler is not None:
        steps.append(("scale", scaler))
    return sklearn.pipeline.Pipeline([*steps, ("model", model)])


def fitted_scaler(mean: Array, scale: Array | None, variance: Array | None, rows: int) -> StandardScaler:
    """Return a ``StandardScaler`` fitted to columns of that mean and variance; one without a scale only centres."""
    scaler = sklearn.preprocessing.StandardScaler(with_std=scale is not None)
    scaler.mean_, scaler.scale_, scaler.var_ = mean.copy(), None if scale is None else scale.copy(), variance
    scaler.n_samples_seen_, scaler.n_features_in_ = rows, len(mean)
    return scaler
