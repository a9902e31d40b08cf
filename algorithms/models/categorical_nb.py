"""Categorical naive Bayes, exact from the sums of each class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np

from algorithms.contract import LEVEL, MISSING, OTHER, Array, Shape
from algorithms.errors import InvalidField
from algorithms.families.counted import Counted, CountedSolution
from algorithms.lazily import scipy, sklearn
from algorithms.preparing.column_map import ColumnMap
from algorithms.preparing.column_maps import picked
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

    def columns(self, state: CountsState) -> ColumnMap:
        """Return the categories of all columns, side by side."""
        return picked(state.shape, np.array(list(chain(*categories(state.shape).values())), np.intp))

    def log_prob(self, counts: Array, weights: Array) -> Array:
        """Return the logarithms of the counts plus α; :meth:`solve` scales those of a column's categories."""
        return np.asarray(np.log(counts + self.alpha))

    def solve(self, state: CountsState) -> CountedSolution:
        """Return log (counts + α) / Σ(counts + α) over the categories of each column."""
        solution = super().solve(state)
        for places in _runs(state.shape):
            total = (solution.counts[:, places] + self.alpha).sum(axis=1, keepdims=True)
            solution.log_prob[:, places] -= np.log(total)
        return solution

    def model(self, solution: CountedSolution) -> SkCategoricalNB:
        """Return ``sklearn.naive_bayes.CategoricalNB``."""
        groups = _runs(solution.state.shape)
        model = sklearn.naive_bayes.CategoricalNB(alpha=self.alpha, fit_prior=self.fit_prior)
        model.n_categories_ = np.array([places.stop - places.start for places in groups])
        model.category_count_ = [solution.counts[:, places] for places in groups]
        model.feature_log_prob_ = [solution.log_prob[:, places] for places in groups]
        model.n_features_in_ = len(groups)
        return model

    def estimator(self, solution: CountedSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline``: categories as whole numbers, then the model."""
        from algorithms.preparing.steps import ColumnMap  # noqa: PLC0415 -- loads scikit-learn

        shape = solution.state.shape
        groups = categories(shape)
        entries = [(p, j, float(i)) for j, places in enumerate(groups.values()) for i, p in enumerate(places)]
        rows, columns, values = (np.array([e[i] for e in entries]) for i in range(3))
        matrix = scipy.sparse.csr_array(
            (values, (rows.astype(np.intp), columns.astype(np.intp))), shape=(shape.d, len(groups))
        )
        return sklearn.pipeline.Pipeline(
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
    >>> from algorithms.contract import Column
    >>> categories(Shape((Column("x", "x"), Column("c_a", "c", "level"), Column("c_other", "c", "other"))))
    {'c': [1, 2]}
    """
    found: dict[str, list[int]] = {}
    for j, column in enumerate(shape.columns):
        if column.role in (LEVEL, OTHER, MISSING):
            found.setdefault(column.source, []).append(j)
    return found


def _runs(shape: Shape) -> list[slice]:
    """Return where the categories of each column lie among those of all."""
    ends = np.cumsum([0, *(len(places) for places in categories(shape).values())]).tolist()
    return [slice(*pair) for pair in pairwise(ends)]
