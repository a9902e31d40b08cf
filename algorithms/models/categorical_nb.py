"""Categorical naive Bayes, exact from the sums of each class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from algorithms.base import LEVEL, MISSING, OTHER, Array, Shape
from algorithms.errors import InvalidField
from algorithms.models._counted import Counted, CountedSolution
from algorithms.summaries.counts import CountsState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.naive_bayes import CategoricalNB as SkCategoricalNB


@dataclass(frozen=True, kw_only=True)
class CategoricalNB(Counted):
    """Categorical naive Bayes over the categorical columns; numbers are left out.

    A category is a learned level, "other", or missing. Parameters are those of
    ``sklearn.naive_bayes.CategoricalNB``, which gets the categories as whole numbers.

    Examples
    --------
    >>> CategoricalNB(alpha=0.5).fit_prior
    True
    """

    def joint(self, solution: CountedSolution, held_out: CountsState) -> float:
        """Return the sum of log p(x | y) of the held-out rows."""
        return float(np.sum(held_out.sums * solution.log_prob))

    def log_prob(self, state: CountsState) -> Array:
        """Return log (counts + α) / Σ(counts + α) over the categories of each column; zero for numbers."""
        out = np.zeros_like(state.sums)
        for places in categories(state.shape).values():
            smoothed = state.sums[:, places] + self.alpha
            out[:, places] = np.log(smoothed) - np.log(smoothed.sum(axis=1, keepdims=True))
        return out

    def model(self, solution: CountedSolution) -> SkCategoricalNB:
        """Return ``sklearn.naive_bayes.CategoricalNB``."""
        from sklearn.naive_bayes import CategoricalNB as SkCategoricalNB

        groups = list(categories(solution.state.shape).values())
        model = SkCategoricalNB(alpha=self.alpha, fit_prior=self.fit_prior)
        model.n_categories_ = np.array([len(places) for places in groups])
        model.category_count_ = [solution.state.sums[:, places] for places in groups]
        model.feature_log_prob_ = [solution.log_prob[:, places] for places in groups]
        model.n_features_in_ = len(groups)
        return model

    def estimator(self, solution: CountedSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline``: categories as whole numbers, then the model."""
        from scipy.sparse import csr_array
        from sklearn.pipeline import Pipeline

        from algorithms.models._steps import ColumnMap

        shape = solution.state.shape
        groups = categories(shape)
        entries = [(p, j, float(i)) for j, places in enumerate(groups.values()) for i, p in enumerate(places)]
        rows, columns, values = (np.array([e[i] for e in entries]) for i in range(3))
        matrix = csr_array(
            (values, (rows.astype(np.intp), columns.astype(np.intp))), shape=(shape.d, len(groups))
        )
        return Pipeline(
            [("categories", ColumnMap().set(matrix, tuple(groups))), ("model", self.fitted(solution))]
        )

    def check_values(self, state: CountsState) -> None:
        """Refuse data without a categorical column."""
        if not categories(state.shape):
            raise InvalidField(
                "categorical_nb needs a column of categories, and every column is a number; use 'gaussian_nb', or "
                "make them text first"
            )


@cache
def categories(shape: Shape) -> dict[str, list[int]]:
    """Return the encoded columns of each categorical column.

    Examples
    --------
    >>> from algorithms.base import Column
    >>> categories(Shape((Column("x", "x"), Column("c_a", "c", "level"), Column("c_other", "c", "other"))))
    {'c': [1, 2]}
    """
    found: dict[str, list[int]] = {}
    for j, column in enumerate(shape.columns):
        if column.role in (LEVEL, OTHER, MISSING):
            found.setdefault(column.source, []).append(j)
    return found
