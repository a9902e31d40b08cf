"""Which rows a sample for scoring keeps first: rare classes, and the smallest and largest targets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Mask, Places
from algorithms.contract import Batch, Shape
from algorithms.summaries._drawn import LAST, Priorities


def reserved(shape: Shape, target: Array, priority: Priorities, size: int) -> Mask:
    """Return which of some rows, in the order of their priorities, have a reserved place.

    Parameters
    ----------
    shape : says whether the target is a class.
    target : shape (n,), places of classes or numbers.
    priority : shape (n,), ascending.
    size : places in all.

    Examples
    --------
    >>> order = np.arange(6, dtype=np.uint64)
    >>> reserved(Shape((), ("y",), classes=("a", "b")), np.array([0, 0, 0, 0, 1, 0]), order, 4).tolist()
    [True, False, False, False, True, False]
    >>> reserved(Shape((), ("y",)), np.array([5.0, 0.0, 3.0, 9.0, 4.0, 2.0]), order, 8).tolist()
    [False, True, False, True, False, False]
    """
    if shape.classes:
        return _in_turn(target.astype(np.intp), size // 2)
    held = np.zeros(len(target), np.bool_)
    if shape.targets:
        for end in ends_of(target, priority, size):
            held |= end
    return held


def lookalikes(likenesses: Array, priority: Priorities, size: int) -> Mask:
    """Return which of some rows have one of the places of lookalikes: a quarter of all.

    Examples
    --------
    >>> lookalikes(np.array([0.0, 3.0, 1.0, 0.0]), np.arange(4, dtype=np.uint64), 4).tolist()
    [False, True, False, False]
    """
    if not likenesses.any():
        return np.zeros(len(likenesses), np.bool_)
    return np.asarray(_smallest(-likenesses, priority, size // 4, LAST) & (likenesses > 0.0))


def _in_turn(codes: Places, places: int) -> Mask:
    """Return the rows of the smallest ranks in their class, those of equal rank as they come."""
    kind = np.min_scalar_type(int(codes.max(initial=0)))  # small numbers are sorted faster
    by_class, counts = np.argsort(codes.astype(kind), kind="stable"), np.bincount(codes)
    rank = np.empty(len(codes), np.intp)
    rank[by_class] = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    below = np.cumsum(np.bincount(rank))  # rows of each rank and those before it
    whole = int(np.searchsorted(below, places, side="right"))
    held = rank < whole
    held[np.flatnonzero(rank == whole)[: places - np.count_nonzero(held)]] = True
    return held


def ends_of(target: Array, priority: Priorities, size: int) -> tuple[Mask, Mask]:
    """Return the rows of the smallest targets, and those of the largest: an eighth of the places each."""
    places = size // 4
    low = _smallest(target, priority, places // 2, np.uint64(0))
    return low, _smallest(-target, priority, (places + 1) // 2, LAST)


def _smallest(target: Array, priority: Priorities, k: int, turned: np.uint64 | int) -> Mask:
    """Return the k rows of smallest target; ``turned`` says which of equal ones are taken."""
    if not 0 < k < len(target):
        return np.full(len(target), k > 0)
    edge = np.partition(target, k - 1)[k - 1]
    held, equal = target < edge, np.flatnonzero(target == edge)
    missing = k - np.count_nonzero(held)
    if missing < len(equal):
        equal = equal[np.argsort(scrambled(priority[equal]) ^ turned)[:missing]]
    held[equal] = True
    return np.asarray(held)


def scrambled(priority: Priorities) -> Priorities:
    """Return other priorities of the same rows, unrelated to these (splitmix64, Steele et al. 2014).

    Of rows with the same target those that have a reserved place must not be the ones that are sampled anyway.

    Examples
    --------
    >>> scrambled(np.array([1, 2], np.uint64)).tolist()
    [6238072747940578789, 15839785061582574730]
    """
    x = priority.copy()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(x ^ (x >> np.uint64(31)))


def target_of(batch: Batch, shape: Shape) -> Array:
    """Return the target of a batch's rows, shape (n,); zeros where there is none."""
    return batch.target(shape.d) if shape.targets else np.zeros(batch.n)


def counted(shape: Shape, target: Array, batch: Batch) -> tuple[NDArray[np.int64], Array]:
    """Return the rows and the weight of each class in a batch."""
    if not shape.classes:
        return np.zeros(0, np.int64), np.zeros(0)
    codes, c = target.astype(np.intp), len(shape.classes)
    counts = np.bincount(codes, minlength=c).astype(np.int64)
    return counts, np.bincount(codes, batch.weights, c).astype(np.float64)


def edge_of(target: Array, priority: Priorities, turned: np.uint64 | int) -> tuple[float, int]:
    """Return the largest target of some rows, and the last of its ties; what nothing is before, of none."""
    if not len(target):
        return -np.inf, 0
    edge = target.max()
    return float(edge), int((scrambled(priority[target == edge]) ^ turned).max())
