"""Linear regressions by stochastic gradient descent, a pack of them in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import Rows, Tags
from algorithms.families.packed import PackedModel, PackedSolution, averaged
from algorithms.lazily import sklearn
from algorithms.ranges import Choice
from algorithms.summaries.packed import PackedRegressors

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, kw_only=True)
class LinearRegressor(PackedModel):
    """A linear regression of any loss: argmin of the mean loss + α((1 - ρ)/2 ‖θ‖² + ρ‖θ‖₁).

    Resumable: one pass of stochastic gradient descent. Parameters are those of
    ``sklearn.linear_model.SGDRegressor`` on scaled columns and a scaled target, and those of
    :class:`~algorithms.families.packed.PackedModel`. The loss ``"quantile"`` gives a
    ``sklearn.linear_model.QuantileRegressor``.

    Examples
    --------
    >>> LinearRegressor(loss="quantile").loss
    'quantile'
    """

    loss: Annotated[str, Choice("squared_error", "huber", "epsilon_insensitive", "quantile")] = (
        "squared_error"
    )
    summary: PackedRegressors = PackedRegressors()

    tags: ClassVar[Tags] = Tags(task="regression", hashes=True)

    def model(self, solution: PackedSolution) -> BaseEstimator:
        """Return ``SGDRegressor`` or ``QuantileRegressor`` of ``sklearn.linear_model``."""
        member, known = solution.member, solution.state.learned
        epochs, unit = int(known["epochs"][0]), float(known["unit"][0])
        if self.loss == "quantile":
            model: BaseEstimator = sklearn.linear_model.QuantileRegressor(
                quantile=self.summary.quantile, alpha=self.alpha
            )
            model.n_iter_ = epochs
            return model
        model = sklearn.linear_model.SGDRegressor(
            loss=self.loss, penalty="elasticnet", alpha=self.alpha, l1_ratio=self.l1_ratio, eta0=member.eta0,
            epsilon=self.summary.epsilon * unit, learning_rate="invscaling", power_t=self.summary.power_t,
            average=self.average,
        )  # fmt: skip
        model.n_iter_, model.t_ = epochs, float(solution.state.steps + 1)
        return model

    def estimator(self, solution: PackedSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in scikit-learn's own model."""
        fitted = super().estimator(solution)
        model = fitted["model"]
        model.coef_ = model.coef_[0]
        if self.loss == "quantile":
            model.intercept_ = float(model.intercept_[0])
        return fitted

    def quick(self, solution: PackedSolution, rows: Rows, metric: str) -> float | None:
        """Return R², or the mean absolute or squared error."""
        if metric not in ("r2", "neg_mean_absolute_error", "neg_mean_squared_error"):
            return None
        known, y = solution.state.learned, rows.target
        error = solution.eta(rows.held)[:, 0] * known["unit"] + known["offset"] - y
        if metric == "neg_mean_absolute_error":
            return -averaged(np.abs(error), rows)
        if metric == "neg_mean_squared_error":
            return -averaged(error**2, rows)
        spread = averaged((y - averaged(y, rows)) ** 2, rows)
        return 1.0 - averaged(error**2, rows) / spread if spread > 0.0 else None
