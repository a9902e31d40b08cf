"""Curvature: the loss of a generalized linear model, its gradient and Hessian at coefficients known beforehand.

Notation

====== ================================================================================
z      a row's columns about the pilot's centres, over its scales, and a one: shape (m,), m = d + 1
E      equations: one, or one for each class where there are more than two
K      starts: coefficients that the loss is expanded at, one for each of several penalties
C      classes, each with sums of its own, so that its weight is free; one for a target that is a number
θ      coefficients of z, shape (E, m), flat where they meet the Hessian
k      the places of z that are other than zero in any row, ``along`` of a state
η      θz, shape (E,)
====== ================================================================================

A pilot is fitted to a small sample of rows by Newton's method with a ridge penalty; one pass then sums
w·ℓ(η), its gradient and its Hessian at the pilot's θ₀. The quadratic they make is one Fisher-scoring step
away from the optimum of *every* penalty and every linear preprocessing of the columns (McCullagh & Nelder,
"Generalized Linear Models", 2nd ed., §2.5), so those are answered without the data. Approximate: exact at θ₀.

The optimum moves with the penalty and with the weights of the classes. So the loss is expanded at several
starts, each the optimum of one penalty, of classes as they are or balanced, and a model is answered from the
nearest. What a quadratic leaves out is computed on rows kept beside it: always those that it fits worst, and a
sample of the others (:mod:`algorithms.summaries.importance`). Where the rows are few all of them are kept, and
models are exact.

The pilot is checked by the pass: the gradient of every row at a start shows how far the optimum is, and the sums
show which classes and columns the pilot has not met. Where it does not suit, starts are fitted again, to rows that
were drawn of all (:meth:`Curvature.failed`, :meth:`Curvature.learn_again`).

Of many columns or classes a Hessian is larger than the rows themselves. Then no loss is expanded at all: the state
is the rows (:mod:`algorithms.summaries._whole`), and models are exact.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from algorithms.ageing import NEVER
from algorithms.arrays import Array, Places, Values
from algorithms.contract import (
    APPROXIMATE,
    INDICATOR,
    Aged,
    Ageing,
    Batch,
    Learned,
    Shape,
    SparseBatch,
    Summary,
)
from algorithms.known import Known
from algorithms.preparing.column_map import Summed
from algorithms.preparing.kernels import NONE as KERNEL_NONE
from algorithms.preparing.kernels import OnFeatures
from algorithms.preparing.within import union
from algorithms.solvers.expansion import Expansion, newton, single, softmax
from algorithms.solvers.row_moments import RowMoments, moments_of_rows
from algorithms.summaries._drawn import priorities_of
from algorithms.summaries._whole import WholeRows, bytes_of_row
from algorithms.summaries.importance import (
    LEAST_IMPORTANT,
    RAREST,
    Drawn,
    batch_of_kept,
    columns_seen,
    drawn,
    faded,
    importance,
    shape_of_kept,
    stands_for,
    usual,
)
from algorithms.summaries.moments import Moments, MomentsState
from algorithms.summaries.sample import Sample, SampleState

if TYPE_CHECKING:
    from algorithms.preparing.column_map import ColumnMap

PILOT = 50_000
"""Rows that the pilot is fitted to."""

STARTS = (
    (0.005, False), (1e-5, False), (0.02, True), (0.03, False), (1e-5, True), (0.1, False), (0.1, True),
)  # fmt: skip
"""Penalties of the starts, beside the mean loss, and whether classes weigh the same; the most useful first."""

MOST_BYTES = 1 << 25
"""Bytes that the Hessians of several starts may take; where all would take more, the first of them are made."""

MOST_APART = 1 << 21
"""Bytes up to which the Hessians are summed by class, so that classes of any weights have their own."""

MOST_KEPT = 1 << 23
"""Bytes, as float64, of rows that are all kept where they are few; columns that are zero in each take none."""

SAMPLED = 1 << 21
"""Bytes of the rows that are kept of many."""

LARGE = 1 << 25
"""Bytes of one Hessian above which the rows are kept in its place, where they take less."""

FAR = 0.35
"""Change of η, weighted by curvature, from a start to its optimum on all rows, above which it is far."""

SELDOM = 1e-3
"""Share of many rows in which an indicator may be other than zero that is zero in the whole pilot."""

APART = 8.0
"""Standard errors that the means of a sample and of all rows may differ by."""

NONE = sys.float_info.max
"""The smallest target of no rows."""

WHOLE = "whole"
"""Under this name it is known how many rows may be kept, where the state is the rows."""

_MOMENTS = Moments("double")

_WEIGHED = "weight", "inner", "sums", "loss", "gradient", "hessian"
"""What of a state is sums of rows' weights."""


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
    known : the pilot: ``start`` (K, E, m); ``share`` (K,), the penalty of each beside the mean of the losses;
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
    """

    shape: Shape = field(metadata={"static": True})
    known: Known = field(metadata={"static": True})
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
    kept: SampleState
    whole: WholeRows
    reach: float = NEVER

    def faded(self, factor: float) -> Self:
        """Return the state as if every row weighed so many times what it does."""
        weighed = {name: getattr(self, name) * factor for name in _WEIGHED}
        whole = replace(self.whole, weight=self.whole.weight * factor)
        return replace(self, **weighed, kept=faded(self.kept, factor), whole=whole)

    @property
    def of_rows(self) -> bool:
        """Whether the state is the rows."""
        return WHOLE in self.known

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
    def counts(self) -> Array:
        """Weight of each class, shape (C,); of a number, its weight."""
        return self.sums[:, -1]

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
        return _along(self.known, self.within)

    def slope(self, k: int, weights: Array) -> Array:
        """Return the gradient at start k, of classes of those weights, along those places, flat."""
        made = weights @ self.gradient[k]
        return np.asarray(made.reshape(self.known["start"].shape[1:])[:, self.along].ravel())

    def curvature(self, k: int, weights: Sequence[float]) -> tuple[Array, Array]:
        """Return the Hessian at start k as it stands for classes of those weights, and what they weigh in it.

        Shapes (Ek, Ek), along those places, and (C,): of those weights where it was summed by class; else as it was
        summed, but for a factor that brings its weight to theirs.
        """
        if self.hessian.shape[1] == len(self.counts):
            return np.einsum("c,cij->ij", np.array(weights), self.hessian[k]), np.array(weights)
        balance = self.known["balance"][k]
        factor = float(np.dot(weights, self.counts) / np.dot(balance, self.counts))
        return factor * self.hessian[k, 0], factor * balance

    @property
    def complete(self) -> bool:
        """Whether every row is kept."""
        return 0 < self.rows == (len(self.whole) if self.of_rows else self.kept.n)

    def drawn(self) -> Drawn:
        """Return the rows that are kept, and how likely that was."""
        return drawn(self.kept, self.known.places("stored"), self.shape.d)

    @property
    def present(self) -> Places:
        """Places of the columns that are not zero in every row, as states hold them."""
        d = self.shape.d
        return columns_seen(np.stack([self.mean[:d], self.moments.squares[:d]]))

    @cached_property
    def moments(self) -> MomentsState:
        """The moments of columns and target."""
        plain = self.shape, self.rows, self.weight, self.mean, self.within, self.inner
        if len(self.sums) < 3 or not self.rows:
            return MomentsState(*plain)
        root = np.sqrt(self.counts)[:, None]
        mean = self.sums[:, :-1].sum(axis=0) / self.weight
        away = np.divide(self.sums[:, :-1], root, out=np.zeros_like(self.sums[:, :-1]), where=root > 0.0)
        return ClassedMoments(*plain, between=(away - root * mean) * self.known["scale"])

    @cached_property
    def finer_moments(self) -> MomentsState:
        """The moments with a root of twice the digits, from the rows: only where every row is kept."""
        found, plain = self.drawn(), self.moments
        joint = np.column_stack([found.x, found.y]) if self.shape.t else np.asarray(found.x)
        return replace(plain, root=np.sqrt(found.weight)[:, None] * (joint - plain.mean)[:, plain.places])


@dataclass(frozen=True, repr=False)
class Curvature(OnFeatures, Ageing, Summary[CurvatureState]):
    """What every generalized linear model keeps; subclasses are the families.

    Parameters
    ----------
    kernel, kernel_scale, kernel_components : features in place of the columns, as in
        :class:`~algorithms.preparing.kernels.OnFeatures`.
    half_life, clock : as in :class:`~algorithms.ageing.Ageing`.
    known : what :meth:`learn` found; None until then.
    """

    version: ClassVar[int] = 9
    draws: ClassVar[bool] = True
    tolerance: ClassVar[float] = 1e-8
    family: ClassVar[str] = APPROXIMATE

    # the family ------------------------------------------------------------------------------------------

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return ℓ, ℓ' and ℓ'' of each row for one equation; ``eta`` and ``y`` have shape (n,)."""
        raise NotImplementedError

    def check_target(self, y: Array, name: str) -> None:
        """Raise InvalidTarget where the family has no such value."""

    def about(self, eta: Array, y: Array) -> Expansion:
        """Return the losses of rows, expanded about ``eta``, shape (n, E)."""
        return single(self.derivatives, eta, y) if eta.shape[1] == 1 else softmax(eta, y)

    def intercepts(self, y: Array, codes: Places, w: Array, equations: int) -> Array:
        """Return η of a model without columns, shape (E,), nearly."""
        raise NotImplementedError

    def equations(self, shape: Shape) -> int:
        """Return E."""
        return len(shape.classes) if len(shape.classes) > 2 else 1

    # the contract ----------------------------------------------------------------------------------------

    def init(self, shape: Shape) -> CurvatureState:
        """Return the state of no rows."""
        shape, known = self.inside(shape), self.learned
        if WHOLE in known:
            return self._of_rows(shape, 0, 0.0, NONE, np.zeros((max(1, len(shape.classes)), 1)), WholeRows.none())
        k, c, m = len(known["start"]), max(1, len(shape.classes)), shape.d + 1
        e, none = self.equations(shape), _MOMENTS.init(shape)
        em, ek = e * m, e * len(_along(known, none.within))
        sums = (
            np.zeros((c, m)),
            np.zeros((k, c)),
            np.zeros((k, c, em)),
            np.zeros((k, _apart(k, c, em), ek, ek)),
        )
        kept = self._keeper().init(shape_of_kept(shape, known.places("stored")))
        return CurvatureState(
            shape, known, 0, 0.0, none.mean, none.within, none.inner, NONE, *sums, kept, WholeRows.none()
        )

    def update(self, state: CurvatureState, batch: Batch) -> CurvatureState:
        """Return the state of the rows seen before and those of ``batch``."""
        if not batch.n:
            return state
        given = batch.weights
        batch, reach = self.weighed(batch)
        batch = self.mapped(batch, state.shape)
        of_rows, shape = state.of_rows, state.shape
        lifted = self._lift_rows(shape, batch) if of_rows else self._lift(shape, batch, given)
        return self.merge(state, replace(lifted, reach=reach))

    def merge(self, a: CurvatureState, b: CurvatureState) -> CurvatureState:
        """Return the state of both states' rows; leaves both alone."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        a, b = self.together(a, b)
        if a.of_rows:
            rows = WholeRows.joined(a.whole, b.whole, self._most)
            beside = min(a.lowest, b.lowest), a.sums + b.sums
            made = self._of_rows(a.shape, a.rows + b.rows, a.weight + b.weight, *beside, rows)
            return replace(made, reach=a.reach)
        both = MomentsState(a.shape, a.rows, a.weight, a.mean, a.within, a.inner)
        both = _MOMENTS.merge(both, MomentsState(b.shape, b.rows, b.weight, b.mean, b.within, b.inner))
        return CurvatureState(
            a.shape, a.known, both.rows, both.weight, both.mean, both.within, both.inner,
            min(a.lowest, b.lowest),
            a.sums + b.sums, a.loss + b.loss, a.gradient + b.gradient, _joined(a, b, both.within),
            self._keeper().merge(a.kept, b.kept), a.whole, a.reach,
        )  # fmt: skip

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: K Hessians of Em unknowns, gradients by class, moments; before the pilot K = 1."""
        if self.keeps_rows(shape):
            inside = self.inside(shape)
            return int(self._fitting(inside) * (8 * (inside.d + 1) + 24) + 8 * inside.d) + 1032
        return self._bytes(self.inside(shape), replace(self.inside(shape), filled=None))

    def _bytes(self, shape: Shape, filled: Shape) -> int:
        """Return the bytes of one state that expands a loss, of rows with that many of the columns."""
        k, c, m, e = self._n_starts, max(1, len(shape.classes)), shape.d + 1, self.equations(shape)
        em, ek = e * m, e * ((shape.d if filled.filled is None else filled.filled) + 1)
        sums = 8 * (c * m + k * (c + c * em + _apart(k, c, em) * ek * ek) + 2)
        stored = np.arange(shape.d) if self.known is None else self.known.places("stored")
        moments = _MOMENTS.nbytes_of(filled, 0)
        return sums + moments + self._keeper().nbytes(shape_of_kept(shape, stored))

    @property
    def _n_starts(self) -> int:
        return 1 if self.known is None else len(self.known["start"])

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes that a state of so many rows is expected to take: those of the rows, where the state is these."""
        if not self.keeps_rows(shape):
            return self._bytes(self.inside(shape), self.inside(shape))
        inside = self.inside(shape)
        return int(min(rows, self._fitting(inside)) * self._bytes_of_row(inside)) + 8 * inside.d + 1024

    def keeps_rows(self, shape: Shape) -> bool:
        """Return whether states are the rows, as the pilot decided or, without one, by the size of the data."""
        if self.known is not None:
            return WHOLE in self.known
        inside = self.inside(shape)
        large = 8 * (self.equations(inside) * (inside.d + 1)) ** 2 > LARGE
        return large and shape.rows is not None and shape.rows <= self._fitting(inside)

    def _fitting(self, shape: Shape) -> int:
        """Return how many rows take the bytes of a Hessian."""
        if self.known is not None and WHOLE in self.known:
            return self._most
        return int(8 * (self.equations(shape) * (shape.d + 1)) ** 2 / self._bytes_of_row(shape))

    def _bytes_of_row(self, shape: Shape) -> float:
        """Return the bytes of a row, encoded, by the types of the data; no number is said to be missing."""
        if self.kernel != KERNEL_NONE:
            return 8.0 * shape.d + 24.0
        columns = sum(column.role != INDICATOR for column in shape.columns)
        return bytes_of_row(shape, columns, shape.number)

    @property
    def _most(self) -> int:
        return int(self.learned.places(WHOLE)[0])

    def _of_rows(
        self, shape: Shape, rows: int, weight: float, lowest: float, counts: Array, whole: WholeRows
    ) -> CurvatureState:
        """Return the state that is the rows: no start, and nothing expanded about it."""
        c, none = len(counts), np.zeros(0)
        empty = np.zeros((0, c)), np.zeros((0, c, 0)), np.zeros((0, 1, 0, 0))
        kept = Sample(size=1).init(Shape((), shape.targets, shape.classes))
        return CurvatureState(
            shape, self.learned, rows, weight, none, none.astype(np.intp), np.zeros((0, 0)), lowest,
            counts, *empty, kept, whole,
        )

    def _lift_rows(self, shape: Shape, batch: Batch) -> CurvatureState:
        y, w, c = batch.target(shape.d), batch.weights, max(1, len(shape.classes))
        counts = np.bincount(_codes(shape, y), w, c)[:, None].astype(np.float64)
        priorities_of(batch, self)
        rows = WholeRows.joined(WholeRows.of(batch, shape.d), WholeRows.none(), self._most)
        return self._of_rows(shape, batch.n, batch.total, float(y.min()), counts, rows)

    def takes(self, batch: Batch) -> bool:
        """Return whether a batch is taken as it is: sparse rows only where the state is the rows."""
        of_rows = self.known is not None and WHOLE in self.known
        sparse = isinstance(batch, SparseBatch)
        return (sparse and of_rows and self.kernel == KERNEL_NONE) or super().takes(batch)

    def learn(self, shape: Shape, sample: Batch) -> Known:
        """Return the pilot: a start for each ridge penalty on standardised columns, and the scales.

        Where the state is the rows, how many there may be.
        """
        features, told = self._features(shape, sample), shape
        if features:
            shape = self._shape_of(shape, Known(features))
        if replace(self, known=None).keeps_rows(told):
            self.check_target(np.array([sample.target(told.d).min(initial=NONE)]), told.targets[0])
            return Known({**features, WHOLE: np.array([replace(self, known=None)._fitting(shape)])})
        if features:
            sample = self.mapped(sample, shape)
        few = slice(None, None, max(1, -(-sample.n // PILOT)))
        values, w = sample.dense(shape.p)[few].astype(np.float64), sample.weights[few]
        center, scale = np.zeros(shape.d), np.ones(shape.d)
        if w.sum() > 0.0:
            center = np.average(values[:, : shape.d], axis=0, weights=w)
            with np.errstate(over="ignore", invalid="ignore"):
                spread = np.sqrt(np.average((values[:, : shape.d] - center) ** 2, axis=0, weights=w))
            scale = _scales(spread, center)
        kept = _kept(sample.n, columns_seen(values[:, : shape.d]), shape)
        return Known({**features, **kept, **self._pilot_of(shape, values, w, center, scale)})

    def failed(self, state: CurvatureState) -> str | None:
        """Return why the starts do not suit the rows of a state; None where they do.

        Few rows must be kept whole. Of many rows each class must have been met, and of the starts of each balance
        one be near its optimum on all rows.
        """
        if state.of_rows and not state.complete and state.rows:
            return f"of {state.rows:,} rows {self._most:,} were to be kept: all that take less than a Hessian"
        if not state.rows or state.of_rows:
            return None
        return self._unsuited(state)

    def _unsuited(self, state: CurvatureState) -> str | None:
        """Return why starts do not suit; None where they do."""
        strange = np.setdiff1d(state.present, state.known.places("stored"))
        fit = state.rows * (len(state.present) + 1) * 8 <= MOST_KEPT
        if fit and (len(strange) or not state.complete):
            return f"all {state.rows:,} rows are few enough to be kept whole, and were not"
        if state.complete:
            return None
        missed = np.flatnonzero((state.counts > 0.0) & (state.known["met"] == 0.0))
        if state.shape.classes and len(missed):
            label = state.shape.classes[missed[0]]
            return f"the sample had no row of {state.shape.targets[0]}={label!r}"
        common = strange[state.mean[strange] > SELDOM]
        if len(common):
            return f"the sample had only zeros in {state.shape.columns[common[0]].name!r}"
        return self._far(state)

    def learn_again(self, shape: Shape, state: CurvatureState, sample: Batch) -> Known:
        """Return starts for another pass: of rows drawn from all, and of the sample where it is like them."""
        if state.of_rows or replace(self, known=None).keeps_rows(replace(shape, rows=state.rows)):
            return self.learn(replace(shape, rows=state.rows), sample)
        inside, features = (
            state.shape,
            {n: a for n, a in self.learned.arrays.items() if n.startswith("feature")},
        )
        d, (values, w) = inside.d, _drawn_rows(state)
        mapped = self.mapped(sample, inside)
        more, v = mapped.dense(inside.p)[:PILOT].astype(np.float64), mapped.weights[:PILOT]
        if _alike(state, more, v):
            v = _to_totals(v, _codes(inside, more[:, d]), state.counts)
            share = len(more) / (len(more) + len(values))
            values, w = np.concatenate([values, more]), np.concatenate([(1.0 - share) * w, share * v])
        center = np.array(state.mean[:d])
        scale, kept = _scales(np.sqrt(_variances(state)), center), _kept(state.rows, state.present, inside)
        return Known({**features, **kept, **self._pilot_of(inside, values, w, center, scale)})

    @property
    def learning(self) -> Learned | None:
        """Always this summary: a loss is expanded at coefficients of a sample."""
        return self

    # the sums --------------------------------------------------------------------------------------------

    def _pilot_of(
        self, shape: Shape, values: Array, w: Array, center: Array, scale: Array
    ) -> dict[str, Values]:
        """Return the starts that rows lead to, and what the importance of others is measured by."""
        y, c = values[:, shape.d], max(1, len(shape.classes))
        self.check_target(y, shape.targets[0])
        z, codes = _standard(values[:, : shape.d], center, scale), _codes(shape, y)
        counts = np.bincount(codes, w, c)
        even = np.sum(counts) / (c * np.maximum(counts, np.mean(w) if len(w) else 1.0))
        starts = self._starts(shape, z, y, w, even)
        measured = np.flatnonzero(
            (starts["share"] == min(starts["share"])) | (np.arange(len(starts["share"])) == 0)
        )
        found = usual(self.about, z, y, w, starts["start"], measured, np.clip(even, 1.0, RAREST))
        return {**starts, **found, "center": center, "scale": scale, "met": counts}

    def _starts(self, shape: Shape, z: Array, y: Array, w: Array, even: Array) -> dict[str, Array]:
        """Return the optima of several penalties, of classes as they are and balanced."""
        e, c, codes = self.equations(shape), max(1, len(shape.classes)), _codes(shape, y)
        fit = max(1, MOST_BYTES // (8 * (e * (shape.d + 1)) ** 2))
        asked = [start for start in STARTS if c > 1 or not start[1]][:fit]
        made: dict[tuple[float, bool], Array] = {}
        theta = np.zeros((2, e, shape.d + 1))
        on = np.flatnonzero(z.any(axis=0)) if len(z) else np.arange(shape.d + 1)
        z = z if len(on) == z.shape[1] else np.ascontiguousarray(z[:, on])
        for balanced, v in enumerate((w, w * even[codes])):
            theta[balanced, :, -1] = self.intercepts(y, codes, v, e) if len(z) else 0.0
        for share, balanced in sorted(asked, reverse=True):
            v = w * even[codes] if balanced else w
            if len(z):
                ridge = share * max(float(v.sum()), 1e-300)
                found = newton(self.about, z, y, v, theta[int(balanced)][:, on], ridge)
                theta[int(balanced)][:, on] = found
            made[share, balanced] = theta[int(balanced)].copy()
        return {
            "start": np.stack([made[each] for each in asked]),
            "share": np.array([share for share, _ in asked]),
            "balance": np.stack([even if balanced else np.ones(c) for _, balanced in asked]),
        }

    def _far(self, state: CurvatureState) -> str | None:
        """Return in words how far the starts are from their optima; None where one of each balance is near."""
        balance = state.known["balance"]
        away = np.array([_distance(state, k) for k in range(len(balance))])
        for kind in np.unique(np.ptp(balance, axis=1) > 0.0):
            nearest = away[(np.ptp(balance, axis=1) > 0.0) == kind].min()
            if not nearest <= FAR:
                how = f"about {nearest:.2g}" if np.isfinite(nearest) else "infinitely"
                return f"the linear predictor that the sample led to is off by {how} on all rows"
        return None

    def _keeper(self) -> Sample:
        return Sample(size=1 if self.known is None else int(self.known["keep"][0]))

    def _lift(self, shape: Shape, batch: Batch, given: Array) -> CurvatureState:
        """Return the state of rows of some weights; they weighed what is given before they aged."""
        known, values = self.learned, batch.dense(shape.p).astype(np.float64)
        y, w, c = values[:, shape.d], batch.weights, max(1, len(shape.classes))
        m = _MOMENTS.update(_MOMENTS.init(shape), batch)
        along, starts = _along(known, m.within), known["start"]
        on = along[:-1]
        z, codes = _standard(values[:, on], known["center"][on], known["scale"][on]), _codes(shape, y)
        order = np.argsort(codes, kind="stable") if c > 1 else slice(None)
        z, y, w, codes = z[order], y[order], w[order], codes[order]
        parts = [slice(*ends) for ends in pairwise(np.searchsorted(codes, np.arange(c + 1)))]
        etas = [z @ theta[:, along].T for theta in starts]
        found = [self.about(eta, y) for eta in etas]
        k = np.empty(len(y))
        k[order] = known["rarity"][codes] * importance(
            self.about, known, z, along, y, given[order], etas, found
        )
        if self.half_life is not None:  # unlike importance it is not rounded, so that merging only multiplies it
            k = np.maximum(k * (batch.weights / given), LEAST_IMPORTANT)
        slopes = np.array([[_slopes(at, z, w, rows) for rows in parts] for at in found])
        return CurvatureState(
            shape,
            known,
            m.rows,
            m.weight,
            m.mean,
            m.within,
            m.inner,
            float(y.min()),
            _spread(np.array([w[rows] @ z[rows] for rows in parts]), along, shape.d + 1),
            np.array([[w[rows] @ at.loss[rows] for rows in parts] for at in found]),
            _spread(slopes, along, shape.d + 1).reshape(*slopes.shape[:2], -1),
            self._hessians(known, z, w, codes, parts, found),
            self._kept_of(shape, batch, values, k),
            WholeRows.none(),
        )

    def _hessians(
        self,
        known: Known,
        z: Array,
        w: Array,
        codes: Places,
        parts: Sequence[slice],
        found: Sequence[Expansion],
    ) -> Array:
        """Return the Hessians of rows in the order of their classes, by class where they are few."""
        k, c, em = len(found), len(parts), int(known["start"][0].size)
        if _apart(k, c, em) == c:
            return np.array([[at.part(rows).hessian(z[rows], w[rows]) for rows in parts] for at in found])
        weights = [w * g[codes] for g in known["balance"]]
        return np.array([[at.hessian(z, v)] for at, v in zip(found, weights, strict=True)])

    def _kept_of(self, shape: Shape, batch: Batch, values: Array, k: Array) -> SampleState:
        """Return the rows of a batch that are kept, given their importance."""
        stored, keeper = self.learned.places("stored"), self._keeper()
        inside = shape_of_kept(shape, stored)
        return keeper.update(keeper.init(inside), batch_of_kept(batch, values, stored, k, inside))


def _apart(k: int, c: int, em: int) -> int:
    """Return how many Hessians there are of a start: one of each class where they are few, else one of all."""
    return c if 8 * k * c * em * em <= MOST_APART else 1


def _codes(shape: Shape, y: Array) -> Places:
    """Return the place of each row's class; zero for a number."""
    return y.astype(np.intp) if shape.classes else np.zeros(len(y), np.intp)


