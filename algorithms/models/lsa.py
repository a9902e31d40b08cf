"""Latent semantic analysis and word vectors, from how often two words are in one document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.contract import Algorithm, Held, Score, Tags
from algorithms.errors import Unscorable
from algorithms.families.documents import check_documents, columns_of_words
from algorithms.families.pipeline import pipeline
from algorithms.lazily import scipy
from algorithms.memo import MEMO
from algorithms.ranges import Choice, Integer, Legal, Range, Uniform
from algorithms.summaries.co_occurrence import CoOccurrence, CoOccurrenceState, square

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

R2 = "pairs_r2"
NONE, IDF, PPMI = "none", "idf", "ppmi"

LEAST_RANK = 64
"""Directions that are looked for at least; the next power of two where more are wanted."""

WHOLE = 512
"""Words up to which every direction is found at once."""


@dataclass(frozen=True, eq=False)
class Directions:
    """The leading eigenvalues of a symmetric matrix of words, by size, and their vectors.

    Attributes
    ----------
    values : shape (k,).
    vectors : shape (v, k), of the words that documents have.
    """

    values: Array
    vectors: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.values.nbytes + self.vectors.nbytes

    @classmethod
    def of(cls, matrix: Array, rank: int) -> Directions:
        """Return those of a matrix, shape (v, v)."""
        v = len(matrix)
        if v <= max(WHOLE, 2 * rank):
            values, vectors = np.linalg.eigh(matrix)
        else:
            start = np.random.default_rng(0).normal(size=v)
            values, vectors = scipy.sparse.linalg.eigsh(matrix, rank, which="LM", v0=start, tol=1e-10)
        order = np.argsort(-np.abs(values), kind="stable")[:rank]
        values, vectors = values[order], vectors[:, order]
        signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(order))])
        return cls(values, vectors * signs)


@dataclass(frozen=True, eq=False)
class LSASolution:
    """Vectors of words.

    Attributes
    ----------
    state : of the documents.
    seen : the places of the words that documents have.
    idf : what each of these is multiplied by, shape (v,).
    directions : as many as are kept.
    """

    state: CoOccurrenceState
    seen: Places
    idf: Array
    directions: Directions

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.directions.nbytes


@dataclass(frozen=True, kw_only=True)
class LSA(Algorithm[CoOccurrenceState, LSASolution]):
    """Words as vectors: the leading directions of how often two words are in one document.

    With ``weighting="none"`` and ``"idf"`` these are the right singular vectors of the matrix that says which
    document has which word, as it is or each word by its inverse document frequency (Deerwester et al. 1990,
    "Indexing by latent semantic analysis"): C = BᵀB is in the state, so any rank is. With ``"ppmi"`` they are those
    of the positive pointwise mutual information of two words of a document, times the root of its eigenvalue (Levy
    & Goldberg 2014, "Neural word embedding as implicit matrix factorization"; Levy, Goldberg & Dagan 2015, §3 for α
    and k).

    Parameters
    ----------
    n_components : k, how many directions; of more than there are words, as many as these.
    weighting : what is decomposed.
    smoothing : α, of ``"ppmi"``: frequencies of contexts are taken to this power, so that rare words weigh less.
    shift : k, of ``"ppmi"``: log k is taken from the mutual information before it is cut at zero.

    Examples
    --------
    >>> LSA(n_components=50, weighting="ppmi").summary
    CoOccurrence(length_power=0.75)
    """

    n_components: Annotated[int, Legal(ge=1), Integer(1, 300, log=True)] = 100
    weighting: Annotated[str, Legal(NONE, IDF, PPMI), Choice(NONE, IDF, PPMI, searched=False)] = IDF
    smoothing: Annotated[float, Legal(gt=0, le=1), Uniform(0.5, 1.0, searched=False)] = 0.75
    shift: Annotated[float, Legal(ge=1), Uniform(1.0, 10.0, searched=False)] = 1.0
    summary: CoOccurrence = CoOccurrence()

    tags: ClassVar[Tags] = Tags(
        task="topics", exact=(R2,), default_score=R2, elbow=("n_components", R2),
    )  # fmt: skip

    def solve(self, state: CoOccurrenceState) -> LSASolution:
        """Return the leading directions; raises NotEnoughRows for fewer than two documents of two words."""
        check_documents(state)
        seen = np.flatnonzero(state.totals > 0.0)
        idf = self._idf(state)[seen]
        rank = max(LEAST_RANK, 1 << (self.n_components - 1).bit_length())
        how = (self.weighting, self.smoothing, self.shift, min(rank, len(seen)))
        found = MEMO.get(state, how, lambda: Directions.of(self._matrix(state, seen, idf), min(rank, len(seen))))
        k = self.n_components
        return LSASolution(state, seen, idf, Directions(found.values[:k], found.vectors[:, :k]))

    def _idf(self, state: CoOccurrenceState) -> Array:
        """Return log((1 + n)/(1 + df)) + 1 of each word, as scikit-learn's ``TfidfTransformer`` has it."""
        if self.weighting != IDF:
            return np.ones(len(state.totals))
        return np.asarray(np.log((1.0 + state.documents) / (1.0 + state.document_frequency)) + 1.0)

    def _matrix(self, state: CoOccurrenceState, seen: Places, idf: Array) -> Array:
        """Return what is decomposed, of some words: products by document, or mutual information."""
        v = len(state.totals)
        if self.weighting != PPMI:
            counts = square(state.together, v)[np.ix_(seen, seen)]
            return np.asarray(counts * np.multiply.outer(idf, idf) / state.documents)
        p = square(state.pairs, v)[np.ix_(seen, seen)]
        p /= max(float(p.sum()), 1e-300)
        words = p.sum(axis=1)
        contexts = words**self.smoothing
        contexts /= max(float(contexts.sum()), 1e-300)
        apart = np.multiply.outer(words, contexts)
        ratio = np.divide(p, apart * self.shift, out=np.zeros_like(p), where=apart > 0.0)
        made = np.log(np.maximum(ratio, 1.0))
        return np.asarray(0.5 * (made + made.T))

    def estimator(self, solution: LSASolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``WordVectors``."""
        from algorithms.families.word_vectors import WordVectors  # noqa: PLC0415 -- loads scikit-learn

        columns, directions = columns_of_words(solution.state), solution.directions
        made = np.zeros((len(solution.state.totals), len(directions.values)))
        scale = np.sqrt(np.abs(directions.values)) if self.weighting == PPMI else 1.0
        made[solution.seen] = solution.idf[:, None] * directions.vectors * scale
        model = WordVectors().set(made, columns.names, mean=self.weighting == PPMI)
        return pipeline(columns, solution.state.shape.d, None, model)

    def score(self, solution: LSASolution, held: Held[CoOccurrenceState], metric: str) -> Score | None:
        """Return 1 - ‖M - VΛVᵀ‖²/‖M‖², with M what is decomposed, of held-out documents.

        Raises
        ------
        Unscorable
            No held-out document has two words.
        """
        state = held.state_for(metric)
        if state is None or metric != R2:
            return None
        if not state.documents > 0.0:
            raise Unscorable("no held-out document has two words")
        seen, directions = solution.seen, solution.directions
        whole = np.flatnonzero(state.totals > 0.0)
        matrix = self._matrix(state, whole, self._idf(solution.state)[whole])
        vectors = np.zeros((len(state.totals), len(directions.values)))
        vectors[seen] = directions.vectors
        vectors = vectors[whole]
        squares = float(np.sum(matrix * matrix))
        along = np.einsum("ik,ik->k", vectors, matrix @ vectors)
        off = squares - 2.0 * float(directions.values @ along) + float(directions.values @ directions.values)
        return Score(1.0 - off / squares) if squares > 0.0 else Score(0.0)

    def complexity(self, solution: LSASolution) -> float:
        """Return the number of directions."""
        return float(len(solution.directions.values))

    def bounds(self, state: CoOccurrenceState) -> Mapping[str, Range | None]:
        """Return directions up to the words and the documents that there are."""
        most = min(300, int(np.count_nonzero(state.totals)) - 1, state.rows - 1)
        return {"n_components": Integer(1, max(2, most), log=True)}

    def check(self, state: CoOccurrenceState) -> None:
        """Refuse what topics refuse: negative counts, and too few documents of two words."""
        check_documents(state)
