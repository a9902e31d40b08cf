"""What a study cost, and what retraining would have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpo.data.segment import ReadLog
    from hpo.states.evaluate import FoldStates
    from hpo.states.passes import PassResult
    from hpo.trials.polish import Polished


@dataclass(frozen=True)
class Cost:
    """The ledger of a study.

    Attributes
    ----------
    rows_read : rows that this study's pass read.
    rows_if_retrained : rows that fitting and scoring every distinct trial on every fold, and the final model,
        would have read.
    bytes_read : stored bytes of those segments.
    seconds_pass, seconds_trials : wall time.
    states_built, states_reused : leaves computed, and leaves found in the store.
    pilot_rows : rows looked at for the pilot sample (of the columns that need one).
    rows_without_target, rows_without_weight : rows left out.
    rows_polish, seconds_polish : of those rows, and beside those seconds, what polishing the winner took.

    Examples
    --------
    >>> Cost(rows_read=10, rows_if_retrained=5000).ratio
    500.0
    """

    rows_read: int = 0
    rows_if_retrained: int = 0
    bytes_read: int = 0
    seconds_pass: float = 0.0
    seconds_trials: float = 0.0
    states_built: int = 0
    states_reused: int = 0
    pilot_rows: int = 0
    rows_without_target: int = 0
    rows_without_weight: int = 0
    rows_polish: int = 0
    seconds_polish: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times more rows retraining would have read; infinite when nothing was read."""
        return self.rows_if_retrained / self.rows_read if self.rows_read else float("inf")

    def to_dict(self) -> dict[str, Any]:
        """Return the ledger as JSON values."""
        return asdict(self)


def rows_if_retrained(states: FoldStates, trials: int) -> int:
    """Return the rows that so many distinct trials, and the final fit, would have read by retraining."""
    per_trial = sum(train.rows + test.rows for train, test in zip(states.train, states.test, strict=True))
    return int(trials * per_trial + states.whole.rows)


def of_pass(log: ReadLog, result: PassResult) -> Cost:
    """Return the cost of a pass."""
    return Cost(
        rows_read=log.rows,
        bytes_read=log.bytes,
        pilot_rows=log.pilot_rows,
        seconds_pass=result.seconds,
        states_built=result.states_built,
        states_reused=result.states_reused,
        rows_without_target=result.without_target,
        rows_without_weight=result.without_weight,
    )


def with_refining(cost: Cost, log: ReadLog, results: Sequence[PassResult]) -> Cost:
    """Return the cost with that of passes for states of more digits; ``log`` is of all passes together."""
    return replace(
        cost,
        rows_read=log.rows,
        bytes_read=log.bytes,
        seconds_pass=cost.seconds_pass + sum(r.seconds for r in results),
        states_built=cost.states_built + sum(r.states_built for r in results),
        states_reused=cost.states_reused + sum(r.states_reused for r in results),
    )


def with_polish(cost: Cost, log: ReadLog, polished: Polished) -> Cost:
    """Return the cost with that of the passes that polished the winner; ``log`` is of all passes together."""
    return replace(
        cost,
        rows_read=log.rows,
        bytes_read=log.bytes,
        states_built=cost.states_built + sum(r.states_built for r in polished.results),
        states_reused=cost.states_reused + sum(r.states_reused for r in polished.results),
        rows_polish=log.rows - cost.rows_read,
        seconds_polish=polished.seconds,
    )
