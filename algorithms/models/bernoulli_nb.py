"""Bernoulli naive Bayes, exact from the sums of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.contract import Array
from algorithms.families.counted import Counted, CountedSolution
from algorithms.lazily import sklearn
from algorithms.summaries.counts import Counts, CountsState

if TYPE_CHECKING:
    from sklearn.naive_bayes import BernoulliNB as SkBernoulliNB


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

    def log_prob(self, counts: Array, weights: Array) -> Array:
        """Return log (counts + α) / (rows + 2α)."""
        return np.asarray(np.log(counts + self.alpha) - np.log(weights + 2.0 * self.alpha)[:, None])

    def joint(self, solution: CountedSolution, held_out: CountsState) -> float:
        """Return the sum of log p(x | y), what is absent included."""
        absent, held = np.log1p(-np.exp(solution.log_prob)), self.counts(held_out, solution.columns)
        without = held_out.weights[:, None] - held
        return float(np.sum(held * solution.log_prob + without * absent))

    def model(self, solution: CountedSolution) -> SkBernoulliNB:
        """Return ``sklearn.naive_bayes.BernoulliNB``."""
        model = sklearn.naive_bayes.BernoulliNB(
            alpha=self.alpha, fit_prior=self.fit_prior, binarize=self.summary.binarize
        )
        model.feature_count_, model.feature_log_prob_ = solution.counts.copy(), solution.log_prob
        return model

    def check_values(self, state: CountsState) -> None:
        """Accept any state: a threshold makes counts of any numbers."""
