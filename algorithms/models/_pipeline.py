"""The dress: the steps before a model, as fitted scikit-learn transformers over the encoded columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_array, check_is_fitted

from algorithms.base import Array
from algorithms.column_map import ColumnMap as Columns
from algorithms.design import Design


class ColumnMap(TransformerMixin, BaseEstimator):
    """The fitted linear map of encoded columns to a model's columns: imputing, merging, selecting.

    Attributes
    ----------
    matrix_ : sparse array (n_features_in_, q).
    feature_names_out_ : the q names.

    Examples
    --------
    >>> ColumnMap().set(csr_array([[1.0], [2.0]]), ("x",)).transform([[3.0, 4.0]]).tolist()
    [[11.0]]
    """

    def fit(self, X: Any, y: Any = None) -> ColumnMap:
        """Keep every column as it is."""
        X = check_array(X)
        self.matrix_ = csr_array(np.eye(X.shape[1]))
        self.feature_names_out_ = np.array([f"x{j}" for j in range(X.shape[1])], dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def set(self, matrix: csr_array, names: tuple[str, ...]) -> ColumnMap:
        """Take the map and the names of its columns; returns itself, fitted."""
        self.matrix_, self.feature_names_out_ = matrix, np.array(names, dtype=object)
        self.n_features_in_ = matrix.shape[0]
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return X · matrix_, shape (n, q)."""
        check_is_fitted(self)
        X = check_array(X, accept_sparse="csr")
        product = X @ self.matrix_
        return product.toarray() if issparse(product) else np.asarray(product)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the model's columns."""
        return self.feature_names_out_


def dressed(design: Design, model: BaseEstimator) -> Pipeline:
    """Return the pipeline of the design's steps and the model, all fitted."""
    scaler = None
    if design.preprocess.standardize:
        variance = np.diagonal(design.gram) / design.weight * design.scale**2
        scaler = fitted_scaler(design.mean, design.scale, variance, design.rows)
    made = pipeline(design.columns, design.shape.d, scaler, model)
    features = design.shape.features
    return made if features is None else Pipeline([*features.steps, *made.steps])


def pipeline(columns: Columns, d: int, scaler: StandardScaler | None, model: BaseEstimator) -> Pipeline:
    """Return the pipeline of a column map, a scaler and a model, all fitted.

    Parameters
    ----------
    columns : T; no step where it keeps all of the d encoded columns as they are.
    d : number of encoded columns.
    scaler : or None.
    model : over the columns of T.
    """
    if not hasattr(model, "n_features_in_"):
        model.n_features_in_ = len(columns.names)
    steps: list[tuple[str, BaseEstimator]] = []
    if not columns.keeps_all(d):
        steps.append(("columns", ColumnMap().set(columns.matrix, columns.names)))
    if scaler is not None:
        steps.append(("scale", scaler))
    return Pipeline([*steps, ("model", model)])


def fitted_scaler(mean: Array, scale: Array, variance: Array, rows: int) -> StandardScaler:
    """Return a ``StandardScaler`` fitted to columns of that mean and variance."""
    scaler = StandardScaler()
    scaler.mean_, scaler.scale_, scaler.var_ = mean.copy(), scale.copy(), variance
    scaler.n_samples_seen_, scaler.n_features_in_ = rows, len(mean)
    return scaler
