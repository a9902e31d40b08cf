"""Multinomial naive Bayes, exact from the sums of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from algorithms.contract import Array, Rows, Tags
from algorithms.families.counted import Counted, CountedSolution
from algorithms.lazily import sklearn
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.naive_bayes import MultinomialNB as SkMultinomialNB


@dataclass(frozen=True, kw_only=True)
class MultinomialNB(Counted):
    """Multinomial naive Bayes over the encoded columns.

    Parameters are those of ``sklearn.naive_bayes.MultinomialNB``.

    Examples
    --------
    >>> MultinomialNB(alpha=0.5).fit_prior
    True
    """

    tags: ClassVar[Tags] = Counted.tags.but(
        equivalent=Equivalent(
            "sklearn.naive_bayes.MultinomialNB", ignored=("force_alpha",), only={"class_prior": (None,)},
            sparse=True, weighted=True,
        )
    )  # fmt: skip

    def log_prob(self, counts: Array, weights: Array) -> Array:
        """Return log (counts + α) / Σ(counts + α)."""
        smoothed = counts + self.alpha
        return np.asarray(np.log(smoothed) - np.log(smoothed.sum(axis=1, keepdims=True)))

    def row_joint(self, solution: CountedSolution, rows: Rows) -> Array:
        """Return log p(x, y) but for the multinomial coefficient of a row."""
        return solution.columns.times(rows.X, solution.log_prob.T) + solution.log_prior

    def model(self, solution: CountedSolution) -> SkMultinomialNB:
        """Return ``sklearn.naive_bayes.MultinomialNB``."""
        model = sklearn.naive_bayes.MultinomialNB(alpha=self.alpha, fit_prior=self.fit_prior)
        model.feature_count_, model.feature_log_prob_ = solution.counts.copy(), solution.log_prob
        return model
