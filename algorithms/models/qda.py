"""Quadratic discriminant analysis, exact from the moments of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Mask
from algorithms.contract import Array, Rows, Score, Shape, Tags
from algorithms.errors import InvalidField
from algorithms.families.classes import given, priors_of
from algorithms.families.decided import Functions
from algorithms.families.discriminant import Discriminant, Groups, log_likelihood
from algorithms.families.whitened import CERTAIN, Whitened, inverse_of, settled_again, whitened
from algorithms.lazily import sklearn
from algorithms.memo import MEMO
from algorithms.ranges import Legal, Uniform
from algorithms.solvers.spectrum import graded, graded_root, unlike
from algorithms.summaries.by_class import ByClass
from algorithms.summaries.sample import labels
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, eq=False)
class Axes:
    """Eigenvalues, descending, and eigenvectors of each class's covariance, shapes (C, q) and (C, q, q)."""

    values: Array
    vectors: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.values.nbytes + self.vectors.nbytes


@dataclass(frozen=True, eq=False)
class QuadraticDiscriminantSolution:
    """A covariance for each class.

    Attributes
    ----------
    groups : the classes.
    priors : shape (C,).
    white : the inverses of the covariances.
    axes : of the covariances, with regularised eigenvalues; None where columns are of so unlike scales that an
        eigenvector has no digit of the small ones.
    """

    groups: Groups
    priors: Array
    white: tuple[Whitened, ...]
    axes: Axes | None

    @property
    def unsure(self) -> float:
        """Largest relative change of any squared distance by rounding."""
        return max(white.unsure for white in self.white)


FULL = 1e-4
"""Variance along an axis up to which scikit-learn takes it for none: the default of its ``tol``."""


def _refused(
    algorithm: QDA, solution: QuadraticDiscriminantSolution, _params: Mapping[str, object]
) -> str | None:
    """Return why scikit-learn takes a covariance for singular, whatever is added to it."""
    rows, columns = solution.groups.state.weights.min(), solution.groups.width
    if rows < columns:
        return f"a class has {rows:.0f} rows to train on, of {columns} columns"
    axes = solution.axes
    if axes is None or axes.values.min(initial=np.inf) <= FULL or columns > len(solution.groups.columns.names):
        return f"reg_param={algorithm.reg_param}: the covariance of a class is singular up to {FULL:g}"
    return None


