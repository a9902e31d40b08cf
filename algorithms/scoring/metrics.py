"""Scores of a linear prediction, exact from held-out moments; greater is better, names are scikit-learn's.

With held-out weight W, residual mean r̄ and residual scatter Σw(r - r̄)²:

MSE = Σw(r - r̄)²/W + r̄²,   explained variance = 1 - Σw(r - r̄)²/Σw(y - ȳ)²,   R² = 1 - W·MSE/Σw(y - ȳ)².
"""

from __future__ import annotations

import math
from collections.abc import Callable

SquaredError = Callable[[float, float, float], float]
"""(residual variance, residual mean, target variance), each over W → score."""


def _r2(spread: float, bias: float, target: float) -> float:
    return 1.0 - (spread + bias * bias) / target if target > 0.0 else _constant(spread + bias * bias)


def _explained(spread: float, _bias: float, target: float) -> float:
    return 1.0 - spread / target if target > 0.0 else _constant(spread)


def _constant(error: float) -> float:
    """Return scikit-learn's value for a held-out target that does not vary."""
    return 1.0 if error == 0.0 else 0.0


SQUARED_ERROR: dict[str, SquaredError] = {
    "r2": _r2,
    "neg_mean_squared_error": lambda spread, bias, _: -(spread + bias * bias),
    "neg_root_mean_squared_error": lambda spread, bias, _: -math.sqrt(spread + bias * bias),
    "explained_variance": _explained,
}
"""Metrics of a regression that moments answer exactly, the default first."""
