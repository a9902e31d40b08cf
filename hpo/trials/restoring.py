"""What a second pass made of the winner of a recorded study, from its states."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

from algorithms.contract import State, Summary
from hpo.errors import StoreWarning
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.summaries import load_known
from hpo.trials.polished import Polished
from hpo.trials.refit import every_row, refitted
from hpo.trials.selection import Candidate
from state_store import StateStore
from studies.record.record_parts import PolishNote


def restored(
    note: PolishNote,
    winner: Candidate,
    pilot: Pilot,
    store: StateStore,
    merged: Callable[[Summary, Pilot], Sequence[State] | None],
) -> Polished:
    """Return the polished winner of a recorded study, from its states.

    Parameters
    ----------
    note : what the record keeps of it.
    winner : the candidate of that trial.
    pilot, store : of the study.
    merged : called with a summary and a pilot; returns the cells of that pass, or None where they are gone.
    """
    se = math.nan if note.se is None else note.se
    made = Polished(note.trial, note.gain, se, note.passes, reason=note.reason, rows=note.rows)
    if note.rows:
        return _of_every_row(made, winner, pilot, store, merged)
    if not note.known:
        return made
    algorithm = winner.algorithm
    known, summary = load_known(store, note.known), algorithm.summary
    knowing = None if known is None else pilot.knowing({summary: known})
    cells = None if knowing is None else merged(summary, knowing)
    if knowing is None or cells is None:
        return _gone(made, store)
    state = winner.states.anew(knowing.ready(summary), cells).for_algorithm(algorithm).whole
    solution = algorithm.solve(state)
    return replace(made, known=note.known, solution=solution)


def _of_every_row(
    made: Polished,
    winner: Candidate,
    pilot: Pilot,
    store: StateStore,
    merged: Callable[[Summary, Pilot], Sequence[State] | None],
) -> Polished:
    summary = every_row(winner)
    cells = None if summary is None else merged(summary, pilot)
    return _gone(made, store) if cells is None else refitted(made, winner, cells)


def _gone(made: Polished, store: StateStore) -> Polished:
    gone = f"the states of the second pass are gone from {store.location}: the model is that of the first"
    warnings.warn(gone, StoreWarning, stacklevel=3)
    return replace(made, passes=0, rows=0, reason=gone)
