"""Studies of the rows of a stream: trials of its states, without a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event

from algorithms.contract import Summary
from algorithms.errors import Imprecise
from hpo.process.progress import Progress
from hpo.question.question import Question, solved_from
from hpo.states.contexts import Evidence, evidence
from hpo.states.learned.pilot import Pilot
from hpo.states.reading import Reading
from hpo.states.refining import Refining
from hpo.trials.beforehand import check_rows
from hpo.trials.by_reading import ByReading


@dataclass(frozen=True, eq=False)
class ByStream(ByReading):
    """Has the states of a stream; nothing is read.

    Attributes
    ----------
    reading : the states.
    answered : which algorithms are answered by a stand-in.
    """

    reading: Reading
    answered: Mapping[str, str]

    def pilot(self, question: Question) -> Pilot:
        """Return what the stream learned when it began."""
        return self.reading.pilot

    def stand_ins(self, recorded: Mapping[str, str] | None) -> Mapping[str, str] | None:
        """Return those that the stream began with."""
        return self.answered

    def states(
        self, question: Question, pilot: Pilot, progress: Progress, stop: Event
    ) -> tuple[Evidence, Reading]:
        """Return the states of the rows that have arrived."""
        made = self.reading
        cells = {s: made.result.cells[s] for s in question.summaries}
        found = evidence(pilot, made.contexts, cells, question.scoring, solved_from(question.searched))
        check_rows(found, made.result, question.metric)
        return found, made

    def refining(self, question: Question, found: Evidence, progress: Progress, stop: Event) -> Refining:
        """Return what refuses states of more digits."""
        return _Refused(question, found, progress, stop)


class _Refused(Refining):
    """No further pass: the rows are gone."""

    def refine(self, summary: Summary) -> Evidence | None:
        """Refuse states of more digits, where there would be any."""
        if summary.finer(self.found.pilot.learned.get(summary)) is None:
            return None
        raise Imprecise(
            "the products of the columns hold too few digits of this score, and the rows of a stream are not read "
            "again; begin it with search={'ALGORITHM.precision': 'qr'}",
            finer=False,
        )
