"""What regressions by deviance share: the penalty, the scores of rows, and the fitted pipeline."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import Array, Rows, Shape, Tags
from algorithms.families.generalized import Generalized, GeneralizedSolution
from algorithms.lazily import sklearn
from algorithms.ranges import Legal, Log, Uniform

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, kw_only=True)
class DevianceRegression(Generalized):
    """Half the mean deviance, a penalty, and a logarithmic link: argmin Σwℓ/Σw + ½α(1 - ρ)‖c‖² + αρ‖c‖₁.

    Parameters
    ----------
    alpha : as in scikit-learn.
    l1_ratio : ρ; scikit-learn's estimators have 0.
    """

    alpha: Annotated[float, Legal(ge=0), Log(1e-6, 1e2)] = 1.0
    l1_ratio: Annotated[float, Legal(ge=0, le=1), Uniform(0.0, 1.0, searched=False)] = 0.0

    tags: ClassVar[Tags] = Tags(task="regression", in_threads=True, on_request=("standardize",))

    @abstractmethod
    def unfitted(self, solution: GeneralizedSolution) -> BaseEstimator:
        """Return scikit-learn's estimator, not fitted."""

    def penalty(self, weight: float) -> tuple[float, float]:
        """Return αρ and α(1 - ρ), times the rows' weight."""
        return weight * self.alpha * self.l1_ratio, weight * self.alpha * (1.0 - self.l1_ratio)

    def model(self, solution: GeneralizedSolution, state_shape: Shape) -> BaseEstimator:
        """Return scikit-learn's fitted estimator over the design's columns."""
        model = self.unfitted(solution)
        model.coef_, model.intercept_, model.n_iter_ = (
            solution.coef[0].copy(),
            float(solution.intercept[0]),
            1,
        )
        model._base_loss = model._get_loss()
        return model

    def score_eta(self, eta: Array, rows: Rows, metric: str) -> float | None:
        """Return a score that scikit-learn computes of predictions."""
        if metric not in scorers():
            return None
        with np.errstate(over="ignore"):
            made = np.exp(eta[:, 0])
        weight = rows.sample_weight if rows.weighted else None
        try:
            return scorers()[metric](rows.y, made, sample_weight=weight)
        except ValueError:
            return None


def scorers() -> Mapping[str, Callable[..., float]]:
    """Return scores of targets and predictions by name; greater is better."""

    def negative(score: Callable[..., float]) -> Callable[..., float]:
        return lambda *args, **kwargs: -float(score(*args, **kwargs))

    return {
        "r2": sklearn.metrics.r2_score,
        "neg_mean_squared_error": negative(sklearn.metrics.mean_squared_error),
        "neg_root_mean_squared_error": negative(sklearn.metrics.root_mean_squared_error),
        "neg_mean_absolute_error": negative(sklearn.metrics.mean_absolute_error),
        "neg_mean_poisson_deviance": negative(sklearn.metrics.mean_poisson_deviance),
        "neg_mean_gamma_deviance": negative(sklearn.metrics.mean_gamma_deviance),
    }
