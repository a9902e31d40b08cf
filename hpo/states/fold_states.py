"""The states of one summary that a cross-validation needs, merged from cells."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from typing_extensions import TypeVar

from algorithms.brief import briefly
from algorithms.contract import Algorithm, Held, State, Summary
from algorithms.families.cells import Cells, CellsSummary
from algorithms.summaries.sample import SampleState
from hpo.data.cells import FoldPlan, Split
from hpo.errors import TuneError

S = TypeVar("S", bound=State, default=State, covariant=True)
T = TypeVar("T", bound=State)


@briefly
@dataclass(frozen=True, eq=False)
class FoldStates(Generic[S]):
    """The states of one summary that a cross-validation needs.

    Attributes
    ----------
    cells : one state per cell of the plan.
    train, test : one state per split; no training states of rows that are only scored on.
    whole : the state of every row.
    plan : which cells a split trains and tests on.
    summary : what made the states, knowing what it learned.
    sample : the states of the sample that scores are computed on; None where all are exact.
    exact : the metrics that are computed exactly from states.
    plain : the states without their cells beside them; None where these are those.
    """

    cells: tuple[S, ...]
    train: tuple[S, ...]
    test: tuple[S, ...]
    whole: S
    plan: FoldPlan
    summary: Summary
    sample: FoldStates[SampleState] | None = None
    exact: frozenset[str] = frozenset()
    plain: FoldStates | None = None

    def __reduce__(self) -> tuple[Callable[..., FoldStates], tuple[object, ...]]:
        """Leave out what is merged from the cells: who loads them merges them, to the same bits."""
        if self.plain is not None:
            return _beside, (self.plain,)
        return _again, (bool(self.train), self.summary, self.cells, self.plan, self.sample, self.exact)

    def merged(self, cells: Sequence[int]) -> S:
        """Return the state of those cells' rows, merged in the order given."""
        return _merged(self.summary, [self.cells[c] for c in cells])

    def held_cell(self, cell: int) -> Held:
        """Return what scores are computed on when one cell is held out."""
        return Held(self.cells[cell], None if self.sample is None else self.sample.cells[cell], self.exact)

    @functools.cached_property
    def beside_cells(self) -> FoldStates[Cells]:
        """The same states, each beside its cells and their sampled rows: what a threshold is chosen on."""
        if self.sample is None:
            raise TuneError("a threshold is chosen on sampled rows, and this study keeps none")
        summary = CellsSummary(self.summary)
        parts = tuple(zip(self.cells, self.sample.cells, strict=True))

        def beside(whole: State, cells: Sequence[int]) -> Cells:
            return Cells(tuple(parts[c] for c in cells), whole, self.summary.merge)

        splits = self.plan.splits
        return FoldStates(
            cells=tuple(beside(state, [c]) for c, state in enumerate(self.cells)),
            train=tuple(beside(state, s.train) for state, s in zip(self.train, splits, strict=True)),
            test=tuple(beside(state, s.test) for state, s in zip(self.test, splits, strict=True)),
            whole=beside(self.whole, range(len(self.cells))),
            plan=self.plan,
            summary=summary,
            sample=self.sample,
            exact=self.exact,
            plain=self,
        )

    def anew(self, summary: Summary, cells: Sequence[State]) -> FoldStates:
        """Return the states of another pass over the same rows, with the same plan and sample."""
        return replace(fold_states(summary, cells, self.plan), sample=self.sample, exact=self.exact)

    def for_algorithm(self, algorithm: Algorithm) -> FoldStates:
        """Return the states as an algorithm takes them."""
        return self.beside_cells if algorithm.tags.beside_cells else self

    @functools.cached_property
    def overlap(self) -> float:
        """Test rows by training rows, where splits test the same rows; 0 where each row is tested once at most."""
        if not self.plan.repeats:
            return 0.0
        train, test = (sum(state.rows for state in states) for states in (self.train, self.test))
        return float(test / train) if train else 0.0

    @functools.cached_property
    def held_out(self) -> tuple[Held, ...]:
        """What the score of each split is computed on."""
        rows = (None,) * len(self.test) if self.sample is None else self.sample.test
        return tuple(Held(state, sample, self.exact) for state, sample in zip(self.test, rows, strict=True))


