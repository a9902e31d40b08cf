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
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from algorithms.arrays import Array, Places, Values
from algorithms.contract import (
    APPROXIMATE,
    INDICATOR,
    Ageing,
    Batch,
    Learning,
    Shape,
    SparseBatch,
    Summary,
)
from algorithms.learned import Learned
from algorithms.preparing.kernels import NONE as KERNEL_NONE
from algorithms.preparing.kernels import OnFeatures
from algorithms.solvers.expansion import Expansion, newton, single, softmax
from algorithms.summaries._drawn import priorities_of
from algorithms.summaries._terms import MOMENTS, Terms, apart, codes_of, standard
from algorithms.summaries._whole import WholeRows, bytes_of_row
from algorithms.summaries.curvature_state import WHOLE, CurvatureState, joined_hessians
from algorithms.summaries.importance import (
    LEAST_IMPORTANT,
    RAREST,
    batch_of_kept,
    columns_seen,
    importance,
    shape_of_kept,
    usual,
)
from algorithms.summaries.moments import MomentsState
from algorithms.summaries.sample import NumberedState, Sample
from algorithms.summaries.suited import (
    alike,
    drawn_rows,
    kept_with,
    scales_of,
    to_totals,
    unsuited,
    variances,
)

PILOT = 50_000
"""Rows that the pilot is fitted to."""

STARTS = (
    (0.005, False), (1e-5, False), (0.02, True), (0.03, False), (1e-5, True), (0.1, False), (0.1, True),
)  # fmt: skip
"""Penalties of the starts, beside the mean loss, and whether classes weigh the same; the most useful first."""

MOST_BYTES = 1 << 25
"""Bytes that the Hessians of several starts may take; where all would take more, the first of them are made."""

LARGE = 1 << 25
"""Bytes of one Hessian above which the rows are kept in its place, where they take less."""

NONE = sys.float_info.max
"""The smallest target of no rows."""


