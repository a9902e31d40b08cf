"""What a second pass did for the best model."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, replace

from hpo.data.segment import ReadLog
from hpo.states.pass_result import PassResult
from studies.record.record_parts import Cost, PolishNote


@dataclass(frozen=True, eq=False)
class Polished:
    """The winner after further passes, or why there was none.

    Attributes
    ----------
    number : the winner's trial.
    gain : what a further pass was expected to gain, in nats (or units of deviance / 2) a row.
    se : standard error of the winner's loss over the folds, in the same units.
    passes : further passes that were made.
    known : name of what the pass knew that the model comes from; empty where it is that of the first pass.
    solution : the winner's numbers after it; None where it is that of the first pass.
    seconds : of the further passes.
    results : what each of them cost.
    reason : why it was left out, or ended, in words; empty where it was not.
    rows : to how many it was fitted again, where its model was of a sample; else 0.
    """

    number: int
    gain: float
    se: float
    passes: int = 0
    known: str = ""
    solution: object = None
    seconds: float = 0.0
    results: tuple[PassResult, ...] = ()
    reason: str = ""
    rows: int = 0

    @property
    def note(self) -> PolishNote:
        """What a study's record keeps of it."""
        se = self.se if math.isfinite(self.se) else None
        return PolishNote(self.number, self.gain, se, self.passes, self.known, self.reason, self.rows)

    def to_dict(self) -> dict[str, object]:
        """Return the note as JSON-ready values."""
        return dataclasses.asdict(self.note)

    @property
    def words(self) -> str:
        """What a report says of it."""
        if self.rows:
            return (
                f"The best model was fitted again to {self.rows:,} rows, all that there are; the scores are those "
                "of models of the sample."
            )
        if math.isnan(self.se) and self.gain == 0.0:
            return f"The best model was not fitted again to all rows: {self.reason}."
        if not self.passes:
            return f"The best model was not polished by a second pass: {self.reason}."
        passes = "a second pass" if self.passes == 1 else f"{self.passes} further passes"
        if not self.known:
            return f"The best model is that of the first pass, after {passes}: {self.reason}."
        return (
            f"The best model was polished by {passes}, expected to lower the mean loss of a row by {self.gain:.1g} "
            f"(standard error {self.se:.1g}); the scores are those of before."
        )

    def added_to(self, cost: Cost, log: ReadLog) -> Cost:
        """Return the cost of a study with that of these passes; ``log`` is of all passes together."""
        return replace(
            cost,
            rows_read=log.rows,
            bytes_read=log.bytes,
            states_built=cost.states_built + sum(r.states_built for r in self.results),
            states_reused=cost.states_reused + sum(r.states_reused for r in self.results),
            rows_polish=log.rows - cost.rows_read,
            seconds_polish=self.seconds,
        )
