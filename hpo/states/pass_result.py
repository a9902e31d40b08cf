"""What a pass gives: the states of every summary, and what each segment cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from algorithms.contract import State, Summary


@dataclass(frozen=True)
class SegmentCost:
    """One segment of a pass: how many rows it has, and whether they were read or their states reused."""

    name: str
    rows: int
    nbytes: int
    read: bool


@dataclass
class PassResult:
    """What a pass gives.

    Attributes
    ----------
    cells : summary → one state per cell, all segments merged.
    segments : what each segment cost, in order.
    states_built, states_reused : leaves computed, and leaves found in the store.
    without_target, without_weight : rows left out.
    seconds : of the whole pass.
    """

    cells: dict[Summary, list[State]]
    segments: list[SegmentCost] = field(default_factory=list)
    states_built: int = 0
    states_reused: int = 0
    without_target: int = 0
    without_weight: int = 0
    seconds: float = 0.0
