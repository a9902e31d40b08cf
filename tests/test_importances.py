"""How much each hyperparameter matters, held against functions of which it is known."""

from __future__ import annotations

import math

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from hpo.findings.importances import importances, within


def test_a_logarithmic_range_counts_by_its_logarithm():
    """Of 1e-6 … 1e6 all but the end would be a point, and what has no effect would share what is seen there."""
    rng, study = np.random.default_rng(0), optuna.create_study(direction="maximize")
    ranges = {"alpha": FloatDistribution(1e-6, 1e6, log=True), "other": FloatDistribution(0.0, 1.0)}
    for _ in range(40):
        params = {"alpha": float(10.0 ** rng.uniform(-6, 6)), "other": float(rng.uniform())}
        study.add_trial(create_trial(value=-abs(math.log10(params["alpha"])), params=params, distributions=ranges))
    assert importances(study)["alpha"] > 0.95


def test_what_matters_among_the_best_needs_many_of_them():
    rng, study = np.random.default_rng(0), optuna.create_study(direction="maximize")
    ranges = {"a": FloatDistribution(0.0, 1.0), "b": FloatDistribution(0.0, 1.0)}
    for a, b in rng.uniform(size=(60, 2)).tolist():
        study.add_trial(create_trial(value=b - (a - 0.5) ** 2, params={"a": a, "b": b}, distributions=ranges))
    assert within(study, "any", 0.25) == {}
    assert set(within(study, "any")) == {"a", "b"}
