"""The winner fitted again to every row, where its model is of a sample: as ``refit`` of scikit-learn's searches.

Trials of such an algorithm compare settings on a sample. The setting that won can then have the rows that the
sample left out: they are read in one more pass, which keeps every one of them.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from algorithms.contract import State, Summary
from algorithms.errors import AlgorithmError
from hpo.errors import DataError, Interrupted, MemoryShort, StoreWarning
from hpo.process.memory import available_memory, check_room
from hpo.states.fold_states import held_states
from hpo.states.learned.seen import context_of
from hpo.states.pass_result import PassResult
from hpo.states.passes import Pass
from hpo.trials.after import Ended
from hpo.trials.second_pass import SecondPass
from hpo.trials.selection import Candidate
from state_store import StoreError
from studies.spec.values import ALL

LEAVES = (AlgorithmError, DataError, Interrupted, MemoryShort, MemoryError, StoreError, KeyboardInterrupt)
"""What leaves the model of the sample, and the study whole."""


@dataclass(frozen=True, eq=False)
class Refit(SecondPass):
    """The winner fitted to every row; none where it is of every row already, or where nobody asked."""

    @classmethod
    def plan(cls, ended: Ended, winner: Candidate) -> Self | None:
        """Return whether the winner can have the rows that its sample left out."""
        asked = ended.question.spec.refit == ALL
        if not asked and not (winner.algorithm.tags.refit and ended.question.spec.polish is not False):
            return None
        made = cls(winner.number)
        try:
            if every_row(winner) is None:
                return None
        except AlgorithmError as error:  # more rows than any sample has
            return made._left(str(error).splitlines()[0])
        if winner.algorithm.tags.beside_cells:
            why = "its threshold is chosen on the rows of the sample"
            return made._left(why) if asked else replace(made, reason=why)
        return replace(made, reason="the study was interrupted") if ended.stop.is_set() else made

    def run(self, ended: Ended, winner: Candidate) -> Self:
        """Read every row once more, and fit the winner to all of them."""
        began, summary = time.perf_counter(), every_row(winner)
        if summary is None:
            return self
        try:
            state, cost = _read(ended, winner, summary)
            ended.progress.prepare(f"fitting the best model to {state.rows:,} rows")
            solution = winner.algorithm.solve(state)
        except LEAVES as error:
            return self._left(_why(error))
        seconds = time.perf_counter() - began
        return replace(self, passes=1, rows=state.rows, solution=solution, seconds=seconds, results=(cost,))

    def _left(self, why: str) -> Self:
        warnings.warn(f"the best model stays that of the sample: {why}", StoreWarning, stacklevel=4)
        return replace(self, reason=why)

    def again(self, winner: Candidate, cells: Sequence[State]) -> Self:
        """Return the winner of a recorded study fitted to the states of every row again."""
        summary = every_row(winner)
        if summary is None:
            return self
        state = held_states(summary, cells, winner.states.plan).whole
        return replace(self, solution=winner.algorithm.solve(state))

    @property
    def words(self) -> str:
        """What a report says of it."""
        if not self.rows:
            return f"The best model was not fitted again to all rows: {self.reason}."
        return (
            f"The best model was fitted again to {self.rows:,} rows, all that there are; the scores are those "
            "of models of the sample."
        )


def every_row(winner: Candidate) -> Summary | None:
    """Return the summary that keeps every row of a winner's data; None where its own does, or keeps none."""
    states = winner.states if winner.states.plain is None else winner.states.plain
    return states.summary.holding(states.whole)


def _why(error: BaseException) -> str:
    """Return why there is no model of all rows: of a second Ctrl-C amid a long fit, which says nothing, too."""
    said = str(error).splitlines()
    return said[0] if said else f"its fit was left ({type(error).__name__})"


def _read(ended: Ended, winner: Candidate, summary: Summary) -> tuple[State, PassResult]:
    """Return the state of every row, and what reading it cost."""
    question, pilot = ended.question, ended.found.pilot
    dataset = question.dataset
    workers = min(question.spec.n_jobs or os.cpu_count() or 1, len(dataset.segments))
    parts, rows = pilot.folds.plan.n_cells * (workers + 2), winner.states.whole.rows
    check_room(summary, pilot.shape, rows, parts, available_memory())
    context = context_of(summary, pilot, dataset.targets, dataset.weight)
    ended.progress.begin_pass(dataset.rows, dataset.nbytes)
    made = Pass(dataset, pilot, {summary: context}, question.store)
    result = made.run(question.engine, ended.progress, ended.stop)
    return held_states(summary, result.cells[summary], winner.states.plan).whole, result
