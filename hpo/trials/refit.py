"""The winner fitted again to every row, where its model is of a sample: as ``refit`` of scikit-learn's searches.

Trials of such an algorithm compare settings on a sample. The setting that won can then have the rows that the
sample left out: they are read in one more pass, which keeps every one of them.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from threading import Event

from algorithms.contract import State, Summary
from algorithms.errors import AlgorithmError
from hpo.errors import DataError, Interrupted, MemoryShort, StoreWarning
from hpo.process.memory import available_memory, check_room
from hpo.process.progress import Progress
from hpo.question.question import Question
from hpo.states.contexts import Evidence
from hpo.states.fold_states import held_states
from hpo.states.learned.seen import context_of
from hpo.states.pass_result import PassResult
from hpo.states.passes import Pass
from hpo.trials.polished import Polished
from hpo.trials.selection import Candidate
from state_store import StoreError

LEAVES = (AlgorithmError, DataError, Interrupted, MemoryShort, MemoryError, StoreError, KeyboardInterrupt)
"""What leaves the model of the sample, and the study whole."""


def refit(
    question: Question, found: Evidence, winner: Candidate, progress: Progress, stop: Event, *, asked: bool
) -> Polished | None:
    """Return the winner fitted to every row; None where its model is of every row already.

    Parameters
    ----------
    question, found : the study and its states.
    winner : the best setting.
    progress : called with the rows read.
    stop : set to stop; the model of the sample stands.
    asked : whether somebody asked for it; else a threshold, which it cannot have, is no reason to warn.
    """
    made, began = Polished(winner.number, 0.0, math.nan), time.perf_counter()
    try:
        summary = every_row(winner)
    except AlgorithmError as error:  # more rows than any sample has
        return _left(made, str(error).splitlines()[0])
    if summary is None:
        return None
    if winner.algorithm.tags.beside_cells:
        why = "its threshold is chosen on the rows of the sample"
        return _left(made, why) if asked else replace(made, reason=why)
    if stop.is_set():
        return replace(made, reason="the study was interrupted")
    try:
        state, cost = _read(question, found, winner, summary, progress, stop)
        progress.prepare(f"fitting the best model to {state.rows:,} rows")
        solution = winner.algorithm.solve(state)
    except LEAVES as error:
        return _left(made, _why(error))
    seconds = time.perf_counter() - began
    return replace(made, passes=1, rows=state.rows, solution=solution, seconds=seconds, results=(cost,))


def refitted(made: Polished, winner: Candidate, cells: Sequence[State]) -> Polished:
    """Return the winner of a recorded study fitted to the states of every row again."""
    summary = every_row(winner)
    if summary is None:
        return made
    state = held_states(summary, cells, winner.states.plan).whole
    return replace(made, solution=winner.algorithm.solve(state))


def every_row(winner: Candidate) -> Summary | None:
    """Return the summary that keeps every row of a winner's data; None where its own does, or keeps none."""
    states = winner.states if winner.states.plain is None else winner.states.plain
    return states.summary.holding(states.whole)


def _why(error: BaseException) -> str:
    """Return why there is no model of all rows: of a second Ctrl-C amid a long fit, which says nothing, too."""
    said = str(error).splitlines()
    return said[0] if said else f"its fit was left ({type(error).__name__})"


def _left(made: Polished, why: str) -> Polished:
    warnings.warn(f"the best model stays that of the sample: {why}", StoreWarning, stacklevel=4)
    return replace(made, reason=why)


def _read(
    question: Question, found: Evidence, winner: Candidate, summary: Summary, progress: Progress, stop: Event
) -> tuple[State, PassResult]:
    """Return the state of every row, and what reading it cost."""
    dataset, pilot = question.dataset, found.pilot
    workers = min(question.spec.n_jobs or os.cpu_count() or 1, len(dataset.segments))
    parts, rows = pilot.folds.plan.n_cells * (workers + 2), winner.states.whole.rows
    check_room(summary, pilot.shape, rows, parts, available_memory())
    context = context_of(summary, pilot, dataset.targets, dataset.weight)
    progress.begin_pass(dataset.rows, dataset.nbytes)
    result = Pass(dataset, pilot, {summary: context}, question.store).run(question.engine, progress, stop)
    return held_states(summary, result.cells[summary], winner.states.plan).whole, result
