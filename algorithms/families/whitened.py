"""Classes in coordinates in which their scatter is the identity, and what rounding makes uncertain there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from algorithms.contract import Algorithm, Array, Rows, Score
from algorithms.families.design import CARE, DRAWS
from algorithms.families.residuals import SHAKEN
from algorithms.families.rounding import sure
from algorithms.scoring.scorers import score_by
from algorithms.solvers.spectrum import eigen_apart, graded, graded_root
from algorithms.summaries.by_class import ByClass
from algorithms.summaries.precise import EPS

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


def settled_again(
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
