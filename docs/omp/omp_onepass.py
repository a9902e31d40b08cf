"""Orthogonal matching pursuit from one pass: the columns that explain the target best, found one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from sklearn.linear_model import OrthogonalMatchingPursuit

from algorithms.contract import Array
from algorithms.families.design import Design
from algorithms.families.regression import Found, LinearSolution, Regression
from algorithms.ranges import Integer, Legal, Range
from algorithms.summaries.moments import MomentsState


@dataclass(frozen=True, kw_only=True)
class OMP(Regression):
    """Least squares on a few columns, each the one that goes best with what the others leave unexplained."""

    n_nonzero_coefs: Annotated[int, Legal(ge=1), Integer(1, None)] = 5

    def coefficients(self, design: Design) -> tuple[Array, Found]:
        """Return the coefficients by products of the columns: no row is needed."""
        chosen: list[int] = []
        coef, left = np.zeros(design.q), design.xy.copy()
        while len(chosen) < min(self.n_nonzero_coefs, design.q):
            left[chosen] = 0.0
            chosen.append(int(np.argmax(np.abs(left))))
            coef[chosen] = np.linalg.lstsq(design.gram[np.ix_(chosen, chosen)], design.xy[chosen])[0]
            left = design.xy - design.gram @ coef
        return coef, {}

    def bounds(self, state: MomentsState) -> Mapping[str, Range | None]:
        """Return up to as many columns as there are."""
        return {**super().bounds(state), "n_nonzero_coefs": Integer(1, max(1, self.design(state).q))}

    def model(self, solution: LinearSolution) -> OrthogonalMatchingPursuit:
        """Return scikit-learn's fitted estimator."""
        model = OrthogonalMatchingPursuit(n_nonzero_coefs=self.n_nonzero_coefs, fit_intercept=self.fit_intercept)
        model.coef_, model.intercept_ = solution.coef.copy(), solution.intercept
        model.n_nonzero_coefs_, model.n_iter_ = self.n_nonzero_coefs, int(np.count_nonzero(solution.coef))
        return model
