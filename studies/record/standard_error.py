"""The standard error of a mean over folds."""

from __future__ import annotations

import math
from collections.abc import Sequence


def standard_error(scores: Sequence[float], overlap: float = 0.0) -> float | None:
    """Return the standard error of the mean of K scores, s · √(1/K + overlap); None for fewer than two.

    Parameters
    ----------
    scores : of the folds.
    overlap : test rows by training rows, where splits test the same rows (Nadeau & Bengio 2003, "Inference for the
        generalization error"); else 0.

    Examples
    --------
    >>> standard_error([1.0, 3.0])
    1.0
    """
    k = len(scores)
    if k < 2:
        return None
    mean = math.fsum(scores) / k
    spread = math.hypot(*(x - mean for x in scores))  # squares of 1e200 have no finite sum
    return spread / math.sqrt((k - 1) * k / (1.0 + k * overlap))
