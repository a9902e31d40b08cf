"""When training stops by itself: after epochs whose held-out loss was not lower."""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array


def stops_at(losses: Array, patience: int, tolerance: float) -> int | None:
    """Return the epoch after which no lower loss was met for as long as ``patience`` says; None where it continues.

    Examples
    --------
    >>> stops_at(np.array([3.0, 2.0, 2.0, 2.0]), 2, 0.0), stops_at(np.array([3.0, 2.0, 1.0]), 2, 0.0)
    (4, None)
    """
    best, since = np.inf, 0
    for epoch, loss in enumerate(losses.tolist(), start=1):
        lower = loss < best - tolerance * abs(best) if np.isfinite(best) else True
        best, since = (loss, 0) if lower else (best, since + 1)
        if since >= patience:
            return epoch
    return None
