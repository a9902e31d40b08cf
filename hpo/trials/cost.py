"""What a study cost, and what retraining would have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from studies.record.record_parts import Cost

if TYPE_CHECKING:
    from hpo.data.segment import ReadLog
    from hpo.states.fold_states import FoldStates
    from hpo.states.pass_result import PassResult


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
