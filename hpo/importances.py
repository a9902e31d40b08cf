"""How much each hyperparameter matters, for studies whose algorithm is a hyperparameter too."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from optuna.trial import TrialState

if TYPE_CHECKING:
    from optuna.study import Study

LEAST = 4
"""Scored trials that an importance needs."""


def importances(study: Study) -> dict[str, float]:
    """Return each parameter's share of the variance of the score (fANOVA, Hutter, Hoos & Leyton-Brown 2014).

    Each is normalised to its study's sum; parameters with one value have none. Empty when there are too few
    trials, or the score never varies.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    done = [t for t in study.get_trials(deepcopy=False) if t.state is TrialState.COMPLETE]
    if len(done) < LEAST or len({t.value for t in done}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(n_trees=32, seed=0))
        except (ValueError, RuntimeError):
            return {}
    return {name: float(share) for name, share in found.items()}
