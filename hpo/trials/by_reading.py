"""How a study comes by its states: its data is read, in one pass where that is enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Event

from algorithms.errors import RepeatedStep
from hpo.errors import DataError
from hpo.process.progress import Progress
from hpo.process.store_limit import keep_within_limit, store_limit
from hpo.question.question import Question, solved_from
from hpo.states.contexts import Evidence, evidence, pilot_of
from hpo.states.forecast import Awaited
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.summaries import with_learned
from hpo.states.reading import Reading, read
from hpo.states.refining import Refining
from hpo.states.runs import runs_of
from hpo.trials.beforehand import check_rows
from state_store import Key


@dataclass(frozen=True)
class ByReading:
    """Makes the states of a study from its data; a stream, whose rows are gone, has its own in place of it."""

    def pilot(self, question: Question) -> Pilot:
        """Return what is learned of the data before it is read."""
        return pilot_of(question)

    def stand_ins(self, recorded: Mapping[str, str] | None) -> Mapping[str, str] | None:
        """Return which stand-in each algorithm uses, from what the study's record has; None to determine it."""
        return recorded

    def states(
        self, question: Question, pilot: Pilot, progress: Progress, stop: Event
    ) -> tuple[Evidence, Reading]:
        """Return the states of every summary, and what reading them cost."""
        store_limit(question.store)  # a limit that is no size is refused before anything is read
        pilot = with_learned(pilot, question.dataset, question.summaries, question.store, question.spec.seed)
        awaited = Awaited.of(question, pilot)
        try:
            made = read(question, pilot, progress, stop)
            if awaited is not None:
                made = replace(made, forecast=awaited.met(made.result.seconds))
            found = evidence(
                made.pilot, made.contexts, made.result.cells, question.scoring, solved_from(question.searched)
            )
        except RepeatedStep as error:
            if pilot.calendar is None:
                raise
            raise DataError(pilot.calendar.twice(error.series, error.step)) from error
        check_rows(found, made.result, question.metric)
        if made.result.states_built:
            keep_within_limit(question.store, leaves_of(question, made))
        return found, made

    def refining(self, question: Question, found: Evidence, progress: Progress, stop: Event) -> Refining:
        """Return what makes states of more digits where a score needs them."""
        return Refining(question, found, progress, stop)


def leaves_of(question: Question, made: Reading) -> set[Key]:
    """Return the keys of the leaves that a study's states are merged from."""
    segments = [made.pilot.folds.key(segment) for segment in question.dataset.segments]
    runs = runs_of(segments, alone=made.pilot.folds.places is not None)
    return {Key(c, s) for c in made.contexts.values() for s in (*segments, *(run.key for run in runs))}
