"""The step of fitted pipelines before estimators that take gaps and categories themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from algorithms.arrays import Floats
from algorithms.contract import Column, as_dense
from algorithms.preparing.native_columns import NativeColumns, native_columns


class NativeColumnMap(TransformerMixin, BaseEstimator):
    """The fitted map of encoded columns to numbers with gaps, and to places of categories.

    Attributes
    ----------
    columns_ : the map.
    feature_names_out_ : the q names.

    Examples
    --------
    >>> NativeColumnMap().fit([[1.0, 2.0]]).transform([[3.0, 4.0]]).tolist()
    [[3.0, 4.0]]
    """

    def fit(self, X: ArrayLike, y: object = None) -> NativeColumnMap:
        """Take every column as a number."""
        width = check_array(X).shape[1]
        columns = [Column(f"x{j}", f"x{j}") for j in range(width)]
        return self.set(native_columns(columns, np.ones(width), 1, 0))

    def set(self, columns: NativeColumns) -> NativeColumnMap:
        """Take the map; returns itself, fitted."""
        self.columns_, self.n_features_in_ = columns, columns.d
        self.feature_names_out_ = np.array(columns.names, dtype=object)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return the estimator's columns, shape (n, q)."""
        check_is_fitted(self)
        return self.columns_.rows(as_dense(check_array(X, accept_sparse="csr")))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of the estimator's columns."""
        return self.feature_names_out_


def native_of(step: BaseEstimator) -> NativeColumns | None:
    """Return the map of a step that is a :class:`NativeColumnMap`; None of any other.

    Examples
    --------
    >>> native_of(NativeColumnMap().fit([[1.0, 2.0]])).names, native_of(BaseEstimator())
    (('x0', 'x1'), None)
    """
    return step.columns_ if isinstance(step, NativeColumnMap) else None
