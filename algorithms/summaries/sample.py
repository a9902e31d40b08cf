"""Sample: the rows of the smallest hash priorities, uniform among all, nested, and exactly mergeable.

Bottom-m sampling (Cohen & Kaplan 2007, "Summarizing data using bottom-k sketches"): every row has a random
priority that depends on its place in the data alone, and the m rows of smallest priority are kept. Merging
two samples and keeping the m smallest again is the sample of both, whatever the order; the first k of m rows
are the sample of size k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Values
from algorithms.batches import label_array
from algorithms.contract import APPROXIMATE, Batch, Shape, State, Summary
from algorithms.likeness import of_rows
from algorithms.ranges import Integer, Legal
from algorithms.summaries._drawn import LAST, DrawnRows, priorities_of, taken
from algorithms.summaries._kept import KeptRows, bytes_of_row


@dataclass(frozen=True, eq=False)
class SampleState(DrawnRows, State):
    """A sample of rows.

    Attributes
    ----------
    shape : the columns that the rows are laid out by.
    rows : number of rows seen (int).
    weight : sum of their weights.
    priority : shape (size,) uint64, ascending; the largest number where there is no row.
    kept : the kept rows: columns, then targets.
    weights : shape (size,), their row weights; zero where there is no row.
    """

    shape: Shape = field(metadata={"static": True})
    rows: int
    weight: float
    priority: NDArray[np.uint64]
    kept: KeptRows
    weights: Array

    nests: ClassVar[bool] = True

    @property
    def y(self) -> Values | None:
        """The target of the kept rows, shape (n,): numbers, or labels where it is a class; None without one."""
        if not self.shape.targets:
            return None
        target = self.kept.target(self.shape.d)
        return labels(self.shape)[target.astype(np.intp)] if self.shape.classes else target.astype(np.float64)

    @property
    def complete(self) -> bool:
        """Whether every row is kept."""
        return self.n == self.rows

    @property
    def target(self) -> Array:
        """The target of the kept rows as a number, or the place of its class, shape (n,)."""
        return np.asarray(self.kept.target(self.shape.d), np.float64)

    @property
    def likeness(self) -> Array | None:
        """How much of the target each column tells of the kept rows; None of sparse ones."""
        weights, columns = self.weights[: self.n], self.held
        if not isinstance(columns, np.ndarray) or self.shape.t != 1 or not weights.sum() > 0.0:
            return None
        return of_rows(columns.astype(np.float64), self.target, weights, len(self.shape.classes))

    @property
    def class_rows(self) -> Array | None:
        """Rows of each class where every row is kept; else they are unknown."""
        if not self.complete or not self.shape.classes:
            return None
        return np.bincount(self.target.astype(np.intp), minlength=len(self.shape.classes)).astype(np.float64)

    @property
    def factors(self) -> Array:
        """How many rows each kept one stands for, shape (n,)."""
        return np.full(self.n, self.rows / max(1, self.n))

    @property
    def sample_weight(self) -> Array:
        """The weights of the kept rows, shape (n,)."""
        return self.weights[: self.n]

    def prefix(self, m: int) -> SampleState:
        """Return the sample of m of these rows, those of smallest priority; it shares their memory."""
        return SampleState(
            self.shape, self.rows, self.weight, self.priority[:m], self.kept[:m], self.weights[:m]
        )

    @property
    def as_given(self) -> SampleState:
        """The kept rows in the order of the data, where that is known; else as they are."""
        return self.prefix(self.n)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.kept.nbytes + self.priority.nbytes + self.weights.nbytes

    def besides(self, before: SampleState, replay: float) -> NDArray[np.bool_]:
        """Return which kept rows another sample has not seen, and a share of those that it has, shape (n,)."""
        known = np.flatnonzero(np.isin(self.priority[: self.n], before.priority[: before.n]))
        chosen = np.ones(self.n, np.bool_)
        chosen[known[math.ceil(replay * len(known)) :]] = False
        return chosen

    @property
    def weighted(self) -> bool:
        """Whether the rows have different weights."""
        return bool(self.n and np.ptp(self.sample_weight) > 0.0)

    @property
    def given_weights(self) -> bool:
        """Whether the rows of the data have different weights, whatever each kept row stands for."""
        return bool(self.n and np.ptp(self.weights[: self.n]) > 0.0)

    @property
    def uniform(self) -> SampleState:
        """The part of the kept rows that is a uniform sample: all of them."""
        return self

    @property
    def alike(self) -> SampleState:
        """The part of the kept rows of which those of a class all stand for as many: all of them."""
        return self


@dataclass(frozen=True, eq=False)
class NumberedState(SampleState):
    """The state of :class:`Sample`.

    Attributes
    ----------
    shape, rows, weight, priority, kept, weights : as of :class:`SampleState`.
    number : shape (size,) int64, the place of each kept row in the data; zero where there is no row.
    """

    number: NDArray[np.int64]

    def prefix(self, m: int) -> NumberedState:
        """Return the sample of m of these rows, those of smallest priority; it shares their memory."""
        first = self.priority[:m], self.kept[:m], self.weights[:m], self.number[:m]
        return NumberedState(self.shape, self.rows, self.weight, *first)

    @property
    def as_given(self) -> SampleState:
        """The kept rows in the order of the data: what depends on it is as an estimator fitted to them makes it."""
        order = np.argsort(self.number[: self.n], kind="stable")
        made = self.priority[order], self.kept[order], self.weights[order], self.number[order]
        return NumberedState(self.shape, self.rows, self.weight, *made)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return super().nbytes + self.number.nbytes


@dataclass(frozen=True)
class Sample(Summary[NumberedState]):
    """A uniform sample of rows without replacement.

    Parameters
    ----------
    size : rows kept of each fold.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape, sample = Shape((Column("x", "x"),), ("y",)), Sample(size=2)
    >>> rows = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 9.0]])
    >>> state = sample.update(sample.init(shape), Batch(rows, 1, priority=np.array([9, 2, 5], np.uint64)))
    >>> state.rows, state.X.tolist(), state.y.tolist()
    (3, [[2.0], [4.0]], [5.0, 9.0])
    """

    size: Annotated[int, Legal(ge=1, le=10_000_000), Integer(1, None, searched=False)] = 4096

    version: ClassVar[int] = 3
    tolerance: ClassVar[float] = 1e-12
    family: ClassVar[str] = APPROXIMATE
    draws: ClassVar[bool] = True
    sparse: ClassVar[bool] = True
    nests: ClassVar[bool] = True

    def init(self, shape: Shape) -> NumberedState:
        """Return the sample of no rows."""
        none = KeptRows.none(shape)
        empty = np.full(self.size, LAST), none, np.zeros(self.size), np.zeros(self.size, np.int64)
        return NumberedState(shape, 0, 0.0, *empty)

    def update(self, state: NumberedState, batch: Batch) -> NumberedState:
        """Return the sample of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        priority = priorities_of(batch, self)
        chosen = np.flatnonzero(priority < state.priority[-1])
        if len(chosen) > self.size:
            chosen = chosen[np.argpartition(priority[chosen], self.size - 1)[: self.size]]
        if not len(chosen):
            return replace(state, rows=state.rows + batch.n, weight=state.weight + batch.total)
        kept = KeptRows.of(batch, chosen, state.shape.p, state.shape.dtype)
        number = np.zeros(len(chosen), np.int64) if batch.number is None else batch.number[chosen]
        lifted = NumberedState(
            state.shape, batch.n, batch.total, priority[chosen], kept, batch.weights[chosen], number
        )
        return self._smallest(state, lifted)

    def later(self, state: NumberedState, rows: int) -> NumberedState:
        """Return the sample of the same rows, where so many others of the data come before them."""
        if not (rows and state.n):
            return state
        number = state.number.copy()
        number[: state.n] += rows
        return replace(state, number=number)

    def merge(self, a: NumberedState, b: NumberedState) -> NumberedState:
        """Return the sample of both states' rows; leaves both alone."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        return self._smallest(a, b)

    def holding(self, state: NumberedState) -> Self | None:
        """Return the sample of as many rows as a state has seen; None where it holds them.

        Examples
        --------
        >>> from algorithms.contract import Column
        >>> shape, two = Shape((Column("x", "x"),), ("y",)), Sample(size=2)
        >>> rows = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 9.0]])
        >>> state = two.update(two.init(shape), Batch(rows, 1, priority=np.array([9, 2, 5], np.uint64)))
        >>> two.holding(state)
        Sample(size=3)
        """
        return None if state.complete else replace(self, size=state.rows)

    def nbytes(self, shape: Shape) -> int:
        """The most bytes of one state: size × (p + 3) numbers, a weight and a count."""
        return self.size * (bytes_of_row(shape) + 24) + 16

    def _smallest(self, a: NumberedState, b: NumberedState) -> NumberedState:
        """Return the sample of both; b may be of fewer places than it has seen rows."""
        n, m = a.n, b.n
        order = np.argsort(np.concatenate([a.priority[:n], b.priority[:m]]), kind="stable")[: self.size]
        return NumberedState(
            a.shape,
            a.rows + b.rows,
            a.weight + b.weight,
            taken(a.priority[:n], b.priority[:m], order, self.size, empty=LAST),
            KeptRows.joined(a.kept, b.kept, order),
            taken(a.weights[:n], b.weights[:m], order, self.size),
            taken(a.number[:n], b.number[:m], order, self.size),
        )


def labels(shape: Shape) -> Values:
    """Return the labels of the target's classes as an array, as ``classes_`` of a scikit-learn classifier.

    Examples
    --------
    >>> labels(Shape((), ("y",), classes=("no", "yes"))).tolist()
    ['no', 'yes']
    """
    return label_array(shape.classes)
