"""Complement naive Bayes, exact from the sums of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import Array, Rows, Tags
from algorithms.families.counted import Counted, CountedSolution
from algorithms.lazily import sklearn
from algorithms.ranges import Choice
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.naive_bayes import ComplementNB as SkComplementNB


@dataclass(frozen=True, kw_only=True)
class ComplementNB(Counted):
    """Complement naive Bayes over the encoded columns.

    Parameters are those of ``sklearn.naive_bayes.ComplementNB``.

    Examples
    --------
    >>> ComplementNB(alpha=0.5).fit_prior
    True
    """

    norm: Annotated[bool, Choice(False, True)] = False

    tags: ClassVar[Tags] = Counted.tags.but(
        exact=(), equivalent=Equivalent(
            "sklearn.naive_bayes.ComplementNB", ignored=("force_alpha",), only={"class_prior": (None,)},
            sparse=True, weighted=True,
        ),
    )  # fmt: skip

    def log_prob(self, counts: Array, weights: Array) -> Array:
        """Return the weights of Rennie et al. (2003): what a column says of the other classes."""
        other = counts.sum(axis=0) + self.alpha - counts
        logged = np.log(other / other.sum(axis=1, keepdims=True))
        return np.asarray(logged / logged.sum(axis=1, keepdims=True) if self.norm else -logged)

    def row_joint(self, solution: CountedSolution, rows: Rows) -> Array:
        """Return the weights of a row's columns; scikit-learn adds a prior only where there is one class."""
        eta = solution.columns.times(rows.X, solution.log_prob.T)
        return eta + solution.log_prior if len(solution.log_prior) == 1 else eta

    def model(self, solution: CountedSolution) -> SkComplementNB:
        """Return ``sklearn.naive_bayes.ComplementNB``."""
        model = sklearn.naive_bayes.ComplementNB(alpha=self.alpha, fit_prior=self.fit_prior, norm=self.norm)
        sums = solution.counts
        model.feature_count_, model.feature_all_ = sums.copy(), sums.sum(axis=0)
        model.feature_log_prob_ = solution.log_prob
        return model
