"""Names of the types that searches of scikit-learn's take and give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import BaseCrossValidator

from algorithms.arrays import Places

Split: TypeAlias = tuple[Places, Places]
"""Rows to train on and rows to test on."""

Splits: TypeAlias = int | BaseCrossValidator | Iterable[Split] | None
"""What ``cv`` may be."""

Scoring: TypeAlias = (
    str | Callable[..., float] | Sequence[str] | Mapping[str, str | Callable[..., float]] | None
)
"""What ``scoring`` may be."""

Refit: TypeAlias = bool | str | Callable[[Mapping[str, ArrayLike]], int]
"""What ``refit`` may be."""

Candidate: TypeAlias = Mapping[str, object]
"""Parameters of an estimator."""

Results: TypeAlias = Mapping[str, Sequence[float]]
"""Means of scores by their names in ``cv_results_``, of some candidates."""

Evaluate: TypeAlias = Callable[[Iterable[Candidate]], Results]
"""What scores candidates and returns the results so far."""

Row: TypeAlias = dict[str, float | dict[str, float] | str | None]
"""What scikit-learn says of one fit: scores of the test rows, seconds, and the error of a fit that failed."""

Fallback: TypeAlias = Literal["refit", "error"]
"""What becomes of candidates that no state answers."""

Seed: TypeAlias = int | np.random.RandomState | None
"""What ``random_state`` may be."""

Grid: TypeAlias = Mapping[str, Sequence[object]] | Sequence[Mapping[str, Sequence[object]]]
"""What ``param_grid`` may be."""
