"""ScoringSample: held-out rows that scores are computed on, with rare classes and extreme targets kept in full.

A uniform sample of few rows holds few of a rare class, and scores that are no means (average precision, F1, the
largest error) are biased on few. So part of the places are *reserved*, and every row is weighted by the inverse of
its chance to be kept:

- of a class, half of the places go to the rows of smallest priority *in their class*, one of each class in turn: a
  rare class is kept whole, a common one up to its share;
- a quarter goes to the *lookalikes* of the rarest class, where it is rare: of the rows of other classes those that
  a linear discriminant, learned of a small sample, takes for it first;
- of a number, an eighth of the places to the smallest and an eighth to the largest targets.

The other places go to the rows of smallest priority among the rest. As rows are added, the rank of a row in its
class (or among the extremes) only rises, so a reserved row of all rows was reserved in every part of them, and what
a part has dropped all rows drop: merging what was kept and choosing again is exact, in any order. A smaller sample
is part of a larger one. Where all rows have a place, all weights are as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.ageing import NEVER
from algorithms.arrays import Array, Mask, Places
from algorithms.contract import APPROXIMATE, Aged, Ageing, Batch, Learned, Shape, Summary
from algorithms.known import Known
from algorithms.ranges import Choice, Integer, Legal
from algorithms.summaries._drawn import LAST, Priorities, priorities_of, taken
from algorithms.summaries._kept import KeptRows, bytes_of_row
from algorithms.summaries._lookalikes import SCANNED, likeness, may_be_rare, told_apart
from algorithms.summaries.sample import SampleState


@dataclass(frozen=True, eq=False)
class ScoringState(SampleState, Aged):
    """The state of :class:`ScoringSample`.

    Attributes
    ----------
    shape, rows, weight, priority, kept, weights : as of :class:`SampleState`.
    counts : shape (C,) int64, rows of each class among all that were seen; empty where the target is no class.
    totals : shape (C,), their weight.
    likenesses : shape (size,), how much a kept row of another class looks like the rare one; zero for most.
    reach : the clock of the newest row, of rows that age.
    """

    counts: NDArray[np.int64]
    totals: Array
    likenesses: Array
    reach: float = NEVER

    def faded(self, factor: float) -> Self:
        """Return the state as if every row weighed so many times what it does."""
        weight, weights = self.weight * factor, self.weights * factor
        return replace(self, weight=weight, weights=weights, totals=self.totals * factor)

    @cached_property
    def factors(self) -> Array:
        """How many rows each kept one stands for, shape (n,); ones where every row is kept."""
        if self.complete or not self.shape.targets:
            return np.ones(self.n)
        w, target = self.weights[: self.n], self.target
        if self.shape.classes:
            codes = target.astype(np.intp)
            kept = np.bincount(codes, minlength=len(self.counts))
            whole = kept == self.counts
            alone = self._lookalikes
            alone &= (np.bincount(codes[~alone], minlength=len(kept)) > 0)[codes]  # else they stand for the others
            held, apart = (np.bincount(codes[some], w[some], len(kept)) for some in (~alone, alone))
            with np.errstate(invalid="ignore", divide="ignore"):
                each = np.where(whole, 1.0, (self.totals - apart) / held)
            return np.where(alone, 1.0, each[codes])
        extreme = reserved(self.shape, target, self.priority[: self.n], len(self.priority))
        rest = (self.weight - w[extreme].sum()) / w[~extreme].sum()
        return np.where(extreme, 1.0, rest)

    @cached_property
    def sample_weight(self) -> Array:
        """The weights of the kept rows times the rows that each stands for, shape (n,)."""
        return np.asarray(self.weights[: self.n] * self.factors)

    @property
    def _lookalikes(self) -> Mask:
        """Which of the kept rows were kept as lookalikes, whatever else they were kept as, shape (n,)."""
        n, size = self.n, len(self.priority)
        return lookalikes(self.likenesses[:n], self.priority[:n], size)

    @property
    def alike(self) -> SampleState:
        """The rows but those kept as lookalikes alone, so that those of a class all stand for as many."""
        alone = np.zeros(self.n, np.bool_) if self.complete else self._lookalikes
        if not alone.any():
            return self
        codes, last = self.target.astype(np.intp), np.full(len(self.counts), -1)
        drawn = np.flatnonzero(~alone)
        np.maximum.at(last, codes[drawn], drawn)
        kept = np.flatnonzero((np.arange(self.n) <= last[codes]) | (last[codes] < 0))
        made = self.priority[kept], self.kept[kept], self.sample_weight[kept]
        return SampleState(self.shape, self.rows, self.weight, *made)

    @property
    def uniform(self) -> SampleState:
        """The rows of smallest priority among all rows: a uniform sample, smaller than this one."""
        if self.complete:
            return self.prefix(self.n)
        held = reserved(self.shape, self.target, self.priority[: self.n], len(self.priority)) | self._lookalikes
        return self.prefix(int(np.flatnonzero(~held)[-1]) + 1)

    @property
    def class_rows(self) -> Array | None:
        """Rows of each class among all that were seen."""
        return self.counts.astype(np.float64) if self.shape.classes else None

    @cached_property
    def limit(self) -> _Limit | None:
        """What a further row must have to be kept; None while there is room for every row."""
        if self.n < len(self.priority) or not self.shape.targets:
            return None
        return _limit(self)


@dataclass(frozen=True, eq=False)
class _Limit:
    """Bounds that rule most further rows out.

    Attributes
    ----------
    priority : shape (C,), or of one number: a row of the class at or above it has no place.
    low, high : a smaller target than ``low``, or a larger one than minus ``high``, has a reserved place: pairs of
        a target and what decides between equal ones.
    likeness : a row that looks as much like the rare class has a reserved place.
    """

    priority: Priorities
    low: tuple[float, int] = (-np.inf, 0)
    high: tuple[float, int] = (-np.inf, 0)
    likeness: float = np.inf

    def may(self, priority: Priorities, target: Array, likenesses: Array) -> Mask:
        """Return which rows may have a place."""
        if len(self.priority) > 1:
            return np.asarray(
                (priority < self.priority[target.astype(np.intp)])
                | ((likenesses >= self.likeness) & (likenesses > 0.0))
            )
        found = priority < self.priority[0]
        for towards, (edge, last), turned in ((target, self.low, np.uint64(0)), (-target, self.high, LAST)):
            found |= towards < edge
            equal = np.flatnonzero(towards == edge)
            found[equal] |= scrambled(priority[equal]) ^ turned < np.uint64(last)
        return np.asarray(found)


@dataclass(frozen=True, repr=False)
class ScoringSample(Ageing, Learned[ScoringState], Summary[ScoringState]):
    """Rows to score on: all of rare classes and the extremes of a number, a uniform sample of the rest.

    Parameters
    ----------
    size : rows kept of each fold.
    lookalikes : whether rows of other classes that look like a rare one are kept too; which these are is learned.
    half_life, clock : as in :class:`~algorithms.ageing.Ageing`.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape = Shape((Column("x", "x"),), ("y",), classes=("common", "rare"))
    >>> rows = np.column_stack([np.arange(9.0), np.arange(9) == 8])
    >>> sample = ScoringSample(size=4)
    >>> state = sample.update(sample.init(shape), Batch(rows, 1, priority=np.arange(9, dtype=np.uint64)))
    >>> state.y.tolist(), state.sample_weight.round(2).tolist()
    (['common', 'common', 'common', 'rare'], [2.67, 2.67, 2.67, 1.0])
    """

    size: Annotated[int, Legal(ge=1, le=10_000_000), Integer(1, None, searched=False)] = 4096
    lookalikes: Annotated[bool, Choice(True, False, searched=False)] = field(default=False, repr=False)

    version: ClassVar[int] = 3
    tolerance: ClassVar[float] = 1e-12
    family: ClassVar[str] = APPROXIMATE
    draws: ClassVar[bool] = True
    scanned: ClassVar[int | None] = SCANNED
    sparse: ClassVar[bool] = True

    def init(self, shape: Shape) -> ScoringState:
        """Return the sample of no rows."""
        c, empty = len(shape.classes), (np.full(self.size, LAST), KeptRows.none(shape), np.zeros(self.size))
        return ScoringState(shape, 0, 0.0, *empty, np.zeros(c, np.int64), np.zeros(c), np.zeros(self.size))

    @property
    def learning(self) -> Learned[ScoringState] | None:
        """The summary itself where it keeps lookalikes."""
        return self if self.lookalikes else None

    def needs(self, shape: Shape) -> bool:
        """Return whether rows may be left out and a class may be rare: else none is kept for its likeness."""
        return (shape.rows is None or shape.rows > self.size) and may_be_rare(shape)

    def learn(self, shape: Shape, sample: Batch) -> Known:
        """Return the direction along which rows look like the rarest class; nothing where none is rare."""
        return told_apart(shape, sample)

    def update(self, state: ScoringState, batch: Batch) -> ScoringState:
        """Return the sample of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        batch, reach = self.weighed(batch)
        shape, priority, target = state.shape, priorities_of(batch, self), target_of(batch, state.shape)
        alike, limit = likeness(self.known, batch, shape), state.limit
        chosen = np.arange(batch.n) if limit is None else np.flatnonzero(limit.may(priority, target, alike))
        if len(chosen) > self.size:
            chosen = chosen[self._kept(shape, target[chosen], priority[chosen], alike[chosen])]
        counts, totals = _counted(shape, target, batch)
        if not len(chosen) and self.half_life is None:
            seen = state.rows + batch.n, state.weight + batch.total
            counts, totals = state.counts + counts, state.totals + totals
            return replace(state, rows=seen[0], weight=seen[1], counts=counts, totals=totals)
        kept = KeptRows.of(batch, chosen, shape.p, shape.dtype)
        lifted = ScoringState(
            shape, batch.n, batch.total, priority[chosen], kept, batch.weights[chosen], counts, totals,
            alike[chosen], reach,
        )  # fmt: skip
        return self._chosen(*(self.together(state, lifted) if state.rows else (state, lifted)))

    def merge(self, a: ScoringState, b: ScoringState) -> ScoringState:
        """Return the sample of both states' rows; leaves both alone."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        return self._chosen(*self.together(a, b))

    def nbytes(self, shape: Shape) -> int:
        """The most bytes of one state: size × (p + 3) numbers, two for each class, a weight and a count."""
        return self.size * (bytes_of_row(shape) + 24) + 16 * len(shape.classes) + 24

    def _kept(self, shape: Shape, target: Array, priority: Priorities, likenesses: Array) -> Places:
        """Return which of some rows have a place, in the order of their priorities."""
        order = np.argsort(priority, kind="stable")
        if len(order) <= self.size:
            return order
        held = reserved(shape, target[order], priority[order], self.size)
        held |= lookalikes(likenesses[order], priority[order], self.size)
        rest = np.flatnonzero(~held)[self.size - np.count_nonzero(held) :]
        held = np.ones(len(order), np.bool_)
        held[rest] = False
        return order[held]

    def _chosen(self, a: ScoringState, b: ScoringState) -> ScoringState:
        """Return the sample of both; b may be of fewer places than it has seen rows."""
        n, m = a.n, b.n
        priority = np.concatenate([a.priority[:n], b.priority[:m]])
        target = np.zeros(n + m)
        if a.shape.targets:
            target = np.concatenate([a.target, b.target])
        order = self._kept(a.shape, target, priority, np.concatenate([a.likenesses[:n], b.likenesses[:m]]))
        return ScoringState(
            a.shape,
            a.rows + b.rows,
            a.weight + b.weight,
            taken(a.priority[:n], b.priority[:m], order, self.size, empty=LAST),
            KeptRows.joined(a.kept, b.kept, order),
            taken(a.weights[:n], b.weights[:m], order, self.size),
            a.counts + b.counts,
            a.totals + b.totals,
            taken(a.likenesses[:n], b.likenesses[:m], order, self.size),
            max(a.reach, b.reach),
        )


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
        for end in _ends(target, priority, size):
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


def _ends(target: Array, priority: Priorities, size: int) -> tuple[Mask, Mask]:
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


def _counted(shape: Shape, target: Array, batch: Batch) -> tuple[NDArray[np.int64], Array]:
    """Return the rows and the weight of each class in a batch."""
    if not shape.classes:
        return np.zeros(0, np.int64), np.zeros(0)
    codes, c = target.astype(np.intp), len(shape.classes)
    counts = np.bincount(codes, minlength=c).astype(np.int64)
    return counts, np.bincount(codes, batch.weights, c).astype(np.float64)


def _edge(target: Array, priority: Priorities, turned: np.uint64 | int) -> tuple[float, int]:
    """Return the largest target of some rows, and the last of its ties; what nothing is before, of none."""
    if not len(target):
        return -np.inf, 0
    edge = target.max()
    return float(edge), int((scrambled(priority[target == edge]) ^ turned).max())


def _limit(state: ScoringState) -> _Limit:
    target, priority, size = state.target, state.priority, len(state.priority)
    held, alike = reserved(state.shape, target, priority, size), lookalikes(state.likenesses, priority, size)
    rest = ~(held | alike)
    last = priority[rest][-1] if rest.any() else np.uint64(0)
    if not state.shape.classes:
        low, high = _ends(target, priority, size)
        first = _edge(target[low], priority[low], np.uint64(0))
        return _Limit(np.array([last], np.uint64), first, _edge(-target[high], priority[high], LAST))
    codes, c = target.astype(np.intp), max(2, len(state.counts))
    place = np.zeros(c, np.intp)
    drawn = np.flatnonzero(held | rest)
    np.maximum.at(place, codes[drawn], drawn)
    bound = max(last, priority[held][-1]) if held.any() else last
    limits = np.maximum(priority[place], bound) + np.uint64(1)
    kept = np.bincount(codes, minlength=c)
    full = kept[: len(state.counts)] == state.counts
    limits[: len(full)][full] = LAST
    edge = state.likenesses[alike].min() if np.count_nonzero(alike) == size // 4 > 0 else 0.0
    return _Limit(limits, likeness=float(edge))
