"""The sums of a loss that is expanded at several starts, from rows; notation is that of ``curvature``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.brief import briefly
from algorithms.contract import Batch, Shape
from algorithms.learned import Learned
from algorithms.preparing.within import union
from algorithms.solvers.expansion import Expansion
from algorithms.summaries.moments import Moments, MomentsState

MOST_APART = 1 << 21
"""Bytes up to which the Hessians are summed by class, so that classes of any weights have their own."""

MOMENTS = Moments("double")


@briefly
@dataclass(frozen=True, eq=False)
class AtStart:
    """A gradient, shape (Ek,), and a Hessian, shape (Ek, Ek), along the places that any row has."""

    gradient: Array
    hessian: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.gradient.nbytes + self.hessian.nbytes


@briefly
@dataclass(frozen=True, eq=False)
class Terms:
    """Rows in the order of their classes, and their moments.

    Attributes
    ----------
    shape, learned : the columns, and what the pilot found.
    moments : of columns and target.
    order : shape (n,), the places that the rows came from.
    z, y, w, codes : the rows along the places that any of them has, targets, weights and places of classes.
    """

    shape: Shape
    learned: Learned
    moments: MomentsState
    order: Places
    z: Array
    y: Array
    w: Array
    codes: Places

    @classmethod
    def of(cls, shape: Shape, known: Learned, batch: Batch, values: Array) -> Terms:
        """Return those of a batch; ``values`` are its rows with all columns and the target."""
        y, m = values[:, shape.d], MOMENTS.update(MOMENTS.init(shape), batch)
        on, codes = along_of(known, m.within)[:-1], codes_of(shape, y)
        z = standard(values[:, on], known["center"][on], known["scale"][on])
        order = np.argsort(codes, kind="stable") if shape.classes else np.arange(len(y))
        return cls(shape, known, m, order, z[order], y[order], batch.weights[order], codes[order])

    @cached_property
    def along(self) -> Places:
        """The places of z that any row has."""
        return along_of(self.learned, self.moments.within)

    @cached_property
    def parts(self) -> list[slice]:
        """The rows of each class."""
        ends = np.searchsorted(self.codes, np.arange(max(1, len(self.shape.classes)) + 1))
        return [slice(*each) for each in pairwise(ends)]

    def eta(self, k: int) -> Array:
        """Return η of each row at a start, shape (n, E)."""
        return np.asarray(self.z @ self.learned["start"][k][:, self.along].T)

    @cached_property
    def sums(self) -> Array:
        """Σw·z of each class, shape (C, m)."""
        return self._spread(np.array([self.w[rows] @ self.z[rows] for rows in self.parts]))

    def losses(self, found: Sequence[Expansion]) -> Array:
        """Return Σw·ℓ by start and class."""
        return np.array([[self.w[rows] @ at.loss[rows] for rows in self.parts] for at in found])

    def gradients(self, found: Sequence[Expansion]) -> Array:
        """Return the gradients by start and class, flat."""
        made = [[at.part(rows).gradient(self.z[rows], self.w[rows]) for rows in self.parts] for at in found]
        e, k = self.learned["start"].shape[1], len(self.along)
        slopes = self._spread(np.array(made).reshape(len(found), len(self.parts), e, k))
        return slopes.reshape(*slopes.shape[:2], -1)

    def hessians(self, found: Sequence[Expansion]) -> Array:
        """Return the Hessians by start, by class where they are few."""
        k, c, em = len(found), len(self.parts), int(self.learned["start"][0].size)
        if apart(k, c, em) == c:
            return np.array([[at.part(r).hessian(self.z[r], self.w[r]) for r in self.parts] for at in found])
        weights = [self.w * g[self.codes] for g in self.learned["balance"]]
        return np.array([[at.hessian(self.z, v)] for at, v in zip(found, weights, strict=True)])

    def at(self, found: Expansion, weights: Array) -> AtStart:
        """Return the gradient and the Hessian about where rows were expanded, of classes of those weights."""
        w = self.w * weights[self.codes]
        return AtStart(found.gradient(self.z, w), found.hessian(self.z, w))

    def _spread(self, values: Array) -> Array:
        """Return sums along some of the places of z, the last dimension, by all m of them."""
        made = np.zeros((*values.shape[:-1], self.shape.d + 1))
        made[..., self.along] = values
        return made


def apart(k: int, c: int, em: int) -> int:
    """Return how many Hessians there are of a start: one of each class where they are few, else one of all."""
    return c if 8 * k * c * em * em <= MOST_APART else 1


def codes_of(shape: Shape, y: Array) -> Places:
    """Return the place of each row's class; zero for a number."""
    return y.astype(np.intp) if shape.classes else np.zeros(len(y), np.intp)


def along_of(known: Learned, within: Places) -> Places:
    """Return the places of z of columns that a row has, or that a row without them is not at the centre of."""
    return np.append(union(within, np.flatnonzero(known["center"])), len(known["center"]))


def standard(x: Array, center: Array, scale: Array) -> Array:
    """Return columns about their centres, over their scales, and a one: shape (n, m)."""
    z = np.empty((len(x), len(center) + 1))
    np.subtract(x, center, out=z[:, :-1])
    z[:, :-1] /= scale
    z[:, -1] = 1.0
    return z
