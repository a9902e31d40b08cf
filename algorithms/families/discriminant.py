"""What linear and quadratic discriminant analysis share: the moments of each class in a design's columns."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Mask
from algorithms.contract import LEVEL, MISSING, OTHER, VALUE, Algorithm, Array, Held, Rows, Score, Tags
from algorithms.errors import Imprecise, InvalidField
from algorithms.families.classes import check_priors, need_every_class
from algorithms.families.decided import Functions, asks_labels, mapped, score_of_labels
from algorithms.families.design import deviations
from algorithms.families.pipeline import fitted_scaler, pipeline
from algorithms.families.rounding import PROMISED, sure
from algorithms.families.whitened import HELP, ROUNDING, D, Whitened
from algorithms.memo import MEMO
from algorithms.preparing.column_map import ColumnMap, gaps_of
from algorithms.preparing.column_maps import column_map
from algorithms.preparing.preprocess import Preprocessed
from algorithms.ranges import Choice, Range
from algorithms.summaries.by_class import ByClass
from algorithms.summaries.class_kurtosis import ClassKurtosis
from algorithms.summaries.classes import Classes
from algorithms.summaries.moments import check_finite
from algorithms.summaries.precise import EPS

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


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
    sizes : shape (C, q), the length of each column of a class, or of its parts, which rounding is relative to.
    standardize : whether columns are centred and scaled.
    roots : a root of each class's scatter, shapes (r, q), of more digits than it; empty where none is kept.
    """

    state: ByClass
    columns: ColumnMap
    mean: Array
    scale: Array
    variance: Array
    means: Array
    scatters: Array
    sizes: Array
    standardize: bool
    roots: tuple[Array, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes held, as much again for what is made of it included."""
        return 2 * self.scatters.nbytes + sum(root.nbytes for root in self.roots)

    def placed(self, rows: Rows) -> Array:
        """Return rows in these columns, less their origins, shape (n, q)."""
        X = mapped(rows, self.columns)
        if not self.standardize:
            return X
        return np.asarray((X - self.mean) / self.scale, np.float64)

    @property
    def origin(self) -> Array:
        """What a fitted model's columns have on top of those held here, shape (q,).

        Of scaled ones that is what a scaler's mean loses where it is written as a number far from zero.
        """
        if not self.standardize:
            return self.columns.origin
        origin = self.columns.origin
        return np.asarray((self.mean - ((self.mean + origin) - origin)) / self.scale)

    def rounded_part(self, share: float) -> float:
        """Return how much of the rounding of scatters a covariance has that is shrunk by that share.

        All of it where columns are scaled: what the rest is shrunk to is in units of deviations that come of them.
        """
        return 1.0 if self.standardize else 1.0 - share

    def seen(self, state: ByClass) -> tuple[Array, Array, Array, tuple[Array, ...]]:
        """Return means, scatters, sizes and roots of another state in these columns."""
        varies = np.asarray(np.diagonal(self.scatters, axis1=1, axis2=2).any(axis=0))
        return _mapped(state, self.columns, self.mean, self.scale, varies)

    @cached_property
    def width(self) -> int:
        """Number of columns as scikit-learn counts them: with the numbers that are zero in every row."""
        columns, used = self.state.shape.columns, np.diff(self.columns.matrix.indptr) > 0
        zero = ~used & np.array([c.role == VALUE for c in columns])
        gaps = gaps_of(columns)
        zero[gaps.values] &= self.state.mean[gaps.indicators] < 1.0 - 1e-12  # not missing in every row
        return len(self.columns.names) + int(zero.sum())


@dataclass(frozen=True, kw_only=True)
class Discriminant(Preprocessed, Algorithm[ByClass, D]):
    """A Gaussian for each class.

    Parameters
    ----------
    priors : None for the shares of the classes; ``"uniform"``; or text such as ``"late=0.2, on time=0.8"``.
    standardize, impute, min_frequency : as in the regressions.
    """

    priors: Annotated[str | None, Choice(None, "uniform", searched=False)] = None
    summary: Classes | ClassKurtosis = Classes()

    tags: ClassVar[Tags] = Tags(
        task="classification", exact=("log_likelihood",), needs_every_class=True, in_threads=True
    )  # fmt: skip
    least: ClassVar[float] = 0.0
    """More than so many rows of each class are needed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_priors(self.priors)
        if isinstance(self.summary, Classes) and self.summary.covariance != "full":
            raise InvalidField("covariance='diagonal': discriminant analysis needs 'full'; use 'gaussian_nb'")

    @abstractmethod
    def density(self, solution: D, held_out: ByClass) -> Score | float:
        """Return the mean of log p(x, y) of the held-out rows."""

    @abstractmethod
    def shaken(self, solution: D, rows: Rows, metric: str) -> Score | None:
        """Return None where rounding changes no score of rows; else the score and what it may be off by."""

    def score(self, solution: D, held: Held[ByClass], metric: str) -> Score | float | None:
        """Return the mean of log p(x, y) of the held-out rows, or a score of rows that rounding may change.

        Raises
        ------
        Imprecise
            Rounding leaves too few digits of it.
        """
        if (rows := held.rows_for(metric)) is not None:
            shaken = self.shaken(solution, rows, metric)
            return self._of_labels(solution, rows, metric) if shaken is None else shaken
        state = held.state_for(metric)
        return None if state is None or metric not in self.exact else self.density(solution, state)

    def _of_labels(self, solution: D, rows: Rows, metric: str) -> float | None:
        """Return a score that follows from labels; None for another one, or where rounding may decide a label."""
        found = self.functions(solution, rows) if asks_labels(metric, rows) else None
        return None if found is None else score_of_labels(metric, rows, found)

    def functions(self, solution: D, rows: Rows) -> Functions | None:
        """Return what each class says of rows; None where only the estimator knows."""
        return None

    def finer(self, groups: Groups) -> bool:
        """Return whether states of more digits than these may be asked for."""
        return not groups.roots and self.summary.finer(None) is not None

    def _check_known(self, groups: Groups, unsure: float) -> None:
        """Raise Imprecise where rounding moves squared distances, and a root has more digits."""
        if self.finer(groups) and not unsure <= PROMISED:
            raise Imprecise(
                f"the model of all rows is known to {unsure:.1g} by rounding: the columns are too nearly "
                "collinear, or of too unlike scales; standardize them, or set precision='qr' (the data is read "
                "once more)",
                finer=True,
            )

    def groups(self, state: ByClass) -> Groups:
        """Return the classes in the columns that this preprocessing makes (kept for the state)."""
        key = ("groups", self.standardize, self.impute, self.min_frequency)
        return MEMO.get(state, key, lambda: self._groups(state))

    def pipeline_of(self, groups: Groups, model: BaseEstimator) -> BaseEstimator:
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

    def check(self, state: ByClass) -> None:
        """Refuse squares without a finite sum, priors of other classes than there are, and too few rows of one."""
        check_finite(state)
        check_priors(self.priors, state.shape)
        need_every_class(type(self).__name__, state.shape, state.class_rows, self.least)

    def _groups(self, state: ByClass) -> Groups:
        columns = column_map(state, self.impute, self.min_frequency)
        none = np.zeros(len(columns.names))
        means, scatters, sizes, roots = _mapped(state, columns, none, none + 1.0)
        w, mean = state.weights, columns.mean(state.mean)
        inside = np.diagonal(scatters, axis1=1, axis2=2).sum(axis=0)
        variance = (inside + w @ (means - mean) ** 2) / state.weight
        if not self.standardize:
            scale = none + 1.0
            made = (variance, means, scatters, sizes)
            return Groups(state, columns, none, scale, *made, standardize=False, roots=roots)
        scale = deviations(variance, mean, state.weight)
        means, scatters = (means - mean) / scale, scatters / np.multiply.outer(scale, scale)
        roots = tuple(root / scale for root in roots)
        return Groups(
            state, columns, mean, scale, variance, means, scatters, sizes / scale, standardize=True, roots=roots
        )


def log_likelihood(
    groups: Groups, held_out: ByClass, priors: Array, by: Sequence[Whitened], *, finer: bool
) -> Score:
    """Return the mean of log p(x, y) of held-out rows, and how far rounding may have moved it.

    Parameters
    ----------
    by : the covariance of each class.
    finer : whether states of more digits may be asked for.

    Raises
    ------
    Imprecise
        It is not known to six digits.
    """
    seen, scatters, sizes, roots = groups.seen(held_out)
    total, off, units = 0.0, 0.0, 2.0 * float(np.log(groups.scale).sum())
    far = 2.0 * np.abs(groups.mean) / groups.scale
    for c, (white, v) in enumerate(zip(by, held_out.weights, strict=True)):
        half, size = white.half, np.abs(white.half)
        apart = half @ (seen[c] - groups.means[c])
        within = float(np.sum((roots[c] @ half.T) ** 2 if roots else (half @ scatters[c]) * half))
        away = within + v * float(apart @ apart)
        rest = v * (len(seen[c]) * math.log(2.0 * math.pi) + white.logdet + units)
        total += v * math.log(priors[c]) - 0.5 * (away + rest)
        lost = size @ (ROUNDING * (np.abs(seen[c]) + np.abs(groups.means[c]) + far))
        moved = float(np.sum((size @ sizes[c]) ** 2))
        squares = (2.0 * math.sqrt(within * moved) + ROUNDING * moved) if roots else moved
        off += 0.5 * white.unsure * (away + v * len(half)) + 0.5 * ROUNDING * squares
        off += v * float((np.abs(apart) + 0.5 * lost) @ lost)
    value = float(total / held_out.weight)
    bound = float(off / held_out.weight) + ROUNDING * abs(value)
    return sure("log_likelihood", Score(value, bound), max(1.0, abs(value)), HELP, finer=finer)


def _mapped(
    state: ByClass, columns: ColumnMap, mean: Array, scale: Array, as_is: Mask | None = None
) -> tuple[Array, Array, Array, tuple[Array, ...]]:
    means, scatters = state.mapped(columns, as_is)
    sizes = np.where(np.diagonal(scatters, axis1=1, axis2=2) != 0.0, state.lengths(columns), 0.0)
    roots = tuple(root / scale for root in state.mapped_roots(columns, as_is))
    grown = state.rounding / EPS  # of entries of a root, or of products of two
    sizes *= grown if roots else math.sqrt(grown)
    return (means - mean) / scale, scatters / np.multiply.outer(scale, scale), sizes / scale, roots
