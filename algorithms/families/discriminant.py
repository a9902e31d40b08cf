"""What linear and quadratic discriminant analysis share: the moments of each class in a design's columns."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

import numpy as np

from algorithms.arrays import Mask
from algorithms.contract import LEVEL, MISSING, OTHER, VALUE, Algorithm, Array, Held, Rows, Score, Tags
from algorithms.errors import Imprecise, InvalidField
from algorithms.families.classes import check_priors, need_every_class
from algorithms.families.design import CARE, DRAWS, deviations
from algorithms.families.pipeline import fitted_scaler, pipeline
from algorithms.families.residuals import SHAKEN
from algorithms.families.rounding import PROMISED, sure
from algorithms.memo import MEMO
from algorithms.preparing.column_map import ColumnMap, gaps_of
from algorithms.preparing.column_maps import column_map
from algorithms.preparing.preprocess import Preprocessed
from algorithms.ranges import Choice, Range
from algorithms.scoring.scorers import score_by
from algorithms.solvers.spectrum import eigen_apart, graded, graded_root
from algorithms.summaries.by_class import ByClass
from algorithms.summaries.class_kurtosis import ClassKurtosis
from algorithms.summaries.classes import Classes
from algorithms.summaries.moments import check_finite
from algorithms.summaries.precise import EPS

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

ROUNDING = CARE * EPS
"""Relative rounding of products and of sums."""

MERGED = 8.0
"""How many times as much the root of a merged state may be off: each merge is another QR decomposition. After 1,024
of them, one after another, roots of 2 to 40 columns were 31 roundings off at most; what states count of merges
is beside this."""

CERTAIN = 1e-10
"""Largest relative change of a squared distance by rounding that no score of rows shows."""

D = TypeVar("D")
S = TypeVar("S", bound=ByClass)

HELP = "standardize the columns, raise shrinkage or reg_param, or leave out columns that repeat others"


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

    @property
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

    tags: ClassVar[Tags] = Tags(task="classification", exact=("log_likelihood",), needs_every_class=True)
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
            return self.shaken(solution, rows, metric)
        state = held.state_for(metric)
        return None if state is None or metric not in self.exact else self.density(solution, state)

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

    def dressed(self, groups: Groups, model: BaseEstimator) -> BaseEstimator:
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


def told_again(
    algorithm: Algorithm[S, D],
    solution: D,
    shaken: Callable[[int], D | None],
    rows: Rows,
    metric: str,
    help_: str = HELP,
    *,
    finer: bool = False,
) -> Score | None:
    """Return a scorer's score of rows with what it may be off by, by solutions that rounding has shaken.

    Parameters
    ----------
    algorithm, solution : whose model is scored.
    shaken : returns the solution of a draw; None where it defines no model. One draw may show too little by chance,
        so there are several where the first shows anything.
    rows, metric : what is scored.
    help_ : what to do where the score is not known.
    finer : whether states of more digits may be asked for.

    Raises
    ------
    Imprecise
        Rounding leaves too few digits of it.
    """
    classes, moved = rows.shape.classes, 0.0
    try:
        value = score_by(metric, algorithm.estimator(solution), rows, classes=classes)
        for draw in range(DRAWS):
            other = shaken(draw)
            if other is None:
                return sure(metric, Score(value, math.inf), 1.0, help_, finer=finer)
            found = score_by(metric, algorithm.estimator(other), rows, classes=classes)
            moved = max(moved, abs(found - value))
            if moved <= CERTAIN * max(1.0, abs(value)):
                break
    except (AttributeError, TypeError, ValueError):
        return None  # scikit-learn's scorer says why
    return sure(metric, Score(value, SHAKEN * moved), max(1.0, abs(value)), help_, finer=finer)


@dataclass(frozen=True, eq=False)
class Whitened:
    """The inverse of a covariance, as densities need it.

    Attributes
    ----------
    half : shape (r, q), M with MᵀM = Σ⁻¹, or its pseudo-inverse.
    logdet : log|Σ|; of the r directions in which there is a spread.
    unsure : largest relative change of any squared distance by the rounding of Σ.
    rooted : whether Σ comes of a root, so that rounding is of that.
    even : the part of ``unsure`` that all directions have in common.
    """

    half: Array
    logdet: float
    unsure: float
    rooted: bool = False
    even: float = 0.0

    def off_by(self, even: float) -> Whitened:
        """Return the same of a Σ of which a part that is alike in all directions is rounded by so much."""
        return replace(self, unsure=self.unsure + even, even=even)

    def shaken(self, sizes: Array, draw: int) -> Whitened | None:
        """Return that of a covariance off by as much as rounding may have made it; None where that is none.

        The directions without spread stay such.
        """
        rng = np.random.default_rng(draw)
        half, r = self.half * sizes, len(self.half)
        if self.rooted:
            root = np.eye(r) + ROUNDING * (rng.choice([-1.0, 1.0], (r, len(sizes))) @ half.T) / math.sqrt(max(1, r))
            moved = root.T @ root
        else:
            noise = np.triu(rng.choice([-1.0, 1.0], (len(sizes), len(sizes))))
            noise += np.triu(noise, 1).T
            moved = np.eye(r) + ROUNDING * (half @ noise @ half.T)
        try:
            turn = np.linalg.cholesky(moved)
        except np.linalg.LinAlgError:
            return None
        even = rng.choice([-1.0, 1.0]) * min(self.even, 0.5)
        made = np.asarray(np.linalg.solve(turn, self.half)) / math.sqrt(1.0 + even)
        grown = 2.0 * float(np.log(np.diagonal(turn)).sum()) + r * math.log1p(even)
        return replace(self, half=made, logdet=self.logdet + grown)


def whitened(
    values: Array, vectors: Array, sizes: Array, scale: Array | float = 1.0, *, rooted: bool = False
) -> Whitened:
    """Return what makes distances of the eigenvalues and eigenvectors of a covariance.

    Parameters
    ----------
    values, vectors : shapes (r,) and (q, r), of the covariance, or of it in units of ``scale``.
    sizes : shape (q,), what the rounding of its entries is relative to: a deviation, or that of longer parts.
    scale : shape (q,).
    rooted : whether it is the rows of a root that were rounded.
    """
    half = (vectors / np.sqrt(values)).T / scale
    units = float(np.log(scale).sum()) if isinstance(scale, np.ndarray) else 0.0
    unsure = rounded(ROUNDING * float(np.linalg.norm(np.abs(half) @ sizes)), rooted=rooted)
    return Whitened(np.asarray(half), float(np.log(values).sum()) + 2.0 * units, unsure, rooted)


def rounded(part: float, *, rooted: bool) -> float:
    """Return the relative rounding of a sum of squares, of which the rounding of entries of a root is that part.

    Examples
    --------
    >>> rounded(0.0, rooted=True), rounded(ROUNDING, rooted=False) == ROUNDING
    (0.0, True)
    """
    return (2.0 + MERGED * part) * MERGED * part if rooted else part**2 / ROUNDING


def inverse_of(covariance: Array, sizes: Array, root: Array | None = None) -> tuple[Whitened, bool]:
    """Return the inverse of a covariance in columns of unit spread; where there is none, the pseudo-inverse.

    Parameters
    ----------
    covariance : shape (q, q).
    sizes : shape (q,), what its rounding is relative to.
    root : a root of it, where one is known.
    """
    spread = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    used = np.flatnonzero(spread > 0.0)
    unit = spread[used]
    if root is None:
        values, vectors = eigen_apart(covariance[np.ix_(used, used)] / np.multiply.outer(unit, unit))
    else:
        values, vectors = (found[..., ::-1] for found in graded_root(root[:, used] / unit))
    if not len(used) or values[0] > ROUNDING * len(values) * values[-1]:
        white = whitened(values, vectors, sizes[used], unit, rooted=root is not None)
        half = np.zeros((len(used), len(covariance)))
        half[:, used] = white.half
        return replace(white, half=half), len(used) < len(covariance)
    values, vectors = graded(covariance)
    kept = values > 0.0
    return whitened(values[kept], vectors[:, kept], sizes), True


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