def held_states(summary: Summary, cells: Sequence[T], plan: FoldPlan) -> FoldStates[T]:
    """Merge cells into test states and the state of every row alone: of rows that are only scored on.

    Parameters
    ----------
    summary, cells, plan : as of :func:`fold_states`.
    """
    made = _merges(summary, cells, [every(plan), *_before(summary, plan)])
    return FoldStates(tuple(cells), (), _tested(summary, cells, plan, made), made[every(plan)], plan, summary)


def fold_states(summary: Summary, cells: Sequence[T], plan: FoldPlan) -> FoldStates[T]:
    """Merge cells into training and test states, never by subtraction.

    When every split leaves out one cell, prefix and suffix merges make all K of them in 3K merges.

    Parameters
    ----------
    summary : its ``merge`` is used.
    cells : one state per cell of the plan.
    plan : the splits.
    """
    if leaves_one_out(plan):
        others, whole = _all_but_one(summary, cells)
        made = {every(plan): whole, **{split.train: others[split.test[0]] for split in plan.splits if split.train}}
        train = tuple(others[split.test[0]] for split in plan.splits)
    else:
        wanted = [every(plan), *(split.train for split in plan.splits), *_before(summary, plan)]
        made = _merges(summary, cells, wanted)
        train = tuple(made[split.train] for split in plan.splits)
    test = _tested(summary, cells, plan, made)
    return FoldStates(tuple(cells), train, test, made[every(plan)], plan, summary)


def every(plan: FoldPlan) -> tuple[int, ...]:
    """Return all cells of a plan."""
    return tuple(range(plan.n_cells))


def _again(
    trained: bool, summary: Summary, cells: Sequence[State], plan: FoldPlan, sample: FoldStates[SampleState] | None,
    exact: frozenset[str],
) -> FoldStates:  # fmt: skip
    made = (fold_states if trained else held_states)(summary, cells, plan)
    return replace(made, sample=sample, exact=exact)


def _beside(plain: FoldStates) -> FoldStates:
    return plain.beside_cells


def _before(summary: Summary, plan: FoldPlan) -> list[tuple[int, ...]]:
    """Return what is known before each split is scored, where rows follow one another."""
    return [split.known for split in plan.splits if split.known] if summary.ordered else []


def _merges(
    summary: Summary, cells: Sequence[T], wanted: Sequence[tuple[int, ...]]
) -> dict[tuple[int, ...], T]:
    """Return merges of cells, each in the order given; those that begin alike continue from the longest of them."""
    made: dict[tuple[int, ...], T] = {}
    for some in sorted(set(wanted), key=len):
        start = max((one for one in made if some[: len(one)] == one), key=len, default=some[:1])
        first = made.get(start, cells[start[0]])
        made[some] = functools.reduce(summary.merge, [cells[c] for c in some[len(start) :]], first)
    return made


def _tested(
    summary: Summary, cells: Sequence[T], plan: FoldPlan, made: Mapping[tuple[int, ...], T]
) -> tuple[T, ...]:
    """Return what each split is scored on; of rows that follow one another, beside what is known before them."""

    def tested(split: Split) -> T:
        test = _merged(summary, [cells[c] for c in split.test])
        if not summary.ordered or not split.known:
            return test
        held: T = summary.held_out(made[split.known], test)
        return held

    return tuple(tested(split) for split in plan.splits)


def leaves_one_out(plan: FoldPlan) -> bool:
    """Return whether each split tests on one cell and trains on all the others."""
    everything = set(range(plan.n_cells))
    return all(len(s.test) == 1 and set(s.train) == everything - set(s.test) for s in plan.splits)


def _merged(summary: Summary, states: Sequence[T]) -> T:
    return functools.reduce(summary.merge, states)


def _all_but_one(summary: Summary, cells: Sequence[T]) -> tuple[list[T], T]:
    """Return the merge of all cells but each, none of a cell that is alone, and that of all.

    Of what comes before a cell there is one state at a time, and what comes after it is dropped once it is used.
    """
    before, *others = cells
    if not others:
        return [], before
    after = _running(summary, others[::-1])
    made = [after.pop()]
    for cell in others[:-1]:
        made.append(summary.merge(before, after.pop()))
        before = summary.merge(before, cell)
    return [*made, before], summary.merge(before, others[-1])


def _running(summary: Summary, cells: Sequence[T]) -> list[T]:
    merged = [cells[0]]
    for cell in cells[1:]:
        merged.append(summary.merge(merged[-1], cell))
    return merged
