"""ScoringSample: held-out rows that scores are computed on, with rare classes and extreme targets kept in full.

A uniform sample of few rows holds few of a rare class, and scores that are not means (average precision, F1, the
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
from typing import Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.contract import APPROXIMATE, Ageing, Batch, Learning, Shape, Summary
from algorithms.learned import Learned
from algorithms.ranges import Choice, Integer, Legal
from algorithms.summaries._drawn import LAST, Priorities, priorities_of, taken
from algorithms.summaries._kept import KeptRows, bytes_of_row
from algorithms.summaries._lookalikes import SCANNED, likeness, may_be_rare, rarest_direction
from algorithms.summaries._reserved import counted, lookalikes, reserved, target_of
from algorithms.summaries.scoring_state import ScoringState


@dataclass(frozen=True, repr=False)
class ScoringSample(Ageing, Learning[ScoringState], Summary[ScoringState]):
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
    def learning(self) -> Learning[ScoringState] | None:
        """The summary itself where it keeps lookalikes."""
        return self if self.lookalikes else None

    def needs(self, shape: Shape) -> bool:
        """Return whether rows may be left out and a class may be rare: else none is kept for its likeness."""
        return (shape.rows is None or shape.rows > self.size) and may_be_rare(shape)

    def learn(self, shape: Shape, sample: Batch) -> Learned:
        """Return the direction along which rows look like the rarest class; nothing where none is rare."""
        return rarest_direction(shape, sample)

    def update(self, state: ScoringState, batch: Batch) -> ScoringState:
        """Return the sample of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        batch, reach = self.weighed(batch)
        shape, priority, target = state.shape, priorities_of(batch, self), target_of(batch, state.shape)
        alike, limit = likeness(self.learned, batch, shape), state.limit
        chosen = np.arange(batch.n) if limit is None else np.flatnonzero(limit.may(priority, target, alike))
        if len(chosen) > self.size:
            chosen = chosen[self._kept(shape, target[chosen], priority[chosen], alike[chosen])]
        counts, totals = counted(shape, target, batch)
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
