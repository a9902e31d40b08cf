"""Topics of documents by a variational autoencoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Singles, Values
from algorithms.chained import Chosen
from algorithms.contract import Algorithm, Chain, Chained, Group, Held, Score, Tags
from algorithms.errors import FitFailed, InvalidField
from algorithms.extras import check_extra
from algorithms.families.coherence import coherences_in, foremost, places
from algorithms.families.documents import check_enough, columns_of_words, names_of
from algorithms.families.early_stopping import stops_at
from algorithms.families.networks import check_any, check_numbers, check_shapes
from algorithms.families.pipeline import pipeline
from algorithms.families.topic_documents import Corpus, NeuralTopics, Parts, corpus_of, parts_of
from algorithms.families.topic_network import (
    ACTIVATIONS,
    CENTER,
    LEAST,
    MEAN,
    SCALE,
    SPREAD,
    TOPICS,
    WORDS,
    TopicNetwork,
    layers_of,
    loss_of,
)
from algorithms.families.topic_scores import DIVERSITY, NPMI, PERPLEXITY, completion, score_of_topics
from algorithms.lazily import Library
from algorithms.memo import MEMO
from algorithms.neural import training
from algorithms.ranges import Choice, Integer, Legal, Log, Range, Uniform
from algorithms.summaries.sample import Sample, SampleState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

fitted_models = Library("algorithms.families.neural_topic_words")
"""Loads scikit-learn."""

DOCUMENTS = 20_000
"""Documents of each fold that are kept, unless ``size`` says otherwise."""

START = 0.1
"""Deviation of what the first topics add to the logarithms of words."""

SHAPING = (
    "n_topics", "activation", "optimizer", "batch_norm", "batch_rows", "validation_fraction", "random_state",
)  # fmt: skip
"""Hyperparameters that are in force in every epoch, beside the layers, and so decide where a chain begins."""

DRAWN = ("alpha", "doc_topic_prior", "learning_rate", "word_dropout")
"""Hyperparameters that are in force in an epoch."""


ALL: Chosen = np.zeros(0, np.bool_)
"""Every document."""


@dataclass(frozen=True, kw_only=True)
class NeuralTopicModel(Chained[SampleState, NeuralTopics], Algorithm[SampleState, NeuralTopics]):
    """Topics by a variational autoencoder: a network makes shares of topics of words, and words of these.

    ProdLDA (Srivastava & Sutton 2017) beside what words are without topics. Needs the extra ``neural`` to be
    trained; it predicts by NumPy.

    Parameters
    ----------
    epochs : times that the documents are gone through, at most.
    n_topics : number of topics.
    hidden_layer_sizes : numbers of each layer between words and topics.
    activation : of these layers: ``"softplus"``, ``"relu"``, ``"tanh"`` or ``"sigmoid"``.
    optimizer : ``"adam"``, ``"adagrad"``, ``"rmsprop"`` or ``"sgd"``, with a momentum of 0.9.
    learning_rate : step size.
    alpha : penalty on the squares of the weights and topics, for all documents together.
    doc_topic_prior : of the Dirichlet distribution that shares are near before words are seen.
    word_dropout : largest share of a document's words that the encoder is not shown in a step of training.
    batch_norm : whether places among topics have mean zero and deviation one in each batch.
    batch_rows : documents of a batch; fewer documents are one smaller batch.
    validation_fraction : share of the documents that are held out, whose loss (half of the words of each by the
        other half) decides which epoch is best and when to stop; 0 for none.
    patience : epochs without a lower held-out loss, after which training stops.
    tolerance : by which share of it the loss must fall to count as lower.
    random_state : of where training begins and what it draws.
    doc_topic_temperature : divides what shares of topics are the softmax of; above 1 they are more alike.
    topic_word_temperature : divides the logarithms of the words' probabilities; above 1 words are more alike.
    words_per_topic : words that a topic is shown by.
    summary : the sample that is trained on.

    Examples
    --------
    >>> NeuralTopicModel(n_topics=20).in_force(1)
    {'alpha': 1.0, 'doc_topic_prior': 1.0, 'learning_rate': 0.002, 'word_dropout': 0.8}
    """

    epochs: Annotated[int, Legal(ge=1, le=10_000), Integer(1, 200, searched=False)] = 100
    n_topics: Annotated[int, Legal(ge=2, le=1024), Choice(5, 10, 20, 40)] = 10
    hidden_layer_sizes: tuple[int, ...] = (100,)
    activation: Annotated[str, Legal(*ACTIVATIONS), Choice(*ACTIVATIONS, searched=False)] = "softplus"
    optimizer: Annotated[str, Legal(*training.RULES), Choice(*training.RULES, searched=False)] = "adam"
    learning_rate: Annotated[float, Legal(gt=0), Log(5e-4, 2e-2, searched=False)] = 0.002
    alpha: Annotated[float, Legal(ge=0), Log(1e-2, 100.0)] = 1.0
    doc_topic_prior: Annotated[float, Legal(gt=0), Log(1e-2, 10.0, searched=False)] = 1.0
    word_dropout: Annotated[float, Legal(ge=0, le=1), Uniform(0.0, 1.0, searched=False)] = 0.8
    batch_norm: Annotated[bool, Choice(False, True, searched=False)] = False
    batch_rows: Annotated[int, Legal(ge=1, le=65_536), Choice(16, 32, 64, 128, searched=False)] = 32
    validation_fraction: Annotated[float, Legal(ge=0, lt=1), Uniform(0.0, 0.5, searched=False)] = 0.1
    patience: Annotated[int, Legal(ge=1), Integer(1, 20, searched=False)] = 5
    tolerance: Annotated[float, Legal(ge=0), Uniform(0.0, 0.1, searched=False)] = 1e-4
    random_state: Annotated[int, Legal(ge=0)] = 0
    doc_topic_temperature: Annotated[float, Legal(gt=0), Log(0.5, 2.0)] = 1.0
    topic_word_temperature: Annotated[float, Legal(gt=0), Log(0.5, 2.0)] = 1.0
    words_per_topic: Annotated[int, Legal(ge=1), Integer(5, 30, searched=False)] = 10
    summary: Sample = Sample(size=DOCUMENTS)

    tags: ClassVar[Tags] = Tags(
        task="topics", sampled=(PERPLEXITY, NPMI, DIVERSITY), default_score=PERPLEXITY, costly=True, extra="neural",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse values that are not legal, and layers that are none."""
        super().__post_init__()
        sizes = self.hidden_layer_sizes
        if not (0 < len(sizes) <= 8 and all(type(size) is int and 1 <= size <= 16_384 for size in sizes)):
            raise InvalidField(
                f"hidden_layer_sizes={sizes!r}: must be one to eight whole numbers from 1 to 16384, such as (100,)"
            )

    # training --------------------------------------------------------------------------------------------

    @property
    def length(self) -> int:
        """Epochs at most."""
        return self.epochs

    def in_force(self, epoch: int) -> Mapping[str, object]:
        """Return what an epoch is trained with; where it begins, what shapes are made of."""
        if epoch:
            return {name: getattr(self, name) for name in DRAWN}
        layers: dict[str, object] = {"hidden_layer_sizes": list(self.hidden_layer_sizes)}
        return layers | {name: getattr(self, name) for name in SHAPING}

    def begin(self, state: SampleState) -> Chain:
        """Return how often words are as they are without topics, and small random numbers for all else."""
        draw = np.random.default_rng(self.random_state)
        words = self._parts(state).words + 0.5
        v, k = len(words), self.n_topics
        found: dict[str, Singles] = {WORDS: np.log(words / words.sum()).astype(np.float32)}
        found[TOPICS] = draw.normal(0.0, START, (k, v)).astype(np.float32)
        sizes = (v, *self.hidden_layer_sizes)
        made = [(f"hidden{i}", pair) for i, pair in enumerate(pairwise(sizes))]
        for name, (before, after) in (*made, (MEAN, (sizes[-1], k)), (SPREAD, (sizes[-1], k))):
            reach = 0.0 if name == SPREAD else np.sqrt(6.0 / (before + after))
            found[f"{name}.weights"] = draw.uniform(-reach, reach, (before, after)).astype(np.float32)
            found[f"{name}.bias"] = np.zeros(after, np.float32)
        if self.batch_norm:
            found |= {CENTER: np.zeros(k, np.float32), SCALE: np.ones(k, np.float32)}
        return Chain(0, self.random_state, found, training.stored(training.still(found)))

    def advance(self, chain: Chain, state: SampleState) -> Iterator[Chain]:
        """Yield the chain after each further epoch; FitFailed where a loss is not a number."""
        check_extra(self.tags.extra, type(self).__name__)
        self._check_shapes(chain, state)
        parts, size = self._parts(state, chain.chosen), self.batch_rows
        check_any(parts.n, type(self).__name__)
        steps = -(-parts.n // size)
        rows = {name: training.padded(array, steps * size + 1) for name, array in parts.train.items()}
        out = {name: training.padded(v, training.rounded_up(len(v))) for name, v in parts.held.items()}
        many = len(out["counts"]), self.n_topics
        out |= {"noise": np.zeros(many, np.float32), "shown": np.ones(out["counts"].shape, np.bool_)}
        made, last = training.compiled(loss_of(self.activation, self.batch_norm), self.optimizer), chain
        parameters, moments = chain.parameters, training.moments_of(chain.optimizer)
        for epoch in range(chain.epoch + 1, self.epochs + 2):
            rng = np.random.default_rng([chain.seed, epoch])
            order = training.batches(parts.n, size, rng)
            drawn, hyper = self._drawn(rows["counts"].shape, rng), self._hyper(parts)
            rate = np.float32(self.learning_rate)
            parameters, moments = made.epoch(parameters, moments, {**rows, **drawn}, order, rate, hyper)
            parameters = self._with_statistics(training.numbers(parameters), state)
            last = replace(last, epoch=epoch, parameters=parameters, optimizer=training.stored(moments))
            if len(parts.held["counts"]):
                total = made.held(parameters, out, {**hyper, "training": np.float32(0.0)})
                words = np.asarray(parts.held["asked"]).sum(axis=1) @ parts.held[training.WEIGHT]
                last = training.judged(last, float(total) / max(float(words), 1e-30))
            check_numbers(last, type(self).__name__, self.learning_rate)
            yield last

    def trained(self, chain: Chain, state: SampleState) -> NeuralTopics:
        """Return the topics of the best epoch; of the last where no loss is held out."""
        known = chain.best or chain.parameters
        network = TopicNetwork(
            {name: array.astype(np.float64) for name, array in known.items()}, self.activation,
            self.doc_topic_temperature, self.topic_word_temperature,
        )  # fmt: skip
        return NeuralTopics(state, self._corpus(state), network, self.stops(chain.losses) is not None)

    def stops(self, losses: Array) -> int | None:
        """Return the epoch after which no lower loss was met for as long as ``patience`` says."""
        return stops_at(losses, self.patience, self.tolerance)

    def _drawn(self, shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, Values]:
        """Return the noise of an epoch, and which words the encoder is shown, of documents of that shape."""
        share = self.word_dropout * rng.random((shape[0], 1), np.float32)
        noise = rng.standard_normal((shape[0], self.n_topics), np.float32)
        return {"noise": noise, "shown": rng.random(shape, np.float32) >= share}

    def _hyper(self, parts: Parts) -> dict[str, Singles]:
        """Return what is tuned, as arguments of the compiled functions."""
        known = {
            "training": 1.0, "alpha": self.alpha / parts.n,
            "variance": (1.0 - 1.0 / self.n_topics) / self.doc_topic_prior,
        }  # fmt: skip
        return {name: np.asarray(value, np.float32) for name, value in known.items()}

    def _with_statistics(self, parameters: Mapping[str, Singles], state: SampleState) -> Mapping[str, Singles]:
        """Return parameters with mean and deviation of m over all documents, where batches are normalised."""
        if not self.batch_norm:
            return parameters
        corpus = self._corpus(state)
        known = {name: array.astype(np.float64) for name, array in parameters.items()}
        m = TopicNetwork(known, self.activation).means(corpus.counts)
        center = np.average(m, axis=0, weights=corpus.weights)
        scale = np.sqrt(np.average((m - center) ** 2, axis=0, weights=corpus.weights) + LEAST)
        return {**parameters, CENTER: center.astype(np.float32), SCALE: scale.astype(np.float32)}

    def _check_shapes(self, chain: Chain, state: SampleState) -> None:
        """Raise FitFailed for a chain of another architecture, its number of layers included."""
        check_shapes(chain, self.begin(state).parameters, type(self).__name__)
        layers, wanted = len(layers_of(chain.parameters)), len(self.hidden_layer_sizes)
        if layers != wanted:
            raise FitFailed(
                f"{type(self).__name__}: the stored chain has {layers} hidden layers where there are to be {wanted}"
            )

    def _corpus(self, state: SampleState) -> Corpus:
        return MEMO.get(state, "corpus", lambda: corpus_of(state))

    def _parts(self, state: SampleState, chosen: Chosen = ALL) -> Parts:
        self.check(state)
        how = self.validation_fraction, self.random_state
        key = ("parts", *how, chosen.tobytes())
        return MEMO.get(state, key, lambda: parts_of(self._corpus(state), *how, chosen))

    # the contract ----------------------------------------------------------------------------------------

    def estimator(self, solution: NeuralTopics) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``NeuralTopicWords``."""
        columns, components = columns_of_words(solution.state), solution.often[:, None] * solution.phi
        bare: BaseEstimator = fitted_models.NeuralTopicWords(self)
        model = bare.set(solution.network, components, columns.names, self.words_per_topic)
        return pipeline(columns, solution.state.shape.d, None, model)

    def score(self, solution: NeuralTopics, held: Held[SampleState], metric: str) -> Score | None:
        """Return minus the perplexity of sampled documents, coherence or diversity of topics.

        Raises
        ------
        Unscorable
            No held-out document has two words.
        """
        rows = held.rows_for(metric)
        if rows is None:
            return None
        columns = columns_of_words(solution.state)
        if metric == PERPLEXITY:
            parts, network = completion(rows, columns), solution.network
            return Score(-parts.perplexity(network.log_of_words(parts.asked, network.shares(parts.given))))
        found = score_of_topics(metric, solution.phi, rows, columns)
        return None if found is None else Score(found)

    def naive_score(self, state: SampleState, held: Held[SampleState], metric: str) -> Score | None:
        """Return minus the perplexity by the words' frequencies in training documents, one added to each count."""
        rows = held.rows_for(metric)
        if rows is None or metric != PERPLEXITY:
            return None
        parts, corpus = completion(rows, columns_of_words(state)), self._corpus(state)
        often = corpus.counts.T @ corpus.weights + 1.0
        return Score(-parts.perplexity(parts.asked @ np.log(often / often.sum())))

    def described(self, state: SampleState) -> tuple[Group, ...]:
        """Return the foremost words of each topic, its share, coherence and place, the largest first."""
        solution = self.solve(state)
        phi, names, corpus = solution.phi, names_of(solution.state), solution.corpus
        share, at = solution.often / max(float(solution.often.sum()), 1e-300), places(phi)
        found = coherences_in(phi, corpus.counts, corpus.weights)
        words = [tuple(names[j] for j in row) for row in foremost(phi, self.words_per_topic)]
        order = np.argsort(-share, kind="stable").tolist()
        return tuple(
            Group(words[k], float(share[k]), float(found[k]), (float(at[k, 0]), float(at[k, 1]))) for k in order
        )

    def complexity(self, solution: NeuralTopics) -> float:
        """Return the number of weights."""
        return float(sum(array.size for array in solution.network.parameters.values()))

    def converged(self, solution: NeuralTopics) -> bool:
        """Return True: how long it is trained is a hyperparameter."""
        return True

    def bounds(self, state: SampleState) -> Mapping[str, Range | None]:
        """Return as many topics as half of the documents, at most; five where that is fewer."""
        return {"n_topics": Choice(*(k for k in (5, 10, 20, 40) if k <= max(5, state.n // 2)))}

    def check(self, state: SampleState) -> None:
        """Refuse negative counts, counts without a finite sum, and fewer than two documents of two words."""
        counts = self._corpus(state).counts
        check_enough(state.rows, counts.shape[0], len(np.unique(counts.indices)))
