"""What a second pass made of the winner of a recorded study, from its states."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

from algorithms.contract import State, Summary
from hpo.errors import StoreWarning
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.summaries import load_learned
from hpo.trials.polish import Polish
from hpo.trials.refit import Refit, every_row
from hpo.trials.second_pass import SecondPass
from hpo.trials.selection import Candidate
from state_store import StateStore
from studies.record.record_parts import PolishNote


def restored(
    note: PolishNote,
    winner: Candidate,
    pilot: Pilot,
    store: StateStore,
    merged: Callable[[Summary, Pilot], Sequence[State] | None],
) -> SecondPass:
    """Return the polished winner of a recorded study, or that of every row, from its states.

    Parameters
    ----------
    note : what the record keeps of it.
    winner : the candidate of that trial.
    pilot, store : of the study.
    merged : called with a summary and a pilot; returns the cells of that pass, or None where they are gone.
    """
    se, algorithm = math.nan if note.se is None else note.se, winner.algorithm
    if note.se is None and note.gain == 0.0:
        again = Refit(note.trial, passes=note.passes, reason=note.reason, rows=note.rows)
        return _of_every_row(again, winner, pilot, store, merged) if note.rows else again
    made = Polish(note.trial, note.gain, se, note.passes, reason=note.reason)
    if not note.known:
        return made
    known, summary = load_learned(store, note.known), algorithm.summary
    knowing = None if known is None else pilot.knowing({summary: known})
    cells = None if knowing is None else merged(summary, knowing)
    if knowing is None or cells is None:
        return _gone(made, store)
    state = winner.states.anew(knowing.ready(summary), cells).for_algorithm(algorithm).whole
    solution = algorithm.solve(state)
    return replace(made, known=note.known, solution=solution)


def _of_every_row(
    made: Refit,
    winner: Candidate,
    pilot: Pilot,
    store: StateStore,
    merged: Callable[[Summary, Pilot], Sequence[State] | None],
) -> SecondPass:
    summary = every_row(winner)
    cells = None if summary is None else merged(summary, pilot)
    return _gone(made, store) if cells is None else made.again(winner, cells)


def _gone(made: SecondPass, store: StateStore) -> SecondPass:
    gone = f"the states of the second pass are gone from {store.location}: the model is that of the first"
    warnings.warn(gone, StoreWarning, stacklevel=3)
    return replace(made, passes=0, rows=0, reason=gone)
