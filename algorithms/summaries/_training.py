"""A pack of linear models while it is trained: every mini-batch is one step of all of them, side by side.

The notation is that of :mod:`algorithms.summaries.packed`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from algorithms.arrays import Places
from algorithms.contract import Array, Batch, Shape
from algorithms.learned import Learned
from algorithms.preparing.column_maps import buckets_of
from algorithms.preparing.imputed import gap_sums
from algorithms.solvers.losses import Loss
from algorithms.solvers.pickers import Picker, picker_of
from algorithms.solvers.scaled_rows import DenseRows, ScaledRows, SparseRows
from algorithms.solvers.steps import OPTIMIZERS, Stepper
from algorithms.summaries._buckets import Buckets
from algorithms.summaries.pack import Pack, PackedState, equations, filling, hashed_columns, plain_columns


class Packed(Protocol):
    """What the training of a pack asks of its summary: see :class:`algorithms.summaries.packed.Packed`."""

    @property
    def optimizer(self) -> str:
        """Its name."""

    @property
    def power_t(self) -> float:
        """How steps shrink."""

    @property
    def batch_rows(self) -> int:
        """Most rows of a mini-batch."""

    @property
    def hash_bits(self) -> int:
        """Hashed columns share 2**hash_bits buckets."""

    @property
    def impute(self) -> str:
        """What a missing number becomes."""

    @property
    def pack(self) -> Pack:
        """The models."""

    def loss_of(self, name: str) -> Loss:
        """Return the loss of that name."""


BLOCK = 16_384
"""Rows that are made ready at a time."""

BLOCK_VALUES = BLOCK * 1024
"""Numbers that are made ready at a time: of wide dense data there are fewer rows."""

WIDE, THIN = 256, 0.1
"""From so many columns on, rows of which a smaller share is not zero are kept sparse."""

SCORED_EVERY = 4
"""One mini-batch in so many computes its loss, by which step sizes are chosen."""

STEEPEST = 1e12
"""Largest slope of a loss, as in scikit-learn."""


class Training:
    """Copies of a state's arrays that are changed in place.

    Parameters
    ----------
    packed : the summary.
    state : where to start; left alone.
    """

    def __init__(self, packed: Packed, state: PackedState) -> None:
        self.packed, self.state, self.learned = packed, state, state.learned
        self.e, self.plain = equations(state.shape), plain_columns(state.shape, packed.impute)
        self.parts = list(_runs(packed, self.e))
        self.stepper = _stepper(packed, self.e)
        self.coef, self.slots = state.coef.copy(), state.slots.copy()
        self.buckets = Buckets(state, self.stepper)
        self.steps, self.loss, self.scored = state.steps, state.loss.copy(), state.scored
        self.counts = state.counts

    def over(self, batch: Batch) -> PackedState:
        """Train on the rows of a batch, in the order of their priorities, and return the state after them."""
        order = np.arange(batch.n) if batch.priority is None else np.argsort(batch.priority, kind="stable")
        epochs, weights = int(self.learned["epochs"][0]), batch.weights
        shape = self.state.shape
        picker, target = filling(picker_of(batch, shape.p), shape, self.learned["fill"]), np.array([shape.d])
        sparse = len(self.plain) >= WIDE and picker.share_of_values() < THIN
        ends, some = even_ends(batch.n, self.packed.batch_rows), self._batches_of_block(sparse=sparse)
        for first in range(0, len(ends) - 1, some):
            mine = ends[first : first + some + 1]
            rows = order[mine[0] : mine[-1]]
            y, w = picker.columns(rows, target)[:, 0].astype(np.float64), weights[rows]
            self.counts = self.counts + _counts(y, w, shape)
            block = Block.of(self.state, self.packed, picker, rows, y, w, sparse=sparse)
            for _ in range(epochs):
                for part in block.parts(mine - mine[0]):
                    self._step(part)
        self.buckets.settle(self.steps)
        return self._after(batch)

    def _batches_of_block(self, *, sparse: bool) -> int:
        """Return how many mini-batches are made ready at a time: fewer of wide dense rows."""
        most = BLOCK if sparse else min(BLOCK, BLOCK_VALUES // (len(self.plain) + 1))
        return max(1, most // self.packed.batch_rows)

    def _step(self, rows: Block) -> None:
        """Go one step down the mean loss of a mini-batch."""
        eta, hashed = rows.z.eta(self.coef), rows.codes.shape[1] > 0
        if hashed:
            eta += self.buckets.eta(rows.codes, self.steps)
        if self.steps % SCORED_EVERY == 0:
            self._score(eta, rows)
        slopes = self._slopes(eta, rows)
        self.steps += 1
        self.stepper.step(self.coef, self.slots, rows.z.gradient(slopes), self.steps, free=1)
        if hashed:
            self.buckets.step(rows.codes, slopes, rows.w, self.steps)

    def _slopes(self, eta: Array, rows: Block) -> Array:
        """Return the slope of the mean loss at each prediction, shape (n, M·E)."""
        slopes = np.empty_like(eta)
        for loss, _, columns in self.parts:
            slopes[:, columns] = loss.slope(self._each(eta[:, columns]), rows.y).reshape(rows.n, -1)
        np.clip(slopes, -STEEPEST, STEEPEST, out=slopes)
        slopes *= (rows.w / (rows.n * self.learned["weight"][0]))[:, None]
        return slopes

    def _score(self, eta: Array, rows: Block) -> None:
        for loss, models, columns in self.parts:
            values = loss.value(self._each(eta[:, columns]), rows.y).sum(axis=2)
            self.loss[models] += np.minimum(rows.w @ values, STEEPEST * rows.w.sum())
        self.scored += float(rows.w.sum())

    def _each(self, eta: Array) -> Array:
        """Return predictions as (rows, models, equations)."""
        return eta.reshape(len(eta), -1, self.e)

    def _after(self, batch: Batch) -> PackedState:
        return replace(
            self.state, rows=self.state.rows + batch.n, weight=self.state.weight + batch.total,
            steps=self.steps, counts=self.counts, loss=self.loss, scored=self.scored, coef=self.coef,
            slots=self.slots, buckets=self.buckets.theta, bucket_slots=self.buckets.slots,
            visits=self.buckets.visits, present=self.state.present + gap_sums(batch, self.state.shape),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Block:
    """Rows made ready.

    Attributes
    ----------
    z : their scaled columns and a one.
    codes : shape (n, columns), the bucket of each hash.
    y : shape (n, 1, E), the target of every equation.
    w : shape (n,), their weights.
    """

    z: ScaledRows
    codes: Places
    y: Array
    w: Array

    @classmethod
    def of(
        cls,
        state: PackedState,
        packed: Packed,
        picker: Picker,
        rows: Places,
        y: Array,
        w: Array,
        *,
        sparse: bool,
    ) -> Block:
        """Return rows of a batch with their targets, as the batch has them."""
        shape, known, make = state.shape, state.learned, SparseRows.of if sparse else DenseRows.of
        return cls(
            make(picker, rows, plain_columns(shape, packed.impute), known["center"], known["scale"]),
            buckets_of(picker.columns(rows, hashed_columns(shape)), packed.hash_bits),
            _targets(y, shape, known)[:, None, :],
            w,
        )

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.w)

    def parts(self, ends: Places) -> Iterator[Block]:
        """Yield the mini-batches between these places."""
        for start, stop in itertools.pairwise(ends.tolist()):
            rows = slice(start, stop)
            yield Block(self.z.part(rows), self.codes[rows], self.y[rows], self.w[rows])


def even_ends(n: int, most: int) -> Places:
    """Return where mini-batches of n rows begin and end: as few as hold ``most`` at most, none much smaller.

    A last one of a single row would make as long a step as the others, in a direction that is mere chance.

    Examples
    --------
    >>> even_ends(65, 64).tolist(), even_ends(192, 64).tolist()
    ([0, 32, 65], [0, 64, 128, 192])
    """
    parts = -(-n // most)
    return np.arange(parts + 1) * n // parts


def _runs(packed: Packed, e: int) -> Iterator[tuple[Loss, slice, slice]]:
    """Yield each loss with the places of its models and of their columns of coefficients."""
    start = 0
    for name, members in itertools.groupby(packed.pack, key=lambda member: member.loss):
        stop = start + len(list(members))
        yield packed.loss_of(name), slice(start, stop), slice(start * e, stop * e)
        start = stop


def _stepper(packed: Packed, e: int) -> Stepper:
    def column(values: list[float]) -> Array:
        return np.repeat(np.array(values), e)

    return Stepper(
        OPTIMIZERS[packed.optimizer],
        column([m.eta0 for m in packed.pack]),
        packed.power_t,
        column([m.alpha * (1.0 - m.l1_ratio) for m in packed.pack]),
        column([m.alpha * m.l1_ratio for m in packed.pack]),
    )


def _counts(y: Array, w: Array, shape: Shape) -> Array:
    """Return the weight of each class; of a number, its weight."""
    labels = y.astype(np.intp) if shape.classes else np.zeros(len(y), np.intp)
    return np.asarray(np.bincount(labels, w, max(1, len(shape.classes))), np.float64)


def _targets(y: Array, shape: Shape, known: Learned) -> Array:
    """Return the targets of each equation, shape (n, E): ±1, or numbers about the offset in the unit."""
    if not shape.classes:
        return np.asarray(((y - known["offset"]) / known["unit"])[:, None])
    if equations(shape) == 1:
        return np.where(y > 0.0, 1.0, -1.0)[:, None]
    return np.where(y[:, None] == np.arange(len(shape.classes)), 1.0, -1.0)
