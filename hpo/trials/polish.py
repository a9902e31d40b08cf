"""The second pass: the winner's loss is expanded again, at the winner, and its optimum is found anew.

A model that is answered from an expansion of the loss is near its optimum, not at it. Expanding once more, at the
model itself, is a step of Newton's method on every row; it costs a pass, so it is made where it is worth one.
"""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass, replace
from typing import Self

from algorithms.contract import Polishable, State
from algorithms.errors import AlgorithmError
from algorithms.learned import Learned
from hpo.errors import DataError, Interrupted, StoreWarning
from hpo.states.evaluate import Scores
from hpo.states.learned.kinds import SUMMARY
from hpo.states.learned.seen import context_of
from hpo.states.pass_result import PassResult
from hpo.states.passes import Pass
from hpo.trials.after import Ended
from hpo.trials.second_pass import SecondPass
from hpo.trials.selection import Candidate

MOST_PASSES = 3
"""Further passes at most; two are enough but where classes are weighted anew, far from the pilot."""

RAISED = "a further step would not surely have lowered the loss of all rows"

SLIGHT = 1e-12
"""Part of the objective that is rounding."""

ENOUGH = 1e-7
"""Expected gain, in nats a row, below which even ``"always"`` makes no further pass."""


@dataclass(frozen=True, eq=False)
class Polish(SecondPass):
    """The winner polished by further passes; none for a model that is exact, or where nobody asked.

    Attributes
    ----------
    enough : the gain, a row, above which a further pass is made.
    """

    enough: float = 0.0

    @classmethod
    def plan(cls, ended: Ended, winner: Candidate) -> Self | None:
        """Return whether further passes pay: the gain is above the standard error, or any is asked for."""
        how, algorithm = ended.question.spec.polish, winner.algorithm
        polishing = algorithm.polishing
        if how is False or polishing is None:
            return None
        state = winner.states.whole
        solution = algorithm.solve(state)
        gain = polishing.gain(solution, state)
        if gain == 0.0:
            return None
        se = _standard_error(winner, polishing)
        enough, what = se, "the standard error"
        if how == "always" or math.isnan(se):
            enough, what = ENOUGH, "what counts"
        made = cls(winner.number, gain, se, solution=solution, enough=enough)
        if gain <= enough:
            return made._unchanged(f"it would gain about {gain:.1g} a row, below {what} ({enough:.1g})")
        return made._unchanged("the study was interrupted") if ended.stop.is_set() else made

    def run(self, ended: Ended, winner: Candidate) -> Self:
        """Take as many steps of Newton's method as gain enough, each on every row.

        A pass that begins at a model computes its objective on all rows. A step that raised it is taken back; the
        last one, which no further pass checks, is taken where it lowers the objective by more than what is not
        known of it.
        """
        algorithm, polishing = winner.algorithm, winner.algorithm.polishing
        if polishing is None:
            return self._unchanged(self.reason)
        began, gain, made, state = time.perf_counter(), self.gain, self, winner.states.whole
        value, kept, kept_from, solution, source = math.inf, self.solution, "", self.solution, ""
        while made.passes < MOST_PASSES and gain > self.enough:
            known = polishing.expanded_at(solution, state)
            try:
                state, cost = _pass(ended, winner, known)
                now, following = polishing.objective(solution, state), algorithm.solve(state)
            except (AlgorithmError, DataError, Interrupted) as error:
                reason = str(error).splitlines()[0]
                warnings.warn(f"the best model stays unpolished: {reason}", StoreWarning, stacklevel=3)
                made = replace(made, reason=reason)
                break
            made = replace(made, passes=made.passes + 1, results=(*made.results, cost))
            if now > value:
                return replace(made, reason=RAISED)._ended(kept, kept_from, began)
            value, kept, kept_from = now, solution, source
            solution, source, gain = following, known.digest, polishing.gain(following, state)
        if made.passes and value - polishing.objective(solution, state) < gain - SLIGHT * abs(value):
            return replace(made, reason=made.reason or RAISED)._ended(kept, kept_from, began)
        return made._ended(solution, source, began)

    def _unchanged(self, reason: str) -> Self:
        return replace(self, reason=reason, solution=None)

    def _ended(self, solution: object, known: str, began: float) -> Self:
        """Return the outcome; ``known`` is empty where the model is that of the first pass."""
        return replace(self, known=known, solution=solution if known else None, seconds=time.perf_counter() - began)

    @property
    def words(self) -> str:
        """What a report says of it."""
        if not self.passes:
            return f"The best model was not polished by a second pass: {self.reason}."
        passes = "a second pass" if self.passes == 1 else f"{self.passes} further passes"
        if not self.known:
            return f"The best model is that of the first pass, after {passes}: {self.reason}."
        return (
            f"The best model was polished by {passes}, expected to lower the mean loss of a row by {self.gain:.1g} "
            f"(standard error {self.se:.1g}); the scores are those of before."
        )


def _pass(ended: Ended, winner: Candidate, known: Learned) -> tuple[State, PassResult]:
    """Read what no state at this expansion is known of; return the state of every row and what that cost."""
    question, summary = ended.question, winner.algorithm.summary
    dataset, store = question.dataset, question.store
    knowing = ended.found.pilot.knowing({summary: known})
    about = {"lookup": "", "segments": [segment.fingerprint for segment in dataset.segments]}
    SUMMARY.put(store, known.digest, about, known.arrays)
    context = context_of(summary, knowing, dataset.targets, dataset.weight)
    ended.progress.begin_pass(dataset.rows, dataset.nbytes)
    result = Pass(dataset, knowing, {summary: context}, store).run(question.engine, ended.progress, ended.stop)
    states = winner.states.anew(knowing.ready(summary), result.cells[summary])
    return states.for_algorithm(winner.algorithm).whole, result


def _standard_error(winner: Candidate, polishing: Polishable) -> float:
    """Return the standard error over the folds of the winner's held-out loss, from the states."""
    solve, states = winner.algorithm.solve, winner.states
    losses = [polishing.loss(solve(a), b) for a, b in zip(states.train, states.test, strict=True)]
    return Scores(tuple(losses), overlap=states.overlap).se