def _slopes(at: Expansion, z: Array, w: Array, rows: slice) -> Array:
    return np.asarray((w[rows, None] * at.slope[rows]).T @ z[rows])


def _along(known: Known, within: Places) -> Places:
    """Return the places of z of columns that a row has, or that a row without them is not at the centre of."""
    return np.append(union(within, np.flatnonzero(known["center"])), len(known["center"]))


def _spread(values: Array, along: Places, m: int) -> Array:
    """Return sums by some of the places of z, the last dimension, by all m of them."""
    made = np.zeros((*values.shape[:-1], m))
    made[..., along] = values
    return made


def _joined(a: CurvatureState, b: CurvatureState, within: Places) -> Array:
    """Return the Hessians of both states' rows, along the places that either has."""
    if len(a.along) == len(b.along) and np.array_equal(a.along, b.along):
        return np.asarray(a.hessian + b.hessian)
    along, e = _along(a.known, within), a.known["start"].shape[1]
    k = len(along)
    made = np.zeros((*a.hessian.shape[:2], e, k, e, k))
    for state in (a, b):
        at = np.searchsorted(along, state.along)
        parts = state.hessian.reshape(*a.hessian.shape[:2], e, len(at), e, len(at))
        for i in range(e):
            for j in range(e):
                made[:, :, i, at[:, None], j, at] += parts[:, :, i, :, j]
    return made.reshape(*a.hessian.shape[:2], e * k, e * k)


