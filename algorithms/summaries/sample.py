"""Sample: the rows of the smallest hash priorities, uniform among all, nested, and exactly mergeable.

Bottom-m sampling (Cohen & Kaplan 2007, "Summarizing data using bottom-k sketches"): every row has a random
priority that depends on its place in the data alone, and the m rows of smallest priority are kept. Merging
two samples and keeping the m smallest again is the sample of both, whatever the order; the first k of m rows
are the sample of size k.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.base import APPROXIMATE, Array, Batch, Shape
from algorithms.errors import AlgorithmError, InvalidField
from algorithms.ranges import Integer

LAST = np.iinfo(np.uint64).max
"""Priority of a place that holds no row."""


@dataclass(frozen=True, eq=False)
class SampleState:
    """The state of :class:`Sample`.

    Attributes
    ----------
    shape : the columns that the rows are laid out by.
    rows : number of rows seen (int).
    weight : sum of their weights.
    priority : shape (size,) uint64, ascending; the largest number where there is no row.
    values : shape (size, p), the kept rows: columns, then targets; zero where there is no row.
    weights : shape (size,), their row weights; zero where there is no row.
    """

    shape: Shape = field(metadata={"static": True})
    rows: int
    weight: float
    priority: NDArray[np.uint64]
    values: NDArray[np.floating[Any]]
    weights: Array

    @property
    def n(self) -> int:
        """Number of rows kept."""
        return min(self.rows, len(self.priority))

    @property
    def X(self) -> NDArray[np.floating[Any]]:  # noqa: N802 -- scikit-learn's name for it
        """The encoded columns of the kept rows, shape (n, d)."""
        return self.values[: self.n, : self.shape.d]

    @property
    def y(self) -> NDArray[Any] | None:
        """The target of the kept rows, shape (n,): numbers, or labels where it is a class; None without one."""
        if not self.shape.targets:
            return None
        target = self.values[: self.n, self.shape.d]
        return labels(self.shape)[target.astype(np.intp)] if self.shape.classes else target.astype(np.float64)

    @property
    def sample_weight(self) -> Array:
        """The weights of the kept rows, shape (n,)."""
        return self.weights[: self.n]

    def prefix(self, m: int) -> SampleState:
        """Return the sample of m of these rows, those of smallest priority; it shares their memory."""
        return SampleState(
            self.shape, self.rows, self.weight, self.priority[:m], self.values[:m], self.weights[:m]
        )

    @property
    def weighted(self) -> bool:
        """Whether the rows have different weights."""
        return bool(self.n and np.ptp(self.sample_weight) > 0.0)


@dataclass(frozen=True)
class Sample:
    """A uniform sample of rows without replacement.

    Parameters
    ----------
    size : rows kept of each fold.

    Examples
    --------
    >>> from algorithms.base import Column
    >>> shape, sample = Shape((Column("x", "x"),), ("y",)), Sample(size=2)
    >>> rows = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 9.0]])
    >>> state = sample.update(sample.init(shape), Batch(rows, 1, priority=np.array([9, 2, 5], np.uint64)))
    >>> state.rows, state.X.tolist(), state.y.tolist()
    (3, [[2.0], [4.0]], [5.0, 9.0])
    """

    size: Annotated[int, Integer(1, None, searched=False)] = 4096

    version: ClassVar[int] = 1
    tolerance: ClassVar[float] = 1e-12
    sync_every: ClassVar[int | None] = None
    family: ClassVar[str] = APPROXIMATE
    draws: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 1 <= self.size <= 10_000_000:
            raise InvalidField(f"size={self.size!r}: must be from 1 to 10,000,000 rows")

    def init(self, shape: Shape) -> SampleState:
        """Return the sample of no rows."""
        values = np.zeros((self.size, shape.p), np.dtype(shape.dtype))
        return SampleState(shape, 0, 0.0, np.full(self.size, LAST), values, np.zeros(self.size))

    def update(self, state: SampleState, batch: Batch) -> SampleState:
        """Return the sample of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        if batch.priority is None:
            raise AlgorithmError("Sample draws rows by their priorities, and the batch has none")
        chosen = np.flatnonzero(batch.priority < state.priority[-1])
        if len(chosen) > self.size:
            chosen = chosen[np.argpartition(batch.priority[chosen], self.size - 1)[: self.size]]
        rows, weight = state.rows + batch.n, state.weight + batch.total
        if not len(chosen):
            return SampleState(state.shape, rows, weight, state.priority, state.values, state.weights)
        values = batch.dense(state.shape.p, chosen).astype(state.values.dtype, copy=False)
        return self._smallest(state, rows, weight, batch.priority[chosen], values, batch.weights[chosen])

    def merge(self, a: SampleState, b: SampleState) -> SampleState:
        """Return the sample of both states' rows; leaves both alone."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        n, total = b.n, a.weight + b.weight
        return self._smallest(a, a.rows + b.rows, total, b.priority[:n], b.values[:n], b.weights[:n])

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: size × (p + 2) numbers, a weight and a count."""
        return self.size * (np.dtype(shape.dtype).itemsize * shape.p + 16) + 16

    def _smallest(
        self,
        a: SampleState,
        rows: int,
        weight: float,
        priority: NDArray[np.uint64],
        values: NDArray[np.floating[Any]],
        weights: Array,
    ) -> SampleState:
        n = a.n
        keys = np.concatenate([a.priority[:n], priority])
        order = np.argsort(keys, kind="stable")[: self.size]
        found = self.init(a.shape)
        k = len(order)
        found.priority[:k] = keys[order]
        ours, place = order < n, np.arange(k)
        found.values[place[ours]] = a.values[order[ours]]
        found.values[place[~ours]] = values[order[~ours] - n]
        found.weights[:k] = np.concatenate([a.weights[:n], weights])[order]
        return SampleState(a.shape, rows, weight, found.priority, found.values, found.weights)


def labels(shape: Shape) -> NDArray[Any]:
    """Return the labels of the target's classes as an array, as ``classes_`` of a scikit-learn classifier.

    Examples
    --------
    >>> labels(Shape((), ("y",), classes=("no", "yes"))).tolist()
    ['no', 'yes']
    """
    return np.array(shape.classes)
