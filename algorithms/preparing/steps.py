"""Steps of fitted pipelines that scikit-learn has not: columns mapped, hashes expanded.

scikit-learn is slow to import, so nothing imports this module before a fitted estimator is built.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, hstack, issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from algorithms.arrays import Matrix, Places
from algorithms.preparing.column_map import ColumnMap as Columns
from algorithms.preparing.column_maps import buckets_of


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

    def fit(self, X: ArrayLike, y: object = None) -> ColumnMap:
        """Keep every column as it is."""
        width = check_array(X).shape[1]
        self.matrix_ = csr_array(np.eye(width))
        self.feature_names_out_ = np.array([f"x{j}" for j in range(width)], dtype=object)
        self.n_features_in_ = width
        return self

    def set(self, matrix: csr_array, names: tuple[str, ...]) -> ColumnMap:
        """Take the map and the names of its columns; returns itself, fitted."""
        self.matrix_, self.feature_names_out_ = matrix, np.array(names, dtype=object)
        self.n_features_in_ = matrix.shape[0]
        return self

    def transform(self, X: ArrayLike | csr_array) -> Matrix:
        """Return X · matrix_, shape (n, q); sparse where X is."""
        check_is_fitted(self)
        rows = check_array(X, accept_sparse="csr")
        product = rows @ self.matrix_
        return product if issparse(rows) else np.asarray(product)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of the model's columns."""
        return self.feature_names_out_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def map_of(step: BaseEstimator) -> csr_array | None:
    """Return the matrix of a step that is a :class:`ColumnMap`; None of any other.

    Examples
    --------
    >>> map_of(ColumnMap().fit([[1.0, 2.0]])).shape, map_of(StandardScaler())
    ((2, 2), None)
    """
    return step.matrix_ if isinstance(step, ColumnMap) else None


class HashColumns(TransformerMixin, BaseEstimator):
    """Fitted expansion of encoded columns: numbers scaled, hashes as one column a bucket; sparse.

    Parameters
    ----------
    bits : there are 2**bits buckets.

    Attributes
    ----------
    matrix_ : sparse array (n_features_in_, q), the map to the numbers, missing ones filled in.
    hashed_ : places of the hashes.
    scaler_ : of the numbers; None leaves them as they are.

    Examples
    --------
    >>> HashColumns(bits=1).fit([[5.0, 2.0]]).transform([[5.0, 2.0]]).toarray().tolist()
    [[5.0, 2.0, 0.0, 0.0]]
    """

    def __init__(self, bits: int = 18) -> None:
        self.bits = bits

    def fit(self, X: ArrayLike, y: object = None) -> HashColumns:
        """Take every column as a number."""
        width = check_array(X).shape[1]
        names = tuple(f"x{j}" for j in range(width))
        return self._take(csr_array(np.eye(width)), names, np.zeros(0, np.intp), None)

    def set(self, columns: Columns, hashed: Places, scaler: StandardScaler | None) -> HashColumns:
        """Take the map to the numbers, the places of the hashes and the scaler; returns itself, fitted."""
        return self._take(columns.matrix, columns.names, hashed, scaler)

    def _take(
        self, matrix: csr_array, names: tuple[str, ...], hashed: Places, scaler: StandardScaler | None
    ) -> HashColumns:
        self.matrix_, self.names_, self.hashed_, self.scaler_ = matrix, names, hashed, scaler
        self.n_features_in_ = matrix.shape[0]
        return self

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of the numbers, then of the buckets."""
        check_is_fitted(self)
        return np.array([*self.names_, *(f"bucket_{i}" for i in range(2**self.bits))], dtype=object)

    def transform(self, X: ArrayLike) -> csr_array:
        """Return the numbers, then the buckets, shape (n, q + 2**bits)."""
        check_is_fitted(self)
        rows = check_array(X)
        numbers = np.asarray(rows @ self.matrix_)
        if self.scaler_ is not None and len(self.names_):
            numbers = self.scaler_.transform(numbers)
        codes = buckets_of(rows[:, self.hashed_], self.bits).astype(np.int32)  # scikit-learn takes no wider ones
        places = np.repeat(np.arange(len(rows), dtype=np.int32), codes.shape[1])
        ones = np.ones(codes.size, numbers.dtype)
        buckets = csr_array((ones, (places, codes.ravel())), shape=(len(rows), 2**self.bits))
        return csr_array(hstack([csr_array(numbers), buckets]))
