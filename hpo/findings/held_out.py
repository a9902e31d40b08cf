"""Scores that algorithms compute from states, of rows that no study has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from algorithms.contract import Held, State, Summary, pieces_for
from hpo.data.hashing import DRAW, priorities
from hpo.errors import DataError
from hpo.question.scoring import scores

if TYPE_CHECKING:
    from hpo.data import Dataset
    from hpo.states.learned.pilot import Pilot
    from hpo.trials.run import Run
    from hpo.trials.selection import Candidate


def of_further_rows(run: Run, candidate: Candidate, dataset: Dataset, scoring: Sequence[str]) -> dict[str, float]:
    """Return the study's own scores of the model of all rows, on the states of rows that it is not trained on.

    Raises
    ------
    DataError
        No row can be used.
    """
    pilot, states = run.evidence.pilot, candidate.states
    asked = [states.summary, *([] if states.sample is None else [states.sample.summary])]
    made = dict(zip(asked, _states(asked, pilot, dataset), strict=True))
    if not made[states.summary].rows:
        raise DataError("no row can be scored; give some that hold the columns of the study")
    rows = None if states.sample is None else made[states.sample.summary]
    both: Held = Held(made[states.summary], rows, states.exact)  # type: ignore[arg-type]
    found = scores(candidate.algorithm, candidate.algorithm.solve(states.whole), both, scoring)
    return {name: one.value for name, one in zip(scoring, found, strict=True)}


def _states(summaries: Sequence[Summary], pilot: Pilot, dataset: Dataset) -> list[State]:
    """Return the states of all rows of a data set, read once, by an encoder that is known."""
    ready = [pilot.ready(summary) for summary in summaries]
    found: list[State] = [summary.init(pilot.shape) for summary in ready]
    features = [field.name for field in dataset.features if field.name not in dataset.looked_up]
    for segment in dataset.segments:
        first = 0
        for rows in dataset.scan(segment, dataset.columns, apart=features):
            n = rows.batch.num_rows
            encoded = pilot.encoder.encode_cells(
                rows, dataset.targets, dataset.weight, np.zeros(n, np.uint16), 1,
                priority=priorities(segment.place, DRAW, first, n), beside={"number": np.arange(first, first + n)},
                where=segment.id,
            )  # fmt: skip
            first += n
            for k, summary in enumerate(ready):
                for piece in pieces_for(summary, encoded.batch):
                    found[k] = summary.update(found[k], piece)
    return found
