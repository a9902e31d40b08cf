"""A fitted neural model of topics, with the methods of scikit-learn's ``LatentDirichletAllocation``.

scikit-learn is slow to import, so nothing imports this module before a fitted estimator is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from algorithms.arrays import Array
from algorithms.contract import Algorithm, Batch, Column, Shape, fitted, steps_of
from algorithms.errors import AlgorithmError
from algorithms.families.topic_network import TopicNetwork
from algorithms.summaries.sample import Sample


class NeuralTopicWords(TransformerMixin, BaseEstimator):
    """Topics of documents by a trained network; it needs NumPy alone.

    Parameters
    ----------
    algorithm : how it is trained; None where it is not to be fitted again.

    Attributes
    ----------
    components_ : shape (K, V), how often each word stands in each topic.
    network_ : the trained network.
    words_ : shape (V,).
    words_per_topic_ : words that :meth:`topics` gives of each, unless it is asked for others.
    """

    def __init__(self, algorithm: Algorithm | None = None) -> None:
        self.algorithm = algorithm

    def set(self, network: TopicNetwork, components: Array, names: Sequence[str], words: int) -> Self:
        """Take a trained network, the frequencies of words in topics, and the words; returns itself, fitted."""
        self.network_, self.components_ = network, components
        self.words_, self.words_per_topic_ = np.array(names, dtype=object), words
        self.n_features_in_ = components.shape[1]
        return self

    def fit(self, X: ArrayLike | csr_array, y: object = None) -> Self:
        """Train on documents by words."""
        if self.algorithm is None:
            raise AlgorithmError(f"{type(self).__name__}(algorithm=None) cannot be fitted; give it an algorithm")
        counts = csr_array(check_array(X, accept_sparse="csr", dtype=np.float64))
        n, v = counts.shape
        sample = Sample(size=n)
        state = sample.init(Shape(tuple(Column(f"x{j}", f"x{j}") for j in range(v))))
        rows = Batch(counts.toarray(), v, priority=np.arange(n, dtype=np.uint64))
        made = steps_of(fitted(self.algorithm, sample.update(state, rows)))[-1][1]
        return self.set(made.network_, made.components_, made.words_, made.words_per_topic_)

    @property
    def topic_words_(self) -> Array:
        """The probability of each word in each topic, shape (K, V)."""
        return np.asarray(self.components_ / self.components_.sum(axis=1, keepdims=True))

    def transform(self, X: ArrayLike | csr_array) -> Array:
        """Return the share of each topic in each document, shape (n, K)."""
        return self.network_.shares(self._counts(X))

    def score(self, X: ArrayLike | csr_array, y: object = None) -> float:
        """Return the log-probability of all words of documents whose topics are found from these very words."""
        counts = self._counts(X)
        return float(self.network_.log_of_words(counts, self.network_.shares(counts)).sum())

    def perplexity(self, X: ArrayLike | csr_array) -> float:
        """Return exp(-log p of a word), of documents whose topics are found from these very words."""
        return float(np.exp(-self.score(X) / max(float(self._counts(X).sum()), 1e-300)))

    def topics(self, n_words: int | None = None) -> list[list[str]]:
        """Return the most probable words of each topic, the first first."""
        many = self.words_per_topic_ if n_words is None else n_words
        order = np.argsort(-self.topic_words_, axis=1, kind="stable")[:, :many]
        return [[str(word) for word in self.words_[row]] for row in order]

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return ``topic0``, ``topic1`` and so on."""
        return np.array([f"topic{k}" for k in range(len(self.components_))], dtype=object)

    def _counts(self, X: ArrayLike | csr_array) -> csr_array:
        check_is_fitted(self, "components_")
        counts = csr_array(check_array(X, accept_sparse="csr", dtype=np.float64))
        if counts.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {counts.shape[1]} columns, and the model takes {self.n_features_in_} words")
        if counts.nnz and counts.data.min() < 0.0:
            lowest = f"{counts.data.min():g}"
            raise ValueError(f"X holds {lowest}, and topics take counts of words, which are not negative")
        return counts

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.positive_only = True
        return tags
