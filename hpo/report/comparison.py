"""How far settings are from the best one, fold by fold, and whether that is more than chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from studies.record.paired import corrected
from studies.report.data import Difference

if TYPE_CHECKING:
    from hpo.states.fold_states import FoldStates
    from hpo.trials.selection import Candidate


def difference(one: Candidate, best: Candidate) -> Difference | None:
    """Return the mean of one's fold scores less the best's, and the corrected resampled t-test of it.

    None for the best itself. See :func:`studies.record.paired.corrected`.
    """
    if one.number == best.number:
        return None
    gaps = [a - b for a, b in zip(one.scores.folds, best.scores.folds, strict=True)]
    return Difference(*corrected(gaps, _shared(best.states)))


def _shared(states: FoldStates) -> float:
    """Return test rows by training rows, on average over the splits."""
    ratios = [test.rows / train.rows for train, test in zip(states.train, states.test, strict=True) if train.rows]
    return math.fsum(ratios) / len(ratios) if ratios else 0.0
