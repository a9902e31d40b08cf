"""How far settings are from the best one, fold by fold, and whether that is more than chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from algorithms.lazily import scipy
from studies.record.standard_error import standard_error
from studies.report.data import Difference

if TYPE_CHECKING:
    from hpo.states.fold_states import FoldStates
    from hpo.trials.selection import Candidate


def difference(one: Candidate, best: Candidate) -> Difference | None:
    """Return the mean of one's fold scores less the best's, and the corrected resampled t-test of it.

    The variance of a mean of K paired differences d is (1/K + n_test/n_train)·s²(d), since training rows are shared
    (Nadeau & Bengio 2003, "Inference for the generalization error", eq. 9), with K - 1 degrees of freedom. None for
    the best itself.
    """
    if one.number == best.number:
        return None
    gaps = [a - b for a, b in zip(one.scores.folds, best.scores.folds, strict=True)]
    mean, se = math.fsum(gaps) / len(gaps), standard_error(gaps, _shared(best.states))
    if se is None or not math.isfinite(se):
        return Difference(mean)
    if se == 0.0:
        return Difference(mean, se, 1.0 if mean == 0.0 else None)
    return Difference(mean, se, float(2.0 * scipy.stats.t.sf(abs(mean) / se, len(gaps) - 1)))


def _shared(states: FoldStates) -> float:
    """Return test rows by training rows, on average over the splits."""
    ratios = [test.rows / train.rows for train, test in zip(states.train, states.test, strict=True) if train.rows]
    return math.fsum(ratios) / len(ratios) if ratios else 0.0
