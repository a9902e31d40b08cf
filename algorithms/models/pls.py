"""Partial least squares regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import Array, Tags
from algorithms.families.design import Design
from algorithms.families.regression import Found, LinearSolution, Regression
from algorithms.lazily import sklearn
from algorithms.memo import MEMO
from algorithms.ranges import Integer, Legal, Range
from algorithms.solvers.partial_least_squares import Components, pls, pls_of_rows
from algorithms.summaries.moments import MomentsState
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.cross_decomposition import PLSRegression

MOST, MORE = 64, 4
"""Components found in the first run and kept, and how many times as many in the next, when they are asked for."""


def _refused(algorithm: PLS, solution: LinearSolution, _params: Mapping[str, object]) -> str | None:
    """Return why scikit-learn finds no such components: those beyond the rank are of its rounding."""
    asked, found = algorithm.n_components, solution.extra["components"]
    return None if found == asked else f"n_components={asked}, of rows to train on that have {found}"


@dataclass(frozen=True, kw_only=True)
class PLS(Regression):
    """Partial least squares with one target.

    Exact. The same as ``sklearn.cross_decomposition.PLSRegression(n_components)``, whose ``scale`` is
    ``standardize`` here, with the preprocessing of :class:`~algorithms.families.regression.Regression`.
    Of more ``n_components`` than the rank, as many as the rank are kept.

    Examples
    --------
    >>> PLS().n_components
    2
    """

    n_components: Annotated[int, Legal(ge=1), Integer(1, None)] = 2
    fit_intercept: bool = field(default=True, init=False)

    tags: ClassVar[Tags] = Regression.tags.but(
        equivalent=Equivalent(
            "sklearn.cross_decomposition.PLSRegression", ignored=("copy", "max_iter", "tol"),
            renamed={"scale": "standardize"}, refused=_refused,
        )
    )  # fmt: skip

    def coefficients(self, design: Design) -> tuple[Array, Found]:
        """Return R_k c_k."""
        found = _components(design, self.n_components)
        k = min(self.n_components, found.k)
        return found.rotations[:, :k] @ found.y_loadings[:k], {"components": k}

    def again(self, solution: LinearSolution, design: Design) -> Array:
        """Return the coefficients of another problem by as many components, or by all that it has."""
        found = _components(design, self.n_components)
        k = min(solution.extra["components"], found.k)
        return found.rotations[:, :k] @ found.y_loadings[:k]

    def degrees(self, solution: LinearSolution) -> float:
        """Return the number of components."""
        return float(solution.extra["components"])

    def bounds(self, state: MomentsState) -> Mapping[str, Range | None]:
        """Return components up to the rank."""
        rank = max(1, self.design(state).graded.rank)
        return {**super().bounds(state), "n_components": Integer(1, rank)}

    def model(self, solution: LinearSolution) -> PLSRegression:
        """Return the fitted ``PLSRegression`` (``scale=False``: the scaling is a step of its own)."""
        design, k = solution.design, solution.extra["components"]
        found = _components(design, self.n_components)
        model = sklearn.cross_decomposition.PLSRegression(n_components=k, scale=False)
        model.x_weights_, model.x_loadings_ = found.weights[:, :k], found.loadings[:, :k]
        model.x_rotations_, model.y_loadings_ = found.rotations[:, :k], found.y_loadings[None, :k]
        model.y_weights_, model.y_rotations_ = np.ones((1, k)), 1.0 / found.y_loadings[None, :k]
        model.coef_, model.intercept_ = solution.coef[None, :], np.array([design.y_mean])
        model.n_iter_ = [1] * k
        model._x_mean, model._y_mean = design.offset.copy(), np.array([design.y_mean])
        model._x_std, model._y_std = np.ones(design.q), np.ones(1)
        model._predict_1d = True
        return model


def _components(design: Design, k: int) -> Components:
    """Return as many components, or all that there are: more are looked for only where the last run did not end."""
    run = min(MOST, design.q)
    while (found := _kept(design, run)).k == run < min(k, design.q):
        run = min(MORE * run, design.q)
    return found


def _kept(design: Design, run: int) -> Components:
    return MEMO.get(design, ("pls", run), lambda: _found(design, run))


def _found(design: Design, run: int) -> Components:
    rows = design.rows_like
    return pls(design.gram, design.xy, run) if rows is None else pls_of_rows(rows, run)