@dataclass(frozen=True, kw_only=True)
class QDA(Discriminant[QuadraticDiscriminantSolution]):
    """Quadratic discriminant analysis.

    Exact: that of ``sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis``. The score
    ``log_likelihood`` is the mean of log p(x, y) of held-out rows.

    Parameters
    ----------
    reg_param : share of the identity in each covariance, from 0 to 1.

    Examples
    --------
    >>> QDA(reg_param=0.1).standardize
    True
    """

    reg_param: Annotated[float, Legal(ge=0, le=1), Uniform(0.0, 1.0)] = 0.0

    tags: ClassVar[Tags] = Discriminant.tags.but(
        equivalent=Equivalent(
            "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis", ignored=("store_covariance",),
            only={
                "priors": (None,), "tol": (1e-4,), "solver": ("svd",), "shrinkage": (None,),
                "covariance_estimator": (None,),
            },
            refused=_refused,
        )
    )  # fmt: skip
    least: ClassVar[float] = 1.0

    def solve(self, state: ByClass) -> QuadraticDiscriminantSolution:
        """Return the regularised axes.

        Raises
        ------
        NotEnoughRows
            A class has fewer than two rows.
        InvalidField
            The covariance of a class is singular, and nothing is added to it.
        """
        self.check(state)
        groups = self.groups(state)
        priors = priors_of(state.weights, self.priors, state.shape)
        alike = MEMO.get(groups, "axes", lambda: _axes(groups))
        sizes = self._sizes(groups)
        if not len(alike.values):
            return QuadraticDiscriminantSolution(groups, priors, self._apart(groups, sizes), None)
        axes = Axes((1.0 - self.reg_param) * alike.values + self.reg_param, alike.vectors)
        self._need_spread(state.shape, axes.values.min(axis=1, initial=np.inf) <= 0.0)
        each, rooted = zip(axes.values, axes.vectors, sizes, strict=True), bool(groups.roots)
        white = tuple(whitened(*one, rooted=rooted) for one in each)
        return QuadraticDiscriminantSolution(groups, priors, white, axes)

    def _apart(self, groups: Groups, sizes: Array) -> tuple[Whitened, ...]:
        """Return the inverses of the covariances, each found in columns of unit spread."""
        added = self.reg_param * np.eye(groups.means.shape[1])
        shares = (1.0 - self.reg_param) / groups.state.weights
        roots: Sequence[Array | None] = [None] * len(shares)
        if groups.roots:
            pairs = zip(shares, groups.roots, strict=True)
            roots = [np.concatenate([np.sqrt(share) * root, np.sqrt(added)]) for share, root in pairs]
        made = [
            inverse_of(share * scatter + added, size, root)
            for scatter, share, size, root in zip(groups.scatters, shares, sizes, roots, strict=True)
        ]
        self._need_spread(groups.state.shape, np.array([singular for _, singular in made]))
        return tuple(white for white, _ in made)

    def _sizes(self, groups: Groups) -> Array:
        """Return what the rounding of each class's covariance is relative to, shape (C, q)."""
        kept = groups.rounded_part(self.reg_param)
        return np.asarray(groups.sizes * np.sqrt(kept / groups.state.weights)[:, None])

    def _need_spread(self, shape: Shape, singular: Mask) -> None:
        """Refuse a covariance without an inverse, as scikit-learn does."""
        if singular.any():
            label = shape.classes[int(np.argmax(singular))]
            raise InvalidField(
                f"reg_param={self.reg_param:g}: the covariance of class {label!r} is singular, as some column is "
                "constant in it or a sum of others; set reg_param above 0"
            )

    def estimator(self, solution: QuadraticDiscriminantSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``QuadraticDiscriminantAnalysis``."""
        groups = solution.groups
        model = sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis(
            reg_param=self.reg_param, priors=given(self.priors, solution.priors)
        )
        model.classes_, model.priors_ = labels(groups.state.shape), solution.priors
        model.means_ = groups.means + groups.origin
        axes = solution.axes or _of(solution.white)
        model.rotations_, model.scalings_ = list(axes.vectors), list(axes.values)
        return self.pipeline_of(groups, model)

    def density(self, solution: QuadraticDiscriminantSolution, held_out: ByClass) -> Score:
        """Return the mean of log p(x, y) of the held-out rows."""
        groups, finer = solution.groups, self.finer(solution.groups)
        return log_likelihood(groups, held_out, solution.priors, solution.white, finer=finer)

    def _check_digits(self, solution: QuadraticDiscriminantSolution) -> None:
        """Raise Imprecise where rounding moves the model, and roots have more digits."""
        self._check_known(solution.groups, solution.unsure)

    def shaken(self, solution: QuadraticDiscriminantSolution, rows: Rows, metric: str) -> Score | None:
        """Return None where rounding changes no score of rows; else the score and what it may be off by."""
        if solution.unsure <= CERTAIN:
            return None
        sizes = self._sizes(solution.groups)
        finer = self.finer(solution.groups)
        return settled_again(self, solution, lambda draw: _shaken(solution, sizes, draw), rows, metric, finer=finer)

    def functions(self, solution: QuadraticDiscriminantSolution, rows: Rows) -> Functions | None:
        """Return log p(x, y) of rows by each class, but for a constant; turned rows are kept squared."""
        groups, axes = solution.groups, solution.axes
        if axes is None or not (axes.values > 0.0).all():
            return None
        key = "squares", groups
        squares = MEMO.get(rows, key, lambda: _along(groups.placed(rows), groups.means, axes.vectors))
        away = 0.5 * np.stack([of @ each for of, each in zip(squares, 1.0 / axes.values, strict=True)])
        own = np.log(solution.priors) - 0.5 * np.sum(np.log(axes.values), axis=1)
        return Functions(own[:, None] - away, np.max(away + np.abs(own)[:, None], axis=0))

    def complexity(self, solution: QuadraticDiscriminantSolution) -> float:
        """Return the number of means, the unregularised part of the covariances' numbers, and the priors."""
        c, q = solution.groups.means.shape
        return float(c * (q + (1.0 - self.reg_param) * q * (q + 1) / 2.0) + c - 1.0)


def _shaken(
    solution: QuadraticDiscriminantSolution, sizes: Array, draw: int
) -> QuadraticDiscriminantSolution | None:
    """Return a solution whose covariances rounding has shaken; None where one is none then."""
    made = [white.shaken(size, draw) for white, size in zip(solution.white, sizes, strict=True)]
    known = tuple(white for white in made if white is not None)
    return None if len(known) < len(made) else replace(solution, white=known, axes=None)


def _axes(groups: Groups) -> Axes:
    """Return the axes of each class; none where columns are of unlike scales."""
    if unlike(np.diagonal(groups.scatters, axis1=1, axis2=2)):
        return Axes(np.zeros((0, 0)), np.zeros((0, 0, 0)))
    if groups.roots:
        made = [graded_root(r / np.sqrt(w)) for r, w in zip(groups.roots, groups.state.weights, strict=True)]
    else:
        made = [graded(s / w) for s, w in zip(groups.scatters, groups.state.weights, strict=True)]
    return Axes(np.stack([values for values, _ in made]), np.stack([vectors for _, vectors in made]))


def _along(X: Array, means: Array, vectors: Array) -> Array:
    """Return the squared distance of rows from each class along each of its axes, shape (C, n, q)."""
    return np.stack([((X - mean) @ turn) ** 2 for mean, turn in zip(means, vectors, strict=True)])


def _of(white: Sequence[Whitened]) -> Axes:
    """Return what scikit-learn makes the same distances of: for each class one scaling, and what is left."""
    one = np.exp([each.logdet / len(each.half) for each in white])
    vectors = np.stack([each.half.T * np.sqrt(size) for each, size in zip(white, one, strict=True)])
    return Axes(np.repeat(one[:, None], vectors.shape[2], axis=1), vectors)
