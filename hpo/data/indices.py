"""Row indices of explicit splits: checked, and turned into the cells that all splits are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hpo.errors import DataError
from studies.counting import counted

MAX_CELLS = 512


def check_pairs(pairs: Sequence[object]) -> None:
    """Refuse splits that are not pairs of row indices."""
    if not pairs:
        raise DataError("the splitter gives no split; it must give at least one (train, test) pair")
    for number, pair in enumerate(pairs):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise DataError(
                f"split {number} is {type(pair).__name__}, and not a pair (train, test) of row indices; give "
                "folds=list(splitter.split(X, y, groups)), or such pairs"
            )


def roles_of(train: ArrayLike, test: ArrayLike, rows: int, number: int) -> NDArray[np.int64]:
    """Return each row's part in a split: 0 none, 1 train, 2 test, 3 both."""
    roles = np.zeros(rows, np.int64)
    for indices, part, side in ((train, 1, "train"), (test, 2, "test")):
        counts = np.bincount(_indices(indices, rows, number), minlength=rows)
        if not counts.any():
            raise DataError(
                f"split {number} has no {side} rows; each split needs some to train and to test on"
            )
        if counts.max() > 1:
            raise DataError(
                f"split {number} has row {int(counts.argmax())} more than once to {side} on; "
                "use each row once, and a weight column for repeated rows"
            )
        roles += part * counts
    return roles


def _indices(indices: ArrayLike, rows: int, number: int) -> NDArray[np.intp]:
    found = np.asarray(indices)
    if found.dtype == np.bool_:
        found = np.flatnonzero(found)
    if found.ndim != 1 or (found.dtype.kind not in "iu" and len(found)):
        raise DataError(
            f"split {number} has indices of type {found.dtype} in {found.ndim} dimension(s); "
            "give one list of whole numbers, or of true and false, for each side"
        )
    if len(found) and (found.min() < -rows or found.max() >= rows):
        raise DataError(
            f"split {number} names rows {found.min()} to {found.max()}, and the data has {counted(rows, 'row')}"
        )
    chosen: NDArray[np.intp] = np.where(found < 0, found + rows, found).astype(np.intp)
    return chosen


def refine(cells: NDArray[np.int64], roles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return cells cut further by each row's part in one more split."""
    _, refined = np.unique(cells * 4 + roles, return_inverse=True)
    if refined.max(initial=0) >= MAX_CELLS:
        raise DataError(
            f"the splits cut the rows into more than {MAX_CELLS} cells, each with a state of its own; "
            "use fewer splits or repeats, or KFold instead of leave-one-out and shuffled splits"
        )
    finer: NDArray[np.int64] = refined
    return finer


def first_seen(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return cells numbered in the order of their first rows."""
    _, first, inverse = np.unique(cells, return_index=True, return_inverse=True)
    numbered: NDArray[np.int64] = np.argsort(np.argsort(first))[inverse]
    return numbered


def cells_of(cells: NDArray[np.int64], indices: ArrayLike) -> tuple[int, ...]:
    """Return the cells that rows fall in, in order."""
    return tuple(np.unique(cells[np.asarray(indices)]).tolist())
