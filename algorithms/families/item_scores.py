"""A fitted model that gives every item a score for each user, and recommends those of the largest.

scikit-learn is slow to import, so nothing imports this module before a fitted estimator is built.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from algorithms.arrays import Array


class ItemScores(TransformerMixin, BaseEstimator):
    """Scores of items by a user's row of items.

    Attributes
    ----------
    factors_ : B, shape (q, q), or matrices whose product it is.
    feature_names_out_ : the names of the q items.

    Examples
    --------
    >>> model = ItemScores().set((np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),), ("a", "b", "c"))
    >>> model.recommend([[1.0, 0.0, 0.0]], n_items=2).tolist()
    [['b', 'c']]
    """

    def fit(self, X: ArrayLike, y: object = None) -> ItemScores:
        """Score each item by how often it goes with each of the others: B is XᵀX without its diagonal."""
        rows = check_array(X, accept_sparse="csr")
        products = np.asarray((rows.T @ rows).todense() if issparse(rows) else rows.T @ rows, np.float64)
        np.fill_diagonal(products, 0.0)
        return self.set((products,), [f"x{j}" for j in range(rows.shape[1])])

    def set(self, factors: Sequence[Array], names: Sequence[str]) -> ItemScores:
        """Take the matrices and the names of the items; returns itself, fitted."""
        self.factors_, self.feature_names_out_ = tuple(factors), np.array(names, dtype=object)
        self.n_features_in_ = len(names)
        return self

    def transform(self, X: ArrayLike | csr_array) -> Array:
        """Return the score of every item, shape (n, q)."""
        check_is_fitted(self)
        made = check_array(X, accept_sparse="csr")
        for factor in self.factors_:
            made = made @ factor
        return np.asarray(made)

    def recommend(
        self, X: ArrayLike | csr_array, n_items: int = 10, *, exclude_seen: bool = True
    ) -> NDArray[np.object_]:
        """Return the names of the items of largest score, shape (n, n_items); None where there are no more.

        Parameters
        ----------
        X : rows of users.
        n_items : how many.
        exclude_seen : whether items that a row holds already are left out.
        """
        places, scores = self.best_of(X, n_items, exclude_seen=exclude_seen)
        found = self.feature_names_out_[places]
        found[~np.isfinite(scores)] = None
        return np.asarray(found)

    def best_of(
        self, X: ArrayLike | csr_array, n_items: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.intp], Array]:
        """Return the places of the items of largest score, and the scores: -inf of an item that is left out."""
        scores = self.transform(X)
        if exclude_seen:
            rows = check_array(X, accept_sparse="csr")
            scores[(rows != 0).nonzero()] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :n_items]
        return order, np.take_along_axis(scores, order, axis=1)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of the items."""
        return self.feature_names_out_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
