"""The cells that a state was merged of, beside it: what a threshold is found on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from algorithms import laws
from algorithms.contract import Array, Batch, Shape, State, Summary
from algorithms.errors import AlgorithmError
from algorithms.memo import MEMO
from algorithms.summaries.sample import SampleState

GROUPS = 5
"""Groups of cells that are left out in turn, at most."""


@dataclass(frozen=True, eq=False)
class Cells(State):
    """A merged state beside the cells that it was merged of, each with sampled rows.

    Attributes
    ----------
    parts : of each cell, its state and the sample of its rows.
    whole : the merged state.
    merge : the summary's.
    """

    parts: tuple[tuple[State, SampleState], ...]
    whole: State
    merge: Callable[[State, State], State]

    @property
    def rows(self) -> int:
        """Number of rows seen."""
        return self.whole.rows

    @property
    def weight(self) -> float:
        """Sum of their weights."""
        return self.whole.weight

    @property
    def kept_rows(self) -> int:
        """How many rows the merged state keeps."""
        return int(self.whole.kept_rows)

    @property
    def shape(self) -> Shape:
        """The columns."""
        return self.whole.shape

    @property
    def complete(self) -> bool:
        """Whether the merged state holds every row."""
        return self.whole.complete

    @property
    def class_rows(self) -> Array | None:
        """The merged state's rows of each class."""
        return self.whole.class_rows

    def left_out(self) -> Iterator[tuple[State, list[SampleState]]]:
        """Yield, group by group, the state of all other cells and the samples of the group (one cell: its own)."""
        groups = [list(group) for group in np.array_split(np.arange(len(self.parts)), GROUPS) if len(group)]
        for group in groups:
            rest = self.whole if len(groups) == 1 else self._without(group)
            yield rest, [self.parts[i][1] for i in group]

    def _without(self, group: Sequence[int]) -> State:
        def make() -> _Rest:
            states = [state for i, (state, _) in enumerate(self.parts) if i not in group]
            return _Rest(functools.reduce(self.merge, states))

        return MEMO.get(self, ("without", *group), make).state


@dataclass(frozen=True, eq=False)
class _Rest:
    state: State

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return laws.size(self.state)


@dataclass(frozen=True, eq=False)
class CellsSummary(Summary[Cells]):
    """How states beside their cells are merged; made of others' states, never by a pass.

    Attributes
    ----------
    summary : of the states.
    """

    summary: Summary

    version: ClassVar[int] = 1
    tolerance: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", self.summary.family)

    def init(self, shape: Shape) -> Cells:
        """Return no cells."""
        return Cells((), self.summary.init(shape), self.summary.merge)

    def update(self, state: Cells, batch: Batch) -> Cells:
        """Refuse: cells are made of states that a pass has made."""
        raise AlgorithmError("states beside their cells are made of others, not by a pass")

    def nbytes(self, shape: Shape) -> int:
        """Bytes of the merged state."""
        return self.summary.nbytes(shape)

    def merge(self, a: Cells, b: Cells) -> Cells:
        """Return the state of both, with the cells of both."""
        return Cells((*a.parts, *b.parts), self.summary.merge(a.whole, b.whole), self.summary.merge)
