"""Values along one hyperparameter, for curves."""

from __future__ import annotations

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from algorithms.ranges import Plain


def grid_of(distribution: BaseDistribution, points: int) -> list[Plain]:
    """Return up to ``points`` values, evenly spread (by the logarithm where the range is logarithmic).

    Examples
    --------
    >>> grid_of(FloatDistribution(0.01, 1.0, log=True), 3)
    [0.01, 0.1, 1.0]
    >>> grid_of(IntDistribution(1, 9), 3)
    [1, 5, 9]
    >>> grid_of(FloatDistribution(0.0, 1.0, step=0.25), 4)
    [0.0, 0.25, 0.75, 1.0]
    """
    match distribution:
        case CategoricalDistribution(choices=choices):
            return list(choices)
        case IntDistribution(low=low, high=high, log=log, step=step):
            values = _spread(low, high, points, log=log)
            return [*sorted({int(low + round((v - low) / step) * step) for v in values})]
        case FloatDistribution(low=low_, high=high_, step=step_) if step_ is not None:
            steps = (round((v - low_) / step_) for v in _spread(low_, high_, points, log=False))
            return [*sorted({min(low_ + n * step_, high_) for n in steps})]
        case FloatDistribution(low=low_, high=high_, log=log_):
            return [float(v) for v in _spread(low_, high_, points, log=log_)]
    return []


def _spread(low: float, high: float, points: int, *, log: bool) -> list[float]:
    if low == high:
        return [low]
    if not log:
        return [float(v) for v in np.linspace(low, high, points)]
    values = np.geomspace(low, high, points)
    values[0], values[-1] = low, high
    return [float(f"{v:.6g}") if low < v < high else float(v) for v in values]
