"""When two numbers are the same: 1e-8 of the scale that a score has of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from differential.extended import Undefined

SAME = 1e-8
"""Largest difference, in units of the score's own scale."""


SIX_DIGITS = 1e-6
"""Largest error of a score, in units of its own scale, that the product may tell of one that it shows as exact."""


class Disagreement(AssertionError):
    """The product and the oracle differ, or a refusal is not one of those that are documented."""


class WithinBound(Disagreement):
    """They differ by no more than the bound of rounding that the product reports, which is up to six digits."""


@dataclass(frozen=True)
class Fold:
    """A fold's score as the study computed it.

    Attributes
    ----------
    scores : of every fold.
    place : of this one.
    name : of the score.
    model : makes the pipeline that the study trained for it; only what says nothing of the training asks.
    """

    scores: Any
    place: int
    name: str
    model: Callable[[], Any] = lambda: None

    def agree(self, expected: float, scale: float, same: float = SAME) -> None:
        """Raise Disagreement where the score differs from the oracle's by more than that."""
        found = float(self.scores.folds[self.place])
        if not abs(found - expected) <= same * scale:
            apart, bound = abs(found - expected), self.scores.bounds[self.place] if self.scores.bounds else 0.0
            kind = WithinBound if apart <= min(bound, SIX_DIGITS * scale) else Disagreement
            raise kind(
                f"{self.name} of split {self.place}: {found!r}, expected {float(expected)!r} ({apart / scale:.2g} apart)"
            )


def alike(
    what: str, found: np.ndarray, expected: np.ndarray, scale: float, floats: float | np.ndarray = 0.0
) -> None:
    """Raise Disagreement, naming the row, where an array differs from the oracle's.

    Parameters
    ----------
    scale : of the numbers.
    floats : what the sum that a fitted estimator makes of floats may lose besides.
    """
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    with np.errstate(invalid="ignore"):
        over = np.where(found == expected, -np.inf, np.abs(found - expected) - SAME * scale - floats)
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(over), np.inf, over))), over.shape)
    if not over[worst] <= 0.0:
        where = ", ".join(map(str, worst))
        raise Disagreement(
            f"{what} of row {where}: {found[worst]!r}, expected {expected[worst]!r} (scale {scale:.3g})"
        )


def squared(
    scoring: str, y: np.ndarray, residual: np.ndarray, w: np.ndarray, size: float
) -> tuple[float, float]:
    """Return a score and its scale: of R² 1 or itself, of an error itself, at least 1e-4 of the target's spread.

    Predictions are floats, and so is a model's intercept: at a target of 10⁹ spreads they are known to 10⁻⁷ of a spread,
    in scikit-learn too. What 4·eps·``size`` of a residual makes of a score is part of the scale.
    """
    total = w.sum()
    bias, error = (w @ residual) / total, (w @ residual**2) / total
    varied = (w @ (residual - bias) ** 2) / total
    spread = (w @ (y - (w @ y) / total) ** 2) / total
    rounding = 4.0 * np.finfo(float).eps * size
    lost = 2.0 * float(np.sqrt(error)) * rounding + rounding**2
    if scoring in ("r2", "explained_variance"):
        if spread <= 1e-20 * (w @ y**2) / total or spread == 0:
            raise Undefined("a score of held-out rows whose target does not vary")
        value = float(1 - (error if scoring == "r2" else varied) / spread)
        return value, max(1.0, abs(value)) + lost / float(spread) / SAME
    deviation = float(np.sqrt(spread))
    if scoring == "neg_mean_squared_error":
        return -float(error), max(float(error), 1e-4 * deviation**2) + lost / SAME
    value = (
        float(np.sqrt(error))
        if scoring == "neg_root_mean_squared_error"
        else float((w @ np.abs(residual)) / total)
    )
    return -value, max(value, 1e-4 * deviation) + rounding / SAME
