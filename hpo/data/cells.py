"""Cells and splits: the small numbers that rows are given, and the plan of which to train and test on.

A leaf holds one state for each cell. A split names the cells to train on and those to test on.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.data.values import Mask, Places
from hpo.errors import DataError


@dataclass(frozen=True)
class Split:
    """The cells that one split trains on, and those it tests on.

    Examples
    --------
    >>> Split(train=(1, 2), test=(0,)).test
    (0,)
    """

    train: tuple[int, ...]
    test: tuple[int, ...]

    @property
    def known(self) -> tuple[int, ...]:
        """The cells whose rows are known when the others are predicted: a gap is known, though not trained on.

        Examples
        --------
        >>> Split(train=(0, 1), test=(3,)).known
        (0, 1, 2)
        """
        return (*self.train, *range(max(self.train, default=0) + 1, min(self.test, default=0)))


@dataclass(frozen=True)
class FoldPlan:
    """All splits over ``n_cells`` cells.

    Examples
    --------
    >>> kfold_plan(3).splits[0]
    Split(train=(1, 2), test=(0,))
    """

    n_cells: int
    splits: tuple[Split, ...]

    @property
    def repeats(self) -> bool:
        """Whether some rows are tested by several splits: repeated or shuffled splits."""
        tested = [cell for split in self.splits for cell in split.test]
        return len(set(tested)) < len(tested)


@functools.cache
def kfold_plan(n_splits: int) -> FoldPlan:
    """Return the plan of K folds: split i tests on cell i and trains on the others."""
    cells = range(n_splits)
    splits = (Split(tuple(c for c in cells if c != i), (i,)) for i in cells)
    return FoldPlan(n_splits, tuple(splits))


def cell_order(
    cells: NDArray[np.integer], n_cells: int, keep: Mask | None = None
) -> tuple[Places, NDArray[np.intp]]:
    """Return the rows sorted by cell, in their old order within a cell, and the number of rows of each cell.

    Rows outside ``keep`` are left out.

    Examples
    --------
    >>> order, counts = cell_order(np.array([1, 0, 1], np.uint16), 3)
    >>> order.tolist(), counts.tolist()
    ([1, 0, 2], [1, 2, 0])
    """
    order: Places = np.argsort(cells, kind="stable")
    if keep is not None:
        order = order[keep[order]]
        cells = cells[keep]
    return order, np.bincount(cells, minlength=n_cells)


def check_splits(n_splits: int, least: int = 2) -> None:
    """Raise DataError for a number of splits that makes no sense."""
    if not least <= n_splits <= 512:
        raise DataError(f"the number of splits must be from {least} to 512, not {n_splits}")
