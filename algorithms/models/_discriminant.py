"""What linear and quadratic discriminant analysis share: the moments of each class in a design's columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from algorithms.base import LEVEL, MISSING, OTHER, VALUE, Array
from algorithms.column_map import ColumnMap, column_map, gaps_of
from algorithms.design import IMPUTE, deviations
from algorithms.errors import InvalidField
from algorithms.memo import MEMO
from algorithms.models._classes import check_priors, need_every_class
from algorithms.models._pipeline import fitted_scaler, pipeline
from algorithms.ranges import Choice, Range
from algorithms.summaries.class_kurtosis import ClassKurtosis
from algorithms.summaries.classes import ByClass, Classes
from algorithms.summaries.moments import check_finite


@dataclass(frozen=True, eq=False)
class Groups:
    """Each class's mean and scatter after preprocessing.

    Attributes
    ----------
    state : of the rows.
    columns : the map of the columns.
    mean, scale : shape (q,), of the scaler; zeros and ones without one.
    variance : shape (q,), of all rows.
    means : shape (C, q).
    scatters : shape (C, q, q).
    standardize : whether columns are centred and scaled.
    """

    state: ByClass
    columns: ColumnMap
    mean: Array
    scale: Array
    variance: Array
    means: Array
    scatters: Array
    standardize: bool

    @property
    def nbytes(self) -> int:
        """Bytes held, as much again for what is made of it included."""
        return 2 * self.scatters.nbytes

    @property
    def origin(self) -> Array:
        """What a fitted model's columns have on top of those held here, shape (q,)."""
        return self.columns.origin if not self.standardize else np.zeros(len(self.mean))

    def seen(self, state: ByClass) -> tuple[Array, Array]:
        """Return means and scatters of another state in these columns."""
        return _mapped(state, self.columns, self.mean, self.scale)

    @property
    def width(self) -> int:
        """Number of columns as scikit-learn counts them: with the numbers that are zero in every row."""
        columns, used = self.state.shape.columns, np.diff(self.columns.matrix.indptr) > 0
        zero = ~used & np.array([c.role == VALUE for c in columns])
        gaps = gaps_of(columns)
        zero[gaps.values] &= self.state.mean[gaps.indicators] < 1.0 - 1e-12  # not missing in every row
        return len(self.columns.names) + int(zero.sum())


@dataclass(frozen=True, kw_only=True)
class Discriminant:
    """A Gaussian for each class.

    Parameters
    ----------
    priors : None for the shares of the classes; ``"uniform"``; or text such as ``"late=0.2, on time=0.8"``.
    standardize, impute, min_frequency : as in the regressions.
    """

    priors: Annotated[str | None, Choice(None, "uniform", searched=False)] = None
    standardize: Annotated[bool, Choice(True, False)] = True
    impute: Annotated[str, Choice("mean", "zero", "indicator")] = "mean"
    min_frequency: Annotated[float, Choice(0.0, 0.001, 0.003, 0.01, 0.03)] = 0.0
    summary: Classes | ClassKurtosis = Classes()

    task: ClassVar[str] = "classification"
    metrics: ClassVar[tuple[str, ...]] = ("log_likelihood",)
    least: ClassVar[float] = 0.0
    """More than so many rows of each class are needed."""

    def __post_init__(self) -> None:
        check_priors(self.priors)
        if self.impute not in IMPUTE:
            raise InvalidField(f"impute={self.impute!r}: must be one of {', '.join(map(repr, IMPUTE))}")
        if isinstance(self.summary, Classes) and self.summary.covariance != "full":
            raise InvalidField("covariance='diagonal': discriminant analysis needs 'full'; use 'gaussian_nb'")

    def groups(self, state: ByClass) -> Groups:
        """Return the classes in the columns that this preprocessing makes (kept for the state)."""
        key = ("groups", self.standardize, self.impute, self.min_frequency)
        return MEMO.get(state, key, lambda: self._groups(state))

    def dressed(self, groups: Groups, model: Any) -> Any:
        """Return the pipeline of the preprocessing and a fitted model."""
        scaler = None
        if self.standardize:
            mean = groups.mean + groups.columns.origin
            scaler = fitted_scaler(mean, groups.scale, groups.variance, groups.state.rows)
        return pipeline(groups.columns, groups.state.shape.d, scaler, model)

    def bounds(self, state: ByClass) -> Mapping[str, Range | None]:
        """Return None for the fields without effect on this state."""
        roles = {c.role for c, mean in zip(state.shape.columns, state.mean, strict=True) if mean}
        ranges: dict[str, Range | None] = {}
        if "indicator" not in roles:
            ranges["impute"] = None
        if not roles & {LEVEL, OTHER, MISSING}:
            ranges["min_frequency"] = None
        return ranges

    def class_rows(self, state: ByClass) -> Array:
        """Return the weight of each class."""
        return state.weights

    def check(self, state: ByClass) -> None:
        """Refuse squares without a finite sum, priors of other classes than there are, and too few rows of one."""
        check_finite(state)
        check_priors(self.priors, state.shape)
        need_every_class(type(self).__name__, state.shape, self.class_rows(state), self.least)

    def _groups(self, state: ByClass) -> Groups:
        columns = column_map(state, self.impute, self.min_frequency)
        none = np.zeros(len(columns.names))
        means, scatters = _mapped(state, columns, none, none + 1.0)
        w, mean = state.weights, columns.mean(state.mean)
        inside = np.diagonal(scatters, axis1=1, axis2=2).sum(axis=0)
        variance = (inside + w @ (means - mean) ** 2) / state.weight
        if not self.standardize:
            return Groups(state, columns, none, none + 1.0, variance, means, scatters, standardize=False)
        scale = deviations(variance, mean, state.weight)
        means, scatters = (means - mean) / scale, scatters / np.multiply.outer(scale, scale)
        return Groups(state, columns, mean, scale, variance, means, scatters, standardize=True)


def gaussian_log_density(
    groups: Groups, held_out: ByClass, means: Array, halves: list[Array], logdets: Array
) -> Array:
    """Return, for each class, the sum of the log densities of its held-out rows, shape (C,).

    Parameters
    ----------
    halves : for each class M with MᵀM = Σ⁻¹, shape (q, q).
    logdets : log|Σ| of each class.
    """
    seen, scatters = groups.seen(held_out)
    w, q = held_out.weights, means.shape[1]
    away = np.array([
        float(np.sum((half @ s) * half)) + v * float(np.sum((half @ (m - mu)) ** 2))
        for half, s, m, mu, v in zip(halves, scatters, seen, means, w, strict=True)
    ])  # fmt: skip
    units = 2.0 * float(np.log(groups.scale).sum())
    return np.asarray(-0.5 * (w * (q * math.log(2.0 * math.pi) + logdets + units) + away))


def _mapped(state: ByClass, columns: ColumnMap, mean: Array, scale: Array) -> tuple[Array, Array]:
    means, scatters = state.mapped(columns)
    return (means - mean) / scale, scatters / np.multiply.outer(scale, scale)
