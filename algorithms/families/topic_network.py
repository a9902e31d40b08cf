"""A neural model of topics: how documents become shares of topics, and these words, by NumPy and by JAX.

Notation

======= ==============================================================================================
x       a document's counts of words, shape (V,)
z       its place, shape (K,): N(0, σ²) before its words are seen, and by these N(m, diag exp s)
θ       its shares of topics, softmax(z/τT), shape (K,), with T the temperature of shares
B, b    what topics add to the logarithms of words, shape (K, V), and these without topics, shape (V,)
p       the probabilities of its words, softmax((b + τK(θ - 1/K)B)/T'), with T' the temperature of words
======= ==============================================================================================

m and s are linear in the last of some layers over log(1 + x): the encoder. Topics are multiplied as experts are
(ProdLDA: Srivastava & Sutton 2017, "Autoencoding variational inference for topic models"), about the mean of the
shares, so that b is what documents of no topic say. σ² = (1 - 1/K)/α is Laplace's approximation of a Dirichlet
prior α in the softmax basis (equation 5 there). With τ above one, shares of z near zero are nearly linear in it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Values
from algorithms.lazily import jax, scipy
from algorithms.neural import training

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TAU = 3.0
"""τ."""

WORDS, TOPICS, MEAN, SPREAD, CENTER, SCALE = "words", "topics", "mean", "spread", "mean.center", "mean.scale"
"""The names of b, B, the layers of m and s, and the mean and deviation of m where batches are normalised."""

LEAST = 1e-3
"""Added to the variance of a batch."""

TOWARDS = 2.0
"""Deviations of z toward a topic of a document that shows its words."""

DOCUMENTS = 256
"""Documents whose words are predicted at once."""


def softplus(x: Array) -> Array:
    """Return log(1 + exp x)."""
    return np.asarray(np.logaddexp(0.0, x))


def sigmoid(x: Array) -> Array:
    """Return 1/(1 + exp -x)."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def relu(x: Array) -> Array:
    """Return the larger of x and 0."""
    return np.asarray(np.maximum(x, 0.0))


ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "softplus": softplus, "relu": relu, "tanh": np.tanh, "sigmoid": sigmoid,
}  # fmt: skip
"""What a layer makes of sums: by NumPy here, by the same names in ``jax.nn``."""


def layers_of(names: Mapping[str, object]) -> list[str]:
    """Return the names of the hidden layers, the first first.

    Examples
    --------
    >>> layers_of({"hidden1.weights": 0, "hidden0.weights": 0, "hidden0.bias": 0})
    ['hidden0', 'hidden1']
    """
    found = sum(name.startswith("hidden") and name.endswith(".weights") for name in names)
    return [f"hidden{i}" for i in range(found)]


# training ------------------------------------------------------------------------------------------------


@functools.cache
def loss_of(activation: str, batch_norm: bool) -> training.Loss:
    """Return the loss of documents: minus the evidence's lower bound, and the penalty.

    Rows have ``places`` and ``counts`` of their words, shape (b, L), which of them are ``shown`` to the encoder,
    the words ``asked`` at the same places, and the ``noise`` of z, shape (b, K). Where ``training`` is zero the
    loss is that of the words alone.
    """

    def loss(parameters: training.Traced, rows: training.Traced, hyper: training.Traced) -> Array:
        np_, places = jax.numpy, rows["places"]
        n, (k, v) = len(places), parameters[TOPICS].shape
        shown = np_.log1p(rows["counts"]) * rows["shown"]
        x = np_.zeros((n, v), np_.float32).at[np_.arange(n)[:, None], places].add(shown)
        for name in layers_of(parameters):
            x = getattr(jax.nn, activation)(x @ parameters[f"{name}.weights"] + parameters[f"{name}.bias"])
        m, s = (x @ parameters[f"{name}.weights"] for name in (MEAN, SPREAD))
        if batch_norm:
            m = _normalised(m, parameters, rows[training.WEIGHT], hyper["training"])
        m, s = m + parameters[f"{MEAN}.bias"], s + parameters[f"{SPREAD}.bias"]
        z = m + np_.exp(0.5 * s) * rows["noise"]
        eta = parameters[WORDS] + TAU * k * (jax.nn.softmax(z / TAU, axis=1) - 1.0 / k) @ parameters[TOPICS]
        logs = np_.take_along_axis(eta, places, axis=1) - jax.nn.logsumexp(eta, axis=1)[:, None]
        apart = (np_.exp(s) + m**2) / hyper["variance"] - 1.0 - s + np_.log(hyper["variance"])
        beside = 0.5 * apart.sum(axis=1) + hyper["alpha"] * _squares(parameters)
        found: Array = hyper["training"] * beside - (rows["asked"] * logs).sum(axis=1)
        return found

    return loss


def _squares(parameters: training.Traced) -> Array:
    """Return the sum of the squares of what is penalised: topics, and the weights of all layers."""
    found = [array for name, array in parameters.items() if name == TOPICS or name.endswith(".weights")]
    total: Array = sum((array**2).sum() for array in found)
    return total


