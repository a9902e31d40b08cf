"""Studies of the rows of a stream: trials of its states, without a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event

from algorithms.contract import Summary
from algorithms.errors import Imprecise
from hpo.question.question import solved_from
from hpo.states.contexts import Evidence, evidence
from hpo.states.learned.pilot import Pilot
from hpo.states.reading import Reading
from hpo.states.refining import Refining
from hpo.trials.beforehand import check_rows
from hpo.trials.run import Runner


@dataclass(frozen=True, eq=False)
class OnceRunner(Runner):
    """Answers a study from the states of a stream; nothing is read.

    Attributes
    ----------
    reading : the states.
    stand_ins : which algorithms are answered by another.
    """

    reading: Reading = field(kw_only=True)
    stand_ins: Mapping[str, str] = field(kw_only=True)

    def _pilot(self) -> Pilot:
        return self.reading.pilot

    def _taken(self) -> Mapping[str, str] | None:
        return self.stand_ins

    def _states(self, pilot: Pilot, stop: Event) -> tuple[Evidence, Reading]:
        question, made = self.question, self.reading
        cells = {s: made.result.cells[s] for s in question.summaries}
        found = evidence(pilot, made.contexts, cells, question.scoring, solved_from(question.searched))
        check_rows(found, made.result, question.metric)
        return found, made

    def _refining(self, found: Evidence, stop: Event) -> Refining:
        return _Refused(self.question, found, self.progress, stop)


class _Refused(Refining):
    """No further pass: the rows are gone."""

    def refine(self, summary: Summary) -> Evidence | None:
        """Refuse states of more digits, where there would be any."""
        if summary.finer(self.found.pilot.known.get(summary)) is None:
            return None
        raise Imprecise(
            "the products of the columns hold too few digits of this score, and the rows of a stream are not read "
            "again; begin it with search={'ALGORITHM.precision': 'qr'}",
            finer=False,
        )
