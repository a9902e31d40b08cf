"""Linear discriminant analysis, exact from the moments of each class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import Array, Rows, Score, Tags
from algorithms.errors import InvalidField
from algorithms.families.classes import given, priors_of
from algorithms.families.decided import Functions
from algorithms.families.design import deviations
from algorithms.families.discriminant import Discriminant, Groups, log_likelihood
from algorithms.families.whitened import (
    CERTAIN,
    ROUNDING,
    Whitened,
    inverse_of,
    rounded,
    settled_again,
    whitened,
)
from algorithms.lazily import sklearn
from algorithms.memo import MEMO
from algorithms.ranges import Choice, Legal, Range, Uniform
from algorithms.solvers.directions import Directions, eigen, linear, svd
from algorithms.solvers.ledoit_wolf import ledoit_wolf, shrunk
from algorithms.solvers.spectrum import graded, unlike
from algorithms.summaries.by_class import ByClass
from algorithms.summaries.class_kurtosis import ClassKurtosis
from algorithms.summaries.class_kurtosis_state import ClassKurtosisState
from algorithms.summaries.classes import Classes
from algorithms.summaries.sample import labels
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

SOLVERS = ("lsqr", "eigen", "svd")

AUTO = "auto"
"""The shrinkage of Ledoit & Wolf, of each class for itself."""


@dataclass(frozen=True, eq=False)
class Shrunk:
    """Covariances that are shrunk, and by what share.

    Attributes
    ----------
    covariances : shape (k, q, q).
    shares : shape (k,), of the identity.
    """

    covariances: Array
    shares: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.covariances.nbytes + self.shares.nbytes


@dataclass(frozen=True, eq=False)
class LinearDiscriminantSolution:
    """One covariance for all classes.

    Attributes
    ----------
    groups : the classes.
    covariance : shape (q, q), shrunk.
    white : its inverse, or its pseudo-inverse where it is singular.
    singular : whether it is.
    sizes : shape (q,), what its rounding is relative to.
    priors : shape (C,).
    found : each class's linear function, and the directions between them.
    shrinkage : share of the mean variance in the covariance.
    """

    groups: Groups
    covariance: Array
    white: Whitened
    singular: bool
    sizes: Array
    priors: Array
    found: Directions
    shrinkage: float


@dataclass(frozen=True, kw_only=True)
class LDA(Discriminant[LinearDiscriminantSolution]):
    """Linear discriminant analysis with shrinkage.

    Exact: that of ``sklearn.discriminant_analysis.LinearDiscriminantAnalysis``. The score
    ``log_likelihood`` is the mean of log p(x, y) of held-out rows.

    Parameters
    ----------
    shrinkage : share of the mean variance in the covariance, from 0 to 1; None for none; ``"auto"`` for that of
        Ledoit & Wolf, of each class for itself, which needs the summary
        :class:`~algorithms.summaries.class_kurtosis.ClassKurtosis`.
    solver : ``"lsqr"``; ``"eigen"`` and ``"svd"`` also give the model ``transform``, and ``"svd"`` takes no
        shrinkage, as in scikit-learn.

    Examples
    --------
    >>> LDA(shrinkage=0.1).summary, LDA(shrinkage="auto").summary
    (Classes(covariance='full', precision='auto'), ClassKurtosis())
    """

    shrinkage: Annotated[
        float | str | None,
        Legal(ge=0, le=1, also=(AUTO,), hint="None for no shrinkage"),
        Uniform(0.0, 1.0, also=(AUTO,)),
    ] = 0.0
    solver: Annotated[str, Legal(*SOLVERS), Choice(*SOLVERS, searched=False)] = "lsqr"

    tags: ClassVar[Tags] = Discriminant.tags.but(
        auto=2, equivalent=Equivalent(
            "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
            ignored=("store_covariance",),
            only={"priors": (None,), "covariance_estimator": (None,), "n_components": (None,), "tol": (1e-4,)},
        ),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        auto = self.shrinkage == AUTO
        if auto and self.summary.ageing is not None:
            raise InvalidField("shrinkage='auto' and half_life do not go together; give shrinkage a number")
        if auto or not isinstance(self.summary, Classes):
            object.__setattr__(self, "summary", ClassKurtosis() if auto else Classes())

    @property
    def _share(self) -> float:
        """The shrinkage that is a number; 0 where it is not."""
        return 0.0 if self.shrinkage is None or isinstance(self.shrinkage, str) else self.shrinkage

    def solve(self, state: ByClass) -> LinearDiscriminantSolution:
        """Return the linear functions.

        Raises
        ------
        NotEnoughRows
            A class has no row.
        InvalidField
            The solver cannot shrink, or the covariance is singular and the solver needs one that is not.
        """
        self.check(state)
        groups, priors = self.groups(state), priors_of(state.weights, self.priors, state.shape)
        if self.solver == "svd":
            return self._by_svd(groups, priors)
        covariance, share = self._within(groups, priors)
        kept = groups.rounded_part(self._share)
        sizes = np.sqrt(kept * (priors / groups.state.weights) @ groups.sizes**2)
        white, singular = self._inverse(groups, priors, covariance, sizes)
        white = white.off_by(self._even(groups, share))
        if self.solver == "lsqr":
            found = linear(white.half, groups.means, priors)
        else:
            found = self._eigen(covariance, self._total(groups) - covariance, groups.means, priors)
        return LinearDiscriminantSolution(groups, covariance, white, singular, sizes, priors, found, share)

    def _by_svd(self, groups: Groups, priors: Array) -> LinearDiscriminantSolution:
        if self.shrinkage == AUTO or self._share > 0.0:
            raise InvalidField(
                f"shrinkage={self.shrinkage!r}: solver='svd' takes none; use solver='lsqr' or 'eigen'"
            )
        weight, alike = groups.state.weight, _alike(groups)
        sizes = np.sqrt(np.sum(groups.sizes**2, axis=0) / weight)
        white, singular = inverse_of(alike, sizes)
        found = svd(alike, groups.means, priors, weight)
        return LinearDiscriminantSolution(groups, alike, white, singular, sizes, priors, found, 0.0)

    def _within(self, groups: Groups, priors: Array) -> tuple[Array, float]:
        """Return the covariance within the classes, shrunk, and by what share."""
        if self.shrinkage == AUTO:
            found = MEMO.get(groups, "shrunk", lambda: _shrunk_classes(groups))
            return np.einsum("c,cij->ij", priors, found.covariances), float(priors @ found.shares)
        return shrunk(self._alike(groups, priors).covariance, self._share, groups.width), self._share

    def _alike(self, groups: Groups, priors: Array) -> Turned:
        """Return the covariance within the classes, not shrunk, and its axes (kept for the priors)."""
        return MEMO.get(groups, ("alike", self.priors), lambda: Turned.of(groups, priors))

    def _inverse(self, groups: Groups, priors: Array, covariance: Array, sizes: Array) -> tuple[Whitened, bool]:
        """Return the inverse of the shrunk covariance; by the axes of the one that is not, where it has them."""
        if self.shrinkage != AUTO and not groups.roots:
            alike = self._alike(groups, priors)
            added = self._share * float(np.trace(alike.covariance)) / max(1, groups.width)
            values = (1.0 - self._share) * alike.values + added
            if len(values) and values.min() > ROUNDING * len(values) * values.max():
                return whitened(values, alike.vectors, sizes), False
        return inverse_of(covariance, sizes, self._root(groups, priors))

    def _even(self, groups: Groups, share: float) -> float:
        """Return the relative rounding of the mean variance, which moves no direction's variance by more."""
        lengths = float(np.sum(groups.sizes**2))
        squares = float(np.trace(groups.scatters, axis1=1, axis2=2).sum())
        if not share or not squares:
            return 0.0
        return rounded(ROUNDING * math.sqrt(lengths / squares), rooted=bool(groups.roots))

    def _root(self, groups: Groups, priors: Array) -> Array | None:
        """Return a root of the covariance within the classes, shrunk; None where the classes have none."""
        if not groups.roots or self.shrinkage == AUTO:
            return None
        full = np.concatenate([
            np.sqrt(p / w) * root for p, w, root in zip(priors, groups.state.weights, groups.roots, strict=True)
        ])  # fmt: skip
        mean = float(np.sum(full**2)) / max(1, groups.width)
        added = np.sqrt(self._share * mean) * np.eye(full.shape[1])
        return np.concatenate([np.sqrt(1.0 - self._share) * full, added]) if self._share else full

    def _total(self, groups: Groups) -> Array:
        """Return the covariance of all rows, shrunk."""
        if self.shrinkage == AUTO:
            found = MEMO.get(groups, "shrunk total", lambda: _shrunk_total(groups))
            return np.asarray(found.covariances[0])
        return shrunk(_alike(groups) + _between(groups), self._share, groups.width)

    def _eigen(self, covariance: Array, between: Array, means: Array, priors: Array) -> Directions:
        try:
            return eigen(covariance, between, means, priors)
        except np.linalg.LinAlgError:
            raise InvalidField(
                "solver='eigen': the covariance within the classes is singular; use shrinkage above 0, or another "
                "solver"
            ) from None

    def estimator(self, solution: LinearDiscriminantSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``LinearDiscriminantAnalysis``."""
        groups, c = solution.groups, len(solution.priors)
        model = sklearn.discriminant_analysis.LinearDiscriminantAnalysis(
            solver=self.solver, shrinkage=None if self.solver == "svd" else self.shrinkage,
            priors=given(self.priors, solution.priors),
        )  # fmt: skip
        model.classes_, model.priors_ = labels(groups.state.shape), solution.priors
        model.means_, model.covariance_ = groups.means + groups.origin, solution.covariance.copy()
        model.xbar_ = solution.priors @ groups.means + groups.origin
        coef = solution.found.coef
        intercept = solution.found.intercept - coef @ groups.origin
        if solution.found.scalings is not None:
            model.scalings_, model.explained_variance_ratio_ = solution.found.scalings, solution.found.ratio
        if c == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        model.coef_, model.intercept_, model._max_components = coef.copy(), intercept.copy(), c - 1
        return self.pipeline_of(groups, model)

    def density(self, solution: LinearDiscriminantSolution, held_out: ByClass) -> Score | float:
        """Return the mean of log p(x, y) of the held-out rows."""
        if solution.singular:
            return float("-inf")
        priors = solution.priors
        by, finer = [solution.white] * len(priors), self.finer(solution.groups)
        return log_likelihood(solution.groups, held_out, priors, by, finer=finer)

    def _check_digits(self, solution: LinearDiscriminantSolution) -> None:
        """Raise Imprecise where rounding moves the model, and a root has more digits."""
        if self.solver == "lsqr" and not solution.singular:
            self._check_known(solution.groups, solution.white.unsure)

    def shaken(self, solution: LinearDiscriminantSolution, rows: Rows, metric: str) -> Score | None:
        """Return None where rounding changes no score of rows; else the score and what it may be off by."""
        if solution.white.unsure <= CERTAIN or self.solver == "svd":  # which drops what is nearly collinear
            return None
        finer = self.solver == "lsqr" and not solution.singular and self.finer(solution.groups)
        return settled_again(self, solution, lambda draw: _shaken(solution, draw), rows, metric, finer=finer)

    def functions(self, solution: LinearDiscriminantSolution, rows: Rows) -> Functions:
        """Return the linear function of each class at rows."""
        groups, found = solution.groups, solution.found
        placed = MEMO.get(rows, ("placed", groups), lambda: Placed.of(groups.placed(rows)))
        own = found.intercept
        most = np.max(np.linalg.norm(found.coef, axis=1)) * placed.lengths + np.max(np.abs(own))
        return Functions(found.coef @ placed.X.T + own[:, None], most)

    def complexity(self, solution: LinearDiscriminantSolution) -> float:
        """Return the number of means, the unshrunk part of the covariance's numbers, and the priors."""
        c, q = solution.found.coef.shape
        return float(c * q + (1.0 - solution.shrinkage) * q * (q + 1) / 2.0 + c - 1.0)

    def bounds(self, state: ByClass) -> Mapping[str, Range | None]:
        """Return None for the fields without effect on this state: no shrinkage for a solver without."""
        found = dict(super().bounds(state))
        return {**found, "shrinkage": None} if self.solver == "svd" else found


@dataclass(frozen=True, eq=False)
class Turned:
    """The covariance within the classes, shape (q, q), with its eigenvalues and eigenvectors.

    These are empty where columns are of so unlike scales that an eigenvector has no digit of the small ones.
    """

    covariance: Array
    values: Array
    vectors: Array

    @classmethod
    def of(cls, groups: Groups, priors: Array) -> Turned:
        """Return it by the priors."""
        full = np.einsum("c,cij->ij", priors / groups.state.weights, groups.scatters)
        if unlike(np.diagonal(full)):
            return cls(full, np.zeros(0), np.zeros((len(full), 0)))
        return cls(full, *graded(full))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.covariance.nbytes + self.values.nbytes + self.vectors.nbytes


@dataclass(frozen=True, eq=False)
class Placed:
    """Rows in a model's columns, shape (n, q), and the length of each, shape (n,)."""

    X: Array
    lengths: Array

    @classmethod
    def of(cls, X: Array) -> Placed:
        """Return them of rows."""
        return cls(X, np.linalg.norm(X, axis=1))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.X.nbytes + self.lengths.nbytes


def _shaken(solution: LinearDiscriminantSolution, draw: int) -> LinearDiscriminantSolution | None:
    """Return a solution whose covariance rounding has shaken; None where it is none then."""
    white = solution.white.shaken(solution.sizes, draw)
    if white is None:
        return None
    found = linear(white.half, solution.groups.means, solution.priors)
    return replace(solution, found=replace(solution.found, coef=found.coef, intercept=found.intercept))


def _alike(groups: Groups) -> Array:
    """Return the covariance within the classes, by the rows of each whatever the priors."""
    return np.asarray(groups.scatters.sum(axis=0) / groups.state.weight)


def _away(groups: Groups) -> Array:
    """Return the class means less the mean of all rows, shape (C, q)."""
    return groups.means - groups.state.weights @ groups.means / groups.state.weight


def _between(groups: Groups) -> Array:
    """Return the covariance of the class means, by the rows of each."""
    away, share = _away(groups), groups.state.weights / groups.state.weight
    return np.asarray((away * share[:, None]).T @ away)


def _shrunk_classes(groups: Groups) -> Shrunk:
    """Return each class's covariance by Ledoit & Wolf, its columns by their deviations in the class."""
    state, width = _kurtosis_of(groups), groups.width
    covariances = groups.scatters / state.weights[:, None, None]
    scales = np.stack([
        deviations(np.diagonal(v), mean, w)
        for v, mean, w in zip(covariances, groups.means, state.weights, strict=True)
    ])  # fmt: skip
    fourth = state.fourth(groups.columns, np.zeros_like(scales), scales * groups.scale)
    made = [_shrunk(*one, width) for one in zip(covariances, scales, fourth, state.weights, strict=True)]
    return Shrunk(np.stack([c for c, _ in made]), np.array([share for _, share in made]))


def _shrunk_total(groups: Groups) -> Shrunk:
    """Return the covariance of all rows by Ledoit & Wolf, its columns by their deviations."""
    state, covariance = _kurtosis_of(groups), _alike(groups) + _between(groups)
    share = state.weights / state.weight
    scale = deviations(np.diagonal(covariance), share @ groups.means, state.weight)
    scales = np.tile(scale * groups.scale, (len(share), 1))
    fourth = state.fourth(groups.columns, _away(groups) * groups.scale, scales)
    made, found = _shrunk(covariance, scale, float(share @ fourth), state.weight, groups.width)
    return Shrunk(made[None], np.array([found]))


def _shrunk(covariance: Array, scale: Array, fourth: float, weight: float, width: int) -> tuple[Array, float]:
    units = np.multiply.outer(scale, scale)
    made, share = ledoit_wolf(covariance / units, float(fourth), float(weight), width)
    return made * units, share


def _kurtosis_of(groups: Groups) -> ClassKurtosisState:
    if not isinstance(groups.state, ClassKurtosisState):
        raise InvalidField(
            f"shrinkage={AUTO!r}: needs a state of ClassKurtosis, not of {type(groups.state).__name__}"
        )
    return groups.state