def _kept(n: int, present: Places, shape: Shape) -> dict[str, Values]:
    """Return how many rows to keep, all where n rows are few, and with which columns.

    Of few rows every column counts that is not zero in all of them; of many rows all but indicators of nothing.
    """
    most = MOST_KEPT // (8 * (len(present) + 1))
    if n <= most:
        return {"keep": np.array([min(1 << max(0, int(n - 1).bit_length()), most)]), "stored": present}
    others = [j for j, column in enumerate(shape.columns) if column.role != INDICATOR]
    stored = np.union1d(present, np.array(others, np.intp))
    size = np.dtype(shape.dtype).itemsize * (len(stored) + 2)
    return {"keep": np.array([max(2, SAMPLED // size)]), "stored": stored}


def _variances(state: CurvatureState) -> Array:
    return np.asarray(state.moments.squares[: state.shape.d] / state.weight)


def _scales(spread: Array, center: Array) -> Array:
    """Return what columns are divided by: their deviations, or one where they have a single value."""
    return np.where(spread > 1e-12 * np.maximum(1.0, np.abs(center)), spread, 1.0)


def _distance(state: CurvatureState, k: int) -> float:
    """Return the change of η, weighted by curvature, of Newton's step of all rows from start k to its optimum."""
    known, g = state.known, state.known["balance"][k]
    theta, hessian, weight = known["start"][k][:, state.along], state.curvature(k, g)[0], float(g @ state.counts)
    e, m = theta.shape
    free = np.tile(np.arange(m) < m - 1, e)
    ridge = float(known["share"][k]) * weight * free
    slope = state.slope(k, g) + ridge * theta.ravel()
    curvature = float(hessian.reshape(e, m, e, m)[np.arange(e), -1, np.arange(e), -1].sum())
    if not (np.isfinite(slope).all() and np.isfinite(hessian).all() and curvature > 0.0):
        return np.inf
    step = np.linalg.solve(hessian + np.diag(ridge + 1e-9 * curvature), slope)
    return float(np.sqrt(max(float(step @ hessian @ step), 0.0) / curvature))


def _drawn_rows(state: CurvatureState) -> tuple[Array, Array]:
    """Return the rows that a state keeps, targets last, and what each of them stands for."""
    found = state.drawn()
    w = stands_for(found, _codes(state.shape, found.y), state.counts)
    return np.column_stack([found.x, found.y]), w


def _to_totals(w: Array, codes: Places, totals: Array) -> Array:
    """Return weights of which each class has its total."""
    found = np.bincount(codes, w, len(totals))
    return np.asarray(w * np.divide(totals, found, out=np.zeros_like(found), where=found > 0.0)[codes])


def _alike(state: CurvatureState, values: Array, w: Array) -> bool:
    """Return whether a sample has the means of all rows, and every class."""
    if len(values) < 2 or not w.sum() > 0.0:
        return False
    d = state.shape.d
    found = np.bincount(_codes(state.shape, values[:, d]), w, len(state.counts))
    if np.any((found == 0.0) & (state.counts > 0.0)):
        return False
    here = np.average(values, axis=0, weights=w)
    error = np.sqrt(state.moments.squares / state.weight / len(values))
    return bool(np.all(np.abs(here - state.mean) <= APART * error + 1e-9 * np.abs(state.mean)))


def _standard(x: Array, center: Array, scale: Array) -> Array:
    z = np.empty((len(x), len(center) + 1))
    np.subtract(x, center, out=z[:, :-1])
    z[:, :-1] /= scale
    z[:, -1] = 1.0
    return z
