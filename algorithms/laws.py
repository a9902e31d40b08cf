"""The laws of the contract as plain functions, so that anyone can hold their own summary against them.

Each function takes a summary and what it needs, and raises :class:`~algorithms.errors.LawBroken` naming the
law, the summary, and the field that differs. None imports a test framework.

============== ==================================================================================
identity       merge(init, s) = s = merge(s, init)
associativity  merge(merge(a, b), c) = merge(a, merge(b, c))
commutativity  merge(a, b) = merge(b, a)
split          any cut of the rows into batches gives the same state
purity         merge leaves its inputs alone
bounded size   a state's bytes are never more than ``nbytes`` said, however many rows it has seen
round trip     a stored and loaded state equals itself, bit for bit
resume         stop, store, load, continue = never stopped
order          of rows that follow one another: cut by time, by series or row by row, and merged in any order,
               they give the same state
any time       an algorithm solves after any prefix that holds enough rows, and says what is missing before
============== ==================================================================================

A *resumable* summary (:data:`PROMISES`) makes no promise of the split: another order of the rows, or another
end of a batch, gives another state. Every other law holds for every family.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Mask
from algorithms.contract import APPROXIMATE, EXACT, RESUMABLE, Algorithm, Batch, Shape, State, Summary
from algorithms.errors import Imprecise, LawBroken, NotEnoughRows
from algorithms.held import S

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PROMISES: Mapping[str, frozenset[str]] = {
    family: frozenset(
        {"identity", "associativity", "commutativity", "purity", "bounded size", "round trip", "resume", *more}
    )
    for family, more in ((EXACT, {"split"}), (APPROXIMATE, {"split"}), (RESUMABLE, set[str]()))
}
"""Family of summaries → the laws it obeys."""

Codec = Callable[[State], State]
"""Stores a state and loads it again."""


def identity(summary: Summary, shape: Shape, batch: Batch) -> None:
    """Merging with the state of no rows changes nothing."""
    state, none = lift(summary, shape, batch), summary.init(shape)
    same("identity", summary, summary.merge(none, state), state, tolerance=0.0)
    same("identity", summary, summary.merge(state, none), state, tolerance=0.0)
    same("identity", summary, summary.merge(none, none), none, tolerance=0.0)


def associativity(summary: Summary, shape: Shape, batches: Sequence[Batch]) -> None:
    """Merging three states in either grouping gives the same state, to the declared tolerance."""
    a, b, c = (lift(summary, shape, batch) for batch in batches)
    left = summary.merge(summary.merge(a, b), c)
    same("associativity", summary, left, summary.merge(a, summary.merge(b, c)))


def commutativity(summary: Summary, shape: Shape, batches: Sequence[Batch]) -> None:
    """Merging two states in either order gives the same state, to the declared tolerance."""
    a, b = (lift(summary, shape, batch) for batch in batches)
    same("commutativity", summary, summary.merge(a, b), summary.merge(b, a))


def split_invariance(summary: Summary, shape: Shape, whole: Batch, parts: Sequence[Batch]) -> None:
    """Any cut of the rows gives the state of all of them, whether updated or lifted and merged."""
    at_once, updated, merged = lift(summary, shape, whole), summary.init(shape), summary.init(shape)
    for part in parts:
        updated = summary.update(updated, part)
        merged = summary.merge(merged, lift(summary, shape, part))
    same("split invariance (update)", summary, updated, at_once)
    same("split invariance (merge)", summary, merged, at_once)


def order(summary: Summary, shape: Shape, whole: Batch) -> None:
    """However rows that follow one another are cut, and in whatever order they come, the state is the same."""
    if whole.series is None or whole.clock is None:
        raise LawBroken(f"order: {summary!r}: rows without series and clock do not follow one another")
    middle = np.median(whole.clock) if whole.n else 0.0
    each = np.arange(whole.n)
    for label in (whole.series, whole.clock > middle, each % 2, each, whole.clock % 3.0):
        parts = [chosen(whole, label == one) for one in np.unique(label)]
        split_invariance(summary, shape, whole, parts)
        split_invariance(summary, shape, whole, parts[::-1])


def chosen(batch: Batch, rows: Mask) -> Batch:
    """Return some of the rows of a batch, in any places."""
    return batch.but(values=batch.values[rows], **batch.beside(rows))


def purity(summary: Summary, shape: Shape, batches: Sequence[Batch]) -> None:
    """``merge`` leaves its inputs alone, and ``update`` leaves its batch alone."""
    before = [copy.deepcopy(batch.values) for batch in batches]
    a, b = (lift(summary, shape, batch) for batch in batches)
    if not all(np.array_equal(x, y.values) for x, y in zip(before, batches, strict=True)):
        raise LawBroken(f"purity: {summary!r}: update changed its batch")
    kept_a, kept_b = copy.deepcopy(a), copy.deepcopy(b)
    summary.merge(a, b)
    same("purity", summary, a, kept_a, tolerance=0.0)
    same("purity", summary, b, kept_b, tolerance=0.0)


def bounded_size(summary: Summary, shape: Shape, batches: Sequence[Batch]) -> None:
    """A state takes no more bytes than ``nbytes`` said, before the first row and after all of them."""
    state = summary.init(shape)
    sizes = [size(state)]
    for batch in batches:
        state = summary.update(state, batch)
        sizes.append(size(state))
    if max(sizes) > summary.nbytes(shape):
        raise LawBroken(
            f"bounded size: {summary!r} said {summary.nbytes(shape)} bytes and its states took {sizes}"
        )


def round_trip(summary: Summary, shape: Shape, batch: Batch, codec: Codec) -> None:
    """A state that went through the codec equals itself, bit for bit; so does the state of no rows."""
    for state in (summary.init(shape), lift(summary, shape, batch)):
        same("round trip", summary, codec(state), state, tolerance=0.0)


def resume(summary: Summary, shape: Shape, batches: Sequence[Batch], codec: Codec) -> None:
    """Stopping, storing, loading and continuing after any batch gives what never stopping gives, bit for bit."""
    straight, stopped = summary.init(shape), summary.init(shape)
    for batch in batches:
        straight = summary.update(straight, batch)
        stopped = summary.update(codec(stopped), batch)
    same("resume", summary, codec(stopped), straight, tolerance=0.0)


def any_time(
    algorithm: Algorithm,
    shape: Shape,
    batches: Sequence[Batch],
    summary: Summary | None = None,
) -> int:
    """After every prefix the algorithm either solves or raises NotEnoughRows; once solved, always solved.

    Parameters
    ----------
    algorithm, shape, batches : what to solve.
    summary : the algorithm's, knowing what it learned; None: as it is.

    Returns
    -------
    int
        How many prefixes were solved.
    """
    summary = algorithm.summary if summary is None else summary
    state, solved = summary.init(shape), 0
    for batch in [None, *batches]:
        state = state if batch is None else summary.update(state, batch)
        kept = copy.deepcopy(state)
        try:
            algorithm.estimator(algorithm.solve(state))
            solved += 1
        except Imprecise:  # more digits would do, and another pass has them
            continue
        except NotEnoughRows as error:
            if solved or not any(word in str(error) for word in ("needs", "need")):
                raise LawBroken(f"any time: {algorithm!r} stopped solving: {error}") from error
        same("purity (solve)", summary, state, kept, tolerance=0.0)
    return solved


def lift(summary: Summary[S], shape: Shape, batch: Batch) -> S:
    """Return the state of one batch."""
    return summary.update(summary.init(shape), batch)


def size(state: object) -> int:
    """Return the bytes of a state's numbers: arrays as they are, eight for each scalar."""
    if isinstance(state, np.ndarray):
        return int(state.nbytes)
    if dataclasses.is_dataclass(state):
        fields = (f for f in dataclasses.fields(state) if not f.metadata.get("static"))
        return sum(size(getattr(state, f.name)) for f in fields)
    if isinstance(state, (tuple, list)):
        return sum(map(size, state))
    return 8


