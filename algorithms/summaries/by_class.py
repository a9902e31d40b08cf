"""States of each class: their moments side by side, and what they are together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.ageing import NEVER
from algorithms.arrays import Mask, Places
from algorithms.contract import Aged, Array, Shape, State
from algorithms.likeness import of_classes
from algorithms.preparing.column_map import CANCELLED, ColumnMap
from algorithms.summaries.precise import EPS


class ByClass(State, ABC):
    """A state that knows the mean and the scatter of each class in whatever columns are made of its own.

    Attributes
    ----------
    counts : rows of each class, shape (C,).
    weights : their weight, shape (C,).
    mean : of all rows, shape (d,).
    squares : sum of squares of each column about the mean of all rows, shape (d,).
    rounding : relative rounding of one product, and what merges add to it where they are counted.
    """

    counts: NDArray[np.int64]
    weights: Array
    rounding: float = EPS

    if TYPE_CHECKING:

        @cached_property
        def mean(self) -> Array:
            """Mean of all rows, shape (d,)."""
            ...

        @cached_property
        def squares(self) -> Array:
            """Sum of squares of each column about the mean of all rows, shape (d,)."""
            ...

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.counts.sum())

    @property
    def weight(self) -> float:
        """Sum of the row weights."""
        return float(self.weights.sum())

    @property
    def class_rows(self) -> Array:
        """The rows of each class."""
        return self.counts.astype(np.float64)

    def profile(self) -> tuple[Array, Array]:
        """Return the mean and the variance of each column."""
        return self.mean, self.squares / self.weight

    @abstractmethod
    def mapped(self, columns: ColumnMap, as_is: Mask | None = None) -> tuple[Array, Array]:
        """Return each class's mean and scatter in the columns of a design, shapes (C, q) and (C, q, q).

        Columns that are constant but for rounding are zero in it, unless they are left ``as_is``.
        """

    def mapped_roots(self, columns: ColumnMap, as_is: Mask | None = None) -> tuple[Array, ...]:
        """Return a root of each class's scatter in the columns of a design; empty where none is kept."""
        return ()

    @abstractmethod
    def lengths(self, columns: ColumnMap) -> Array:
        """Return the length of each class's columns in a design, or of their parts, which may cancel, (C, q)."""


def class_means(means: Array, scatters: Array, columns: ColumnMap) -> Array:
    """Return each class's mean in the columns of a design; one for all where these differ by their rounding alone.

    That is so of a column that varies in no class, and whose mean is a sum of parts that cancel, as where gaps are
    filled far from an origin.

    Parameters
    ----------
    means : shape (C, d), of the encoded columns.
    scatters : shape (C, q, q), of the design's.
    """
    made = np.stack([columns.mean(m) for m in means])
    parts = np.stack([columns.parts(m**2) for m in means])
    varies = np.diagonal(scatters, axis1=1, axis2=2).any(axis=0)
    same = ~varies & (np.ptp(made, axis=0) <= CANCELLED * parts.max(axis=0))
    return np.asarray(np.where(same, made[0], made))


@dataclass(frozen=True, eq=False)
class ClassesState(ByClass, Aged):
    """The state of :class:`Classes`.

    Attributes
    ----------
    shape : the columns.
    counts : shape (C,) int64, rows of each class.
    weights : shape (C,), their weight.
    means : shape (C, d).
    below : shape (C, d), what the means have below their last digits.
    within : shape (k,), the places of the columns that are other than zero in any row, ascending.
    scatters : shape (C, k, k), of these columns, about each class's own mean; where their squares alone were asked
        for (C, d), and ``within`` is empty.
    roots : shape (C, k, k), upper triangular R with RᵀR = scatter, of more digits than it; empty where not kept.
    stated : shape (3, C, g), of the g numbers that may be missing, in the order of ``gaps_of``: weight, mean and
        sum of squares about it of the rows that have one; empty where scatters are matrices.
    reach : the clock of the newest row, of rows that age.
    rounding : relative rounding of one product, and what merges add to it.
    """

    shape: Shape = field(metadata={"static": True})
    counts: NDArray[np.int64]
    weights: Array
    means: Array
    within: Places = field(metadata={"varies": True})
    scatters: Array = field(metadata={"varies": True, "sides": True})
    roots: Array = field(
        default_factory=lambda: np.zeros((0, 0, 0)), metadata={"varies": True, "sides": True, "root": True}
    )
    below: Array = field(default_factory=lambda: np.zeros((0, 0)), metadata={"below": True})
    stated: Array = field(default_factory=lambda: np.zeros((3, 0, 0)))
    reach: float = NEVER
    rounding: float = field(default=EPS, metadata={"below": True})

    def faded(self, factor: float) -> Self:
        """Return the state as if every row weighed so many times what it does."""
        scatters, roots = self.scatters * factor, self.roots * np.sqrt(factor)
        stated = self.stated * np.array([factor, 1.0, factor])[:, None, None]
        return replace(
            self, weights=self.weights * factor, scatters=scatters, roots=roots, stated=stated
        )

    @cached_property
    def mean(self) -> Array:
        """Mean of all rows, shape (d,)."""
        return np.asarray(self.weights @ self.means / max(self.weight, 1e-300))

    @cached_property
    def class_squares(self) -> Array:
        """Sum of squares of each column about each class's own mean, shape (C, d)."""
        if self.scatters.ndim == 2:
            return self.scatters
        made = np.zeros_like(self.means)
        made[:, self.within] = np.diagonal(self.scatters, axis1=1, axis2=2)
        return made

    @cached_property
    def squares(self) -> Array:
        """Sum of squares of each column about the mean of all rows, shape (d,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(self.class_squares.sum(axis=0) + self.weights @ (self.means - self.mean) ** 2)

    @property
    def likeness(self) -> Array:
        """The share of each column's scatter that lies between the classes."""
        return of_classes(self.class_squares.sum(axis=0), self.squares)

    def mapped(self, columns: ColumnMap, as_is: Mask | None = None) -> tuple[Array, Array]:
        """Return each class's mean and scatter in the columns of a design, shapes (C, q) and (C, q, q)."""
        scatters = self._mapped_scatters(columns, None)
        means = class_means(self.means, scatters, columns)
        return means, scatters if as_is is None else self._mapped_scatters(columns, as_is)

    def _mapped_scatters(self, columns: ColumnMap, as_is: Mask | None) -> Array:
        if len(self.roots):
            return np.stack([r.T @ r for r in self.mapped_roots(columns, as_is)])
        return np.stack([columns.both(s, self.within, as_is) for s in self.scatters])

    def mapped_roots(self, columns: ColumnMap, as_is: Mask | None = None) -> tuple[Array, ...]:
        """Return a root of each class's scatter in the columns of a design; empty where none is kept.

        Columns that are constant but for rounding are zero in it, unless they are left ``as_is``.
        """
        if not len(self.roots):
            return ()
        mapped = [columns.rows_within(r, self.within) for r in self.roots]
        least = CANCELLED * self.lengths(columns)
        least = least if as_is is None else np.where(as_is, -1.0, least)
        pairs = zip(mapped, least, strict=True)
        return tuple(np.where(np.linalg.norm(r, axis=0) <= parts, 0.0, r) for r, parts in pairs)

    def lengths(self, columns: ColumnMap) -> Array:
        """Return the length of each class's columns in a design, or of their parts, which may cancel, (C, q)."""
        return np.stack([columns.parts(s) for s in self.class_squares])
