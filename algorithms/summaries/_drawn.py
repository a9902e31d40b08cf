"""Rows that a state keeps of all that it has seen, by their priorities: what samples and coresets share."""

from __future__ import annotations

from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Floats, Matrix, Places
from algorithms.contract import Batch, Shape, State
from algorithms.errors import AlgorithmError
from algorithms.summaries._kept import KeptRows

LAST = np.iinfo(np.uint64).max
"""Priority of a place that holds no row."""

T = TypeVar("T", bound=np.generic)

Priorities = NDArray[np.uint64]


class DrawnRows(State):
    """A state that keeps some rows; the fields are the state's own.

    Attributes
    ----------
    shape : the columns that the rows are laid out by.
    rows : number of rows seen (int).
    priority : shape (size,) uint64; the largest number where there is no row.
    kept : the kept rows.
    """

    shape: Shape
    rows: int
    priority: Priorities
    kept: KeptRows

    @property
    def n(self) -> int:
        """Number of rows kept."""
        return min(self.rows, len(self.priority))

    @property
    def kept_rows(self) -> int:
        """How many rows themselves are kept."""
        return self.n

    @property
    def values(self) -> Floats:
        """The kept rows, columns and targets, dense, shape (n, p)."""
        return self.kept.values

    @cached_property
    def held(self) -> Matrix:
        """The kept rows as the state holds them, less the origins of their columns, shape (n, d).

        A CSR array of rows that are kept sparse; the columns of these have no origins.
        """
        return self.kept.columns(self.shape.d)

    @cached_property
    def X(self) -> Matrix:  # noqa: N802 -- scikit-learn's name for it
        """The encoded columns of the kept rows, as a fitted pipeline gets them, shape (n, d)."""
        return self.held + self.shape.origin if self.shape.shifted else self.held


def priorities_of(batch: Batch, summary: object) -> Priorities:
    """Return the priorities of a batch's rows; AlgorithmError, naming the summary, where it has none."""
    if batch.priority is None:
        raise AlgorithmError(
            f"{type(summary).__name__} draws rows by their priorities, and the batch has none"
        )
    return batch.priority


def taken(x: NDArray[T], y: NDArray[T], order: Places, size: int, empty: int = 0) -> NDArray[T]:
    """Return the rows of x and y, in an order over both, without joining them first; then empty places.

    Examples
    --------
    >>> taken(np.array([1, 2]), np.array([3, 4]), np.array([3, 0]), size=4, empty=9).tolist()
    [4, 1, 9, 9]
    """
    made, k, ours = np.zeros((size, *x.shape[1:]), x.dtype), len(order), order < len(x)
    made[:k][ours], made[:k][~ours] = x[order[ours]], y[order[~ours] - len(x)]
    if empty:
        made[k:] = empty
    return made