def same(
    law: str, summary: Summary, a: DataclassInstance, b: DataclassInstance, tolerance: float | None = None
) -> None:
    """Raise LawBroken unless two states are equal, field by field, relative to each field's largest entry.

    A tolerance of 0 asks for the same bits.
    """
    tolerance = summary.tolerance if tolerance is None else tolerance
    for f in dataclasses.fields(a):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if dataclasses.is_dataclass(x) and not isinstance(x, type) and not f.metadata.get("static"):
            same(law, summary, x, y, tolerance)
            continue
        if f.metadata.get("below") and tolerance > 0.0:  # below the last digit of others, or what is known of it
            continue
        if f.metadata.get("root") and tolerance > 0.0:  # R is known up to a rotation of its rows
            x, y = (np.swapaxes(each, -1, -2) @ each for each in (x, y))
        static = f.metadata.get("static")
        if not (x == y if static else _close(np.asarray(x), np.asarray(y), tolerance)):
            raise LawBroken(f"{law}: {summary!r}: field {f.name!r} differs: {x!r} and {y!r}")


def _close(x: NDArray[np.number], y: NDArray[np.number], tolerance: float) -> bool:
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    if tolerance == 0.0:
        return bool(np.array_equal(x, y, equal_nan=x.dtype.kind == "f"))
    largest = max(float(np.max(np.abs(x), initial=0.0)), float(np.max(np.abs(y), initial=0.0)))
    apart = np.abs(x.astype(np.float64) - y.astype(np.float64))  # unsigned numbers have no difference below zero
    return bool(np.all(apart <= tolerance * largest))
