"""Bernoulli naive Bayes, exact from the sums of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from algorithms.contract import Array, Rows, Tags
from algorithms.families.counted import Counted, CountedSolution
from algorithms.lazily import scipy, sklearn
from algorithms.memo import MEMO
from algorithms.preparing.column_map import ColumnMap
from algorithms.summaries.counts import Counts, CountsState
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.naive_bayes import BernoulliNB as SkBernoulliNB


@dataclass(frozen=True, eq=False)
class _Above:
    """Where rows exceed a threshold, shape (n, q), sparse."""

    x: csr_array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.x.data.nbytes + self.x.indices.nbytes + self.x.indptr.nbytes)


def _above(rows: Rows, columns: ColumnMap, threshold: float) -> _Above:
    """Return ones where rows in a model's columns exceed a threshold that is not negative."""
    placed = scipy.sparse.csr_array(rows.X) @ columns.matrix
    placed.data = (placed.data > threshold).astype(np.float64)
    placed.eliminate_zeros()
    return _Above(placed)


@dataclass(frozen=True, kw_only=True)
class BernoulliNB(Counted):
    """Bernoulli naive Bayes over the encoded columns.

    Parameters are those of ``sklearn.naive_bayes.BernoulliNB``.

    Examples
    --------
    >>> BernoulliNB(alpha=0.5).fit_prior
    True
    """

    summary: Counts = Counts(binarize=0.0)

    tags: ClassVar[Tags] = Counted.tags.but(
        equivalent=Equivalent(
            "sklearn.naive_bayes.BernoulliNB", ignored=("force_alpha",), only={"class_prior": (None,)}, sparse=True,
            weighted=True,
        )
    )

    def log_prob(self, counts: Array, weights: Array) -> Array:
        """Return log (counts + α) / (rows + 2α)."""
        return np.asarray(np.log(counts + self.alpha) - np.log(weights + 2.0 * self.alpha)[:, None])

    def joint(self, solution: CountedSolution, held_out: CountsState) -> float:
        """Return the sum of log p(x | y), what is absent included."""
        absent, held = np.log1p(-np.exp(solution.log_prob)), self.counts(held_out, solution.columns)
        without = held_out.weights[:, None] - held
        return float(np.sum(held * solution.log_prob + without * absent))

    def row_joint(self, solution: CountedSolution, rows: Rows) -> Array | None:
        """Return log p(x, y); None where zeros are above the threshold, or values themselves are counted."""
        threshold = self.summary.binarize
        if threshold is None or threshold < 0.0:
            return None
        above = MEMO.get(rows, (solution.columns, threshold), lambda: _above(rows, solution.columns, threshold))
        absent = np.log1p(-np.exp(solution.log_prob))
        eta = above.x @ (solution.log_prob - absent).T
        return np.asarray(eta + (solution.log_prior + absent.sum(axis=1)))

    def model(self, solution: CountedSolution) -> SkBernoulliNB:
        """Return ``sklearn.naive_bayes.BernoulliNB``."""
        model = sklearn.naive_bayes.BernoulliNB(
            alpha=self.alpha, fit_prior=self.fit_prior, binarize=self.summary.binarize
        )
        model.feature_count_, model.feature_log_prob_ = solution.counts.copy(), solution.log_prob
        return model

    def check_values(self, state: CountsState) -> None:
        """Accept any state: a threshold makes counts of any numbers."""
