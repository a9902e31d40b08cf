"""The encoder as a scikit-learn transformer: the first step of every fitted model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from hpo.data.encoding.encoder import ColumnEncoder


class Encoder(ColumnEncoder, TransformerMixin, BaseEstimator):
    """A scikit-learn transformer from columns of any supported kind to numbers.

    * number, boolean, time (hours), duration (seconds): a value, at its column's origin where missing, and an
      indicator column;
    * string or category: a column for each of the most frequent levels, for other values, for missing ones;
    * a category that is hashed: one column of the hash, for algorithms that look coefficients up by it;
    * date, timestamp: days since 1970, an indicator, and month, weekday and hour as levels. Time zones: all
      parts are in UTC; timestamps without a zone are taken as they are.

    A column whose values lie far from zero beside their spread (a year, an identifier) has an **origin** near their
    middle. Batches of a pass hold values less their origins, so that states keep every digit of small differences;
    ``transform`` adds the origins, in float64.

    Parameters
    ----------
    max_categories : levels of a category that get a column of their own.
    dtype : ``"float32"``, ``"float64"``, or ``"auto"``: batches in float32 where it holds every value exactly.
    hash_columns : columns that are hashed; ``"auto"`` for categories of more levels than ``max_categories``.

    Attributes
    ----------
    columns_ : the d encoded columns.
    classes_ : labels of the target, sorted, where it is a class; empty otherwise.
    encodings_ : how each feature is encoded.
    dtype_ : NumPy type of the batches of a pass.
    feature_names_in_, n_features_in_ : as scikit-learn defines them.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"x": [1.0, -1.0, None], "c": ["a", "b", "b"]})
    >>> Encoder().fit_transform(X)[1:].tolist()
    [[-1.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]]
    """

    @classmethod
    def of(cls, fitted: ColumnEncoder) -> Encoder:
        """Return the transformer of a fitted encoder.

        Examples
        --------
        >>> Encoder.of(ColumnEncoder(max_categories=3).fit([[1.0]]))
        Encoder(max_categories=3)
        """
        made = cls(fitted.max_categories, fitted.dtype, fitted.hash_columns)
        made.__dict__.update(vars(fitted))
        return made

    def transform(self, X: Any) -> NDArray[np.floating[Any]]:
        """Return the encoded rows, shape (n, d): see :meth:`ColumnEncoder.transform`."""
        return super().transform(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        return tags
