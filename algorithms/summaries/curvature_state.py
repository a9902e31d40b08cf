"""The state of :class:`~algorithms.summaries.curvature.Curvature`; notation is that module's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from algorithms.ageing import NEVER
from algorithms.arrays import Array, Places
from algorithms.contract import Aged, Batch, Shape
from algorithms.learned import Learned
from algorithms.memo import MEMO
from algorithms.preparing.column_map import Summed
from algorithms.solvers.row_moments import RowMoments, moments_of_rows
from algorithms.summaries._terms import AtStart, Terms, along_of, codes_of
from algorithms.summaries._whole import WholeRows
from algorithms.summaries.importance import Drawn, columns_seen, drawn, faded
from algorithms.summaries.moments import MomentsState
from algorithms.summaries.sample import NumberedState

if TYPE_CHECKING:
    from algorithms.preparing.column_map import ColumnMap
    from algorithms.solvers.expansion import Expansion

WHOLE = "whole"
"""Under this name it is known how many rows may be kept, where the state is the rows."""

_WEIGHED = "weight", "inner", "sums", "loss", "gradient", "hessian"
"""What of a state is sums of rows' weights."""


class Family(Protocol):
    """What of a summary makes the sums of rows."""

    def about(self, eta: Array, y: Array) -> Expansion:
        """Return the losses of rows, expanded about ``eta``, shape (n, E)."""
        ...

    def with_sums(self, state: CurvatureState, rows: Terms) -> CurvatureState:
        """Return a state with the sums of its rows."""
        ...


@dataclass(frozen=True, eq=False)
class ClassedMoments(MomentsState):
    """Moments of columns and target that know the means of the classes.

    Attributes
    ----------
    between : shape (C, d), each class's mean less the mean of all, times the root of its weight.
    """

    between: Array = field(kw_only=True)

    def association(self, columns: ColumnMap) -> Array:
        """Return the root of the scatter between the classes, shape (q,).

        Over a column's root of scatter it is the correlation ratio, which ranks columns as the F test of an
        analysis of variance does, and of two classes is the absolute correlation.
        """
        return np.asarray(np.sqrt(np.sum([columns.mean(row) ** 2 for row in self.between], axis=0)))


