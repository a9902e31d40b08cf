"""How far the columns of new rows lie from those of the others, from the states of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array
from algorithms.batches import INDICATOR, LEVEL, VALUE, Column
from algorithms.contract import State

MOST, LEAST = 5, 0.1
"""Columns that are named at most, and standard deviations from which they are."""


@dataclass(frozen=True, eq=False)
class Means:
    """Weight, mean and second moment of the columns that are there, shape (p,), by state."""

    weight: Array
    mean: Array
    square: Array


def drift(whole: State, new: State) -> tuple[tuple[str, float], ...]:
    """Return the columns whose mean in new rows lies farthest from that in the others, in standard deviations.

    Missing values count for nothing; the share of a category is a mean too. Nothing of states that keep no means.

    Parameters
    ----------
    whole : of every row.
    new : of some of them.
    """
    both, some = _means(whole), _means(new)
    if both is None or some is None or both.mean.shape != some.mean.shape:
        return ()
    rest = both.weight - some.weight
    names = [*map(_name, whole.shape.columns), *whole.shape.targets][: len(both.mean)]
    named = [(j, name) for j, name in enumerate(names) if name]
    found = []
    with np.errstate(divide="ignore", invalid="ignore"):
        other = (both.weight * both.mean - some.weight * some.mean) / rest
        square = (both.weight * both.square - some.weight * some.square) / rest
        apart = (some.mean - other) / np.sqrt(np.maximum(square - other**2, 0.0))
    for j, name in named:
        if rest[j] > 0.0 and some.weight[j] > 0.0 and abs(apart[j]) >= LEAST:
            found.append((name, float(np.clip(apart[j], -1e6, 1e6))))
    return tuple(sorted(found, key=lambda pair: -abs(pair[1]))[:MOST])


def _means(state: State) -> Means | None:
    """Return the means of columns, those of numbers over the rows that have them."""
    found = state.profile()
    if found is None or not state.weight:
        return None
    mean, variance = found
    columns, share = state.shape.columns, np.ones(len(mean))
    missing = {c.source: j for j, c in enumerate(columns) if c.role == INDICATOR}
    for j, column in enumerate(columns):
        if column.role == VALUE and column.source in missing:
            share[j] = 1.0 - mean[missing[column.source]]
    there = np.maximum(share, 1e-300)
    return Means(state.weight * share, mean / there, (variance + mean**2) / there)


def _name(column: Column) -> str:
    return column.name if column.role in (VALUE, LEVEL) else ""
