"""Ageing: rows that weigh less the older they are, by a half-life.

A row of age a weighs 2^(-a/h) of what it would, h the half-life. Its age is counted from the newest row of the same
state: a state knows how far its rows reach on the clock, so that merging two ages the one that reaches less far. It
is the same in any order and grouping, since only differences of the clock count.

The clock is the place of a row in the data, or a column: days of dates and timestamps, else the column's own unit.
"""

from __future__ import annotations

import dataclasses
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Self, TypeVar

import numpy as np

from algorithms.arrays import Array
from algorithms.brief import differing
from algorithms.errors import AlgorithmError
from algorithms.held import State
from algorithms.ranges import Legal

if TYPE_CHECKING:
    from algorithms.batches import Batch

NEVER = -sys.float_info.max
"""How far a state without rows reaches, or one whose rows do not age."""

LEAST = 1e-250
"""What the oldest rows weigh: nothing beside others, and still more than zero."""


class Aged(State, ABC):
    """A state whose rows may age.

    Attributes
    ----------
    reach : the clock of its newest row.
    """

    reach: float

    @abstractmethod
    def faded(self, factor: float) -> Self:
        """Return the state as if every row weighed so many times what it does."""


A = TypeVar("A", bound=Aged)
T = TypeVar("T", bound=State)


@dataclass(frozen=True, kw_only=True, repr=False)
class Ageing:
    """A summary whose rows may age.

    Parameters
    ----------
    half_life : after so many rows, or so much time by ``clock``, a row weighs half; None: rows do not age.
    clock : the column that says when a row was; None for its place in the data.

    Examples
    --------
    >>> from algorithms.batches import Batch, Column, Shape
    >>> from algorithms.summaries.moments import Moments
    >>> shape, moments = Shape((), ("y",)), Moments(half_life=1.0)
    >>> batch = Batch(np.array([[4.0], [1.0]]), d=0, clock=np.array([0.0, 1.0]))
    >>> state = moments.update(moments.init(shape), batch)
    >>> state.weight, state.mean.tolist(), moments.later(state, 10).reach
    (1.5, [2.0], 11.0)
    """

    half_life: Annotated[float | None, Legal(gt=0)] = field(default=None, repr=False)
    clock: str | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """Show the fields that are always shown, and those that are not at their defaults."""
        return differing(self)

    @property
    def ageing(self) -> Ageing | None:
        """The summary itself where its rows age."""
        return None if self.half_life is None else self

    def aged_as(self, other: Ageing) -> Self:
        """Return the summary with rows that age as those of another."""
        return dataclasses.replace(self, half_life=other.half_life, clock=other.clock)

    def later(self, state: T, rows: int) -> T:
        """Return the state of the same rows, where so many others come before them; a column's clock stays."""
        placed = self.half_life is not None and self.clock is None
        if not (placed and state.rows and isinstance(state, Aged)):
            return state
        return dataclasses.replace(state, reach=state.reach + rows)

    def weighed(self, batch: Batch) -> tuple[Batch, float]:
        """Return a batch whose rows weigh as much as their age leaves, and how far it reaches."""
        if self.half_life is None:
            return batch, NEVER
        if batch.clock is None:
            raise AlgorithmError(f"{type(self).__name__} ages rows by a clock, and the batch has none")
        reach = float(batch.clock.max())
        return batch.but(weight=batch.weights * self.left(reach - batch.clock)), reach

    def left(self, age: Array) -> Array:
        """Return what is left of the weight of rows of some ages."""
        assert self.half_life is not None  # noqa: S101 - asked of rows that age
        with np.errstate(under="ignore"):
            return np.maximum(np.exp2(-age / self.half_life), LEAST)

    def together(self, a: A, b: A) -> tuple[A, A]:
        """Return two states that have rows, the one that reaches less far aged until both reach as far."""
        if self.half_life is None or a.reach == b.reach:
            return a, b
        reach = max(a.reach, b.reach)
        return self._aged(a, reach), self._aged(b, reach)

    def _aged(self, state: A, reach: float) -> A:
        if state.reach == reach:
            return state
        factor = float(self.left(np.array(reach - state.reach)))
        factor = max(factor, min(1.0, LEAST / state.weight))
        return dataclasses.replace(state.faded(factor), reach=reach)
