"""A fitted model of topics, with the methods of scikit-learn's ``LatentDirichletAllocation``.

scikit-learn is slow to import, so nothing imports this module before a fitted estimator is built.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from algorithms.arrays import Array
from algorithms.solvers.fold_in import log_of_words, shares_of_topics


class TopicWords(TransformerMixin, BaseEstimator):
    """Topics: probabilities of words, and what share of a document each has.

    Attributes
    ----------
    components_ : shape (K, V), how often each word stands in each topic, the prior included.
    doc_topic_prior_ : shape (K,), of a document's shares of topics.
    words_ : shape (V,).

    Examples
    --------
    >>> model = TopicWords().set(np.array([[9.0, 1.0], [1.0, 9.0]]), np.array([0.1, 0.1]), ("tea", "bolt"))
    >>> model.transform([[5, 0], [0, 0]]).round(2).tolist(), model.topics(1)
    ([[0.98, 0.02], [0.5, 0.5]], [['tea'], ['bolt']])
    """

    def __init__(self, n_components: int = 10) -> None:
        self.n_components = n_components

    def set(self, components: Array, prior: Array, names: Sequence[str]) -> TopicWords:
        """Take the frequencies of words in topics, the prior of topics and the words; returns itself, fitted."""
        self.components_, self.doc_topic_prior_ = components, prior
        self.words_ = np.array(names, dtype=object)
        self.n_features_in_, self.n_components = components.shape[1], len(components)
        return self

    def fit(self, X: ArrayLike | csr_array, y: object = None) -> TopicWords:
        """Find topics by scikit-learn's ``LatentDirichletAllocation``."""
        found = LatentDirichletAllocation(self.n_components, random_state=0).fit(X)
        prior = np.full(self.n_components, found.doc_topic_prior_)
        return self.set(found.components_, prior, [f"x{j}" for j in range(found.n_features_in_)])

    @property
    def topic_words_(self) -> Array:
        """The probability of each word in each topic, shape (K, V)."""
        return np.asarray(self.components_ / self.components_.sum(axis=1, keepdims=True))

    def transform(self, X: ArrayLike | csr_array) -> Array:
        """Return the share of each topic in each document, shape (n, K)."""
        return shares_of_topics(self._counts(X), self.topic_words_, self.doc_topic_prior_)

    def perplexity(self, X: ArrayLike | csr_array) -> float:
        """Return exp(-log p of a word), of documents whose topics are found from these very words."""
        counts = self._counts(X)
        logs = log_of_words(counts, self.transform(X), self.topic_words_)
        return float(np.exp(-logs.sum() / max(float(counts.data.sum()), 1e-300)))

    def topics(self, n_words: int = 10) -> list[list[str]]:
        """Return the most probable words of each topic, the first first."""
        order = np.argsort(-self.topic_words_, axis=1, kind="stable")[:, :n_words]
        return [[str(word) for word in self.words_[row]] for row in order]

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return ``topic0``, ``topic1`` and so on."""
        return np.array([f"topic{k}" for k in range(len(self.components_))], dtype=object)

    def _counts(self, X: ArrayLike | csr_array) -> csr_array:
        check_is_fitted(self, "components_")
        return csr_array(check_array(X, accept_sparse="csr", dtype=np.float64))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.positive_only = True
        return tags
