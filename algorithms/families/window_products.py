"""Products of features of windows with themselves and with next values, and what is solved from them.

Notation
====== ==================================================================
q      features
F      features of windows about their means, so that G = FᵀF and b = Fᵀt for targets t, shapes (q, q) and (q, h)
w      weights, shape (h, q)
α, ρ   penalty, and the share of it that is absolute
====== ==================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.families.forecast import CARE, Trained
from algorithms.solvers.coordinate_descent import Descent, elastic_net
from algorithms.solvers.inverses import RANK, Along, Gram, Inverse
from algorithms.solvers.spectrum import EPS
from algorithms.summaries.moments import MomentsState

LEVEL = 1e-24
"""A covariate whose variance is less, beside its squared mean, does not vary."""

NEAR = Descent(tol=1e-9, max_iter=10_000)
"""How an elastic net's descent runs; what it ends at is solved for on its active features."""

SLACK = 1e-9
"""Share of the penalty by which a slope may exceed it at an optimum."""


@dataclass(frozen=True, eq=False)
class Products:
    """Products of some steps' features and targets.

    Attributes
    ----------
    steps : the next steps that are forecast by these features.
    rows, targets : maps of z and e to features (q, d), and to what is taken from the next values (h, d).
    mean, target_mean : of the windows, shapes (q,) and (h,).
    weight : number of windows.
    gram, cross : G and b, shapes (q, q) and (q, h).
    squares : of the targets, shape (h,).
    lengths, sizes : lengths that targets (h,) and features (q,) have at most: what products are rounded to.
    """

    steps: slice
    rows: Array
    targets: Array
    mean: Array
    target_mean: Array
    weight: float
    gram: Gram
    cross: Array
    squares: Array
    lengths: Array
    sizes: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 3 * self.gram.entries.nbytes + self.cross.nbytes + self.rows.nbytes + self.targets.nbytes

    @classmethod
    def of(cls, moments: MomentsState, steps: slice, rows: Array, targets: Array, *, center: bool) -> Products:
        """Return those of some windows; about their means, or about zero."""
        d, p, q, h = moments.shape.d, moments.shape.p, len(rows), len(targets)
        maps = np.zeros((q + h, p))
        maps[:q, :d], maps[q:, :d] = rows, -targets
        maps[q:, d:] = np.eye(p - d)[steps]
        mean = maps @ moments.mean
        both = _mapped(maps, moments.scatter)
        squares = moments.squares
        if not center:
            both += moments.weight * np.multiply.outer(mean, mean)
            squares = squares + moments.weight * moments.mean**2
        lengths = np.abs(maps) @ np.sqrt(squares)
        return cls(
            steps, rows, targets, mean[:q], mean[q:], moments.weight, Gram(both[:q, :q]), both[:q, q:],
            np.diagonal(both)[q:], lengths[q:], lengths[:q],
        )  # fmt: skip

    def until(self, steps: int) -> Products:
        """Return the same of the first so many next steps, of which there is one at least."""
        first, n = self.steps.start, min(self.steps.stop, steps) - self.steps.start
        return replace(
            self, steps=slice(first, first + n), targets=self.targets[:n], target_mean=self.target_mean[:n],
            cross=self.cross[:, :n], squares=self.squares[:n], lengths=self.lengths[:n],
        )  # fmt: skip

    def ridge(self, alpha: float) -> Solved:
        """Return argmin ½‖t - Fw‖² + ½α‖w‖²."""
        inverse = self.gram.penalised(alpha)
        return Solved(self.steps, inverse.times(self.cross.T), inverse)

    def leading(self, components: int | None) -> Solved:
        """Return least squares on the first principal components; None for all of the rank."""
        k = self.gram.rank if components is None else min(components, self.gram.rank)
        inverse, again = self._first(k), self._shaken()
        weights = inverse.times(self.cross.T)
        other = again._first(k).times(again.cross.T)
        return Solved(self.steps, weights, inverse, CARE * (other - weights))

    def _first(self, k: int) -> Along:
        """Return the inverse along the first k principal components."""
        values, vectors = self.gram.axes
        made = np.zeros(len(values))
        made[len(values) - k :] = 1.0 / values[len(values) - k :]
        return Along(vectors, values, made)

    def _shaken(self) -> Products:
        """Return the same with products moved by what rounding may have moved them by."""
        rng = np.random.default_rng(0)
        noise = np.triu(rng.choice([-1.0, 1.0], self.gram.entries.shape))
        noise = (noise + np.triu(noise, 1).T) * np.multiply.outer(self.sizes, self.sizes)
        beside = rng.choice([-1.0, 1.0], self.cross.shape) * np.multiply.outer(self.sizes, self.lengths)
        return replace(self, gram=Gram(self.gram.entries + EPS * noise), cross=self.cross + EPS * beside)

    def elastic_net(self, alpha: float, l1_ratio: float) -> list[Solved]:
        """Return argmin ½‖t - Fw‖² + αρ‖w‖₁ + ½α(1 - ρ)‖w‖² of each step."""
        if not alpha * l1_ratio > 0.0:
            return [self.ridge(alpha)]
        return [self._sparse(h, alpha * l1_ratio, alpha * (1.0 - l1_ratio)) for h in range(self.cross.shape[1])]

    def _sparse(self, h: int, l1: float, l2: float) -> Solved:
        step, b, w = self.steps.start + h, np.ascontiguousarray(self.cross[:, h]), max(self.weight, 1.0)
        gram, share = self.gram.entries, l1 / (l1 + l2)
        coef = elastic_net(
            np.ascontiguousarray(gram / w), b / w, float(self.squares[h]) / w, (l1 + l2) / w, share, NEAR
        )[0]
        on = np.flatnonzero(coef)
        values, inside = np.linalg.eigh(gram[np.ix_(on, on)])
        values = np.maximum(values, 0.0)
        inverse = 1.0 / np.maximum(values + l2, RANK * max(float(values[-1]), 1.0) if len(values) else 1.0)
        signs = np.sign(coef[on])
        exact = inside @ (inverse * (inside.T @ (b[on] - l1 * signs)))
        made = np.zeros(len(coef))
        made[on] = exact
        slope = b - gram @ made
        slope[on] = 0.0
        if np.array_equal(np.sign(exact), signs) and np.all(np.abs(slope) <= l1 * (1.0 + SLACK)):
            coef = made
        vectors = np.zeros((len(coef), len(on)))
        vectors[on] = inside
        return Solved(slice(step, step + 1), coef[None], Along(vectors, values, inverse))


