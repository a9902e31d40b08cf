"""A further pass for the best model, after the trials: what is kept of it, and what it cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from hpo.data.segment import ReadLog
from hpo.states.pass_result import PassResult
from hpo.trials.after import AfterTrials
from studies.record.record_parts import Cost, PolishNote
from studies.record.study_record import StudyRecord


@dataclass(frozen=True, eq=False)
class SecondPass(AfterTrials):
    """The winner after further passes, or why there was none.

    Attributes
    ----------
    gain : what a further pass was expected to gain, in nats (or units of deviance / 2) a row.
    se : standard error of the winner's loss over the folds, in the same units.
    passes : further passes that were made.
    known : name of what the pass knew that the model comes from; empty where it is that of the first pass.
    solution : the winner's numbers after it; None where it is that of the first pass.
    seconds : of the further passes.
    results : what each of them cost.
    rows : to how many it was fitted again, where its model was of a sample; else 0.
    """

    gain: float = 0.0
    se: float = math.nan
    passes: int = 0
    known: str = ""
    solution: object = None
    seconds: float = 0.0
    results: tuple[PassResult, ...] = ()
    rows: int = 0

    @property
    def kept(self) -> PolishNote:
        """What a study's record keeps of it."""
        se = self.se if math.isfinite(self.se) else None
        return PolishNote(self.number, self.gain, se, self.passes, self.known, self.reason, self.rows)

    def note(self, record: StudyRecord) -> StudyRecord:
        """Return the record with it."""
        return replace(record, polish=self.kept)

    def cost(self, cost: Cost, log: ReadLog) -> Cost:
        """Return the cost of a study with that of these passes."""
        return replace(
            cost,
            rows_read=log.rows,
            bytes_read=log.bytes,
            states_built=cost.states_built + sum(r.states_built for r in self.results),
            states_reused=cost.states_reused + sum(r.states_reused for r in self.results),
            rows_polish=log.rows - cost.rows_read,
            seconds_polish=self.seconds,
        )

    def solution_of(self, number: int) -> object:
        """Return the numbers of the winner's model after it; None for other trials."""
        return self.solution if number == self.number else None
