"""Bounded: another summary, of rows whose columns are first brought within bounds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from algorithms.contract import EXACT, Batch, Shape, State, Summary
from algorithms.noise import Bounds


@dataclass(frozen=True)
class Bounded(Summary[State]):
    """Another summary, of rows whose values beyond a bound are put at it: no row adds more than the bounds do.

    Parameters
    ----------
    of : the summary.
    low, high : bounds of each column and target, as summaries see them.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> from algorithms.summaries.moments import Moments
    >>> bounded, shape = Bounded(Moments(), (0.0,), (2.0,)), Shape((Column("x", "x"),), ())
    >>> bounded.update(bounded.init(shape), Batch(np.array([[-5.0], [9.0]]), d=1)).mean.tolist()
    [1.0]
    """

    of: Summary[State]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    version: ClassVar[int] = 1
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = EXACT

    @property
    def bounds(self) -> Bounds:
        """The bounds as arrays."""
        return Bounds(np.array(self.low), np.array(self.high))

    def init(self, shape: Shape) -> State:
        """Return the state of no rows."""
        return self.of.init(shape)

    def update(self, state: State, batch: Batch) -> State:
        """Return the state of the rows seen before and those of ``batch``."""
        values = np.clip(batch.dense(len(self.low)), self.low, self.high)
        return self.of.update(state, dataclasses.replace(batch, values=np.asfortranarray(values), present=None))

    def merge(self, a: State, b: State) -> State:
        """Return the state of both states' rows."""
        return self.of.merge(a, b)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state."""
        return self.of.nbytes(shape)
