"""Topics of documents, from how often two words are in one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Places, Singles
from algorithms.contract import Algorithm, Group, Held, Rows, Score, Tags
from algorithms.errors import InvalidField, Unscorable
from algorithms.families.coherence import coherence, coherences, diversity, foremost, places
from algorithms.families.documents import check_documents, columns_of_words, names_of
from algorithms.families.pipeline import pipeline
from algorithms.families.topic_scores import (
    DIVERSITY,
    NO_DOCUMENTS,
    NPMI,
    PERPLEXITY,
    completion,
    score_of_topics,
)
from algorithms.memo import MEMO
from algorithms.ranges import Integer, Legal, Log, Range
from algorithms.solvers.anchor_words import CONTEXTS, Rectified, anchors, concentrations
from algorithms.solvers.anchor_words import Topics as Growing
from algorithms.solvers.fold_in import log_of_words, shares_of_topics
from algorithms.summaries.co_occurrence import CoOccurrence, CoOccurrenceState, square, starts_of

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

LIKELIHOOD = "pair_log_likelihood"

GROWN_WITH = 0.03
"""Prior of words in topics while topics join one by one: whatever is asked for, they are the same."""

STEPS, KNOWN = 1200, 30
"""Steps once all topics have joined, divided by their number; and how many there are at most where documents are as
many as words: of fewer documents further steps learn what is their own, and topics become less coherent."""

PRIOR_STEPS = 2400
"""Steps with the prior that is asked for, divided by the square of the number of topics, since many of a strong
prior leave some topics without words; no more than those before."""

LEAST_RANK = 64
"""Directions that words are looked at along; the next power of two where more topics are wanted."""

SHOWN = 10
"""Foremost words of a topic that a report shows."""

PER_TOPIC, PER_WORD = ";", ","
"""What stands between topics, and between words, of those that are given."""

BLOCK = 256
"""Words whose pairs with all others are scored at once."""


@dataclass(frozen=True, eq=False)
class TopicsSolution:
    """Topics of documents.

    Attributes
    ----------
    state : of the documents.
    components : shape (K, V), how often each word stands in each topic, the prior included.
    alike : shape (K, V), the same where documents weigh what they do in pairs of words.
    together : R, shape (K, K), joint probability of the topics of two words.
    prior : shape (K,), of the shares of topics in a document.
    """

    state: CoOccurrenceState
    components: Array
    alike: Array
    together: Array
    prior: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 4 * self.components.nbytes + self.together.nbytes

    @cached_property
    def phi(self) -> Array:
        """The probability of each word in each topic, shape (K, V)."""
        return np.asarray(self.components / self.components.sum(axis=1, keepdims=True))

    @cached_property
    def phi_of_pairs(self) -> Array:
        """The same where documents weigh what they do in pairs of words."""
        return np.asarray(self.alike / self.alike.sum(axis=1, keepdims=True))


@dataclass(frozen=True, kw_only=True)
class Topics(Algorithm[CoOccurrenceState, TopicsSolution]):
    """Topics by rectified anchor words and expectation-maximisation on pairs of words.

    Arora et al. 2013, "A practical algorithm for topic modeling with provable guarantees"; Lee, Bindel & Mimno
    2015, "Robust spectral inference for joint stochastic matrix factorization". Topics join one by one, so all
    numbers of them cost little more than the largest. Of more ``n_topics`` than there are words apart from each
    other, as many as these are found.

    Parameters
    ----------
    n_topics : number of topics.
    anchor_threshold : documents that a word must be in to stand for a topic; where too few such words are apart,
        the others may.
    topic_word_prior : added to how often each word stands in each topic.
    doc_topic_prior : what a document has of each topic before its words are seen; None: by how topics go together.
    seed_words : words that the first topics begin with, those of a topic with commas between them, topics with
        semicolons: ``"goal, match; bank, money"``.

    Examples
    --------
    >>> Topics(n_topics=20).summary
    CoOccurrence(length_power=0.75)
    """

    n_topics: Annotated[int, Legal(ge=1), Integer(2, 60, log=True)] = 10
    anchor_threshold: Annotated[int, Legal(ge=1), Integer(2, 50, log=True, searched=False)] = 8
    topic_word_prior: Annotated[float, Legal(gt=0), Log(1e-3, 1.0)] = 0.03
    doc_topic_prior: Annotated[float | None, Legal(gt=0), Log(1e-3, 1.0, searched=False)] = None
    seed_words: str = ""
    summary: CoOccurrence = CoOccurrence()

    tags: ClassVar[Tags] = Tags(
        task="topics", exact=(LIKELIHOOD, NPMI, DIVERSITY), sampled=(PERPLEXITY,), default_score=LIKELIHOOD, auto=1,
        elbow=("n_topics", NPMI),
    )  # fmt: skip

    def solve(self, state: CoOccurrenceState) -> TopicsSolution:
        """Return the topics; raises NotEnoughRows for fewer than two documents of two words."""
        self.check(state)
        seen = np.flatnonzero(state.totals > 0.0)
        rank = max(LEAST_RANK, 1 << (self.n_topics - 1).bit_length())
        contexts = min(CONTEXTS, max(2, state.rows))
        words = MEMO.get(state, ("rectified", rank), lambda: Rectified.of(_pairs(state, seen), rank, contexts))
        tokens, prior = float(state.totals.sum()), self.topic_word_prior
        grown = self._grown(state, seen, words, rank)
        steps = max(1, min(STEPS // len(grown.phi), KNOWN * state.rows // len(seen)))
        made = MEMO.get(grown, "settled", lambda: grown.improved(words, GROWN_WITH / tokens, steps))
        made = made.improved(words, prior / tokens, min(steps, max(1, PRIOR_STEPS // len(made.phi) ** 2)))
        phi, together = made.phi.astype(np.float64), made.together.astype(np.float64)
        alike = _counts(phi, together.sum(axis=1), state, seen, prior)
        often = np.where(words.frequency > 0.0, state.totals[seen] / tokens, 1.0)
        scaled = phi * (often / np.where(words.frequency > 0.0, words.frequency, 1.0))
        sizes = scaled.sum(axis=1)
        components = _counts(scaled / sizes[:, None], sizes * together.sum(axis=1), state, seen, prior)
        given = self.doc_topic_prior
        own = concentrations(together) if given is None else np.full(len(phi), given)
        return TopicsSolution(state, components, alike, together, own)

    def _grown(self, state: CoOccurrenceState, seen: Places, words: Rectified, rank: int) -> Growing:
        """Return as many topics as are asked for, each made of those before it; what is known of them is kept."""
        seeds, how = self._seeds(state), (rank, self.anchor_threshold, self.seed_words)
        groups = [np.searchsorted(seen, group) for group in seeds]
        prior = GROWN_WITH / float(state.totals.sum())

        def found() -> Places:
            allowed = state.document_frequency[seen] >= self.anchor_threshold
            taken = np.array([words.frequency[g] @ words.rows[g] / words.frequency[g].sum() for g in groups])
            return anchors(words.rows, allowed, rank, taken.reshape(len(groups), words.rows.shape[1]))

        starts = [*seeds, *seen[MEMO.get(state, ("anchors", *how), found)][:, None]]
        made = Growing.one(words)
        for k in range(2, self.n_topics + 1):
            if k - 2 >= len(starts):
                break
            before, start = made, starts[k - 2]

            def joined(before: Growing = before, start: Places = start) -> Growing:
                return before.joined(words, state.beside(start)[seen], prior)

            made = MEMO.get(state, ("topics", *how, k), joined)
        return made

    def _seeds(self, state: CoOccurrenceState) -> list[Places]:
        """Return the places of the words that are given, those that documents have, by topic.

        Raises
        ------
        InvalidField
            No word of a topic is one of the documents'.
        """
        found: list[Places] = []
        topics = list(filter(str.strip, self.seed_words.split(PER_TOPIC)))
        places = {name: j for j, name in enumerate(names_of(state)) if state.totals[j] > 0.0} if topics else {}
        for topic in topics:
            asked = [word.strip() for word in topic.split(PER_WORD)]
            found.append(np.array(sorted(places[word] for word in set(asked) if word in places), np.intp))
            if not len(found[-1]):
                raise InvalidField(f"seed_words: no training document has a word of the topic {topic.strip()!r}")
        return found

    def estimator(self, solution: TopicsSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``TopicWords``."""
        from algorithms.families.topic_words import TopicWords  # noqa: PLC0415 -- loads scikit-learn

        columns = columns_of_words(solution.state)
        model = TopicWords().set(solution.components, solution.prior, columns.names)
        return pipeline(columns, solution.state.shape.d, None, model)

    def score(self, solution: TopicsSolution, held: Held[CoOccurrenceState], metric: str) -> Score | None:
        """Return log p of a pair of words, coherence or diversity of topics, or minus the perplexity of documents.

        Raises
        ------
        Unscorable
            No held-out document has two words.
        """
        if (rows := held.rows_for(metric)) is not None:
            if metric == PERPLEXITY:
                return Score(-_perplexity(solution, rows))
            found = score_of_topics(metric, solution.phi, rows, columns_of_words(solution.state))
            return None if found is None else Score(found)
        state = held.state_for(metric)
        if state is None or metric not in self.exact:
            return None
        if not state.documents > 0.0:
            raise Unscorable(NO_DOCUMENTS)
        if metric == DIVERSITY:
            return Score(diversity(solution.phi))
        return Score(coherence(solution.phi, state) if metric == NPMI else _of_pairs(solution, state))

    def naive_score(
        self, state: CoOccurrenceState, held: Held[CoOccurrenceState], metric: str
    ) -> Score | None:
        """Return the likelihood or perplexity of one topic of all words; None for their words' scores."""
        if metric not in (LIKELIHOOD, PERPLEXITY):
            return None
        one = replace(self, n_topics=1, seed_words="")
        return one.score(one.solve(state), held, metric)

    def described(self, state: CoOccurrenceState) -> tuple[Group, ...]:
        """Return the foremost words of each topic, its share, coherence and place, the largest first."""
        solution = self.solve(state)
        phi, names = solution.phi, names_of(solution.state)
        shares, found, at = solution.together.sum(axis=1), coherences(phi, solution.state), places(phi)
        found = found if found.size else np.zeros(len(phi))
        words = [tuple(names[j] for j in row) for row in foremost(phi, SHOWN)]
        order = np.argsort(-shares, kind="stable").tolist()
        share = shares / max(float(shares.sum()), sys.float_info.min)
        return tuple(
            Group(words[k], float(share[k]), float(found[k]), (float(at[k, 0]), float(at[k, 1]))) for k in order
        )

    def complexity(self, solution: TopicsSolution) -> float:
        """Return the number of probabilities."""
        return float(solution.components.size + solution.together.size)

    def bounds(self, state: CoOccurrenceState) -> Mapping[str, Range | None]:
        """Return topics up to the words that there are, and half of the documents."""
        most = min(60, int(np.count_nonzero(state.totals)) - 1, int(state.rows // 2))
        return {"n_topics": Integer(2, max(3, most), log=True)}

    def check(self, state: CoOccurrenceState) -> None:
        """Refuse negative counts, counts without a finite sum, and fewer than two documents of two words."""
        check_documents(state)


def _counts(phi: Array, shares: Array, state: CoOccurrenceState, seen: Places, prior: float) -> Array:
    """Return how often each word stands in each topic, by the words' probabilities there and the topics' shares."""
    made = np.full((len(phi), len(state.totals)), prior)
    counts = float(state.totals.sum()) * shares / shares.sum()
    made[:, seen] = phi * (counts + prior * len(seen))[:, None]
    return made


def _pairs(state: CoOccurrenceState, seen: Places) -> Singles:
    """Return the probability of each pair of some words."""
    made = square(state.shares().astype(np.float32), len(state.totals))
    return made if len(seen) == len(made) else made[np.ix_(seen, seen)]


def _of_pairs(solution: TopicsSolution, state: CoOccurrenceState) -> float:
    """Return the mean over held-out documents of Σ M log ΦᵀRΦ / ΣM."""
    phi, v = solution.phi_of_pairs, solution.phi_of_pairs.shape[1]
    mixed, starts, total = solution.together @ phi, starts_of(v), 0.0
    for first in range(0, v, BLOCK):
        block = mixed[:, first : first + BLOCK].T @ phi[:, first:]
        for i, row in enumerate(block):
            pairs = state.pairs[starts[first + i] : starts[first + i] + v - first - i]
            some = np.flatnonzero(pairs)
            logs = pairs[some] * np.log(row[i:][some])
            total += 2.0 * float(logs.sum()) - (float(logs[0]) if len(some) and some[0] == 0 else 0.0)
    return total / max(float(2.0 * state.pairs.sum() - state.pairs[starts].sum()), sys.float_info.min)


def _perplexity(solution: TopicsSolution, rows: Rows) -> float:
    """Return exp(-log p of a word) of halves of documents whose other halves say their topics."""
    parts = completion(rows, columns_of_words(solution.state))
    shares = shares_of_topics(parts.given, solution.phi, solution.prior)
    return parts.perplexity(log_of_words(parts.asked, shares, solution.phi))
