"""The tree of stages that a study's trials trained, for its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from algorithms.chained import chain_of
from algorithms.errors import AlgorithmError
from hpo.states.stages import Trained, stages
from hpo.trials.notes import Noted
from studies.report.data import StageRow
from studies.report.text import number_text

if TYPE_CHECKING:
    from hpo.findings.result import Result


def stage_rows(result: Result, known: Sequence[Noted]) -> list[StageRow]:
    """Return the stages of a study's trials; a trial that was stopped early has the epochs of its last rung."""
    found = [made for one in known if (made := _trained(result, one)) is not None]
    unique = {(one.algorithm, repr(one.chained), repr(one.chained.history), one.length): one for one in found}
    return [
        StageRow(
            one.algorithm, one.depth, one.first, one.last, one.settings, one.saved,
            ", ".join(f"{name}={number_text(value)}" for name, value in one.values.items()),
        )
        for one in stages(list(unique.values()))
    ]  # fmt: skip


def epoch_losses(result: Result) -> list[list[float]]:
    """Return the held-out losses of the best setting after each epoch, of each fold; none without any."""
    algorithm, states = result.best.algorithm, result.best.states
    chained = algorithm.chained
    if chained is None:
        return []
    try:
        found = [chain_of(chained, state).losses.tolist() for state in states.train]
    except AlgorithmError:
        return []
    return [losses for losses in found if losses]


def _trained(result: Result, one: Noted) -> Trained | None:
    name, values = result.run.tuner.space.tried(one.trial)
    try:
        chained = result.run.tuner.scorer.searched[name].build(values).chained
    except (AlgorithmError, KeyError):
        return None
    if chained is None or not (one.scores or one.note.rungs):
        return None
    rungs = [int(size) for size, _ in one.note.rungs]
    return Trained(name, chained, chained.length if one.scores else max(rungs))