@dataclass(frozen=True, eq=False)
class Solved:
    """Weights of some steps.

    Attributes
    ----------
    steps : of which steps.
    weights : w, shape (h, q).
    inverse : what rounding of products moves weights by, as in :class:`~algorithms.families.forecast.Trained`.
    change : shape (h, q), by how much rounding moved weights that do not follow from these; None where they do.
    """

    steps: slice
    weights: Array
    inverse: Inverse
    change: Array | None = None

    def trained(self, of: Products, mean: Array) -> Trained:
        """Return how the weights answer to rounding."""
        own = slice(self.steps.start - of.steps.start, self.steps.stop - of.steps.start)
        reach = np.abs(self.weights) @ of.sizes + of.lengths[own]
        return Trained(self.steps, of.rows, self.inverse, of.sizes, reach, mean, self.change)


@dataclass(frozen=True, eq=False)
class Together:
    """The products of all steps: of those that have features in common together."""

    parts: Sequence[Products]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(part.nbytes for part in self.parts)


def _mapped(maps: Array, scatter: Array) -> Array:
    """Return MSMᵀ, shape (q, q); rows of M that have one entry are taken from S as they are."""
    one = np.count_nonzero(maps, axis=1) == 1
    at, mixed = np.argmax(maps[one] != 0.0, axis=1), maps[~one]
    size = maps[one, at]
    half, made = np.empty_like(maps), np.empty((len(maps), len(maps)))
    half[one], half[~one] = size[:, None] * scatter[at], mixed @ scatter
    made[:, one], made[:, ~one] = half[:, at] * size, half @ mixed.T
    return made


def standardised(moments: MomentsState, places: Places) -> Array:
    """Return the map of z and e to some of their columns divided by their deviations, of those that vary.

    Examples
    --------
    >>> from algorithms.contract import Batch, Column, Shape
    >>> from algorithms.summaries.moments import Moments
    >>> columns = tuple(Column(name, name) for name in "ab")
    >>> state = Moments().init(Shape(columns, ()))
    >>> state = Moments().update(state, Batch(np.array([[0.0, 3.0], [4.0, 3.0]]), d=2))
    >>> standardised(state, np.array([0, 1])).tolist()
    [[0.5, 0.0]]
    """
    squares, weight = moments.squares[places], max(moments.weight, 1.0)
    varies = squares > LEVEL * weight * moments.mean[places] ** 2
    kept = places[varies & (squares > 0.0)]
    made = np.zeros((len(kept), moments.shape.d))
    made[np.arange(len(kept)), kept] = math.sqrt(weight) / np.sqrt(moments.squares[kept])
    return made
