"""Lasso: the elastic net whose penalty is all L1."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from algorithms.contract import Tags
from algorithms.families.regression import LinearSolution
from algorithms.lazily import sklearn
from algorithms.models.elastic_net import IGNORED, ElasticNet, fitted
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.linear_model import Lasso as SkLasso


@dataclass(frozen=True, kw_only=True)
class Lasso(ElasticNet):
    """Least squares with an L1 penalty: argmin ‖y - Xw‖²/2n + α‖w‖₁.

    Exact to the solver's tolerance. Parameters are those of ``sklearn.linear_model.Lasso`` and the
    preprocessing of :class:`~algorithms.families.regression.Regression`.

    Examples
    --------
    >>> Lasso(alpha=0.1).l1_ratio
    1.0
    """

    l1_ratio: float = field(default=1.0, init=False)

    tags: ClassVar[Tags] = ElasticNet.tags.but(
        auto=None, equivalent=Equivalent("sklearn.linear_model.Lasso", ignored=IGNORED, weighted=True)
    )

    def model(self, solution: LinearSolution) -> SkLasso:
        """Return the fitted ``sklearn.linear_model.Lasso``."""
        model = sklearn.linear_model.Lasso(
            alpha=self.alpha, fit_intercept=self.fit_intercept, positive=self.positive,
            tol=self.tol, max_iter=self.max_iter,
        )  # fmt: skip
        return fitted(model, solution)
