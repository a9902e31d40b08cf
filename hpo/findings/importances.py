"""How much each hyperparameter matters, for studies whose algorithm is a hyperparameter too."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.importance._fanova import _tree as fanova_tree
from optuna.trial import FrozenTrial, TrialState, create_trial

from studies.quiet import quiet
from studies.sampling.numbered import hand_over
from studies.sampling.space import ALGORITHM

if TYPE_CHECKING:
    from optuna.study import Study

CACHED = type(functools.lru_cache(maxsize=None)(len))

LEAST = 4
"""Scored trials that an importance needs."""

MOST = 2_000
"""Trials of an algorithm, evenly spread over all, that importances are computed from."""


LOCAL = 50
"""Scored trials that are needed of a part of them: of fewer, what was proposed together passes for an effect."""


def importances(study: Study) -> dict[str, float]:
    """Return each hyperparameter's share of the variance of the score, largest first.

    With several algorithms the variance is split by its law of totals: the part between their means is the
    algorithm's own; the part within each is shared among its hyperparameters by fANOVA (Hutter, Hoos &
    Leyton-Brown 2014), of at most 2,000 trials that are evenly spread over all. Empty when there are too few
    trials, or the score never varies.
    """
    done = [t for t in study.get_trials(deepcopy=False) if t.state is TrialState.COMPLETE]
    total = _variance(done)
    if len(done) < LEAST or total <= 0.0:
        return {}
    groups = _by_algorithm(done)
    shares: dict[str, float] = {}
    within = 0.0
    for trials in groups.values():
        part = len(trials) / len(done) * _variance(trials) / total
        within += part
        shares |= {name: part * share for name, share in _fanova(trials).items()}
    if len(groups) > 1:
        shares[ALGORITHM] = max(0.0, 1.0 - within)
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def within(study: Study, algorithm: str, best: float = 1.0) -> dict[str, float]:
    """Return the shares of one algorithm's hyperparameters in what its trials differ by, largest first.

    Parameters
    ----------
    study : with the trials.
    algorithm : whose.
    best : which part of its trials is looked at: 0.25 says what matters among the better quarter; empty where
        these are fewer than :data:`LOCAL`.
    """
    done = [t for t in study.get_trials(deepcopy=False) if t.state is TrialState.COMPLETE]
    groups = _by_algorithm(done)
    mine = groups.get(algorithm, []) if len(groups) > 1 else next(iter(groups.values()), [])
    kept = sorted(mine, key=lambda trial: -trial.values[0])[: math.ceil(best * len(mine))]
    if best < 1.0 and len(kept) < LOCAL:
        return {}
    return _fanova(sorted(kept, key=lambda trial: trial.number))


def _some(trials: Sequence[FrozenTrial]) -> Sequence[FrozenTrial]:
    """Return at most :data:`MOST` of the trials, evenly spread: trees take longer than in proportion to them."""
    return trials if len(trials) <= MOST else [trials[i * len(trials) // MOST] for i in range(MOST)]


def _evened(trial: FrozenTrial) -> FrozenTrial:
    """Return a trial of the first objective whose logarithmic ranges are those of the logarithm.

    Optuna's fANOVA takes a range as it is written: nearly all of 1e-6 … 1e6 would be 1e5 … 1e6, and what happens
    below it would not count.
    """
    params, ranges = dict(trial.params), dict(trial.distributions)
    for name, range_ in trial.distributions.items():
        if isinstance(range_, FloatDistribution | IntDistribution) and range_.log:
            ranges[name] = FloatDistribution(math.log(range_.low), math.log(range_.high))
            params[name] = min(max(math.log(trial.params[name]), math.log(range_.low)), math.log(range_.high))
    return create_trial(value=trial.values[0], params=params, distributions=ranges)


def _by_algorithm(trials: Sequence[FrozenTrial]) -> Mapping[str, list[FrozenTrial]]:
    groups: dict[str, list[FrozenTrial]] = {}
    for trial in trials:
        groups.setdefault(str(trial.params.get(ALGORITHM)), []).append(trial)
    return groups


def _variance(trials: Sequence[FrozenTrial]) -> float:
    return float(np.var([t.values[0] for t in trials if t.values])) if trials else 0.0


def _fanova(trials: Sequence[FrozenTrial]) -> dict[str, float]:
    """Return the shares within trials of the same parameters; empty where they cannot be computed."""
    if len(trials) < LEAST or _variance(trials) <= 0.0:
        return {}
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction="maximize")
        for trial in _some(trials):
            hand_over(study, _evened(trial))
        try:
            found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(n_trees=16, seed=0))
        except (ValueError, RuntimeError):
            return {}
        finally:
            _forget_trees()
    return {name: float(share) for name, share in found.items() if name != ALGORITHM}


def _forget_trees() -> None:
    """Let go of the trees that Optuna has grown: the caches of their methods have no limit, and hold every one."""
    for member in vars(fanova_tree._FanovaTree).values():
        if isinstance(member, CACHED):
            member.cache_clear()