def _normalised(m: Array, parameters: training.Traced, weight: Array, in_training: Array) -> Array:
    """Return m about the mean of a batch, over its deviation; outside training, about those that are stored."""
    np_, share = jax.numpy, weight[:, None] / jax.numpy.maximum(weight.sum(), 1e-30)
    center = (share * m).sum(axis=0)
    scale = np_.sqrt((share * (m - center) ** 2).sum(axis=0) + LEAST)
    stored = parameters[CENTER], parameters[SCALE]
    center, scale = (np_.where(in_training > 0.0, *pair) for pair in zip((center, scale), stored, strict=True))
    found: Array = (m - center) / scale
    return found


def laid_out(counts: csr_array, asked: csr_array | None = None) -> dict[str, Values]:
    """Return documents as they are trained on: places and counts of their words, zeros after the last.

    Parameters
    ----------
    counts : shape (n, V), what the encoder is shown.
    asked : the words to predict; None for these very ones.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> found = laid_out(csr_array([[0.0, 2.0, 1.0], [4.0, 0.0, 0.0]]))
    >>> found["places"].tolist(), found["counts"].tolist()
    ([[1, 2], [0, 0]], [[2.0, 1.0], [4.0, 0.0]])
    """
    both = scipy.sparse.csr_array(counts if asked is None else counts + asked)
    both.sort_indices()
    n, v = both.shape
    many = np.diff(both.indptr)
    document = np.repeat(np.arange(n), many)
    place = np.arange(both.nnz) - np.repeat(both.indptr[:-1], many)
    shape = n, training.rounded_up(int(many.max(initial=1)))
    made: dict[str, Values] = {"places": np.zeros(shape, np.int32)}
    made["places"][document, place] = both.indices
    at = document.astype(np.int64) * v + both.indices
    for name, part in (("counts", counts), ("asked", counts if asked is None else asked)):
        own = np.repeat(np.arange(n, dtype=np.int64), np.diff(part.indptr)) * v + part.indices
        found, made[name] = np.searchsorted(at, own), np.zeros(shape, np.float32)
        made[name][document[found], place[found]] = part.data
    return made


# the trained network -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TopicNetwork:
    """A trained network.

    Attributes
    ----------
    parameters : by name, in float64.
    activation : of the hidden layers.
    doc_topic_temperature, topic_word_temperature : T and T'.
    """

    parameters: Mapping[str, Array]
    activation: str
    doc_topic_temperature: float = 1.0
    topic_word_temperature: float = 1.0

    @property
    def n_topics(self) -> int:
        """K."""
        return len(self.parameters[TOPICS])

    @property
    def nbytes(self) -> int:
        """Bytes of the parameters."""
        return sum(array.nbytes for array in self.parameters.values())

    def means(self, counts: csr_array) -> Array:
        """Return what is linear in the last layer of m, without its bias, shape (n, K)."""
        known = self.parameters
        x = scipy.sparse.csr_array(counts, dtype=np.float64).log1p()
        for name in layers_of(known):
            x = ACTIVATIONS[self.activation](np.asarray(x @ known[f"{name}.weights"]) + known[f"{name}.bias"])
        return np.asarray(x @ known[f"{MEAN}.weights"])

    def shares(self, counts: csr_array) -> Array:
        """Return θ of documents at m, shape (n, K): of one without words, those of z = 0."""
        known, m = self.parameters, self.means(counts)
        if CENTER in known:
            m = (m - known[CENTER]) / known[SCALE]
        z = m + known[f"{MEAN}.bias"]
        z[np.asarray(counts.sum(axis=1)).ravel() <= 0.0] = 0.0
        return _softmax(z / (TAU * self.doc_topic_temperature))

    def topic_words(self) -> Array:
        """Return the probabilities of words of a document that is two deviations of z toward each topic, (K, V)."""
        z = TOWARDS * np.eye(self.n_topics)
        return np.asarray(np.exp(self._logs(_softmax(z / (TAU * self.doc_topic_temperature)))))

    def log_of_words(self, counts: csr_array, shares: Array) -> Array:
        """Return Σ x log p of each document, shape (n,), by its shares of topics."""
        found = np.zeros(counts.shape[0])
        for part in _parts(counts.shape[0]):
            found[part] = np.asarray(counts[part].multiply(self._logs(shares[part])).sum(axis=1)).ravel()
        return found

    def _logs(self, shares: Array) -> Array:
        """Return log p of every word, shape (n, V)."""
        known, k = self.parameters, self.n_topics
        eta = (known[WORDS] + TAU * k * (shares - 1.0 / k) @ known[TOPICS]) / self.topic_word_temperature
        eta -= eta.max(axis=1, keepdims=True)
        return np.asarray(eta - np.log(np.exp(eta).sum(axis=1, keepdims=True)))


def _softmax(x: Array) -> Array:
    made = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(made / made.sum(axis=1, keepdims=True))


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, min(n, start + DOCUMENTS)) for start in range(0, n, DOCUMENTS))
