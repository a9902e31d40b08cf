"""The fitted estimators of factorization machines; scikit-learn has none."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y

from algorithms.arrays import Array, Values
from algorithms.batches import Label
from algorithms.contract import Algorithm, Batch, Column, Shape
from algorithms.errors import AlgorithmError
from algorithms.families.machine import Machine
from algorithms.summaries.sample import Sample, SampleState, labels


class _Factorized(BaseEstimator):
    """A factorization machine over encoded columns.

    Parameters
    ----------
    algorithm : how it is trained; None where it is not to be fitted again.

    Attributes
    ----------
    machine_ : the trained machine.
    n_features_in_ : number of encoded columns.
    """

    def __init__(self, algorithm: Algorithm[SampleState, Machine] | None = None) -> None:
        self.algorithm = algorithm

    def set(self, machine: Machine) -> Self:
        """Return the estimator of a trained machine."""
        self.machine_ = machine
        self.n_features_in_ = machine.inputs.columns.matrix.shape[0]
        return self

    def _trained(self, X: Array, y: Array, classes: tuple[Label, ...]) -> Self:
        if self.algorithm is None:
            raise AlgorithmError(f"{type(self).__name__}(algorithm=None) cannot be fitted; give it an algorithm")
        columns = tuple(Column(f"x{j}", f"x{j}") for j in range(X.shape[1]))
        shape, sample = Shape(columns, ("y",), classes=classes), Sample(size=len(X))
        rows = Batch(np.column_stack([X, y]), X.shape[1], priority=np.arange(len(X), dtype=np.uint64))
        return self.set(self.algorithm.solve(sample.update(sample.init(shape), rows)))

    def _eta(self, X: ArrayLike) -> Array:
        check_is_fitted(self, "machine_")
        rows = np.asarray(check_array(X, dtype=[np.float64, np.float32]))
        if rows.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {rows.shape[1]} columns, and the machine takes {self.n_features_in_}")
        return self.machine_.eta(rows)


class FactorizedRegressor(RegressorMixin, _Factorized):
    """A factorization machine that predicts a number."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on rows whose columns are all numbers."""
        rows, target = check_X_y(X, y, dtype=np.float64, y_numeric=True)
        return self._trained(rows, target, ())

    def predict(self, X: ArrayLike) -> Array:
        """Return the numbers, shape (n,)."""
        found, inputs = self._eta(X)[:, 0], self.machine_.inputs
        return found * inputs.unit + inputs.offset


class FactorizedClassifier(ClassifierMixin, _Factorized):
    """A factorization machine that predicts a class.

    Attributes
    ----------
    classes_ : the labels, sorted.
    """

    def set(self, machine: Machine) -> Self:
        """Return the estimator of a trained machine."""
        self.classes_ = labels(Shape((), ("y",), classes=machine.classes))
        return super().set(machine)

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on rows whose columns are all numbers."""
        rows, target = check_X_y(X, y, dtype=np.float64)
        found, codes = np.unique(target, return_inverse=True)
        return self._trained(rows, codes.astype(np.float64), tuple(found.tolist()))

    def decision_function(self, X: ArrayLike) -> Array:
        """Return η, shape (n, C); of two classes that of the last, shape (n,)."""
        found = self._eta(X)
        return found[:, 0] if found.shape[1] == 1 else found

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each class, shape (n, C)."""
        found = self._eta(X)
        if found.shape[1] == 1:
            found = np.hstack([np.zeros_like(found), found])
        odds = np.exp(found - found.max(axis=1, keepdims=True))
        shares: Array = odds / odds.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: ArrayLike) -> Values:
        """Return the labels, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


ESTIMATORS = {"regression": FactorizedRegressor, "classification": FactorizedClassifier}
"""The estimator of each task."""
