"""A fitted model of words as vectors: documents are what their words are.

scikit-learn is slow to import, so nothing imports this module before a fitted estimator is built.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from algorithms.arrays import Array


class WordVectors(TransformerMixin, BaseEstimator):
    """Words as vectors, and documents as the sum, or the mean, of those of their words.

    Parameters
    ----------
    n_components : length of a vector.

    Attributes
    ----------
    word_vectors_ : shape (V, k).
    components_ : shape (k, V), the same turned, as scikit-learn's ``TruncatedSVD`` has them.
    words_ : shape (V,).
    mean_ : whether a document is the mean over its words, each as often as it stands there; else the sum of those
        that it has, each once.

    Examples
    --------
    >>> model = WordVectors().set(np.array([[1.0, 0.0], [0.0, 2.0]]), ("tea", "bolt"), mean=False)
    >>> model.transform([[5, 0], [1, 1]]).tolist(), model.similar("tea", 1)
    ([[1.0, 0.0], [1.0, 2.0]], [('bolt', 0.0)])
    """

    def __init__(self, n_components: int = 100) -> None:
        self.n_components = n_components

    def set(self, vectors: Array, names: Sequence[str], *, mean: bool) -> WordVectors:
        """Take the vectors and the words; returns itself, fitted."""
        self.word_vectors_, self.components_, self.mean_ = vectors, np.ascontiguousarray(vectors.T), mean
        self.words_ = np.array(names, dtype=object)
        self.n_features_in_, self.n_components = vectors.shape
        return self

    def fit(self, X: ArrayLike | csr_array, y: object = None) -> WordVectors:
        """Find vectors by scikit-learn's ``TruncatedSVD`` of which document has which word."""
        found = TruncatedSVD(self.n_components, algorithm="arpack", random_state=0).fit(self._there(X))
        return self.set(found.components_.T, [f"x{j}" for j in range(found.n_features_in_)], mean=False)

    def transform(self, X: ArrayLike | csr_array) -> Array:
        """Return a vector for each document, shape (n, k); zeros of one without a word."""
        check_is_fitted(self, "word_vectors_")
        if not self.mean_:
            return np.asarray(self._there(X) @ self.word_vectors_)
        counts = self._counts(X)
        return np.asarray((counts @ self.word_vectors_) / np.maximum(counts.sum(axis=1), 1e-300)[:, None])

    def similar(self, word: str, n_words: int = 10) -> list[tuple[str, float]]:
        """Return the words whose vectors point nearest to a word's, with the cosine of the angle.

        Raises
        ------
        KeyError
            It is not a word of the vocabulary.
        """
        found = np.flatnonzero(self.words_ == word)
        if not len(found):
            raise KeyError(f"{word!r} is not a word of the vocabulary of {len(self.words_):,} words")
        lengths = np.linalg.norm(self.word_vectors_, axis=1)
        unit = self.word_vectors_ / np.where(lengths > 0.0, lengths, 1.0)[:, None]
        near = unit @ unit[found[0]]
        order = [j for j in np.argsort(-near, kind="stable") if j != found[0] and lengths[j] > 0.0][:n_words]
        return [(str(self.words_[j]), float(near[j])) for j in order]

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return ``component0``, ``component1`` and so on."""
        return np.array([f"component{k}" for k in range(len(self.components_))], dtype=object)

    def _counts(self, X: ArrayLike | csr_array) -> csr_array:
        return csr_array(check_array(X, accept_sparse="csr", dtype=np.float64))

    def _there(self, X: ArrayLike | csr_array) -> csr_array:
        made = self._counts(X).copy()
        made.eliminate_zeros()
        made.data = np.ones_like(made.data)
        return made

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.positive_only = True
        return tags
