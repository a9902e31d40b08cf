"""What is known of a regression's errors where no row was kept: moments of each split, exact."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hpo.states.evaluate import evaluate
from studies.report.diagnosed import FoldErrors

if TYPE_CHECKING:
    from hpo.trials.selection import Candidate

SQUARED, EXPLAINED, R2 = "neg_mean_squared_error", "explained_variance", "r2"


def errors_by_fold(candidate: Candidate) -> list[FoldErrors]:
    """Return the moments of the errors on each split; empty where states do not give squared errors exactly.

    With mean squared error M, target variance V and residual variance S: R² = 1 - M/V, explained variance is
    1 - S/V, and the mean error √(M - S). A target that does not vary in a split has no R², and the split no line.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> result = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=2, store=None)
    >>> len(errors_by_fold(result.best))
    5
    """
    algorithm, states = candidate.algorithm, candidate.states
    if not {SQUARED, EXPLAINED, R2} <= set(algorithm.exact):
        return []
    found = evaluate(algorithm, states, SQUARED, (EXPLAINED, R2))
    parts = zip(states.test, found.folds, found.also[EXPLAINED].folds, found.also[R2].folds, strict=True)
    return [_moments(test.rows, -squared, explained, r2) for test, squared, explained, r2 in parts if r2 < 1.0]


def _moments(rows: int, squared: float, explained: float, r2: float) -> FoldErrors:
    variance = squared / (1.0 - r2)
    bias = math.sqrt(max(0.0, squared - (1.0 - explained) * variance))
    return FoldErrors(rows, math.sqrt(variance), math.sqrt(squared), bias, r2)