@dataclass(frozen=True, eq=False)
class CurvatureState(Aged):
    """The state of a :class:`Curvature`.

    Attributes
    ----------
    shape : the columns.
    learned : the pilot: ``start`` (K, E, m); ``share`` (K,), the penalty of each beside the mean of the losses;
        ``balance`` (K, C), what the classes weigh in its Hessian; ``center`` and ``scale`` (d,); ``keep``, how
        many rows are kept; ``stored``, the columns that they are kept with; ``met`` (C,), weight of each class in
        the pilot; and what importance is measured by.
    rows, weight, mean, within, inner : the moments of columns and target, as in ``MomentsState``.
    lowest : smallest target seen; the largest number before the first.
    sums : shape (C, m), Σw·z of each class.
    loss : shape (K, C), Σw·ℓ.
    gradient : shape (K, C, Em).
    hessian : shape (K, C, Ek, Ek); where Em is large (K, 1, Ek, Ek), of all classes, weighted by ``balance``.
    kept : some of the rows, by importance: all of them, where they are few.
    whole : the rows, where a Hessian is larger than they are. Then there is no start, K is 0, and ``mean`` and
        ``inner`` hold nothing: :attr:`columns` is computed of the rows.
    reach : the clock of the newest row, of rows that age.
    summary : what knows the family.

    Notes
    -----
    Where every row is kept and the sums would take more bytes than the rows, there are none: the state is *bare*,
    ``within`` is empty, and sums are made of the rows when they are asked for.
    """

    shape: Shape = field(metadata={"static": True})
    learned: Learned = field(metadata={"static": True})
    rows: int
    weight: float
    mean: Array
    within: Places = field(metadata={"varies": True})
    inner: Array = field(metadata={"varies": True, "sides": True})
    lowest: float
    sums: Array
    loss: Array
    gradient: Array
    hessian: Array = field(metadata={"varies": True, "sides": True})
    kept: NumberedState
    whole: WholeRows
    reach: float = NEVER
    summary: Family = field(kw_only=True, repr=False, metadata={"static": True})

    def faded(self, factor: float) -> Self:
        """Return the state as if every row weighed so many times what it does."""
        weighed = {name: getattr(self, name) * factor for name in _WEIGHED}
        whole = replace(self.whole, weight=self.whole.weight * factor)
        return replace(self, **weighed, kept=faded(self.kept, factor), whole=whole)

    @property
    def of_rows(self) -> bool:
        """Whether the state is the rows."""
        return WHOLE in self.learned

    @property
    def kept_rows(self) -> int:
        """How many rows models are fitted to, where the state is the rows."""
        return len(self.whole)

    @cached_property
    def columns(self) -> Summed:
        """The means of columns and target, and their squares about them."""
        return self.row_moments if self.of_rows else self.moments

    @cached_property
    def row_moments(self) -> RowMoments:
        """The same, of the rows that the state is."""
        rows = self.whole
        return moments_of_rows(self.shape, rows.matrix, rows.columns, rows.target, rows.weight)

    @property
    def bare(self) -> bool:
        """Whether the rows that are kept stand for the sums."""
        return self.rows > 0 and not self.of_rows and not self.hessian.shape[-1]

    @cached_property
    def terms(self) -> Terms:
        """The rows that stand for the sums."""
        found = self.drawn()
        values = np.column_stack([found.x, found.y])
        return Terms.of(self.shape, self.learned, Batch(values, self.shape.d, found.weight), values)

    @property
    def full(self) -> CurvatureState:
        """The state with its sums."""
        return self.summary.with_sums(self, self.terms) if self.bare else self

    def _at(self, k: int, weights: Iterable[float]) -> AtStart:
        """Return the gradient and the Hessian of the rows at start k, of classes of those weights."""
        rows, asked = self.terms, tuple(map(float, weights))
        return MEMO.get(
            self, ("start", k, asked), lambda: rows.at(self.summary.about(rows.eta(k), rows.y), np.array(asked))
        )

    @cached_property
    def counts(self) -> Array:
        """Weight of each class, shape (C,); of a number, its weight."""
        if not self.bare:
            return self.sums[:, -1]
        found = self.drawn()
        return np.bincount(codes_of(self.shape, found.y), found.weight, len(self.sums)).astype(np.float64)

    @property
    def likeness(self) -> Array | None:
        """That of the rows that are kept."""
        return self.kept.likeness

    @property
    def class_rows(self) -> Array | None:
        """The weight of each class."""
        return self.counts if self.shape.classes else None

    @cached_property
    def along(self) -> Places:
        """The places of z that are other than zero in any row, the last included; in others a row adds nothing."""
        return along_of(self.learned, self.moments.within)

    def slope(self, k: int, weights: Array) -> Array:
        """Return the gradient at start k, of classes of those weights, along those places, flat."""
        if self.bare:
            return self._at(k, weights).gradient
        made = weights @ self.gradient[k]
        return np.asarray(made.reshape(self.learned["start"].shape[1:])[:, self.along].ravel())

    def curvature(self, k: int, weights: Sequence[float]) -> tuple[Array, Array]:
        """Return the Hessian at start k as it stands for classes of those weights, and what they weigh in it.

        Shapes (Ek, Ek), along those places, and (C,): of those weights where it was summed by class; else as it was
        summed, but for a factor that brings its weight to theirs.
        """
        if self.bare:
            return self._at(k, weights).hessian, np.array(weights)
        if self.hessian.shape[1] == len(self.counts):
            return np.einsum("c,cij->ij", np.array(weights), self.hessian[k]), np.array(weights)
        balance = self.learned["balance"][k]
        factor = float(np.dot(weights, self.counts) / np.dot(balance, self.counts))
        return factor * self.hessian[k, 0], factor * balance

    @property
    def complete(self) -> bool:
        """Whether every row is kept."""
        return 0 < self.rows == (len(self.whole) if self.of_rows else self.kept.n)

    def drawn(self) -> Drawn:
        """Return the rows that are kept, and how likely that was."""
        return drawn(self.kept, self.learned.places("stored"), self.shape.d)

    @property
    def present(self) -> Places:
        """Places of the columns that are not zero in every row, as states hold them."""
        d, m = self.shape.d, self.moments
        return columns_seen(np.stack([m.mean[:d], m.squares[:d]]))

    @cached_property
    def moments(self) -> MomentsState:
        """The moments of columns and target."""
        plain = self.shape, self.rows, self.weight, self.mean, self.within, self.inner
        sums = self.sums
        if self.bare:
            found, sums = self.terms.moments, self.terms.sums
            plain = self.shape, self.rows, self.weight, found.mean, found.within, found.inner
        if len(sums) < 3 or not self.rows:
            return MomentsState(*plain)
        root = np.sqrt(self.counts)[:, None]
        mean = sums[:, :-1].sum(axis=0) / self.weight
        away = np.divide(sums[:, :-1], root, out=np.zeros_like(sums[:, :-1]), where=root > 0.0)
        return ClassedMoments(*plain, between=(away - root * mean) * self.learned["scale"])

    @cached_property
    def finer_moments(self) -> MomentsState:
        """The moments with a root of twice the digits, from the rows: only where every row is kept."""
        found, plain = self.drawn(), self.moments
        joint = np.column_stack([found.x, found.y]) if self.shape.t else np.asarray(found.x)
        return replace(plain, root=np.sqrt(found.weight)[:, None] * (joint - plain.mean)[:, plain.places])


def joined_hessians(a: CurvatureState, b: CurvatureState, within: Places) -> Array:
    """Return the Hessians of both states' rows, along the places that either has."""
    if len(a.along) == len(b.along) and np.array_equal(a.along, b.along):
        return np.asarray(a.hessian + b.hessian)
    along, e = along_of(a.learned, within), a.learned["start"].shape[1]
    k = len(along)
    made = np.zeros((*a.hessian.shape[:2], e, k, e, k))
    for state in (a, b):
        at = np.searchsorted(along, state.along)
        parts = state.hessian.reshape(*a.hessian.shape[:2], e, len(at), e, len(at))
        for i in range(e):
            for j in range(e):
                made[:, :, i, at[:, None], j, at] += parts[:, :, i, :, j]
    return made.reshape(*a.hessian.shape[:2], e * k, e * k)
