"""The second pass: the winner's loss is expanded again, at the winner, and its optimum is found anew.

A model that is answered from an expansion of the loss is near its optimum, not at it. Expanding once more, at the
model itself, is a step of Newton's method on every row; it costs a pass, so it is made where it is worth one.
"""

from __future__ import annotations

import functools
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Literal

from algorithms.contract import Algorithm, Polishable, State
from algorithms.errors import AlgorithmError
from algorithms.known import Known
from hpo.errors import DataError, Interrupted, StoreWarning
from hpo.process.progress import Progress
from hpo.question.question import Question
from hpo.states.contexts import Evidence
from hpo.states.evaluate import Scores
from hpo.states.learned.kinds import SUMMARY
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.seen import context_of
from hpo.states.pass_result import PassResult
from hpo.states.passes import Pass
from hpo.trials.polished import Polished
from hpo.trials.selection import Candidate

Polish = bool | Literal["always"]

MOST_PASSES = 3
"""Further passes at most; two are enough but where classes are weighted anew, far from the pilot."""

RAISED = "a further step would not surely have lowered the loss of all rows"

SLIGHT = 1e-12
"""Part of the objective that is rounding."""

ENOUGH = 1e-7
"""Expected gain, in nats a row, below which even ``"always"`` makes no further pass."""


def polish(
    question: Question, found: Evidence, winner: Candidate, how: Polish, progress: Progress, stop: Event
) -> Polished | None:
    """Return the winner polished by further passes; None for a model that is exact, or where nobody asked.

    Parameters
    ----------
    question, found : the study and its states.
    winner : the best setting.
    how : True for where the expected gain is above the standard error; ``"always"`` for any gain;
        False for never.
    progress : called with the rows read.
    stop : set to stop; the unpolished winner stands.
    """
    algorithm = winner.algorithm
    polishing = algorithm.polishing
    if how is False or polishing is None:
        return None
    states = winner.states
    solution, state = algorithm.solve(states.whole), states.whole
    gain = polishing.gain(solution, state)
    if gain == 0.0:
        return None
    se = _standard_error(winner, polishing)
    made = Polished(winner.number, gain, se)
    enough, what = se, "the standard error"
    if how == "always" or math.isnan(se):
        enough, what = ENOUGH, "what counts"
    if gain <= enough:
        return replace(made, reason=f"it would gain about {gain:.1g} a row, below {what} ({enough:.1g})")
    if stop.is_set():
        return replace(made, reason="the study was interrupted")
    read = functools.partial(_pass, question, found.pilot, winner, progress=progress, stop=stop)
    return _steps(made, algorithm, polishing, solution, state, enough, read)


def _steps(
    made: Polished,
    algorithm: Algorithm,
    polishing: Polishable,
    solution: object,
    state: State,
    enough: float,
    read: Callable[[Known], tuple[State, PassResult]],
) -> Polished:
    """Return the winner after as many steps of Newton's method as gain enough, each on every row.

    A pass that begins at a model computes its objective on all rows. A step that raised it is taken back; the last
    one, which no further pass checks, is taken where it lowers the objective by more than what is not known of it.
    """
    began, gain = time.perf_counter(), made.gain
    value, kept, kept_from, source = math.inf, solution, "", ""
    while made.passes < MOST_PASSES and gain > enough:
        known = polishing.expanded_at(solution, state)
        try:
            state, cost = read(known)
            now, following = polishing.objective(solution, state), algorithm.solve(state)
        except (AlgorithmError, DataError, Interrupted) as error:
            reason = str(error).splitlines()[0]
            warnings.warn(f"the best model stays unpolished: {reason}", StoreWarning, stacklevel=3)
            made = replace(made, reason=reason)
            break
        made = replace(made, passes=made.passes + 1, results=(*made.results, cost))
        if now > value:
            return _ended(replace(made, reason=RAISED), kept, kept_from, began)
        value, kept, kept_from = now, solution, source
        solution, source, gain = following, known.digest, polishing.gain(following, state)
    if made.passes and value - polishing.objective(solution, state) < gain - SLIGHT * abs(value):
        return _ended(replace(made, reason=made.reason or RAISED), kept, kept_from, began)
    return _ended(made, solution, source, began)


def _ended(made: Polished, solution: object, known: str, began: float) -> Polished:
    """Return the outcome; ``known`` is empty where the model is that of the first pass."""
    kept = solution if known else None
    return replace(made, known=known, solution=kept, seconds=time.perf_counter() - began)


def _pass(
    question: Question, pilot: Pilot, winner: Candidate, known: Known, *, progress: Progress, stop: Event
) -> tuple[State, PassResult]:
    """Read what no state at this expansion is known of; return the state of every row and what that cost."""
    dataset, store, summary = question.dataset, question.store, winner.algorithm.summary
    knowing = pilot.knowing({summary: known})
    about = {"lookup": "", "segments": [segment.fingerprint for segment in dataset.segments]}
    SUMMARY.put(store, known.digest, about, known.arrays)
    context = context_of(summary, knowing, dataset.targets, dataset.weight)
    progress.begin_pass(dataset.rows, dataset.nbytes)
    result = Pass(dataset, knowing, {summary: context}, store).run(question.engine, progress, stop)
    states = winner.states.anew(knowing.ready(summary), result.cells[summary])
    return states.for_algorithm(winner.algorithm).whole, result


def _standard_error(winner: Candidate, polishing: Polishable) -> float:
    """Return the standard error over the folds of the winner's held-out loss, from the states."""
    solve, states = winner.algorithm.solve, winner.states
    losses = [polishing.loss(solve(a), b) for a, b in zip(states.train, states.test, strict=True)]
    return Scores(tuple(losses), overlap=states.overlap).se