@dataclass(frozen=True, repr=False)
class Curvature(OnFeatures, Ageing, Summary[CurvatureState]):
    """What every generalized linear model keeps; subclasses are the families.

    Parameters
    ----------
    kernel, kernel_scale, kernel_components : features in place of the columns, as in
        :class:`~algorithms.preparing.kernels.OnFeatures`.
    half_life, clock : as in :class:`~algorithms.ageing.Ageing`.
    learned : what :meth:`learn` found; None until then.
    """

    version: ClassVar[int] = 11
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
        shape, known = self.inside(shape), self.beforehand
        if WHOLE in known:
            return self._of_rows(shape, 0, 0.0, NONE, np.zeros((max(1, len(shape.classes)), 1)), WholeRows.none())
        return self._empty(shape, self._keeper().init(shape_of_kept(shape, known.places("stored"))))

    def _empty(self, shape: Shape, kept: NumberedState) -> CurvatureState:
        known, none = self.beforehand, MOMENTS.init(shape)
        k, e, m = known["start"].shape
        c = max(1, len(shape.classes))
        sums = (
            np.zeros((c, m)),
            np.zeros((k, c)),
            np.zeros((k, c, e * m)),
            np.zeros((k, apart(k, c, e * m), 0, 0)),
        )
        return CurvatureState(
            shape, known, 0, 0.0, none.mean, none.within, none.inner, NONE, *sums, kept, WholeRows.none(),
            summary=self,
        )  # fmt: skip

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
        kept = self._keeper().merge(a.kept, b.kept)
        bare = self._bare(a.shape, a.rows + b.rows, a.weight + b.weight, min(a.lowest, b.lowest), kept)
        if a.bare and b.bare and self._sums_are_large(bare):
            return replace(bare, reach=a.reach)
        a, b = a.full, b.full
        both = MomentsState(a.shape, a.rows, a.weight, a.mean, a.within, a.inner)
        both = MOMENTS.merge(both, MomentsState(b.shape, b.rows, b.weight, b.mean, b.within, b.inner))
        return CurvatureState(
            a.shape, a.learned, both.rows, both.weight, both.mean, both.within, both.inner,
            min(a.lowest, b.lowest),
            a.sums + b.sums, a.loss + b.loss, a.gradient + b.gradient, joined_hessians(a, b, both.within),
            kept, a.whole, a.reach, summary=self,
        )  # fmt: skip

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: K Hessians of Em unknowns, gradients by class, moments; before the pilot K = 1."""
        if self.keeps_rows(shape):
            inside = self.inside(shape)
            return int(self._rows_of_hessian(inside) * (8 * (inside.d + 1) + 24) + 8 * inside.d) + 1032
        return self._bytes(self.inside(shape), replace(self.inside(shape), filled=None))

    def _bytes(self, shape: Shape, filled: Shape) -> int:
        """Return the bytes of one state that expands a loss, of rows with that many of the columns."""
        k, c, m, e = self._n_starts, max(1, len(shape.classes)), shape.d + 1, self.equations(shape)
        em, ek = e * m, e * ((shape.d if filled.filled is None else filled.filled) + 1)
        sums = 8 * (c * m + k * (c + c * em + apart(k, c, em) * ek * ek) + 2)
        stored = np.arange(shape.d) if self.learned is None else self.learned.places("stored")
        moments = MOMENTS.nbytes_of(filled, 0)
        return sums + moments + self._keeper().nbytes(shape_of_kept(shape, stored))

    @property
    def _n_starts(self) -> int:
        return 1 if self.learned is None else len(self.learned["start"])

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes that a state of so many rows is expected to take: those of the rows, where the state is these."""
        if not self.keeps_rows(shape):
            return self._bytes(self.inside(shape), self.inside(shape))
        inside = self.inside(shape)
        return int(min(rows, self._rows_of_hessian(inside)) * self._bytes_of_row(inside)) + 8 * inside.d + 1024

    def keeps_rows(self, shape: Shape) -> bool:
        """Return whether states are the rows, as the pilot decided or, without one, by the size of the data."""
        if self.learned is not None:
            return WHOLE in self.learned
        inside = self.inside(shape)
        large = 8 * (self.equations(inside) * (inside.d + 1)) ** 2 > LARGE
        return large and shape.rows is not None and shape.rows <= self._rows_of_hessian(inside)

    def _rows_of_hessian(self, shape: Shape) -> int:
        """Return how many rows take the bytes of a Hessian."""
        if self.learned is not None and WHOLE in self.learned:
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
        return int(self.beforehand.places(WHOLE)[0])

    def _of_rows(
        self, shape: Shape, rows: int, weight: float, lowest: float, counts: Array, whole: WholeRows
    ) -> CurvatureState:
        """Return the state that is the rows: no start, and nothing expanded about it."""
        c, none = len(counts), np.zeros(0)
        empty = np.zeros((0, c)), np.zeros((0, c, 0)), np.zeros((0, 1, 0, 0))
        kept = Sample(size=1).init(Shape((), shape.targets, shape.classes))
        return CurvatureState(
            shape, self.beforehand, rows, weight, none, none.astype(np.intp), np.zeros((0, 0)), lowest,
            counts, *empty, kept, whole, summary=self,
        )

    def _lift_rows(self, shape: Shape, batch: Batch) -> CurvatureState:
        y, w, c = batch.target(shape.d), batch.weights, max(1, len(shape.classes))
        counts = np.bincount(codes_of(shape, y), w, c)[:, None].astype(np.float64)
        priorities_of(batch, self)
        rows = WholeRows.joined(WholeRows.of(batch, shape.d), WholeRows.none(), self._most)
        return self._of_rows(shape, batch.n, batch.total, float(y.min()), counts, rows)

    def takes(self, batch: Batch) -> bool:
        """Return whether a batch is taken as it is: sparse rows only where the state is the rows."""
        of_rows = self.learned is not None and WHOLE in self.learned
        sparse = isinstance(batch, SparseBatch)
        return (sparse and of_rows and self.kernel == KERNEL_NONE) or super().takes(batch)

    def learn(self, shape: Shape, sample: Batch) -> Learned:
        """Return the pilot: a start for each ridge penalty on standardised columns, and the scales.

        Where the state is the rows, how many there may be.
        """
        features, whole = self._features(shape, sample), shape
        if features:
            shape = self._shape_of(shape, Learned(features))
        if replace(self, learned=None).keeps_rows(whole):
            self.check_target(np.array([sample.target(whole.d).min(initial=NONE)]), whole.targets[0])
            return Learned({**features, WHOLE: np.array([replace(self, learned=None)._rows_of_hessian(shape)])})
        if features:
            sample = self.mapped(sample, shape)
        few = slice(None, None, max(1, -(-sample.n // PILOT)))
        values, w = sample.dense(shape.p)[few].astype(np.float64), sample.weights[few]
        center, scale = np.zeros(shape.d), np.ones(shape.d)
        if w.sum() > 0.0:
            center = np.average(values[:, : shape.d], axis=0, weights=w)
            with np.errstate(over="ignore", invalid="ignore"):
                spread = np.sqrt(np.average((values[:, : shape.d] - center) ** 2, axis=0, weights=w))
            scale = scales_of(spread, center)
        kept = kept_with(sample.n, columns_seen(values[:, : shape.d]), shape)
        return Learned({**features, **kept, **self._pilot_of(shape, values, w, center, scale)})

    def failed(self, state: CurvatureState) -> str | None:
        """Return why the starts do not suit the rows of a state; None where they do.

        Few rows must be kept whole. Of many rows each class must have been met, and of the starts of each balance
        one be near its optimum on all rows.
        """
        if state.of_rows and not state.complete and state.rows:
            return f"of {state.rows:,} rows {self._most:,} were to be kept: all that take less than a Hessian"
        if not state.rows or state.of_rows:
            return None
        return unsuited(state)

    def learn_again(self, shape: Shape, state: CurvatureState, sample: Batch) -> Learned:
        """Return starts for another pass: of rows drawn from all, and of the sample where it is like them."""
        if state.of_rows or replace(self, learned=None).keeps_rows(replace(shape, rows=state.rows)):
            return self.learn(replace(shape, rows=state.rows), sample)
        inside, features = (
            state.shape,
            {n: a for n, a in self.beforehand.arrays.items() if n.startswith("feature")},
        )
        d, (values, w) = inside.d, drawn_rows(state)
        mapped = self.mapped(sample, inside)
        more, v = mapped.dense(inside.p)[:PILOT].astype(np.float64), mapped.weights[:PILOT]
        if alike(state, more, v):
            v = to_totals(v, codes_of(inside, more[:, d]), state.counts)
            share = len(more) / (len(more) + len(values))
            values, w = np.concatenate([values, more]), np.concatenate([(1.0 - share) * w, share * v])
        center = np.array(state.moments.mean[:d])
        scale, kept = scales_of(np.sqrt(variances(state)), center), kept_with(state.rows, state.present, inside)
        return Learned({**features, **kept, **self._pilot_of(inside, values, w, center, scale)})

    @property
    def learning(self) -> Learning | None:
        """Always this summary: a loss is expanded at coefficients of a sample."""
        return self

    # the sums --------------------------------------------------------------------------------------------

    def _pilot_of(
        self, shape: Shape, values: Array, w: Array, center: Array, scale: Array
    ) -> dict[str, Values]:
        """Return the starts that rows lead to, and what the importance of others is measured by."""
        y, c = values[:, shape.d], max(1, len(shape.classes))
        self.check_target(y, shape.targets[0])
        z, codes = standard(values[:, : shape.d], center, scale), codes_of(shape, y)
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
        e, c, codes = self.equations(shape), max(1, len(shape.classes)), codes_of(shape, y)
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

    def _keeper(self) -> Sample:
        return Sample(size=1 if self.learned is None else int(self.learned["keep"][0]))

    def _lift(self, shape: Shape, batch: Batch, given: Array) -> CurvatureState:
        """Return the state of rows of some weights; they weighed what is given before they aged."""
        known, values = self.beforehand, batch.dense(shape.p).astype(np.float64)
        rows = Terms.of(shape, known, batch, values)
        etas = [rows.eta(k) for k in range(self._n_starts)]
        found = [self.about(eta, rows.y) for eta in etas]
        k = np.empty(batch.n)
        k[rows.order] = known["rarity"][rows.codes] * importance(
            self.about, known, rows.z, rows.along, rows.y, given[rows.order], etas, found
        )
        if self.half_life is not None:  # unlike importance it is not rounded, so that merging only multiplies it
            k = np.maximum(k * (batch.weights / given), LEAST_IMPORTANT)
        lowest, kept = float(rows.y.min()), self._kept_of(shape, batch, values, k)
        bare = self._bare(shape, batch.n, batch.total, lowest, kept)
        exact = self._sums_are_large(bare) and _as_they_are(
            shape, known.places("stored"), values, rows.moments.within
        )
        return bare if exact else self.with_sums(bare, rows, found)

    def _bare(
        self, shape: Shape, rows: int, weight: float, lowest: float, kept: NumberedState
    ) -> CurvatureState:
        """Return the state without sums."""
        return replace(self._empty(shape, kept), rows=rows, weight=weight, lowest=lowest)

    def _sums_are_large(self, state: CurvatureState) -> bool:
        """Return whether every row is kept and takes no more bytes than the sums."""
        em, c = int(self.beforehand["start"][0].size), max(1, len(state.shape.classes))
        k, beside = self._n_starts, 24 + 8 * (len(self.beforehand["stored"]) + 2)
        return state.complete and state.rows * beside <= 8 * k * apart(k, c, em) * em * em

    def with_sums(
        self, state: CurvatureState, rows: Terms, found: Sequence[Expansion] | None = None
    ) -> CurvatureState:
        """Return a state with the sums of its rows, which are expanded at each start where that is not yet done."""
        found = found or [self.about(rows.eta(k), rows.y) for k in range(self._n_starts)]
        m = rows.moments
        return replace(
            state, mean=m.mean, within=m.within, inner=m.inner, sums=rows.sums, loss=rows.losses(found),
            gradient=rows.gradients(found), hessian=rows.hessians(found),
        )  # fmt: skip

    def _kept_of(self, shape: Shape, batch: Batch, values: Array, k: Array) -> NumberedState:
        """Return the rows of a batch that are kept, given their importance."""
        stored, keeper = self.beforehand.places("stored"), self._keeper()
        inside = shape_of_kept(shape, stored)
        return keeper.update(keeper.init(inside), batch_of_kept(batch, values, stored, k, inside))


def _as_they_are(shape: Shape, stored: Places, values: Array, within: Places) -> bool:
    """Return whether rows are kept with every digit and every column that any of them has."""
    kept = values[:, np.append(stored, shape.d)]
    return bool(np.isin(within, stored).all() and np.array_equal(kept.astype(shape.dtype), kept))
